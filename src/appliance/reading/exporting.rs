//! The clinic's files, made in children after the commit: each is a pure function of its bundle, and may come late.
//!
//! Newest first, because somebody may wait for those; one report between two asks, so that a month of files that could not be
//! written does not keep the next study waiting.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{ReadingRoom, shortened};
use crate::appliance::alarms::{Alarm, Severity};
use crate::appliance::bundles;
use crate::appliance::journal::{JournalError, ToExport};
use crate::appliance::reader::child::{self, ChildError};
use crate::appliance::reader::protocol::{ExportReply, ExportRequest};

/// Wall time that the files of one report may take.
const EXPORT_TIME_LIMIT: Duration = Duration::from_secs(60);
/// Memory that the files of one report may take, MiB.
const EXPORT_MEMORY_MIB: u64 = 256;
/// How long what failed is left alone at first; each time it fails again doubles that.
const REST_MIN: Duration = Duration::from_secs(10);
/// How long what failed is left alone at most.
const REST_MAX: Duration = Duration::from_secs(60 * 60);

/// How far the clinic's files are written.
#[derive(Debug)]
pub(super) struct Exports {
    /// When the next report is looked for; `None` where none is left.
    due: Option<Instant>,
    /// Within a pass from the newest to the oldest, the one that was looked at last.
    last: Option<ToExport>,
    /// The first that failed in this pass.
    problem: Option<String>,
    /// Passes in a row in which one failed.
    failed_passes: u32,
}

/// Why the files of a report are not there.
enum Failure {
    /// The appliance stops.
    Stopped,
    /// It would be so with every report: the folder, the machine.
    OfMachine(String),
    /// Others may have better luck.
    OfReport(String),
}

impl Exports {
    /// What an earlier run left is looked for at once.
    pub(super) fn new() -> Self {
        Self { due: Some(Instant::now()), last: None, problem: None, failed_passes: 0 }
    }

    /// There may be a new report.
    pub(super) fn begin(&mut self) {
        self.due = Some(Instant::now());
        self.last = None;
    }

    /// How long nothing is to be written, at most `idle`.
    pub(super) fn patience(&self, idle: Duration) -> Duration {
        self.due.map_or(idle, |due| due.saturating_duration_since(Instant::now()).min(idle))
    }

    fn end_pass(&mut self) {
        self.last = None;
        if self.problem.take().is_some() {
            let rest = REST_MIN.saturating_mul(1 << self.failed_passes.min(16)).min(REST_MAX);
            self.failed_passes = self.failed_passes.saturating_add(1);
            self.due = Some(Instant::now() + rest);
        } else {
            self.failed_passes = 0;
            self.due = None;
        }
    }
}

impl ReadingRoom {
    /// Writes the clinic's files of one report that lacks them, where that is due.
    pub(super) fn export_one(&self, exports: &mut Exports, go_on: &dyn Fn() -> bool) -> Result<(), JournalError> {
        if !exports.patience(REST_MAX).is_zero() {
            return Ok(());
        }
        let Some(next) = self.journal.next_to_export(exports.last.take())? else {
            if exports.problem.is_none() {
                self.shared.alarms.clear(Alarm::OutFolder);
            }
            exports.end_pass();
            return Ok(());
        };
        match self.export(&next, go_on) {
            Ok(()) => self.journal.report_exported(&next.report_id)?,
            Err(Failure::Stopped) => {}
            Err(Failure::OfMachine(why)) => {
                self.say_not_written(exports, &next.report_id, &why);
                exports.end_pass();
                return Ok(());
            }
            Err(Failure::OfReport(why)) => self.say_not_written(exports, &next.report_id, &why),
        }
        exports.last = Some(next);
        Ok(())
    }

    fn say_not_written(&self, exports: &mut Exports, report_id: &str, why: &str) {
        let why = shortened(why);
        let text = exports.problem.get_or_insert_with(|| format!("report {report_id}: {why}"));
        let text = format!("the clinic's files can't be written, it is tried again within the hour: {text}");
        self.shared.alarms.raise(Alarm::OutFolder, Severity::Minor, &text);
    }

    fn export(&self, report: &ToExport, go_on: &dyn Fn() -> bool) -> Result<(), Failure> {
        let settings = self.shared.settings();
        let (storage, language) = (settings.storage.clone(), settings.exports.language.tag().to_owned());
        let out_dir = storage.out_dir.join(&report.report_id);
        make_folder(&out_dir).map_err(Failure::OfMachine)?;
        let find = || bundles::find(&storage.state_dir, &report.bundle);
        let request = ExportRequest { bundle: find(), out_dir, language };
        let reply = match self.ask_export(&request, go_on) {
            // A broker took the report meanwhile, and its bundle was put with those delivered.
            Ok(ExportReply::Unreadable { .. }) if find() != request.bundle => {
                self.ask_export(&ExportRequest { bundle: find(), ..request }, go_on)
            }
            reply => reply,
        };
        match reply {
            Ok(ExportReply::Done) => Ok(()),
            Ok(ExportReply::Unreadable { reason }) => Err(Failure::OfReport(reason)),
            Ok(ExportReply::Unwritable { reason }) => Err(Failure::OfMachine(reason)),
            Err(ChildError::Stopped) => Err(Failure::Stopped),
            Err(error @ ChildError::Start(_)) => Err(Failure::OfMachine(error.to_string())),
            Err(error) => Err(Failure::OfReport(error.to_string())),
        }
    }

    fn ask_export(&self, request: &ExportRequest, go_on: &dyn Fn() -> bool) -> Result<ExportReply, ChildError> {
        let program = (self.programs.export)(EXPORT_MEMORY_MIB, EXPORT_TIME_LIMIT.as_secs());
        child::ask(&program, request, EXPORT_TIME_LIMIT, go_on)
    }
}

fn make_folder(dir: &Path) -> Result<(), String> {
    std::fs::create_dir_all(dir).map_err(|error| format!("the folder {} can't be made: {error}", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_left_alone_ever_longer_and_what_is_new_is_not() {
        let mut exports = Exports::new();
        assert_eq!(exports.patience(REST_MAX), Duration::ZERO);
        for at_least in [8, 16, 32] {
            exports.problem = Some("no room".to_owned());
            exports.end_pass();
            assert!(exports.patience(REST_MAX) > Duration::from_secs(at_least), "{exports:?}");
        }
        for _ in 0..100 {
            exports.problem = Some("no room".to_owned());
            exports.end_pass();
        }
        assert!(exports.patience(2 * REST_MAX) <= REST_MAX);
        exports.begin();
        assert_eq!(exports.patience(REST_MAX), Duration::ZERO);
        exports.end_pass();
        assert_eq!(exports.patience(REST_MAX), REST_MAX, "nothing is left");
    }
}
