//! The clinic's files, made in children after the commit: each is a pure function of its bundle, and may come late.
//!
//! One report between two asks, so that a month of files that could not be written does not keep the next study waiting.

use std::path::Path;
use std::time::Duration;

use super::{ReadingRoom, shortened};
use crate::appliance::alarms::{Alarm, Severity};
use crate::appliance::bundles;
use crate::appliance::journal::{JournalError, ToExport};
use crate::appliance::pass::Pass;
use crate::appliance::reader::child::{self, ChildError};
use crate::appliance::reader::protocol::{ExportReply, ExportRequest};

/// Wall time that the files of one report may take.
const EXPORT_TIME_LIMIT: Duration = Duration::from_secs(60);
/// Memory that the files of one report may take, MiB.
const EXPORT_MEMORY_MIB: u64 = 256;
/// How long what failed is left alone at first; each time it fails again doubles that.
pub(super) const REST_MIN: Duration = Duration::from_secs(10);
/// How long what failed is left alone at most.
pub(super) const REST_MAX: Duration = Duration::from_secs(60 * 60);

/// Why the files of a report are not there.
enum Failure {
    /// The appliance stops.
    Stopped,
    /// It would be so with every report: the folder, the machine.
    OfMachine(String),
    /// Others may have better luck.
    OfReport(String),
}

impl ReadingRoom {
    /// Writes the clinic's files of one report that lacks them, where that is due.
    pub(super) fn export_one(&self, pass: &mut Pass<ToExport>, go_on: &dyn Fn() -> bool) -> Result<(), JournalError> {
        if !pass.is_due() {
            return Ok(());
        }
        let Some(next) = self.journal.next_to_export(pass.last.take())? else {
            if pass.problem.is_none() {
                self.shared.alarms.clear(Alarm::OutFolder);
            }
            pass.end();
            return Ok(());
        };
        match self.export(&next, go_on) {
            Ok(()) => self.journal.report_exported(&next.report_id)?,
            Err(Failure::Stopped) => {}
            Err(Failure::OfMachine(why)) => {
                self.say_not_written(pass, &next.report_id, &why);
                pass.end();
                return Ok(());
            }
            Err(Failure::OfReport(why)) => self.say_not_written(pass, &next.report_id, &why),
        }
        pass.last = Some(next);
        Ok(())
    }

    fn say_not_written(&self, pass: &mut Pass<ToExport>, report_id: &str, why: &str) {
        let why = shortened(why);
        let text = pass.problem.get_or_insert_with(|| format!("report {report_id}: {why}"));
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
