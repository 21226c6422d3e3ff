//! What a broker should know of the appliance at this moment, whatever waits in the outbox: that it is there, what
//! it is, how it is, and its numbers.

use std::sync::Arc;
use std::time::Duration;

use super::{Connected, Delivery, Round};
use crate::appliance::alarms::Alarm;
use crate::appliance::health::machine::Machine;
use crate::appliance::journal::JournalError;
use crate::appliance::mqtt::payload::{self, Health};
use crate::appliance::mqtt::session::HEALTH_INTERVAL_S;
use crate::appliance::mqtt::{numbers, topics};

impl Delivery {
    /// What a broker can be told even though the journal can't be written.
    pub(super) fn say_what_stands(&self, round: &mut Round, now: Duration) {
        let Some(connected) = round.connected.as_mut().filter(|c| !c.ending) else { return };
        self.say_health(connected, now);
        if let (Some(raised), _) = self.actions.shared.alarms.get(Alarm::Disk) {
            let topic = format!("{}/{}", topics::ALARM, Alarm::Disk.name());
            connected.standing.say(topic, payload::alarm(Some(&raised)));
        }
        Self::say(connected, now);
    }

    /// Birth and twin, all retained, so that a late will is recognised by its session; and an ear for commands.
    pub(super) fn greet(&self, connected: &mut Connected, now: Duration) {
        let (key, session) = (&self.actions.key, connected.link.session.clone());
        let settings = Arc::clone(&connected.link.settings);
        self.say_health(connected, now);
        connected.standing.say(topics::IDENTITY, payload::identity(key, &session, &settings));
        connected.link.subscribe(&connected.topic(&format!("{}/+/+", topics::COMMAND)));
    }

    /// The models that are read with: on each connection, and whenever another set is in force.
    pub(super) fn say_models(&self, connected: &mut Connected) {
        let (models, changes) = self.actions.shared.models.told();
        let payload = payload::models(&self.actions.key, &connected.link.session, &models);
        connected.standing.say(topics::MODELS, payload);
        connected.models_told = Some(changes);
    }

    pub(super) fn health(&self) -> Health {
        Health::of(&self.actions.shared.alarms)
    }

    pub(super) fn health_payload(&self, session: &str, health: Health) -> Vec<u8> {
        let alarms = self.actions.shared.alarms.standing().len();
        payload::health(&self.actions.key, session, health, alarms, HEALTH_INTERVAL_S)
    }

    pub(super) fn say_health(&self, connected: &mut Connected, now: Duration) {
        connected.health_due = now + Duration::from_secs(HEALTH_INTERVAL_S);
        connected.health = self.health();
        let payload = self.health_payload(&connected.link.session, connected.health);
        connected.standing.say(topics::HEALTH, payload);
    }

    pub(super) fn mention_numbers(&self, connected: &mut Connected, now: Duration) -> Result<(), JournalError> {
        let shared = &self.actions.shared;
        connected.numbers_due = now + shared.settings().telemetry_interval;
        let outbox = self.actions.journal.outbox_depth()?;
        let sendings = self.actions.journal.sendings_depth()?;
        for (suffix, payload) in [
            (topics::SYSTEM, numbers::system(shared, &Machine::default())),
            (topics::INFERENCE, numbers::inference(shared)),
            (topics::QUEUE, numbers::queue(shared, &outbox, &sendings)),
        ] {
            connected.link.mention(&connected.topic(suffix), payload);
        }
        Ok(())
    }

    /// Hands over what waits to be said, as far as there is room.
    pub(super) fn say(connected: &mut Connected, now: Duration) {
        while connected.room() > 0 {
            let Some(said) = connected.standing.next() else { return };
            let topic = connected.topic(&said.topic);
            if connected.link.publish(&topic, true, said.payload) {
                connected.window.hand_over(said.publish, now);
            }
        }
    }
}
