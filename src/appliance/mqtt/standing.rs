//! What a broker should know at any moment: birth, twin, alarms and the state of commands, all retained.
//!
//! A queue of bounded length in front of the window: what is said here is of this moment, so nothing of it
//! is kept in the journal but the names of alarms that a broker may still hold as raised.

use heapless::Deque;

use super::payload;
use super::topics;
use super::window::Publish;
use crate::appliance::alarms::{Alarm, Alarms};
use crate::appliance::journal::{Journal, JournalError};

/// Messages that may wait for room in the window.
const WAITING_MAX: usize = 48;

// Birth and twin, each alarm, and the commands of one moment fit in.
const _: () = assert!(WAITING_MAX > 3 + Alarm::ALL.len() + 2 * super::delivery::COMMANDS_MAX);

/// A retained message of this moment.
pub(super) struct Said {
    /// Topic below the root.
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) publish: Publish,
}

/// What is still to be said on this connection.
#[derive(Default)]
pub(super) struct Standing {
    waiting: Deque<Said, WAITING_MAX>,
    /// The change of each alarm that was said last; `None`: nothing yet.
    alarms_said: [Option<u32>; Alarm::ALL.len()],
}

impl Standing {
    /// Says something as soon as there is room.
    pub(super) fn say(&mut self, topic: impl Into<String>, payload: Vec<u8>) {
        self.push(Said { topic: topic.into(), payload, publish: Publish::Momentary });
    }

    fn push(&mut self, said: Said) {
        if let Err(said) = self.waiting.push_back(said) {
            log::warn!("{} is not said: {WAITING_MAX} messages wait for the broker already", said.topic);
        }
    }

    /// The next thing to say.
    pub(super) fn next(&mut self) -> Option<Said> {
        self.waiting.pop_front()
    }

    /// Says every alarm that changed since it was said; on a new connection those that stand, and those that
    /// do not but which the broker may still hold.
    pub(super) fn say_alarms(&mut self, alarms: &Alarms, journal: &Journal) -> Result<(), JournalError> {
        let mut told = journal.alarms_told()?;
        let told_before = told.clone();
        for (alarm, said) in Alarm::ALL.into_iter().zip(&mut self.alarms_said) {
            let (raised, change) = alarms.get(alarm);
            if *said == Some(change) {
                continue;
            }
            let topic = format!("{}/{}", topics::ALARM, alarm.name());
            let held = told.lines().any(|name| name == alarm.name());
            let publish = if raised.is_some() { Publish::Momentary } else { Publish::AlarmCleared(alarm) };
            if raised.is_some() || held {
                let said = Said { topic, payload: payload::alarm(raised.as_ref()), publish };
                if self.waiting.push_back(said).is_err() {
                    // Said once there is room.
                    break;
                }
            }
            if raised.is_some() && !held {
                told.push_str(alarm.name());
                told.push('\n');
            }
            *said = Some(change);
        }
        // Before it is said: what may be held must be cleared some day.
        if told != told_before { journal.keep_alarms_told(&told) } else { Ok(()) }
    }

    /// The broker took an alarm's end, unless the alarm was raised again since.
    pub(super) fn cleared(alarm: Alarm, alarms: &Alarms, journal: &Journal) -> Result<(), JournalError> {
        if alarms.get(alarm).0.is_some() {
            return Ok(());
        }
        let told: String = journal
            .alarms_told()?
            .lines()
            .filter(|name| *name != alarm.name())
            .map(|name| format!("{name}\n"))
            .collect();
        journal.keep_alarms_told(&told)
    }
}
