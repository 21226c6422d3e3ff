//! What the promises share: where the data lie, and how a test says that it was skipped.

use std::path::{Path, PathBuf};

/// The folder of shared data: `DEEPSPINE_DATA`, else `../shared/data` beside the crate; `None` where absent.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let folder = std::env::var_os("DEEPSPINE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Says that test `name` was skipped and why; the runner of all tests counts these lines.
pub(crate) fn skipped(name: &str, why: &str) {
    eprintln!("SKIPPED {name}: {why}");
}

// A test file that needs only one of them is no reason to warn of the other.
const _: fn() -> Option<PathBuf> = shared_data;
const _: fn(&str, &str) = skipped;
