//! A run: the studies of one shard, several side by side, each a row.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use super::folder::{Folder, Terms};
use super::list::List;
use super::reading::{Place, Reader};
use super::row::Row;
use super::{ArchiveError, Settings};
use crate::inference::ModelSet;

/// How far a shard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Its studies.
    pub studies: usize,
    /// Of them, with a reading.
    pub read: usize,
    /// Of them, without one.
    pub refused: usize,
    /// Of both, by an earlier run.
    pub before: usize,
}

impl Summary {
    /// Studies that have not ended.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.studies.saturating_sub(self.ended())
    }

    /// Studies that have.
    #[must_use]
    pub const fn ended(&self) -> usize {
        self.read + self.refused
    }

    fn count(&mut self, row: &Row) {
        let of = if row.is_refused() { &mut self.refused } else { &mut self.read };
        *of += 1;
        self.before += usize::from(row.seconds.is_none());
    }
}

/// Has the studies of `list` read, as `settings` say, and tells a row of each as it ends. With `stop` set nothing new is begun, the
/// children are ended, and what was finished stays.
///
/// # Errors
/// See [`ArchiveError`]; a study that can't be read is none.
pub fn run(
    settings: &Settings,
    list: &List,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(&Row, &Summary) -> Result<(), ArchiveError>,
) -> Result<Summary, ArchiveError> {
    let models = ModelSet::open(&settings.models)?;
    let place = place(settings, Terms::new(settings, &models))?;
    // An error ends the others as a signal does.
    let over = AtomicBool::new(false);
    let go_on = || !stop.load(Ordering::Acquire) && !over.load(Ordering::Acquire);
    let reader = Reader { settings, models: &models, place: &place, go_on: &go_on };
    let (rows, summary) = side_by_side(&reader, list, settings.jobs, &over, tell)?;
    if let Place::Kept(folder) = &place
        && summary.left() == 0
    {
        folder.write_index(&in_order(rows))?;
    }
    Ok(summary)
}

fn place(settings: &Settings, terms: Terms) -> Result<Place, ArchiveError> {
    match &settings.out {
        Some(root) => {
            let root = std::path::absolute(root).map_err(ArchiveError::folder(root))?;
            Folder::open(&root, settings.shard, terms, settings.produced_at.is_some()).map(Place::Kept)
        }
        None => {
            let dir = tempfile::tempdir().map_err(ArchiveError::folder(std::env::temp_dir()))?;
            Ok(Place::Passing(dir, terms))
        }
    }
}

/// Every thread takes the next study as soon as it has ended one. Threads outlive their children, because a child ends with
/// the thread that started it.
fn side_by_side(
    reader: &Reader<'_>,
    list: &List,
    jobs: NonZeroUsize,
    over: &AtomicBool,
    tell: &mut dyn FnMut(&Row, &Summary) -> Result<(), ArchiveError>,
) -> Result<(Vec<Row>, Summary), ArchiveError> {
    let next = AtomicUsize::new(0);
    let (ended, rows) = sync_channel(jobs.get());
    std::thread::scope(|scope| {
        for _ in 0..jobs.get().min(list.studies.len()) {
            let (ended, next) = (ended.clone(), &next);
            scope.spawn(move || work(reader, list, next, &ended));
        }
        drop(ended);
        let mut summary = Summary { studies: list.studies.len(), ..Summary::default() };
        let (mut lasting, mut error) = (Vec::new(), None);
        for row in rows {
            let told = row.and_then(|row| {
                summary.count(&row);
                tell(&row, &summary)?;
                lasting.push(row.lasting());
                Ok(())
            });
            if let Err(told) = told {
                over.store(true, Ordering::Release);
                // The first says why the others ended.
                error.get_or_insert(told);
            }
        }
        error.map_or(Ok((lasting, summary)), Err)
    })
}

fn work(reader: &Reader<'_>, list: &List, next: &AtomicUsize, ended: &SyncSender<Result<Row, ArchiveError>>) {
    while (reader.go_on)() {
        let Some(study) = list.studies.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
        let told = match reader.row_of(study).transpose() {
            Some(row) => ended.send(row),
            None => return,
        };
        if told.is_err() {
            return;
        }
    }
}

/// As the list has them.
fn in_order(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| row.number);
    rows
}
