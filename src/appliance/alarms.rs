//! Alarms: what a person should know of, raised once and cleared once.
//!
//! Whoever notices something raises its alarm, again and again if that is easiest; only a change is
//! logged and published. The set is of fixed size: one place for each [`Alarm`].

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::clock;
use super::one_line::one_line;

/// Longest text of an alarm, bytes.
pub const TEXT_BYTES_MAX: usize = 240;
/// Longest time stamp, bytes: RFC 3339 in UTC with milliseconds.
const TIME_BYTES_MAX: usize = 32;

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// The journal can't be written, or the disk has too little room.
    Disk,
    /// The journal was damaged or lost, and made anew from the bundles.
    Journal,
    /// The outbox is as large as it may get.
    Quota,
    /// The oldest message has waited for long.
    Backlog,
    /// The configuration is wrong; an older one is in force.
    Configuration,
    /// The export folder can't be read.
    ExportFolder,
    /// The clinic's files can't be written.
    OutFolder,
    /// The clinic's archive can't be reached or does not behave.
    Pacs,
    /// The clinic's archive refused objects, which are set aside.
    PacsRefused,
    /// The models can't be used.
    Models,
    /// The self-test failed.
    SelfTest,
    /// Studies are quarantined.
    Quarantine,
    /// The broker can't be reached or does not behave.
    Broker,
    /// The broker refused messages, which are set aside.
    Refused,
    /// A certificate is about to expire, has expired or can't be used.
    Certificate,
    /// The board is too hot.
    Temperature,
    /// The board has been slowed down for long, because of heat or its power supply.
    Throttled,
    /// The GPU was to be used and is not.
    Accelerator,
    /// A thread has not been heard of.
    Stalled,
}

impl Alarm {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Disk,
        Self::Journal,
        Self::Quota,
        Self::Backlog,
        Self::Configuration,
        Self::ExportFolder,
        Self::OutFolder,
        Self::Pacs,
        Self::PacsRefused,
        Self::Models,
        Self::SelfTest,
        Self::Quarantine,
        Self::Broker,
        Self::Refused,
        Self::Certificate,
        Self::Temperature,
        Self::Throttled,
        Self::Accelerator,
        Self::Stalled,
    ];

    /// The name in its topic `a/<name>`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Journal => "journal",
            Self::Quota => "quota",
            Self::Backlog => "backlog",
            Self::Configuration => "configuration",
            Self::ExportFolder => "export-folder",
            Self::OutFolder => "out-folder",
            Self::Pacs => "pacs",
            Self::PacsRefused => "pacs-refused",
            Self::Models => "models",
            Self::SelfTest => "self-test",
            Self::Quarantine => "quarantine",
            Self::Broker => "broker",
            Self::Refused => "refused",
            Self::Certificate => "certificate",
            Self::Temperature => "temperature",
            Self::Throttled => "throttled",
            Self::Accelerator => "accelerator",
            Self::Stalled => "stalled",
        }
    }
}

/// How bad it is, in thin-edge.io's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Somebody should know.
    Warning,
    /// Something does not work as it should.
    Minor,
    /// Results are late, or would be.
    Major,
    /// Nothing is read any more.
    Critical,
}

impl Severity {
    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }
}

/// An alarm that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and what to do, without identity.
    pub text: heapless::String<TEXT_BYTES_MAX>,
    /// Since when, RFC 3339.
    pub since: heapless::String<TIME_BYTES_MAX>,
}

#[derive(Debug, Default)]
struct Place {
    raised: Option<Raised>,
    /// Counts changes, so that whoever publishes knows what it has not told yet.
    change: u32,
}

/// The alarms of this appliance.
#[derive(Default)]
pub struct Alarms {
    places: Mutex<[Place; Alarm::ALL.len()]>,
    changes: AtomicU32,
    on_change: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for Alarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.standing()).finish()
    }
}

// Every alarm has its own place.
const _: () = assert!(Alarm::Stalled as usize == Alarm::ALL.len() - 1);

impl Alarms {
    /// `wake` is called after each change from now on; a second call changes nothing.
    pub fn on_change(&self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = self.on_change.set(Box::new(wake));
    }

