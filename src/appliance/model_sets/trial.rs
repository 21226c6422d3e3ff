//! The test of a set before it is in force: in a child, shut in as any that opens what comes from outside.

use std::time::Duration;

use super::ModelSetError;
use crate::appliance::reader::child::{self, ChildError, Program};
use crate::appliance::reader::protocol::{SelfTestReply, SelfTestRequest};
use crate::appliance::self_test::Check;
use crate::inference::ModelSet;

/// Memory of the child, MiB: what a reading has by default.
const MEMORY_MIB: u64 = 512;
/// How long it may take: as long as a reading by default.
const TIME_LIMIT: Duration = Duration::from_secs(300);
/// CPU time of all its threads together, seconds.
const CPU_SECS: u64 = 1200;

/// Loads every network of `set` and runs it once; `with_phantom` a phantom is read as well, and what was held against its truth given.
///
/// # Errors
/// [`ModelSetError::Wrong`] where a network can't be used or a check fails, [`ModelSetError::Untested`] where no child could be started.
pub fn try_out(set: &ModelSet, with_phantom: bool) -> Result<Vec<Check>, ModelSetError> {
    let request = SelfTestRequest {
        readable: set.readable_folders(),
        models_dir: set.source().folder(),
        threads: 0,
        phantom: with_phantom,
    };
    let program = Program::this_binary("child-self-test", MEMORY_MIB, CPU_SECS);
    let wrong = |what: String| ModelSetError::Wrong { path: set.folder().to_path_buf(), what };
    let checks = match child::ask(&program, &request, TIME_LIMIT, &|| true) {
        Ok(SelfTestReply::Done { checks }) => checks,
        Ok(SelfTestReply::Failed { reason }) => return Err(wrong(reason)),
        Err(error @ (ChildError::Start(_) | ChildError::Stopped)) => return Err(ModelSetError::Untested(error)),
        // What ends or holds up the child is what it was given.
        Err(error) => return Err(wrong(format!("the networks could not be tested: {error}"))),
    };
    let failed: Vec<String> = checks.iter().filter(|check| !check.passed()).map(in_words).collect();
    if failed.is_empty() {
        return Ok(checks);
    }
    Err(wrong(format!("the self-test on a phantom failed: {}", failed.join("; "))))
}

/// A check as people read it.
#[must_use]
pub fn in_words(check: &Check) -> String {
    format!("{}: {:.2}, at most {:.1}", check.name, check.value, check.max)
}
