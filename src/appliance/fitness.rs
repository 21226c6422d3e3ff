//! Whether this installation may read: its self-test, done in a child, once for each binary, model
//! set and processor.
//!
//! No study is claimed, and so no attempt is counted, before the test has passed. Its result is kept in
//! the state folder; a failed one stands until binary, models or processor change.

use super::config::Settings;
use super::reader::child;
use super::reader::protocol::{SelfTestReply, SelfTestRequest};
use super::reading::Programs;
use super::self_test::{self, Kept};
use crate::inference::{ModelSet, ModelSource};

/// Whether studies may be read; tests the installation where nothing is known of it.
pub fn may_read(programs: &Programs, models: &ModelSource, settings: &Settings, go_on: &dyn Fn() -> bool) -> bool {
    let Some(starter) = &programs.self_test else { return true };
    let made_by = match identity_of_installation(models) {
        Ok(made_by) => made_by,
        Err(why) => {
            log::error!("nothing can be read: {why}");
            return false;
        }
    };
    if let Some(kept) = Kept::load(&settings.storage.state_dir, &made_by) {
        return kept.passed();
    }
    let request = SelfTestRequest { models_dir: models.folder(), threads: settings.reader.threads };
    let program = starter(settings.reader.memory_mib, settings.reader.cpu_secs());
    match child::ask(&program, &request, settings.reader.time_limit, go_on) {
        Ok(SelfTestReply::Done { checks }) => conclude(Kept { made_by, checks }, settings),
        Ok(SelfTestReply::Failed { reason }) => {
            log::error!("nothing is read: the self-test could not be done: {reason}");
            false
        }
        Err(error) => {
            log::error!("nothing is read: the self-test could not be done: {error}");
            false
        }
    }
}

fn conclude(result: Kept, settings: &Settings) -> bool {
    if let Err(error) = result.save(&settings.storage.state_dir) {
        log::warn!("the self-test's result can't be kept, the next start tests again: {error}");
    }
    if result.passed() {
        log::info!("the self-test passed");
    } else {
        for check in result.checks.iter().filter(|check| !check.passed()) {
            log::error!("the self-test failed: {}: {:.2}, at most {:.1}", check.name, check.value, check.max);
        }
        log::error!("nothing is read until the model set or the program is installed again");
    }
    result.passed()
}

fn identity_of_installation(models: &ModelSource) -> Result<String, String> {
    let set = ModelSet::open(models).map_err(|e| e.to_string())?;
    let hashes: String = set.manifest().model.iter().map(|model| model.sha256.as_str()).collect();
    self_test::made_by(&hashes).map_err(|e| e.to_string())
}
