//! What is done about a command: each type must be allowed, and its state is told step by step.

use std::sync::Arc;

use serde_json::Value;

use super::{Connected, Delivery};
use crate::appliance::config::CommandKind;
use crate::appliance::mqtt::command::{self, CommandTopic, Heard};
use crate::appliance::mqtt::payload::{self, CommandStatus};
use crate::appliance::overview;

impl Delivery {
    pub(super) fn hear_command(&self, connected: &mut Connected, topic: &str, payload: &[u8]) {
        let settings = Arc::clone(&connected.link.settings);
        match command::hear(&settings.mqtt.root, &connected.link.session, topic, payload) {
            Some(Heard::Interrupted(topic)) => {
                let status = CommandStatus::Failed("interrupted by a restart or a lost connection".to_owned());
                self.say_command(connected, &topic, &status);
            }
            Some(Heard::Asked { topic, kind, study_key }) => {
                log::info!("command {topic}");
                match kind {
                    Some(kind) if self.actions.shared.settings().commands.contains(&kind) => {
                        self.say_command(connected, &topic, &CommandStatus::Executing);
                        self.execute(connected, topic, kind, study_key.as_deref());
                    }
                    Some(_) => {
                        let why = "not allowed by this device's configuration (commands.allow)".to_owned();
                        self.say_command(connected, &topic, &CommandStatus::Failed(why));
                    }
                    None => {
                        self.say_command(connected, &topic, &CommandStatus::Failed("not a known command".to_owned()));
                    }
                }
            }
            None => {}
        }
    }

    fn execute(&self, connected: &mut Connected, topic: CommandTopic, kind: CommandKind, study_key: Option<&str>) {
        let actions = &self.actions;
        let done = match kind {
            CommandKind::Health => overview::look(&actions.shared, &actions.journal, true)
                .map_err(|error| error.to_string())
                .and_then(|look| serde_json::to_value(look).map_err(|error| error.to_string())),
            CommandKind::Rescan => actions.rescan().map(|()| Value::Null).map_err(|error| error.to_string()),
            CommandKind::Retry => match study_key {
                Some(key) => actions.retry(key).map(Value::from).map_err(|error| error.to_string()),
                None => Err("names no study_key".to_owned()),
            },
            CommandKind::SelfTest if connected.testing.is_some() => Err("a self-test is being done".to_owned()),
            CommandKind::SelfTest => match actions.self_test() {
                // Its result comes as an event.
                Ok(()) => {
                    connected.testing = Some(topic);
                    return;
                }
                Err(error) => Err(error.to_string()),
            },
        };
        let status = done.map_or_else(CommandStatus::Failed, CommandStatus::Successful);
        self.say_command(connected, &topic, &status);
    }

    pub(super) fn say_command(&self, connected: &mut Connected, topic: &CommandTopic, status: &CommandStatus) {
        let payload = payload::command(&self.actions.key, topic, &connected.link.session, status);
        connected.standing.say(topic.as_str(), payload);
    }
}
