//! One open study: its arrival, where its files lie, and what is being done about it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::completeness::{Arrival, Decision, Waited, Why};
use super::listing;
use super::watch::Unseen;
use crate::appliance::config::Ingest;
use crate::appliance::journal::{WaitingStudy, common_folder};

/// How often a study's reading is put off because its files change; then it is read without those.
const MOVES_MAX: u32 = 5;

/// One study that is neither read nor quarantined.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) arrival: Arrival,
    /// Something about it is being done; no further decision before that ends.
    pub(super) busy: bool,
    /// No reading before this moment.
    pub(super) not_before: Duration,
    /// Files came while something about it was being done.
    pub(super) again: bool,
    /// When the first and the last of its files changed.
    changes_ns: Option<(i64, i64)>,
    /// The deepest folder that its files have in common.
    folder: Option<PathBuf>,
    /// How often in a row its files had changed when it was to be read.
    moves: u32,
}

impl Open {
    /// A study whose waiting goes on at `now`, with files in `folder`.
    pub(super) fn new(waited: &WaitingStudy, folder: Option<PathBuf>, now: Duration) -> Self {
        let before = Waited {
            since_first: Duration::from_secs(waited.waited_secs),
            since_last: Duration::from_secs(waited.quiet_secs),
        };
        Self {
            arrival: Arrival::resumed(now, before),
            busy: false,
            not_before: Duration::ZERO,
            again: false,
            changes_ns: waited.changes_ns,
            folder,
            moves: 0,
        }
    }

    /// A file of it came at `now`.
    pub(super) fn file_came(&mut self, path: &Path, changed_ns: Option<i64>, now: Duration) {
        self.arrival.file_came(now);
        self.again |= self.busy;
        self.moves = 0;
        self.folder = common_folder(self.folder.take(), path);
        if let Some(changed_ns) = changed_ns {
            let (oldest, newest) = self.changes_ns.unwrap_or((changed_ns, changed_ns));
            self.changes_ns = Some((oldest.min(changed_ns), newest.max(changed_ns)));
        }
    }

    /// What to do at `now`. A file that nobody has looked at may be this study's, unless it is older than the study's
    /// first by more than the quiet time: the newest are looked at first, so an archive that is gone through holds
    /// nothing back. What such a file adds all the same makes a revision.
    pub(super) fn decide(&self, rules: &Ingest, now: Duration, unseen: &Unseen) -> Decision {
        let slack_ns = i64::try_from(rules.quiet.as_nanos()).unwrap_or(i64::MAX);
        let floor_ns = self.changes_ns.map_or(i64::MIN, |(oldest, _)| oldest.saturating_sub(slack_ns));
        self.arrival.decide(rules, now, unseen.since(floor_ns))
    }

    /// When the last of its files changed, as far as known.
    pub(super) fn newest_change_ns(&self) -> i64 {
        self.changes_ns.map_or(i64::MIN, |(_, newest)| newest)
    }

    /// The folder, `root` or below, that holds all its files and a file called `name` that is younger than them.
    pub(super) fn announced_in(&self, root: &Path, name: &str) -> Option<PathBuf> {
        let newest_ns = self.newest_change_ns();
        let younger = |folder: &&Path| listing::changed_ns_of(&folder.join(name)).is_some_and(|at| at >= newest_ns);
        let mut folders = self.folder.as_ref()?.ancestors().take_while(|folder| folder.starts_with(root));
        folders.find(younger).map(Path::to_owned)
    }

    /// Its files had changed when it was to be read.
    pub(super) fn moved(&mut self) {
        self.moves += 1;
    }

    /// Whether it is to be read without the files that change.
    pub(super) fn as_it_is(&self, why: Why) -> bool {
        why == Why::Forced || self.moves >= MOVES_MAX
    }

    /// How long it has waited at `now`, for the journal.
    pub(super) fn waiting(&self, study_key: &str, now: Duration) -> WaitingStudy {
        let waited = self.arrival.waited(now);
        WaitingStudy {
            study_key: study_key.to_owned(),
            waited_secs: waited.since_first.as_secs(),
            quiet_secs: waited.since_last.as_secs(),
            changes_ns: self.changes_ns,
        }
    }
}
