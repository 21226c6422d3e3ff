//! Commands: retained state machines on `cmd/<type>/<id>`, as thin-edge.io knows them.
//!
//! An operator publishes `{"status": "init"}` with what the command needs; the appliance answers on the
//! same topic with `executing` and then `successful` or `failed`. Each type must be allowed in the
//! configuration. What the broker holds as `executing` from an earlier session was interrupted, and is said
//! to have failed. A broker is not trusted: everything is bounded, and what makes no sense is ignored.

use serde::Deserialize;

use super::topics;
use crate::appliance::config::CommandKind;

/// Longest payload of a command, bytes.
const PAYLOAD_BYTES_MAX: usize = 4096;
/// Longest id of a command, bytes.
const ID_BYTES_MAX: usize = 64;
/// Longest study key, bytes.
const STUDY_KEY_BYTES_MAX: usize = 64;

/// A topic below the root, where it belongs to a command.
pub type CommandTopic = heapless::String<{ topics::COMMAND.len() + 2 + KIND_BYTES_MAX + ID_BYTES_MAX }>;
/// Longest name of a command, bytes.
const KIND_BYTES_MAX: usize = 32;

/// What came in on a command's topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// To be done.
    Asked {
        /// Topic below the root.
        topic: CommandTopic,
        /// What, where it is a command that we know.
        kind: Option<CommandKind>,
        /// The study that it is about, where it names one.
        study_key: Option<String>,
    },
    /// Begun in another session, and not ended by it.
    Interrupted(CommandTopic),
}

#[derive(Deserialize)]
struct State {
    status: String,
    session: Option<String>,
    study_key: Option<String>,
}

/// Understands a message on `topic`, below `root`; `None` where there is nothing to do about it.
#[must_use]
pub fn hear(root: &str, session: &str, topic: &str, payload: &[u8]) -> Option<Heard> {
    let below_root = topic.strip_prefix(root)?.strip_prefix('/')?;
    let (kind, id) = below_root.strip_prefix(topics::COMMAND)?.strip_prefix('/')?.split_once('/')?;
    let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'));
    if payload.len() > PAYLOAD_BYTES_MAX || id.is_empty() || id.len() > ID_BYTES_MAX || !word(id) || !word(kind) {
        return None;
    }
    let topic = CommandTopic::try_from(below_root).ok()?;
    let state: State = serde_json::from_slice(payload).ok()?;
    match state.status.as_str() {
        "init" => Some(Heard::Asked {
            topic,
            kind: CommandKind::ALL.into_iter().find(|known| known.name() == kind),
            study_key: state.study_key.filter(|key| key.len() <= STUDY_KEY_BYTES_MAX && word(key)),
        }),
        "executing" if state.session.as_deref() != Some(session) => Some(Heard::Interrupted(topic)),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn heard(topic: &str, payload: &str) -> Option<Heard> {
        hear("deepspine/t", "now", topic, payload.as_bytes())
    }

    #[test]
    fn an_init_is_asked_and_an_old_executing_was_interrupted() {
        let asked = heard("deepspine/t/cmd/retry/7", r#"{"status":"init","study_key":"abc"}"#).unwrap();
        let topic = CommandTopic::try_from("cmd/retry/7").unwrap();
        let expected =
            Heard::Asked { topic: topic.clone(), kind: Some(CommandKind::Retry), study_key: Some("abc".to_owned()) };
        assert_eq!(asked, expected);
        let before = heard("deepspine/t/cmd/retry/7", r#"{"status":"executing","session":"before"}"#);
        assert_eq!(before, Some(Heard::Interrupted(topic)));
        assert_eq!(heard("deepspine/t/cmd/retry/7", r#"{"status":"executing","session":"now"}"#), None);
        assert_eq!(heard("deepspine/t/cmd/retry/7", r#"{"status":"successful"}"#), None);
    }

    #[test]
    fn what_makes_no_sense_is_ignored() {
        for (topic, payload) in [
            ("deepspine/t/cmd/retry/7", ""),
            ("deepspine/t/cmd/retry/7", "[]"),
            ("deepspine/t/cmd/retry", r#"{"status":"init"}"#),
            ("deepspine/t/cmd/retry/a b", r#"{"status":"init"}"#),
            ("deepspine/t/cmd/retry/7/8", r#"{"status":"init"}"#),
            ("deepspine/u/cmd/retry/7", r#"{"status":"init"}"#),
        ] {
            assert_eq!(heard(topic, payload), None, "{topic} {payload}");
        }
        let long = format!("deepspine/t/cmd/retry/{}", "x".repeat(ID_BYTES_MAX + 1));
        assert_eq!(heard(&long, r#"{"status":"init"}"#), None);
        let padded = format!(r#"{{"status":"init","x":"{}"}}"#, "x".repeat(PAYLOAD_BYTES_MAX));
        assert_eq!(heard("deepspine/t/cmd/retry/7", &padded), None);
    }

    #[test]
    fn an_unknown_command_is_heard_so_that_it_can_be_refused() {
        let asked = heard("deepspine/t/cmd/reboot/7", r#"{"status":"init","study_key":"a/b"}"#);
        assert!(matches!(asked, Some(Heard::Asked { kind: None, study_key: None, .. })));
    }
}
