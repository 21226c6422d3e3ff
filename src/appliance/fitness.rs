//! Whether this installation may read: its self-test, done in a child, once for each binary, model
//! set and processor; and on what: where a GPU is asked for, its own test, against the processor's answers.
//!
//! No study is claimed, and so no attempt is counted, before the test has passed. Its result is kept in
//! the state folder; a failed one stands until binary, models or processor change.

use super::alarms::{Alarm, Severity};
use super::health::counters::Counters;
use super::reader::child;
use super::reader::protocol::{SelfTestReply, SelfTestRequest};
use super::reading::Programs;
use super::self_test::{self, Kept};
use super::self_test_trend::{self, Tested};
use super::shared::Shared;
use crate::inference::{Device, ModelSet};

/// Said where somebody asks for it and there is none.
const NO_SELF_TEST: &str = "this appliance has no self-test";

/// Whether studies may be read with `models`; tests the installation where nothing is known of it.
pub fn may_read(programs: &Programs, models: &ModelSet, shared: &Shared, go_on: &dyn Fn() -> bool) -> bool {
    if programs.self_test.is_none() {
        return true;
    }
    let made_by = match identity_of_installation(models, Device::Cpu) {
        Ok(made_by) => made_by,
        Err(why) => return could_not(shared, &why).is_ok(),
    };
    match Kept::load(&shared.settings().storage.state_dir, Device::Cpu, &made_by) {
        Some(kept) => conclude(&kept, shared).is_ok(),
        None => test_now(programs, models, shared, go_on).is_ok(),
    }
}

/// What readings are made on: the GPU where one is asked for and its test passed, which is done where nothing is known of it, else the
/// processor.
pub fn device(programs: &Programs, models: &ModelSet, shared: &Shared, go_on: &dyn Fn() -> bool) -> Device {
    let device = shared.settings().reader.device.device();
    // Without a self-test nobody vouches for a GPU.
    if device == Device::Cpu || programs.self_test.is_none() {
        shared.alarms.clear(Alarm::Accelerator);
        return Device::Cpu;
    }
    let Ok(made_by) = identity_of_installation(models, device) else { return Device::Cpu };
    if shared.accelerator.verdict(&made_by).is_none() {
        let kept = Kept::load(&shared.settings().storage.state_dir, device, &made_by);
        judge(kept.map_or_else(|| test(programs, models, device, shared, go_on), Ok), made_by.clone(), device, shared);
    }
    if shared.accelerator.verdict(&made_by) == Some(true) { device } else { Device::Cpu }
}

/// Makes of a GPU's test what is known of it. One that could not be done counts until the next start: a GPU that hangs is not waited for
/// before each study.
fn judge(result: Result<Kept, String>, made_by: String, device: Device, shared: &Shared) {
    // The end of the appliance says nothing of a GPU.
    if shared.stopping() {
        return;
    }
    let problem = match &result {
        Ok(kept) => failures(kept).map(|failures| format!("the self-test on {device} failed: {failures}")),
        Err(reason) => Some(format!("the self-test on {device} could not be done: {reason}")),
    };
    // A problem is logged with its alarm.
    if problem.is_none() {
        log::info!("readings are made on {device}: its self-test passed");
    }
    shared.accelerator.judge(made_by, problem.as_deref(), &shared.alarms);
}

/// Tests the installation now, and the GPU where one is asked for; what came of it, in words.
///
/// # Errors
/// What failed, in words.
pub fn test_now(
    programs: &Programs,
    models: &ModelSet,
    shared: &Shared,
    go_on: &dyn Fn() -> bool,
) -> Result<String, String> {
    if programs.self_test.is_none() {
        return Err(NO_SELF_TEST.to_owned());
    }
    let result = match test(programs, models, Device::Cpu, shared, go_on) {
        Ok(result) => result,
        Err(reason) => return could_not(shared, &reason),
    };
    let said = conclude(&result, shared)?;
    log::info!("{said}");
    let device = shared.settings().reader.device.device();
    if device != Device::Cpu {
        let made_by = identity_of_installation(models, device)?;
        judge(test(programs, models, device, shared, go_on), made_by, device, shared);
    }
    Ok(said)
}

/// Has a child test the networks on `device`, and keeps what it finds, beside what was found before.
fn test(
    programs: &Programs,
    models: &ModelSet,
    device: Device,
    shared: &Shared,
    go_on: &dyn Fn() -> bool,
) -> Result<Kept, String> {
    let result = ask(programs, models, device, shared, go_on);
    // The end of the appliance ends a test, and says nothing of the installation.
    if !shared.stopping() {
        let tested = Tested::now(device, &result);
        if let Err(error) = self_test_trend::add(&shared.settings().storage.state_dir, tested) {
            log::warn!("the self-test is missing among those that are kept: {error}");
        }
        Counters::one(&shared.counters.self_tests);
    }
    result
}

fn ask(
    programs: &Programs,
    models: &ModelSet,
    device: Device,
    shared: &Shared,
    go_on: &dyn Fn() -> bool,
) -> Result<Kept, String> {
    let Some(starter) = &programs.self_test else { return Err(NO_SELF_TEST.to_owned()) };
    let settings = shared.settings();
    let made_by = identity_of_installation(models, device)?;
    let request = SelfTestRequest {
        readable: models.readable_folders(),
        models_dir: models.source().folder(),
        threads: settings.reader.threads,
        phantom: true,
    };
    let program = starter(settings.reader.memory_mib, settings.reader.cpu_secs()).on(device);
    let checks = match child::ask(&program, &request, settings.reader.time_limit, go_on) {
        Ok(SelfTestReply::Done { checks }) => checks,
        Ok(SelfTestReply::Failed { reason }) => return Err(reason),
        Err(error) => return Err(error.to_string()),
    };
    let result = Kept { made_by, checks };
    if let Err(error) = result.save(&settings.storage.state_dir, device) {
        log::warn!("the self-test's result can't be kept, the next start tests again: {error}");
    }
    Ok(result)
}

fn could_not(shared: &Shared, reason: &str) -> Result<String, String> {
    let text = format!("nothing is read: the self-test could not be done: {reason}");
    shared.alarms.raise(Alarm::SelfTest, Severity::Critical, &text);
    Err(text)
}

fn conclude(result: &Kept, shared: &Shared) -> Result<String, String> {
    let Some(failures) = failures(result) else {
        shared.alarms.clear(Alarm::SelfTest);
        return Ok(format!("the self-test passed: {} checks", result.checks.len()));
    };
    let text = format!("nothing is read until models or program are installed again: the self-test failed: {failures}");
    shared.alarms.raise(Alarm::SelfTest, Severity::Critical, &text);
    Err(text)
}

/// The checks that failed, in words; `None` where none did.
fn failures(result: &Kept) -> Option<String> {
    let failed = result.checks.iter().filter(|check| !check.passed());
    let failed: Vec<String> =
        failed.map(|check| format!("{}: {:.2}, at most {:.1}", check.name, check.value, check.max)).collect();
    (!failed.is_empty()).then(|| failed.join("; "))
}

fn identity_of_installation(models: &ModelSet, device: Device) -> Result<String, String> {
    // The manifest's hash holds those of the files, and what the manifest says of how they are used.
    self_test::made_by(models.sha256(), device).map_err(|e| format!("this program's own file can't be read: {e}"))
}