    /// `alarm` stands. Only a first time, or another text or severity, is a change.
    pub fn raise(&self, alarm: Alarm, severity: Severity, text: &str) {
        let text = one_line(text);
        let changed = self.change(alarm, |raised| match raised {
            Some(known) if known.severity == severity && known.text == text => false,
            Some(known) => {
                (known.severity, known.text) = (severity, text.clone());
                true
            }
            None => {
                let since = heapless::String::try_from(clock::now_rfc3339().as_str()).unwrap_or_default();
                *raised = Some(Raised { severity, text: text.clone(), since });
                true
            }
        });
        if changed {
            let level = if severity >= Severity::Major { log::Level::Error } else { log::Level::Warn };
            log::log!(level, alarm = alarm.name(), severity = severity.name(); "alarm {}: {text}", alarm.name());
        }
    }

    /// `alarm` stands where there is a problem, and does not where there is none.
    pub fn set(&self, alarm: Alarm, problem: Option<(Severity, &str)>) {
        match problem {
            Some((severity, text)) => self.raise(alarm, severity, text),
            None => self.clear(alarm),
        }
    }

    /// `alarm` does not stand, or no longer.
    pub fn clear(&self, alarm: Alarm) {
        if self.change(alarm, |raised| raised.take().is_some()) {
            log::info!(alarm = alarm.name(); "alarm {}: over", alarm.name());
        }
    }

    fn change(&self, alarm: Alarm, change: impl FnOnce(&mut Option<Raised>) -> bool) -> bool {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = places.get_mut(alarm as usize) else { return false };
        let changed = change(&mut place.raised);
        if changed {
            place.change = place.change.wrapping_add(1);
            self.changes.fetch_add(1, Ordering::Release);
        }
        drop(places);
        if let (true, Some(wake)) = (changed, self.on_change.get()) {
            wake();
        }
        changed
    }

    /// Changes so far, of all alarms together: equal while nothing changed.
    #[must_use]
    pub fn changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// How `alarm` stands, and the number of its changes so far.
    #[must_use]
    pub fn get(&self, alarm: Alarm) -> (Option<Raised>, u32) {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(alarm as usize).map_or((None, 0), |place| (place.raised.clone(), place.change))
    }

    /// The alarms that stand.
    #[must_use]
    pub fn standing(&self) -> Vec<(Alarm, Raised)> {
        Alarm::ALL.into_iter().filter_map(|alarm| Some((alarm, self.get(alarm).0?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_raised_once_and_cleared_once() {
        let alarms = Alarms::default();
        alarms.raise(Alarm::Disk, Severity::Major, "no room");
        let (first, change) = alarms.get(Alarm::Disk);
        alarms.raise(Alarm::Disk, Severity::Major, "no room");
        assert_eq!(alarms.get(Alarm::Disk), (first, change));
        assert_eq!(alarms.changes(), 1);
        alarms.clear(Alarm::Disk);
        alarms.clear(Alarm::Disk);
        assert_eq!((alarms.get(Alarm::Disk), alarms.changes()), ((None, 2), 2));
    }

    #[test]
    fn a_worse_alarm_keeps_its_beginning() {
        let alarms = Alarms::default();
        alarms.raise(Alarm::Backlog, Severity::Warning, "a day");
        let since = alarms.get(Alarm::Backlog).0.map(|raised| raised.since);
        alarms.raise(Alarm::Backlog, Severity::Major, "a week");
        let raised = alarms.get(Alarm::Backlog).0;
        assert_eq!(raised.as_ref().map(|r| r.since.clone()), since);
        assert_eq!(raised.map(|r| r.severity), Some(Severity::Major));
        assert_eq!(alarms.standing().len(), 1);
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let alarms = Alarms::default();
        alarms.raise(Alarm::Models, Severity::Minor, &"ü\n".repeat(200));
        assert!(
            alarms.get(Alarm::Models).0.is_some_and(|r| r.text.len() > TEXT_BYTES_MAX - 3 && !r.text.contains('\n'))
        );
    }
}
