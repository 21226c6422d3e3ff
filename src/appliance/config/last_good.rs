//! The last configuration that worked, kept in the state folder.
//!
//! A configuration broken at night must not end an appliance that nobody looks at: where the files are
//! wrong at a start, what worked last is used, and an alarm says so until they are right again.

use std::io;
use std::path::{Path, PathBuf};

use super::source::{Merged, Origin};
use super::{ConfigErrors, Settings, Sources, settings};
use crate::export::write_private;

/// Name of the kept configuration in the state folder.
const FILE_NAME: &str = "last-good-config.toml";
/// The service's state folder, as systemd tells it (systemd.exec(5)).
const STATE_DIR_VARIABLE: &str = "STATE_DIRECTORY";

/// What a start uses.
#[derive(Debug)]
pub struct Start {
    /// The settings.
    pub settings: Settings,
    /// What is wrong with the files, where the settings are those that worked last.
    pub fallen_back: Option<ConfigErrors>,
}

impl Sources {
    /// The configuration, or where that is wrong the one that worked last.
    ///
    /// # Errors
    /// Everything that is wrong, where none ever worked.
    pub fn load_for_start(&self) -> Result<Start, ConfigErrors> {
        let (merged, mut errors) = self.merged();
        let settings = settings::validate(&merged, &mut errors);
        if errors.is_empty() {
            return Ok(Start { settings, fallen_back: None });
        }
        let errors = ConfigErrors(errors);
        match self.last_good(&state_dir(&merged)) {
            Some(settings) => Ok(Start { settings, fallen_back: Some(errors) }),
            None => Err(errors),
        }
    }

    fn last_good(&self, state_dir: &Path) -> Option<Settings> {
        let (mut kept, mut errors) = (Merged::default(), Vec::new());
        kept.add_file(&state_dir.join(FILE_NAME), &mut errors);
        for text in &self.overrides {
            kept.add_override(text, &mut errors);
        }
        let settings = settings::validate(&kept, &mut errors);
        errors.is_empty().then_some(settings)
    }

    /// Keeps the files' entries as the configuration that worked last.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep_as_last_good(&self, state_dir: &Path) -> io::Result<()> {
        let (merged, errors) = self.merged();
        let path = state_dir.join(FILE_NAME);
        let text = merged.to_toml(|origin| *origin != Origin::CommandLine);
        // Written only when it changed: a start costs no write then.
        if !errors.is_empty() || std::fs::read_to_string(&path).is_ok_and(|kept| kept == text) {
            return Ok(());
        }
        write_private(&path, text.as_bytes())
    }
}

/// The state folder as far as a wrong configuration still tells it.
fn state_dir(merged: &Merged) -> PathBuf {
    let from_service = || std::env::var_os(STATE_DIR_VARIABLE).map(PathBuf::from);
    merged.text("storage.state-dir").map(PathBuf::from).or_else(from_service).unwrap_or_else(|| {
        let defaults = settings::validate(&Merged::default(), &mut Vec::new());
        defaults.storage.state_dir
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn sources(dir: &Path, text: &str) -> Sources {
        let file = dir.join("config.toml");
        std::fs::write(&file, text).unwrap();
        Sources { file: Some(file), overrides: vec![format!("storage.state-dir={}", dir.display())] }
    }

    #[test]
    fn a_broken_configuration_falls_back_to_the_last_that_worked() {
        let dir = tempfile::tempdir().unwrap();
        let good = sources(dir.path(), "[ingest]\nfolder = \"/tmp/\\u00fc \\\"x\\\"\"\nwanted = [\"sag-t1\"]\n");
        let worked = good.load_for_start().unwrap();
        assert!(worked.fallen_back.is_none());
        good.keep_as_last_good(dir.path()).unwrap();

        let broken = sources(dir.path(), "[ingest\nfolder = ");
        let start = broken.load_for_start().unwrap();
        assert_eq!(start.settings, worked.settings);
        assert!(start.fallen_back.unwrap().to_string().contains("config.toml:1"));
        // What is wrong is never kept.
        broken.keep_as_last_good(dir.path()).unwrap();
        assert!(broken.load_for_start().unwrap().fallen_back.is_some());
    }

    #[test]
    fn where_none_ever_worked_the_start_fails() {
        let dir = tempfile::tempdir().unwrap();
        assert!(sources(dir.path(), "no-such-key = 1\n").load_for_start().is_err());
    }
}
