//! The thread `pacs`: objects of each report to the clinic's archive, by C-STORE.
//!
//! What waits stands in the journal ([`Journal::next_to_send`]), beside the report and committed with it; a child makes the
//! objects from the bundle and sends them. The newest report goes first, because somebody may wait for it. An archive that is
//! away is asked again ever less often; an object that it refuses, or breaks off at each time, is set aside with an alarm, and
//! the others go on. UIDs come from the report's id, so that what arrives twice is the same object.
//!
//! It has a thread of its own because an archive may take its time, and a reading does not wait for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::alarms::{Alarm, Severity};
use super::bundles;
use super::config::{Pacs, Settings};
use super::health::{Heartbeats, IDLE_BEAT, Stage};
use super::journal::{Journal, JournalError, ToSend};
use super::one_line::one_line;
use super::pass::Pass;
use super::reader::child::{self, ChildError, Program};
use super::reader::protocol::{ObjectVerdict, SendReply, SendRequest, SentObject};
use super::shared::Shared;

/// How long the archive may take to take a connection, and for each answer, seconds.
const PATIENCE_SECS: u64 = 30;
/// Wall time in which the objects of one report are sent, or not.
const SEND_TIME_LIMIT: Duration = Duration::from_secs(5 * 60);
/// CPU time of that, seconds.
const SEND_CPU_SECS: u64 = 60;
/// Memory of that, MiB.
const SEND_MEMORY_MIB: u64 = 256;
/// How long an archive that failed is left alone at first; each time it fails again doubles that.
const REST_MIN: Duration = Duration::from_secs(5);
/// How long it is left alone at most.
const REST_MAX: Duration = Duration::from_secs(5 * 60);
/// Attempts that may fail because of one object before it is set aside.
const ATTEMPTS_MAX: u32 = 5;
/// What the archive refused is sent again so often: it may have been put right, and nobody may be there to say so.
const SECOND_CHANCE: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest reason that is kept, bytes.
const REASON_BYTES_MAX: usize = 160;

/// Names of the objects that the archive is to get of each report; none where there is no archive.
#[must_use]
pub fn wanted(settings: &Settings) -> Vec<&'static str> {
    settings.pacs.iter().flat_map(|pacs| &pacs.objects).map(|object| object.name()).collect()
}

/// What the thread needs.
pub struct ArchiveRoom {
    /// Settings, alarms, and the sign to stop.
    pub shared: Arc<Shared>,
    /// What waits.
    pub journal: Journal,
}

/// The report that was looked at last.
struct Looked {
    report: ToSend,
    /// Whether it got stuck.
    stuck: bool,
}

/// How sending the objects of one report ended.
enum End {
    /// Each was answered.
    Done,
    /// One was not, or there is no room for it: by its own fault, or the archive's. The next report tells.
    Stuck(String),
    /// The archive is to blame: nothing more is sent now.
    ArchiveFailed(String),
    /// The appliance stops.
    Stopped,
}

