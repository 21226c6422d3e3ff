//! What a person may have the appliance do, by command over MQTT or by the control socket.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::bundles;
use super::identity::DeviceKey;
use super::ingest::desk::{Ask, Told};
use super::journal::{Durable, Journal, JournalError, StudyState};
use super::mqtt::payload::{self, About};
use super::mqtt::session::LinkEvent;
use super::pacs;
use super::shared::Shared;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// No study has this key, or several begin so.
    #[error("no study, or more than one, has a key that begins with {0:?}")]
    NoSuchStudy(String),
    /// The study is in a state in which this makes no sense.
    #[error("the study is {0}; only {1} ones can be {2}")]
    WrongState(String, &'static str, &'static str),
    /// No reading of the study is kept.
    #[error("no reading of the study is kept that objects could be made from")]
    NothingKept,
    /// Nobody is named to send objects to.
    #[error("no archive is named (pacs.address)")]
    NoArchive,
    /// The thread that would do it has too much to do.
    #[error("the appliance is busy; try again")]
    Busy,
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// The hands of the appliance: the journal, and the channels of its threads where those run.
#[derive(Clone)]
pub struct Actions {
    /// Settings, alarms, counts.
    pub shared: Arc<Shared>,
    /// Where studies and messages are.
    pub journal: Journal,
    /// For message ids.
    pub key: DeviceKey,
    /// The threads; `None` where the appliance is stopped.
    pub threads: Option<Threads>,
}

/// The channels of the appliance's threads.
#[derive(Clone)]
pub struct Threads {
    /// To `ingest`.
    pub ingest: SyncSender<Told>,
    /// To `reading`.
    pub reading: SyncSender<Ask>,
    /// To `delivery`.
    pub delivery: SyncSender<LinkEvent>,
    /// To `upkeep`.
    pub upkeep: SyncSender<()>,
    /// To `pacs`.
    pub pacs: SyncSender<()>,
}

impl Actions {
    /// Looks at the export folder now.
    ///
    /// # Errors
    /// [`ActionError::Busy`].
    pub fn rescan(&self) -> Result<(), ActionError> {
        self.tell_ingest(Told::Wake)
    }

    /// Gives a study its attempts back; its whole key.
    ///
    /// # Errors
    /// See [`ActionError`].
    pub fn retry(&self, key: &str) -> Result<String, ActionError> {
        let study_key = self.in_state(key, &[StudyState::Quarantined, StudyState::Failed], "quarantined", "retried")?;
        self.journal.retry_study(&study_key)?;
        log::info!("study {study_key} gets its attempts back");
        // One that is not reopened now is at the next start.
        self.tell_ingest(Told::Reopen(study_key.clone()))?;
        Ok(study_key)
    }

    /// Has a study not be read; its whole key. New files open it again.
    ///
    /// # Errors
    /// See [`ActionError`].
    pub fn discard(&self, key: &str) -> Result<String, ActionError> {
        let states = [StudyState::Quarantined, StudyState::Failed, StudyState::Arriving];
        let study_key = self.in_state(key, &states, "quarantined, failed and arriving", "discarded")?;
        let message = payload::study_message(&self.key, &study_key, StudyState::Discarded, About::Person);
        self.journal.discard_study(&study_key, message)?;
        log::info!("study {study_key} is discarded");
        self.tell_ingest(Told::Close(study_key.clone()))?;
        self.wake_delivery();
        Ok(study_key)
    }

    /// Has the installation tested now; the result goes to `delivery`.
    ///
    /// # Errors
    /// [`ActionError::Busy`].
    pub fn self_test(&self) -> Result<(), ActionError> {
        match &self.threads {
            Some(threads) => threads.reading.try_send(Ask::SelfTest).map_err(|_| ActionError::Busy),
            None => Err(ActionError::Busy),
        }
    }

    /// Has messages that the broker refused, for a reason that holds `word`, sent again; how many.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn put_back(&self, word: &str) -> Result<u64, ActionError> {
        let count = self.journal.outbox_put_back(word)?;
        if count > 0 {
            log::info!("{count} messages that were set aside are sent again");
        }
        if let Some(threads) = &self.threads {
            // Where the channel is full they are sent on the next connection.
            let _ = threads.delivery.try_send(LinkEvent::PutBack);
        }
        Ok(count)
    }

    /// Has objects that the archive refused sent again; how many.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn put_objects_back(&self) -> Result<u64, ActionError> {
        let count = self.journal.objects_put_back()?;
        self.wake_pacs();
        Ok(count)
    }

    /// Has the objects of a study's last report be sent to the archive, again where it has them; the study's whole key.
    ///
    /// # Errors
    /// See [`ActionError`].
    pub fn send_objects(&self, key: &str) -> Result<String, ActionError> {
        let found = self.journal.look_at_study(key)?.filter(|_| !key.is_empty());
        let (study, reports) = found.ok_or_else(|| ActionError::NoSuchStudy(key.chars().take(64).collect()))?;
        let last = reports.iter().rev().find(|report| report.bundle.is_some()).ok_or(ActionError::NothingKept)?;
        let objects = pacs::wanted(&self.shared.settings());
        if objects.is_empty() {
            return Err(ActionError::NoArchive);
        }
        self.journal.send_objects(&last.report_id, objects)?;
        self.wake_pacs();
        Ok(study.study_key)
    }

    fn wake_pacs(&self) {
        if let Some(threads) = &self.threads {
            // A full channel means that it is about to look anyway.
            let _ = threads.pacs.try_send(());
        }
    }

    fn in_state(
        &self,
        key: &str,
        states: &[StudyState],
        allowed: &'static str,
        done: &'static str,
    ) -> Result<String, ActionError> {
        let found = self.journal.look_at_study(key)?.filter(|_| !key.is_empty());
        let (study, _) = found.ok_or_else(|| ActionError::NoSuchStudy(key.chars().take(64).collect()))?;
        if states.iter().any(|state| state.name() == study.state) {
            return Ok(study.study_key);
        }
        Err(ActionError::WrongState(study.state, allowed, done))
    }

    fn tell_ingest(&self, told: Told) -> Result<(), ActionError> {
        match &self.threads {
            Some(threads) => threads.ingest.try_send(told).map_err(|_| ActionError::Busy),
            None => Ok(()),
        }
    }

    /// Takes out messages that arrived; the bundles of the reports among them are removable from now on.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn delivered(&self, seqs: Vec<i64>, durable: Durable) -> Result<(), JournalError> {
        let state_dir = &self.shared.settings().storage.state_dir;
        for report in self.journal.outbox_delivered(seqs, durable)? {
            bundles::mark_delivered(state_dir, &report.bundle);
        }
        Ok(())
    }

    /// Has `upkeep` look now whether there is room.
    pub fn hurry_upkeep(&self) {
        if let Some(threads) = &self.threads {
            // A full channel means that it is about to look anyway.
            let _ = threads.upkeep.try_send(());
        }
    }

    /// Has `delivery` look now what there is to say.
    pub fn wake_delivery(&self) {
        if let Some(threads) = &self.threads {
            // A full channel means that it has enough to wake up for.
            let _ = threads.delivery.try_send(LinkEvent::Wake);
        }
    }
}
