//! Files looked at in children, and studies summarised: what `ingest` needs to know before a study is read.

use std::path::PathBuf;
use std::time::Duration;

use super::{ReadingRoom, one_path_an_instance, shortened};
use crate::appliance::ingest::asks::{LookResult, Looked};
use crate::appliance::journal::{Fingerprint, JournalError};
use crate::appliance::reader::child::{self, ChildError};
use crate::appliance::reader::protocol::{FileOutcome, ScanReply, ScanRequest, StudySummary};

/// Wall time that a scan of one batch may take.
const SCAN_TIME_LIMIT: Duration = Duration::from_secs(60);
/// Memory that a scan may take, MiB.
const SCAN_MEMORY_MIB: u64 = 256;
impl ReadingRoom {
    /// Scans a batch; one that ends its child is halved until the file is found, whose attempt is counted
    /// before it is looked at alone.
    pub(super) fn scan(
        &self,
        files: Vec<(PathBuf, Fingerprint)>,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Vec<Looked>, JournalError> {
        let mut looked = Vec::with_capacity(files.len());
        let mut batches = vec![(files, false)];
        while let Some((mut batch, suspicious)) = batches.pop() {
            let alone = match batch.as_slice() {
                [(path, print)] if suspicious => Some(self.journal.count_file_attempt(path, *print)?),
                _ => None,
            };
            match (self.scan_batch(&batch, go_on), alone) {
                (Ok(outcomes), _) => looked.extend(batch.into_iter().zip(outcomes).map(seen)),
                (Err(error @ (ChildError::Start(_) | ChildError::Stopped)), _) => {
                    log::error!("files can't be looked at: {error}");
                    looked.extend(batch.into_iter().map(|file| with_result(file, LookResult::NotLooked)));
                }
                (Err(error), Some(attempts)) => {
                    let used_up = attempts >= self.shared.settings().reader.max_attempts;
                    log::warn!("a file ended the child that looked at it (attempt {attempts}): {error}");
                    let result = if used_up {
                        LookResult::Condemned(shortened(&error.to_string()))
                    } else {
                        LookResult::Suspect
                    };
                    looked.extend(batch.into_iter().map(|file| with_result(file, result.clone())));
                }
                (Err(_), None) => {
                    let upper = batch.split_off(batch.len() / 2);
                    batches.extend([(upper, true), (batch, true)].into_iter().filter(|(b, _)| !b.is_empty()));
                }
            }
        }
        Ok(looked)
    }

    fn scan_batch(
        &self,
        batch: &[(PathBuf, Fingerprint)],
        go_on: &dyn Fn() -> bool,
    ) -> Result<Vec<FileOutcome>, ChildError> {
        let paths = batch.iter().map(|(path, _)| path.clone()).collect();
        let request = ScanRequest::Files { paths, readable: self.exports() };
        match self.ask_scan(&request, go_on)? {
            ScanReply::Files { outcomes } if outcomes.len() == batch.len() => Ok(outcomes),
            _ => Err(garbled("not one outcome for each file")),
        }
    }

    pub(super) fn summarise(
        &self,
        study_key: &str,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Option<StudySummary>, JournalError> {
        let files = one_path_an_instance(self.journal.files_of(study_key)?);
        let headers = files.into_iter().filter_map(|f| f.header).filter_map(|h| String::from_utf8(h).ok()).collect();
        match self.ask_scan(&ScanRequest::Study { headers, readable: self.exports() }, go_on) {
            Ok(ScanReply::Study(summary)) => Ok(Some(summary)),
            // What can't be summarised is read as it is; the reading's own attempts are counted.
            Ok(ScanReply::Files { .. })
            | Err(ChildError::Died(_) | ChildError::TimedOut(_) | ChildError::Garbled(_)) => {
                log::warn!("study {study_key}: its series could not be told apart; it is read when its time is up");
                Ok(Some(StudySummary::default()))
            }
            Err(error) => {
                log::error!("study {study_key}: {error}");
                Ok(None)
            }
        }
    }

    fn ask_scan(&self, request: &ScanRequest, go_on: &dyn Fn() -> bool) -> Result<ScanReply, ChildError> {
        child::ask(&(self.programs.scan)(SCAN_MEMORY_MIB, SCAN_TIME_LIMIT.as_secs()), request, SCAN_TIME_LIMIT, go_on)
    }
}

fn seen((file, outcome): ((PathBuf, Fingerprint), FileOutcome)) -> Looked {
    with_result(file, LookResult::Seen(outcome))
}

fn with_result((path, fingerprint): (PathBuf, Fingerprint), result: LookResult) -> Looked {
    Looked { path, fingerprint, result }
}

fn garbled(what: &'static str) -> ChildError {
    ChildError::Garbled(std::io::Error::other(what))
}