impl ArchiveRoom {
    /// Works until the supervisor stops it; something sent to `hurried` says that there may be something new.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn run(self, hurried: &Receiver<()>, heartbeats: &Heartbeats) -> Result<(), JournalError> {
        let go_on = || {
            heartbeats.beat(Stage::Pacs);
            !self.shared.stopping()
        };
        let mut pass = Pass::new(REST_MIN, REST_MAX);
        let mut chance = Instant::now() + SECOND_CHANCE;
        while go_on() {
            let settings = self.shared.settings();
            match &settings.pacs {
                Some(pacs) => self.send_next(pacs, &mut pass, &go_on)?,
                // What waits stays, for a configuration that names an archive again.
                None => {
                    pass.pause();
                    self.shared.alarms.clear(Alarm::Pacs);
                }
            }
            if Instant::now() >= chance {
                chance = Instant::now() + SECOND_CHANCE;
                if self.journal.objects_put_back()? > 0 {
                    pass.begin();
                }
            }
            match hurried.recv_timeout(pass.patience(IDLE_BEAT)) {
                Ok(()) => pass.begin(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Sends the objects of one report, where that is due.
    fn send_next(&self, pacs: &Pacs, pass: &mut Pass<Looked>, go_on: &dyn Fn() -> bool) -> Result<(), JournalError> {
        if !pass.is_due() {
            return Ok(());
        }
        let last = pass.last.take();
        let one_is_stuck = last.as_ref().is_some_and(|looked| looked.stuck);
        let Some(next) = self.journal.next_to_send(last.map(|looked| looked.report))? else {
            pass.end();
            self.look_at_refused()?;
            return Ok(());
        };
        match self.send(pacs, &next, go_on)? {
            End::Done => {
                self.shared.alarms.clear(Alarm::Pacs);
                pass.last = Some(Looked { report: next, stuck: false });
            }
            End::Stuck(why) if !one_is_stuck => {
                pass.problem.get_or_insert(why);
                pass.last = Some(Looked { report: next, stuck: true });
            }
            End::Stuck(why) | End::ArchiveFailed(why) => {
                let Pacs { host, port, .. } = pacs;
                let why = one_line::<REASON_BYTES_MAX>(&why);
                let text = format!("{host}:{port}: {why}; objects wait, and are sent as soon as it is back");
                self.shared.alarms.raise(Alarm::Pacs, Severity::Minor, &text);
                pass.problem.get_or_insert(text);
                pass.end();
            }
            End::Stopped => {}
        }
        Ok(())
    }

    fn send(&self, pacs: &Pacs, next: &ToSend, go_on: &dyn Fn() -> bool) -> Result<End, JournalError> {
        let reply = match self.ask(pacs, next, go_on) {
            // A broker took the report meanwhile, and its bundle was put with those delivered.
            Ok(SendReply::Unreadable { .. }) if !self.is_kept(next) => self.ask(pacs, next, go_on),
            reply => reply,
        };
        match reply {
            Ok(SendReply::Done { sent, broken: None }) => Ok(self.take_note(next, sent)?.map_or(End::Done, End::Stuck)),
            Ok(SendReply::Done { sent, broken: Some((object, why)) }) => {
                self.take_note(next, sent)?;
                log::warn!("report {}: at its {object} {why}", next.report_id);
                self.failed(next, &object, &why)?;
                Ok(End::Stuck(why))
            }
            Ok(SendReply::Unreachable { sent, reason }) => {
                self.take_note(next, sent)?;
                Ok(End::ArchiveFailed(reason))
            }
            Ok(SendReply::Unreadable { reason }) => self.all_failed(next, reason),
            Err(ChildError::Stopped) => Ok(End::Stopped),
            Err(error @ ChildError::Start(_)) => Ok(End::ArchiveFailed(error.to_string())),
            Err(error) => self.all_failed(next, error.to_string()),
        }
    }

    fn ask(&self, pacs: &Pacs, next: &ToSend, go_on: &dyn Fn() -> bool) -> Result<SendReply, ChildError> {
        let request = SendRequest {
            bundle: bundles::find(&self.shared.settings().storage.state_dir, &next.bundle),
            objects: next.objects.clone(),
            host: pacs.host.clone(),
            port: pacs.port,
            called_ae_title: pacs.called_ae_title.clone(),
            calling_ae_title: pacs.calling_ae_title.clone(),
            patience_secs: PATIENCE_SECS,
        };
        child::ask(
            &Program::this_binary("child-send", SEND_MEMORY_MIB, SEND_CPU_SECS),
            &request,
            SEND_TIME_LIMIT,
            go_on,
        )
    }

    /// Whether the bundle lies where those lie whose report no broker has.
    fn is_kept(&self, next: &ToSend) -> bool {
        bundles::kept_dir(&self.shared.settings().storage.state_dir).join(&next.bundle).exists()
    }

    /// What was said of each object; why the archive has no room, where it has none.
    fn take_note(&self, next: &ToSend, sent: Vec<SentObject>) -> Result<Option<String>, JournalError> {
        let report_id = &next.report_id;
        let mut no_room = None;
        for SentObject { object, verdict } in sent {
            match verdict {
                ObjectVerdict::Taken { status } => {
                    if status != 0 {
                        log::warn!("report {report_id}: the archive took its {object} with the warning {status:04X}H");
                    }
                    self.journal.object_sent(report_id, &object)?;
                    log::info!("report {report_id}: the archive has its {object}");
                }
                ObjectVerdict::Absent => self.journal.object_sent(report_id, &object)?,
                ObjectVerdict::NotNow { status } => no_room = Some(format!("it has no room (status {status:04X}H)")),
                ObjectVerdict::Refused { reason } => self.set_aside(report_id, &object, &reason)?,
            }
        }
        Ok(no_room)
    }

    /// No object of the report got anywhere.
    fn all_failed(&self, next: &ToSend, why: String) -> Result<End, JournalError> {
        for object in &next.objects {
            self.failed(next, object, &why)?;
        }
        Ok(End::Stuck(why))
    }

    fn failed(&self, next: &ToSend, object: &str, why: &str) -> Result<(), JournalError> {
        if self.journal.object_failed(&next.report_id, object)? >= ATTEMPTS_MAX {
            self.set_aside(&next.report_id, object, &format!("{ATTEMPTS_MAX} attempts failed: {why}"))?;
        }
        Ok(())
    }

    fn set_aside(&self, report_id: &str, object: &str, reason: &str) -> Result<(), JournalError> {
        let reason = one_line::<REASON_BYTES_MAX>(reason);
        self.journal.object_set_aside(report_id, object, &reason)?;
        let text = format!("report {report_id}: its {object} is set aside: {reason} (deepspine outbox list, retry)");
        self.shared.alarms.raise(Alarm::PacsRefused, Severity::Major, &text);
        Ok(())
    }

    /// What was set aside by an earlier run is alarmed too; what got through is over.
    fn look_at_refused(&self) -> Result<(), JournalError> {
        let alarms = &self.shared.alarms;
        if self.journal.sendings_depth()?.set_aside == 0 {
            alarms.clear(Alarm::PacsRefused);
        } else if alarms.get(Alarm::PacsRefused).0.is_none() {
            let text = "objects that the archive refused are set aside (deepspine outbox list); they are sent again once a day, or by deepspine outbox retry";
            alarms.raise(Alarm::PacsRefused, Severity::Major, text);
        }
        Ok(())
    }
}
