//! What is wrong with the export folder, each said once when it begins and once when it ends.
//!
//! Folders below it are not named: exports name them after patients.

use super::bell::FOLDERS_MAX;
use super::listing::{DEPTH_MAX, ENTRIES_MAX, Walked};
use super::watch::KNOWN_MAX;

/// The conditions that were said and have not ended.
#[derive(Debug, Default)]
pub(super) struct Said {
    unreadable: usize,
    too_deep: bool,
    cut_short: bool,
    full: bool,
    unwatched: bool,
}

impl Said {
    /// Says what is new about the last listing.
    pub(super) fn about(&mut self, walked: &Walked, full: bool, unwatched: bool) {
        let unreadable = walked.unreadable.len();
        if unreadable != self.unreadable {
            match unreadable {
                0 => log::info!("every folder below the export folder can be read again"),
                n => log::warn!(
                    "{n} of the folders below the export folder can't be read; what lies in them waits, the rest goes on"
                ),
            }
        }
        if walked.too_deep && !self.too_deep {
            log::warn!("what lies more than {DEPTH_MAX} folders below the export folder is not looked at");
        }
        if walked.cut_short && !self.cut_short {
            log::warn!("the export folder holds more than {ENTRIES_MAX} entries; not all are looked at");
        }
        if full && !self.full {
            log::error!("the export folder holds more than {KNOWN_MAX} files; new ones wait until others are removed");
        }
        if unwatched && !self.unwatched {
            log::info!(
                "not every change in the export folder is heard at once (another machine may write to it, or it has more \
                 than {FOLDERS_MAX} folders); it is looked at regularly instead"
            );
        }
        *self = Self { unreadable, too_deep: walked.too_deep, cut_short: walked.cut_short, full, unwatched };
    }
}
