//! The thread `upkeep`: disk, journal, certificates, temperatures, models; removes what was kept long enough.
//!
//! It closes the intake where there is no room for more results: a result is never dropped for a new one.
//! Only what was delivered is ever removed.

use std::cell::Cell;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use super::actions::Actions;
use super::alarms::{Alarm, Severity};
use super::bundles;
use super::clock;
use super::health::counters::Counters;
use super::health::machine::{self, Machine};
use super::health::slowing::{SLOW_ROUNDS_MAX, SlowFor};
use super::health::{Heartbeats, IDLE_BEAT, Stage};
use super::journal::{Delivered, JournalError, StudyState};
use super::mqtt::certificate;
use super::overview;
use crate::inference::ModelSource;

/// How often everything is looked at.
const ROUND: Duration = Duration::from_secs(60);
/// Messages older than this are worth a warning.
const OLD_S: u64 = 24 * 60 * 60;
/// Messages older than this are worth more.
const VERY_OLD_S: u64 = 7 * OLD_S;
/// A board this near to the temperature at which it is switched off is too hot, degrees Celsius.
const CRITICAL_MARGIN_CELSIUS: f64 = 10.0;
/// Too hot where the kernel names no critical temperature, degrees Celsius.
const HOT_CELSIUS: f64 = 95.0;
/// What a broker refused is sent again so often: it may have been put right, and nobody may be there to say so.
const SECOND_CHANCE: Duration = Duration::from_secs(24 * 60 * 60);
/// What it refused because of a quota is sent again so often: a quota passes.
const QUOTA_CHANCE: Duration = Duration::from_secs(60 * 60);
/// The word in the reason of such a refusal.
const QUOTA_WORD: &str = "Quota";
/// How long the alarm of refused messages outlasts their being sent again.
const VERDICT_WAIT: Duration = Duration::from_secs(10 * 60);
/// Reports whose files are removed in one round.
const REMOVED_AT_A_TIME: usize = 64;
/// Seconds of a day.
const DAY_S: i64 = 24 * 60 * 60;

/// What the thread needs.
pub struct Upkeep {
    /// Journal, settings, alarms.
    actions: Actions,
    models: ModelSource,
    hurried: Receiver<()>,
    /// Reports so far when the bundles were counted last and were few enough.
    counted: Cell<Option<u64>>,
    slow: Cell<SlowFor>,
}

/// When what the broker refused is sent again.
#[derive(Debug, Default)]
struct Chances {
    last_all: Duration,
    last_quota: Duration,
}

impl Chances {
    /// The word in the reasons of the messages that are due at `now`; every reason holds an empty one.
    fn due(&mut self, now: Duration) -> Option<&'static str> {
        if now.saturating_sub(self.last_all) >= SECOND_CHANCE {
            (self.last_all, self.last_quota) = (now, now);
            return Some("");
        }
        if now.saturating_sub(self.last_quota) >= QUOTA_CHANCE {
            self.last_quota = now;
            return Some(QUOTA_WORD);
        }
        None
    }

    /// Whether the broker has had time to refuse again.
    fn are_judged(&self, now: Duration) -> bool {
        self.last_quota.is_zero() || now.saturating_sub(self.last_quota) >= VERDICT_WAIT
    }
}

impl Upkeep {
    /// The work of the thread, which begins a round now where something is sent to `hurried`.
    #[must_use]
    pub fn new(actions: Actions, models: ModelSource, hurried: Receiver<()>) -> Self {
        Self { actions, models, hurried, counted: Cell::new(None), slow: Cell::default() }
    }

