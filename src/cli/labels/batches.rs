//! Reports in batches, each spread over the threads; what comes of them in the order in which they came.

use std::io;

use super::records::{Record, Records};
use crate::cli::readings::Bad;
use crate::labels::{Labeller, Lexicon};

/// Reports that are read before they are labelled, for each thread.
const BATCH_REPORTS: usize = 256;
/// Bytes of reports that are held at a time, at most by one report more.
const BATCH_BYTES: usize = 4 << 20;

/// Does `work` on every record, spread over `threads`, and gives what comes of it to `done` in order; a record that could not be read is told.
/// How many could not.
///
/// # Errors
/// The first of `done`.
pub(super) fn each<T: Send>(
    records: &mut Records,
    lexicon: &Lexicon,
    threads: usize,
    work: impl Fn(&Record, &mut Labeller<'_>) -> T + Sync,
    mut done: impl FnMut(T) -> io::Result<()>,
) -> io::Result<usize> {
    let mut bad = 0;
    let mut workers: Vec<Labeller<'_>> = (0..threads).map(|_| Labeller::new(lexicon)).collect();
    let work = &work;
    loop {
        let batch = next_batch(records, threads * BATCH_REPORTS);
        if batch.is_empty() {
            return Ok(bad);
        }
        let share = batch.len().div_ceil(threads);
        let worked: Vec<Vec<Result<T, &Bad>>> = std::thread::scope(|scope| {
            let running: Vec<_> = batch
                .chunks(share)
                .zip(&mut workers)
                .map(|(part, labeller)| {
                    let one = move |labeller: &mut Labeller<'_>| {
                        part.iter().map(|record| record.as_ref().map(|record| work(record, labeller))).collect()
                    };
                    scope.spawn(move || one(labeller))
                })
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
        });
        for one in worked.into_iter().flatten() {
            match one {
                Ok(worked) => done(worked)?,
                Err(Bad { place, reason }) => {
                    bad += 1;
                    eprintln!("deepspine: {place}: {reason}");
                }
            }
        }
    }
}

fn next_batch(records: &mut Records, reports: usize) -> Vec<Result<Record, Bad>> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < reports && bytes < BATCH_BYTES {
        let Some(record) = records.next() else { break };
        bytes += record.as_ref().map_or(0, |record| record.text.len());
        batch.push(record);
    }
    batch
}
