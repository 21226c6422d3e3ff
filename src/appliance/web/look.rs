//! What is looked at for one answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::appliance::actions::Actions;
use crate::appliance::config::Settings;
use crate::appliance::health::counters::Histogram;
use crate::appliance::health::machine::{self, Machine, Memory, Room, Zone};
use crate::appliance::health::slowing::Slowing;
use crate::appliance::journal::{JournalError, StudyLook};
use crate::appliance::mqtt::payload::Health;
use crate::appliance::overview::{self, Overview};
use crate::export::OVERLAY_FILE;

/// Studies that a page shows, the last changed first.
pub(super) const STUDIES_SHOWN: usize = 30;

/// Everything that a page, an event or the metrics may say. Holds no identity.
pub(super) struct Look {
    pub(super) settings: Arc<Settings>,
    pub(super) health: Health,
    pub(super) overview: Overview,
    /// What is being done, in words.
    pub(super) activity: String,
    pub(super) studies: Vec<SeenStudy>,
    pub(super) zones: BTreeMap<String, Zone>,
    pub(super) slowing: Slowing,
    pub(super) memory: Memory,
    pub(super) load: Option<f64>,
    pub(super) room: Option<Room>,
    pub(super) wear_percent: BTreeMap<String, u64>,
    /// How long readings took, from claim to commit.
    pub(super) reading: Histogram,
    /// How long brokers took to acknowledge.
    pub(super) acknowledged: Histogram,
    /// How often the model set in force has changed.
    pub(super) model_changes: u32,
}

/// One study of the list.
pub(super) struct SeenStudy {
    pub(super) study: StudyLook,
    /// Whether its newest report has a picture in the clinic's folder.
    pub(super) has_picture: bool,
}

impl Look {
    /// Looks at everything.
    ///
    /// # Errors
    /// As the journal gives them.
    pub(super) fn at(actions: &Actions) -> Result<Self, JournalError> {
        let shared = &actions.shared;
        let settings = shared.settings();
        let machine = Machine::default();
        let (reading, acknowledged) = shared.counters.histograms();
        Ok(Self {
            health: Health::of(&shared.alarms),
            overview: overview::look(shared, &actions.journal, true)?,
            activity: shared.activity(),
            studies: studies(actions, &settings)?,
            zones: machine.zones(),
            slowing: machine.slowing(),
            memory: machine.memory(),
            load: machine.load(),
            room: machine::room(&settings.storage.state_dir).ok(),
            wear_percent: machine.wear_percent(),
            reading,
            acknowledged,
            model_changes: shared.models.changes(),
            settings,
        })
    }

    /// How many studies are in `state`.
    pub(super) fn count(&self, state: &str) -> u64 {
        self.overview.studies.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count)
    }
}

fn studies(actions: &Actions, settings: &Settings) -> Result<Vec<SeenStudy>, JournalError> {
    let newest: BTreeMap<String, String> = actions.journal.newest_reports(STUDIES_SHOWN)?.into_iter().collect();
    let studies = actions.journal.look_at_studies(None, STUDIES_SHOWN)?;
    let seen = studies.into_iter().map(|study| {
        let picture = newest.get(&study.study_key).map(|id| settings.storage.out_dir.join(id).join(OVERLAY_FILE));
        SeenStudy { study, has_picture: picture.is_some_and(|path| path.is_file()) }
    });
    Ok(seen.collect())
}
