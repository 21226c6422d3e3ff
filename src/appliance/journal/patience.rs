//! What a caller does while the machine is at fault: no room on the disk, an I/O error.

use super::JournalError;

/// Decides whether what failed is tried again, and waits in between.
pub trait Patience: Send + Sync {
    /// Called after an error that may pass, on the thread that wanted something; waits a while and says
    /// whether to try again.
    fn go_on_after(&self, error: &JournalError) -> bool;

    /// What failed before has worked now.
    fn over(&self);
}
