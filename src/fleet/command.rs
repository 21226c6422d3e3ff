//! Commands to an appliance: retained state machines on `cmd/<type>/<id>`, followed to their end.
//!
//! Whoever commands publishes `init`; the appliance answers on the same topic with `executing` and then `successful` or
//! `failed`. Whatever comes of it, the topic is cleared at the end: a command that nobody waits for is not to be done by
//! an appliance that comes back tomorrow.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::wire::{Command, Root};
use crate::appliance::config::{Broker, CommandKind};
use crate::appliance::identity;
use crate::appliance::mqtt::listener::{Listener, Listening, Told};
use crate::appliance::mqtt::talker::Talker;
use crate::appliance::mqtt::topics;

/// How long the connection and the acknowledgements of the broker may take.
const BROKER_DEADLINE: Duration = Duration::from_secs(15);
/// How often a wait looks.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// What is to be done by whom.
#[derive(Debug, Clone)]
pub struct Order {
    /// Where the appliance publishes.
    pub broker: Broker,
    /// Below which topics.
    pub root: Root,
    /// The appliance.
    pub device: String,
    /// What.
    pub kind: CommandKind,
    /// The study that it is about.
    pub study_key: Option<String>,
    /// How long it may take until the appliance begins.
    pub answer_within: Duration,
    /// How long it may take until it has ended.
    pub end_within: Duration,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was done, with this result.
    Successful(Option<Value>),
    /// It was not done, for this reason.
    Failed(String),
    /// The appliance did not answer.
    Unanswered,
    /// It began, and has not ended in time.
    Unended,
}

/// Where the command stands, as far as was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Init,
    Executing,
}

impl Stage {
    /// What follows on a message on the command's topic: another stage or the end. Our own `init`, and what makes no
    /// sense, change nothing.
    fn hear(self, command: Command) -> Result<Self, Outcome> {
        match &*command.status {
            "executing" => Ok(Self::Executing),
            "successful" => Err(Outcome::Successful(command.result)),
            "failed" => Err(Outcome::Failed(command.reason.map(String::from).unwrap_or_default())),
            _ => Ok(self),
        }
    }
}

/// Has the appliance do it, and waits for what comes of it; `tell` hears that it began.
///
/// # Errors
/// What the broker said.
pub fn carry_out(order: &Order, mut tell: impl FnMut()) -> Result<Outcome, String> {
    let id = identity::random_hex(8).map_err(|error| error.to_string())?;
    let suffix = format!("{}/{}/{id}", topics::COMMAND, order.kind.name());
    let topic = order.root.topic(&order.device, &suffix);
    let listener = Listener::start(Listening {
        broker: order.broker.clone(),
        client_id: format!("deepspine-command-{id}-l"),
        filters: vec![topic.clone()],
        kept: None,
    })?;
    wait_until_heard(&listener)?;
    let mut talker = Talker::connect(&order.broker, &format!("deepspine-command-{id}"), None, BROKER_DEADLINE)?;
    let init = match &order.study_key {
        Some(key) => json!({ "status": "init", "study_key": key }),
        None => json!({ "status": "init" }),
    };
    talker.say(&topic, true, true, init.to_string().into_bytes())?;
    let outcome = if talker.settle(BROKER_DEADLINE)? > 0 {
        Err("the broker does not let us command".to_owned())
    } else {
        follow(order, &listener, &mut tell)
    };
    talker.say(&topic, true, true, Vec::new())?;
    talker.settle(BROKER_DEADLINE)?;
    outcome
}

fn wait_until_heard(listener: &Listener) -> Result<(), String> {
    let begun = Instant::now();
    while begun.elapsed() < BROKER_DEADLINE {
        match listener.next(LOOK_PERIOD)? {
            Some(Told::Connected) => return Ok(()),
            Some(Told::Lost(why)) => return Err(why),
            Some(Told::Message(_)) | None => {}
        }
    }
    Err(format!("no connection within {} s", BROKER_DEADLINE.as_secs()))
}

fn follow(order: &Order, listener: &Listener, tell: &mut impl FnMut()) -> Result<Outcome, String> {
    let begun = Instant::now();
    let mut stage = Stage::Init;
    loop {
        let (limit, outcome) = match stage {
            Stage::Init => (order.answer_within, Outcome::Unanswered),
            Stage::Executing => (order.end_within, Outcome::Unended),
        };
        if begun.elapsed() >= limit {
            return Ok(outcome);
        }
        // A connection that broke is made again, and brings what is retained.
        let Some(Told::Message(heard)) = listener.next(LOOK_PERIOD)? else { continue };
        let Some(command) = Command::understand(&heard.payload) else { continue };
        match stage.hear(command) {
            Ok(next) => {
                if next != stage {
                    tell();
                }
                stage = next;
            }
            Err(outcome) => return Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(status: &str) -> Command {
        Command { status: status.into(), reason: Some("no".into()), result: Some(json!({ "n": 1 })) }
    }

    #[test]
    fn a_command_goes_from_init_to_its_end_and_nowhere_else() {
        assert_eq!(Stage::Init.hear(command("init")), Ok(Stage::Init));
        assert_eq!(Stage::Init.hear(command("executing")), Ok(Stage::Executing));
        assert_eq!(Stage::Executing.hear(command("init")), Ok(Stage::Executing));
        assert_eq!(Stage::Executing.hear(command("nonsense")), Ok(Stage::Executing));
        assert_eq!(Stage::Executing.hear(command("successful")), Err(Outcome::Successful(Some(json!({ "n": 1 })))));
        assert_eq!(Stage::Init.hear(command("failed")), Err(Outcome::Failed("no".to_owned())));
    }
}