    /// Works until the supervisor stops it.
    ///
    /// # Errors
    /// As the journal gives them, where it is not the machine's fault.
    pub fn run(self, heartbeats: &Heartbeats) -> Result<(), JournalError> {
        let begun = Instant::now();
        let mut due = Duration::ZERO;
        let mut chances = Chances::default();
        let mut files = self.connection_files();
        while !self.actions.shared.stopping() {
            heartbeats.beat(Stage::Upkeep);
            if begun.elapsed() >= due {
                let now = self.connection_files();
                if now != files {
                    log::info!("a certificate, key or password of the connection changed");
                    self.actions.shared.renew_connection();
                    files = now;
                }
                let judged = chances.are_judged(begun.elapsed());
                match self.round(heartbeats, judged) {
                    Err(error) if !error.is_passing() => return Err(error),
                    Err(error) => log::warn!("upkeep: {error}"),
                    Ok(()) => {}
                }
                due = begun.elapsed() + ROUND;
                if let Some(word) = chances.due(begun.elapsed()) {
                    self.give_second_chance(word);
                }
            }
            match self.hurried.recv_timeout(due.saturating_sub(begun.elapsed()).min(IDLE_BEAT)) {
                Ok(()) => due = Duration::ZERO,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
        Ok(())
    }

    /// What tells that a file of the connection was renewed: its time and size.
    fn connection_files(&self) -> Vec<Option<(SystemTime, u64)>> {
        let settings = self.actions.shared.settings();
        let Some(broker) = &settings.mqtt.broker else { return Vec::new() };
        let seen = |path: &Path| std::fs::metadata(path).and_then(|m| Ok((m.modified()?, m.len()))).ok();
        let client = broker.tls.iter().flat_map(|tls| tls.client.iter()).flat_map(|(cert, key)| [cert, key]);
        let files = broker.password_file.iter().chain(broker.tls.iter().map(|tls| &tls.ca_file)).chain(client);
        files.map(|path| seen(path)).collect()
    }

    fn give_second_chance(&self, word: &str) {
        if let Err(error) = self.actions.put_back(word) {
            log::warn!("refused messages wait for another time: {error}");
        }
    }

    /// `judged`: the broker has had time to refuse again what it refused before.
    fn round(&self, heartbeats: &Heartbeats, judged: bool) -> Result<(), JournalError> {
        self.measure_room()?;
        self.look_at_outbox(judged)?;
        self.look_at_studies()?;
        self.look_at_temperatures();
        self.look_at_slowing();
        self.look_at_certificates();
        self.look_at_models();
        self.remove_what_is_old(heartbeats)?;
        self.actions.journal.shrink()
    }

    /// Whether there is room for more results; the intake follows.
    fn measure_room(&self) -> Result<(), JournalError> {
        let shared = &self.actions.shared;
        let settings = shared.settings();
        let storage = &settings.storage;
        // No numbers that move in the texts: each would be another alarm. They are on m/system and m/queue.
        let room = machine::room(&storage.state_dir);
        let has_room = room.as_ref().map_or(true, |room| room.free_bytes >= storage.headroom_bytes);
        let text = format!(
            "less than {} MiB are free beside the journal (storage.headroom-mib); nothing new is read until there is room",
            storage.headroom_bytes >> 20
        );
        match room {
            Ok(_) => shared.alarms.set(Alarm::Disk, (!has_room).then_some((Severity::Critical, &text))),
            Err(error) => log::warn!("the room on the disk is unknown: {error}"),
        }
        let size = self.actions.journal.size()?;
        let is_full = size.used_bytes >= storage.quota_bytes || size.rows >= storage.quota_rows;
        let text = format!(
            "the journal has reached {} MiB (storage.quota-mib) or {} messages (storage.quota-rows); nothing new is read until the broker has taken some",
            storage.quota_bytes >> 20,
            storage.quota_rows
        );
        shared.alarms.set(Alarm::Quota, is_full.then_some((Severity::Critical, &text)));
        shared.set_intake_open(has_room && !is_full);
        Ok(())
    }

    fn look_at_outbox(&self, judged: bool) -> Result<(), JournalError> {
        let shared = &self.actions.shared;
        let outbox = self.actions.journal.outbox_depth()?;
        // A site without a broker wants no alarm for that.
        let age_s = shared.settings().mqtt.broker.as_ref().and_then(|_| overview::oldest_s(&outbox)).unwrap_or(0);
        let severity = if age_s >= VERY_OLD_S { Severity::Major } else { Severity::Warning };
        let text = format!("results have waited for the broker for {} days", age_s / OLD_S);
        shared.alarms.set(Alarm::Backlog, (age_s >= OLD_S).then_some((severity, &text)));
        if outbox.set_aside == 0 {
            if judged {
                shared.alarms.clear(Alarm::Refused);
            }
        } else if shared.alarms.get(Alarm::Refused).0.is_none() {
            let text = format!(
                "{} messages that the broker refused are set aside (deepspine outbox list); they are sent again once a day, or by deepspine outbox retry",
                outbox.set_aside
            );
            shared.alarms.raise(Alarm::Refused, Severity::Major, &text);
        }
        Ok(())
    }

    fn look_at_studies(&self) -> Result<(), JournalError> {
        let alarms = &self.actions.shared.alarms;
        let count = self.actions.journal.studies_in(StudyState::Quarantined)?;
        let text = format!("{count} studies could not be read and are quarantined (deepspine studies list)");
        alarms.set(Alarm::Quarantine, (count > 0).then_some((Severity::Minor, &text)));
        Ok(())
    }

    fn look_at_temperatures(&self) {
        let alarms = &self.actions.shared.alarms;
        let limit = |zone: &machine::Zone| zone.critical_celsius.map_or(HOT_CELSIUS, |c| c - CRITICAL_MARGIN_CELSIUS);
        let hot = Machine::default().zones().into_iter().find(|(_, zone)| zone.celsius >= limit(zone));
        let text =
            hot.map(|(kind, zone)| format!("{kind} has {:.0} degrees Celsius; give the board air", zone.celsius));
        alarms.set(Alarm::Temperature, text.as_deref().map(|text| (Severity::Major, text)));
    }

    /// Whether the board has been slowed down for long; a burst of readings may heat it up for a while.
    fn look_at_slowing(&self) {
        let alarms = &self.actions.shared.alarms;
        let slowing = Machine::default().slowing();
        let mut slow = self.slow.get();
        let for_long = slow.after(&slowing);
        self.slow.set(slow);
        let cure = if slowing.lacks_power() {
            "its voltage is too low; give it a stronger power supply"
        } else {
            "give it air, or a lower power mode"
        };
        let minutes = u64::from(SLOW_ROUNDS_MAX) * ROUND.as_secs() / 60;
        let text = format!("the board has been slowed down for {minutes} minutes or more: {cure}");
        alarms.set(Alarm::Throttled, for_long.then_some((Severity::Warning, &text)));
    }

    fn look_at_certificates(&self) {
        let shared = &self.actions.shared;
        let settings = shared.settings();
        let files = settings.mqtt.broker.as_ref().and_then(|broker| broker.tls.as_ref());
        let worst = files.and_then(|files| certificate::worst(files, clock::now_unix_secs()));
        shared.alarms.set(Alarm::Certificate, worst.as_ref().map(|(severity, text)| (*severity, text.as_str())));
    }

    /// Whether another model set was installed meanwhile; it is told at once, and read with from the next study on.
    fn look_at_models(&self) {
        let shared = &self.actions.shared;
        let before = shared.models.changes();
        // What is wrong with it is said by its alarm.
        let _ = shared.models.look(&self.models, &shared.alarms);
        if shared.models.changes() != before {
            self.actions.wake_delivery();
        }
    }

    /// Removes bundles and clinic's files of delivered reports that are old or, the oldest first, too many.
    fn remove_what_is_old(&self, heartbeats: &Heartbeats) -> Result<(), JournalError> {
        let settings = self.actions.shared.settings();
        let archive = settings.pacs.is_some();
        let mut removed = 0;
        // A clock that is not set makes nothing old: it may be years ahead.
        if clock::clock_synced() != Some(false) {
            let keep_s = i64::try_from(settings.exports.keep_days).unwrap_or(i64::MAX).saturating_mul(DAY_S);
            let before = clock::now_unix_secs().saturating_sub(keep_s);
            for report in self.actions.journal.removable_reports(Some(before), archive, REMOVED_AT_A_TIME)? {
                heartbeats.beat(Stage::Upkeep);
                self.remove(&report)?;
                removed += 1;
            }
        }
        // Thousands of bundles are counted only where there may be more of them than the last time.
        let reports = Counters::so_far(&self.actions.shared.counters.reports);
        if self.counted.replace(Some(reports)) == Some(reports) && removed == 0 {
            return Ok(());
        }
        let mut bytes = bundles::bytes_on_disk(&settings.storage.state_dir);
        if bytes > settings.exports.bytes_max {
            // Not all may be removable yet, or more than one round removes.
            self.counted.set(None);
            for report in self.actions.journal.removable_reports(None, archive, REMOVED_AT_A_TIME)? {
                heartbeats.beat(Stage::Upkeep);
                if bytes <= settings.exports.bytes_max {
                    break;
                }
                bytes = bytes.saturating_sub(self.remove(&report)?);
                removed += 1;
            }
        }
        if removed > 0 { self.actions.journal.forget_removed() } else { Ok(()) }
    }

    /// Removes one report's files; the size of its bundle.
    fn remove(&self, report: &Delivered) -> Result<u64, JournalError> {
        let settings = self.actions.shared.settings();
        let out_dir = settings.storage.out_dir.join(&report.report_id);
        remove_folder(&out_dir);
        let bytes = bundles::remove(&settings.storage.state_dir, &report.bundle);
        self.actions.journal.report_removed(&report.report_id)?;
        Ok(bytes)
    }
}

fn remove_folder(folder: &Path) {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            log::warn!("{} can't be removed: {error}", folder.display());
        }
        _ => {}
    }
}
