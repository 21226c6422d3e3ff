//! Which commands over MQTT are obeyed: the keys of `[commands]`.

use super::settings::Validator;
use super::source::Value;

/// A command over MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandKind {
    /// Tell everything about the appliance's state.
    Health,
    /// Look at the export folder now.
    Rescan,
    /// Give a quarantined study its attempts back.
    Retry,
    /// Test the installation now.
    SelfTest,
}

impl CommandKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Health, Self::Rescan, Self::Retry, Self::SelfTest];

    /// The name in the configuration and in the command's topic.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Rescan => "rescan",
            Self::Retry => "retry",
            Self::SelfTest => "self-test",
        }
    }
}

impl Validator<'_> {
    pub(super) fn commands(&mut self) -> Vec<CommandKind> {
        let Some(Value::Texts(names)) = self.value("commands.allow").cloned() else { return Vec::new() };
        let mut allowed = Vec::new();
        for name in names {
            match CommandKind::ALL.into_iter().find(|kind| kind.name() == name.as_str()) {
                Some(kind) => allowed.push(kind),
                None => {
                    let known = CommandKind::ALL.map(CommandKind::name).join(", ");
                    self.complain("commands.allow", format!("knows {known}, not {name:?}"));
                }
            }
        }
        allowed
    }
}
