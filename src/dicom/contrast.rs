//! Whether CSF is bright: to come.
use crate::analysis::volume::Volume;
pub(super) fn bright_csf(_volume: &Volume) -> Option<bool> {
    None
}
