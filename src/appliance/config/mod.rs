//! Configuration in three stages: files and overrides, merged entries, validated [`Settings`].
//!
//! Code after this module sees only [`Settings`]. Every complaint names file, line and key; an
//! unknown key names the nearest known one; an empty file is a working appliance. What the machine
//! lacks is asked elsewhere (`appliance::checkup`), and secrets stay in their files until used.

mod broker;
mod commands;
mod keys;
mod last_good;
mod pacs;
mod settings;
mod shown;
mod source;
mod web;

use std::fmt;
use std::path::Path;

pub use broker::{Broker, Mqtt, Protocol, Tls};
pub use commands::CommandKind;
pub use last_good::Start;
pub use pacs::Pacs;
pub use settings::{Exports, Ingest, Reader, Settings, Storage};
pub use shown::in_words;
pub use source::{Origin, Value};
pub use web::Web;

/// Where the configuration is when no `--config` says otherwise.
pub const DEFAULT_PATH: &str = "/etc/deepspine/config.toml";

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where it is written: `file:line`, a file or `--set`.
    pub place: String,
    /// The dotted key, empty where it concerns the file as a whole.
    pub key: String,
    /// What is wrong, continuing a sentence that begins with the key.
    pub problem: String,
}

impl ConfigError {
    fn at(origin: Origin, key: &str, problem: impl Into<String>) -> Self {
        Self { place: origin.to_string(), key: key.to_owned(), problem: problem.into() }
    }

    fn file(path: &Path, problem: impl Into<String>) -> Self {
        Self { place: path.display().to_string(), key: String::new(), problem: problem.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}: {}", self.place, self.problem)
        } else {
            write!(f, "{}: `{}` {}", self.place, self.key, self.problem)
        }
    }
}

/// Everything that is wrong with a configuration, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// One line of what is in force: the key, its value as it would be written, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// Dotted key.
    pub key: &'static str,
    /// The value, or what its absence means.
    pub value: String,
    /// Where it was written.
    pub origin: Origin,
}

/// Where a configuration comes from; kept for the reload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources {
    /// `--config`; the default path where absent, which need not exist.
    pub file: Option<std::path::PathBuf>,
    /// `--set a.b=c`, in order.
    pub overrides: Vec<String>,
}

impl Sources {
    /// Reads, merges and validates; the second part lists every key as it is in force.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub fn load(&self) -> Result<(Settings, Vec<InForce>), ConfigErrors> {
        let (merged, mut errors) = self.merged();
        let settings = settings::validate(&merged, &mut errors);
        if errors.is_empty() { Ok((settings, shown::in_force(&merged))) } else { Err(ConfigErrors(errors)) }
    }

    fn merged(&self) -> (source::Merged, Vec<ConfigError>) {
        let mut errors = Vec::new();
        let mut merged = source::Merged::default();
        match &self.file {
            Some(file) => merged.add_files(file, true, &mut errors),
            None => merged.add_files(Path::new(DEFAULT_PATH), false, &mut errors),
        }
        for text in &self.overrides {
            merged.add_override(text, &mut errors);
        }
        (merged, errors)
    }
}
