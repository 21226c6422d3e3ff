//! One rescan: walks the folder, finds out what is new and what is gone, and forgets what is gone.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::bell::Bell;
use super::desk::{Desk, PAGE_FILES};
use super::listing::{self, Entry, Walked};
use super::pace::Meter;
use crate::appliance::alarms::{Alarm, Severity};
use crate::appliance::journal::JournalError;

/// Entries of a listing after which the thread says that it is alive.
const BEAT_ENTRIES: u64 = 1024;

impl Desk {
    /// Looks into the export folder.
    pub(super) fn rescan(&mut self, beat: &dyn Fn()) -> Result<(), JournalError> {
        let meter = Meter::start();
        let settings = self.shared.settings();
        let folder = &settings.ingest.folder;
        let sentinel = settings.ingest.sentinel.as_deref();
        // Before the listing: a file that is written after it is younger than any sentinel found here.
        let announced = sentinel.map(|name| self.announced(folder, name)).unwrap_or_default();
        self.hang_bell(folder);
        let walked = self.list(folder, sentinel, beat);
        if self.shared.stopping() {
            return Ok(());
        }
        match walked {
            Ok(walked) => {
                let now = self.now();
                self.watch.rescan_ended(now);
                self.conclude(folder, &walked, beat)?;
            }
            Err(error) => {
                self.folder_is(Some(format!("the export folder {} can't be read: {error}", folder.display())))
            }
        }
        for (study_key, below) in announced {
            if let Some(study) = self.open.get_mut(&study_key)
                && !self.watch.has_unseen_below(&below)
            {
                study.arrival.announced();
            }
        }
        let calm = self.open.is_empty()
            && !self.watch.is_busy()
            && self.folder_problem.is_none()
            && self.bell.as_ref().is_some_and(Bell::hears_everything);
        let now = self.now();
        self.pace.rescanned(now, meter.read(), self.shared.rescan_period(), calm);
        Ok(())
    }

    /// Studies of which a sentinel says that they are complete, and the folder of the sentinel.
    fn announced(&self, folder: &Path, sentinel: &str) -> Vec<(String, PathBuf)> {
        let studies = self.open.iter().filter(|(_, study)| !study.busy);
        studies.filter_map(|(key, study)| Some((key.clone(), study.announced_in(folder, sentinel)?))).collect()
    }

    fn hang_bell(&mut self, folder: &Path) {
        if self.bell.as_ref().is_none_or(|bell| bell.folder() != folder) {
            let bell = Bell::hang(folder, self.wake.clone());
            if let Err(error) = &bell {
                log::debug!("no inotify: {error}");
            }
            self.bell = bell.ok();
        }
        if let Some(bell) = &mut self.bell {
            bell.listing_begins();
        }
    }

    fn list(&mut self, folder: &Path, sentinel: Option<&str>, beat: &dyn Fn()) -> std::io::Result<Walked> {
        let Self { watch, bell, shared, .. } = self;
        let mut entries = 0;
        watch.rescan_begins();
        listing::walk(folder, &mut |entry| {
            match entry {
                Entry::Folder { path, device } => {
                    if let Some(bell) = bell {
                        bell.watch(path, device);
                    }
                }
                Entry::File(found) if sentinel.is_some_and(|name| found.path.file_name() == Some(name.as_ref())) => {}
                Entry::File(found) => watch.sees(found),
            }
            entries += 1;
            if entries % BEAT_ENTRIES == 0 {
                beat();
            }
            if shared.stopping() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }

    /// Concludes from a listing that came to its end what is wrong, and what is gone.
    fn conclude(&mut self, folder: &Path, walked: &Walked, beat: &dyn Fn()) -> Result<(), JournalError> {
        let unwatched = self.bell.as_ref().is_none_or(|bell| !bell.hears_everything());
        self.said.about(walked, self.watch.is_full(), unwatched);
        let known = self.watch.known();
        if walked.files == 0 && known > 0 && self.root != Some(walked.root) {
            // What is left where a file system is no longer mounted.
            self.folder_is(Some(format!(
                "the export folder {} is empty, and {known} files were known in it: it is taken for unmounted, and nothing \
                 is forgotten before there are files again",
                folder.display()
            )));
            return Ok(());
        }
        self.folder_is(None);
        if walked.files > 0 {
            self.root = Some(walked.root);
        }
        if walked.cut_short || !self.watch.must_sweep() {
            return Ok(());
        }
        self.forget_what_is_gone(&walked.unreadable, beat)
    }

    /// Says once what is wrong with the folder, and once that it is right again.
    fn folder_is(&mut self, problem: Option<String>) {
        if self.folder_problem == problem {
            return;
        }
        let told = problem.as_deref().map(|problem| (Severity::Major, problem));
        self.shared.alarms.set(Alarm::ExportFolder, told);
        self.folder_problem = problem;
    }

    /// Goes through the paths of the journal; what lies below an unreadable folder is kept.
    fn forget_what_is_gone(&mut self, unreadable: &[PathBuf], beat: &dyn Fn()) -> Result<(), JournalError> {
        let mut after = PathBuf::new();
        while !self.shared.stopping() {
            beat();
            let page = self.journal.known_files_after(&after, PAGE_FILES)?;
            let Some((last, _, _)) = page.last() else { break };
            after.clone_from(last);
            let gone = |path: &PathBuf| self.watch.is_gone(path) && !unreadable.iter().any(|dir| path.starts_with(dir));
            let gone: Vec<PathBuf> = page.into_iter().map(|(path, _, _)| path).filter(gone).collect();
            if gone.is_empty() {
                continue;
            }
            for path in &gone {
                self.watch.forget(path);
            }
            self.journal.forget_files(gone)?;
        }
        self.watch.swept();
        Ok(())
    }
}
