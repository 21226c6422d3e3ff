//! Whether this installation may read: its self-test, done in a child, once for each binary, model
//! set and processor.
//!
//! No study is claimed, and so no attempt is counted, before the test has passed. Its result is kept in
//! the state folder; a failed one stands until binary, models or processor change.

use super::alarms::{Alarm, Severity};
use super::reader::child;
use super::reader::protocol::{SelfTestReply, SelfTestRequest};
use super::reading::Programs;
use super::self_test::{self, Kept};
use super::shared::Shared;
use crate::inference::ModelSet;

/// Whether studies may be read with `models`; tests the installation where nothing is known of it.
pub fn may_read(programs: &Programs, models: &ModelSet, shared: &Shared, go_on: &dyn Fn() -> bool) -> bool {
    if programs.self_test.is_none() {
        return true;
    }
    let made_by = match identity_of_installation(models) {
        Ok(made_by) => made_by,
        Err(why) => return could_not(shared, &why).is_ok(),
    };
    match Kept::load(&shared.settings().storage.state_dir, &made_by) {
        Some(kept) => conclude(&kept, shared).is_ok(),
        None => test_now(programs, models, shared, go_on).is_ok(),
    }
}

/// Tests the installation now; what came of it, in words.
///
/// # Errors
/// What failed, in words.
pub fn test_now(
    programs: &Programs,
    models: &ModelSet,
    shared: &Shared,
    go_on: &dyn Fn() -> bool,
) -> Result<String, String> {
    let Some(starter) = &programs.self_test else { return Err("this appliance has no self-test".to_owned()) };
    let settings = shared.settings();
    let made_by = identity_of_installation(models)?;
    let request = SelfTestRequest {
        readable: models.readable_folders(),
        models_dir: models.source().folder(),
        threads: settings.reader.threads,
        phantom: true,
    };
    let program = starter(settings.reader.memory_mib, settings.reader.cpu_secs());
    let checks = match child::ask(&program, &request, settings.reader.time_limit, go_on) {
        Ok(SelfTestReply::Done { checks }) => checks,
        Ok(SelfTestReply::Failed { reason }) => return could_not(shared, &reason),
        Err(error) => return could_not(shared, &error.to_string()),
    };
    let result = Kept { made_by, checks };
    if let Err(error) = result.save(&settings.storage.state_dir) {
        log::warn!("the self-test's result can't be kept, the next start tests again: {error}");
    }
    let said = conclude(&result, shared)?;
    log::info!("{said}");
    Ok(said)
}

fn could_not(shared: &Shared, reason: &str) -> Result<String, String> {
    let text = format!("nothing is read: the self-test could not be done: {reason}");
    shared.alarms.raise(Alarm::SelfTest, Severity::Critical, &text);
    Err(text)
}

fn conclude(result: &Kept, shared: &Shared) -> Result<String, String> {
    let failed = result.checks.iter().filter(|check| !check.passed());
    let failed: Vec<String> =
        failed.map(|check| format!("{}: {:.2}, at most {:.1}", check.name, check.value, check.max)).collect();
    if failed.is_empty() {
        shared.alarms.clear(Alarm::SelfTest);
        return Ok(format!("the self-test passed: {} checks", result.checks.len()));
    }
    let text = format!(
        "nothing is read until models or program are installed again: the self-test failed: {}",
        failed.join("; ")
    );
    shared.alarms.raise(Alarm::SelfTest, Severity::Critical, &text);
    Err(text)
}

fn identity_of_installation(models: &ModelSet) -> Result<String, String> {
    // The manifest's hash holds those of the files, and what the manifest says of how they are used.
    self_test::made_by(models.sha256()).map_err(|e| format!("this program's own file can't be read: {e}"))
}
