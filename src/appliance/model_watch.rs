//! Which model set is in force: looked at again and again, so that one that was installed meanwhile is taken up without a restart.
//!
//! A set is taken up whole or not at all: only once its manifest can be used and every file is the one that it names. Until then the
//! one before stays, as long as its files are there. Whoever reads a study asks once, and reads with that set to the end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::alarms::{Alarm, Alarms, Severity};
use crate::inference::{InferenceError, ModelEntry, ModelSet, ModelSource};

/// The set in force, as it was last seen.
#[derive(Debug, Default)]
pub struct ModelWatch {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    set: Option<ModelSet>,
    changes: u32,
}

impl ModelWatch {
    /// The set that is to be read with now. Where it is another than before it is taken up, and where that is not possible the one
    /// before stays; the alarm says so.
    ///
    /// # Errors
    /// Why there is none that can be read with.
    pub fn look(&self, source: &ModelSource, alarms: &Alarms) -> Result<ModelSet, InferenceError> {
        let mut seen = self.lock();
        let problem = match ModelSet::open(source) {
            Ok(set) if seen.set.as_ref().is_some_and(|known| is_same(known, &set)) => {
                alarms.clear(Alarm::Models);
                return Ok(set);
            }
            Ok(set) => match set.verify_files() {
                Ok(()) => {
                    log::info!("the model set in {} is in force: {}", set.folder().display(), names(&set));
                    alarms.clear(Alarm::Models);
                    seen.set = Some(set.clone());
                    seen.changes = seen.changes.wrapping_add(1);
                    return Ok(set);
                }
                Err(problem) => problem,
            },
            Err(problem) => problem,
        };
        if let Some(before) = seen.set.as_ref().filter(|set| set.is_still_there()) {
            let text = format!("the set before it stays in force, because a model set can't be used: {problem}");
            alarms.raise(Alarm::Models, Severity::Major, &text);
            return Ok(before.clone());
        }
        alarms.raise(Alarm::Models, Severity::Critical, &format!("no study can be read: {problem}"));
        if seen.set.take().is_some() {
            seen.changes = seen.changes.wrapping_add(1);
        }
        Err(problem)
    }

    /// The models as `twin/models` tells them, and how often that has changed; none where no set is in force.
    #[must_use]
    pub fn told(&self) -> (Value, u32) {
        let seen = self.lock();
        let entries = seen.set.iter().flat_map(|set| set.manifest().model.iter().map(ModelEntry::model_use));
        let told = entries
            .map(|m| json!({ "name": m.name, "version": m.version, "sha256": m.sha256, "terms": m.terms }))
            .collect();
        (told, seen.changes)
    }

    /// How often the set in force has changed.
    #[must_use]
    pub fn changes(&self) -> u32 {
        self.lock().changes
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // What is guarded is whole at every moment.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing that a reading needs has changed from one look to the other.
fn is_same(known: &ModelSet, set: &ModelSet) -> bool {
    known.sha256() == set.sha256() && known.folder() == set.folder()
}

fn names(set: &ModelSet) -> String {
    let names = set.manifest().model.iter().map(|m| format!("{} {}", m.name, m.version));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    /// A set of one network whose file holds "abc"; its `version` is all that differs.
    fn set_in(folder: &Path, version: &str) {
        let manifest = format!(
            "[[model]]\nname = \"segmentation\"\nversion = \"{version}\"\nfile = \"net.onnx\"\n\
             sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\nterms = \"test\"\n\
             classes = [\"0\", \"1\", \"2\", \"3\", \"4\", \"5\"]\n\
             input = {{ pixel_mm = 1.0, size_multiple = 32, percentiles = [0.5, 99.5] }}\n"
        );
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("manifest.toml"), manifest).unwrap();
        fs::write(folder.join("net.onnx"), "abc").unwrap();
    }

    fn version(set: &ModelSet) -> &str {
        &set.manifest().model[0].version
    }

    #[test]
    fn another_set_is_taken_up_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two, link) = (dir.path().join("1"), dir.path().join("2"), dir.path().join("models"));
        set_in(&one, "1");
        set_in(&two, "2");
        symlink(&one, &link).unwrap();
        let (watch, alarms, source) = (ModelWatch::default(), Alarms::default(), ModelSource::Folder(link.clone()));
        assert_eq!(version(&watch.look(&source, &alarms).unwrap()), "1");
        fs::write(two.join("net.onnx"), "abd").unwrap();
        fs::remove_file(&link).unwrap();
        symlink(&two, &link).unwrap();
        assert_eq!(version(&watch.look(&source, &alarms).unwrap()), "1");
        assert!(alarms.get(Alarm::Models).0.is_some_and(|raised| raised.text.contains("stays in force")));
        assert_eq!(watch.changes(), 1);
        fs::write(two.join("net.onnx"), "abc").unwrap();
        assert_eq!(version(&watch.look(&source, &alarms).unwrap()), "2");
        assert!(alarms.get(Alarm::Models).0.is_none());
        assert_eq!((watch.changes(), &watch.told().0[0]["version"]), (2, &json!("2")));
    }

    #[test]
    fn without_any_set_nothing_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("models");
        set_in(&folder, "1");
        let (watch, alarms, source) = (ModelWatch::default(), Alarms::default(), ModelSource::Folder(folder.clone()));
        assert!(watch.look(&source, &alarms).is_ok());
        fs::remove_dir_all(&folder).unwrap();
        assert!(watch.look(&source, &alarms).is_err());
        assert_eq!(watch.told(), (json!([]), 2));
        assert!(alarms.get(Alarm::Models).0.is_some_and(|raised| raised.severity == Severity::Critical));
    }
}
