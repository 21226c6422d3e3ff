//! The journal made true again from the bundles: each was durable before its report was committed.
//!
//! A journal that was lost or damaged begins empty; one that lost its last transactions knows less than the
//! folder. Either way a bundle that the journal does not know holds a report that may have been promised:
//! it is committed again, under the same id and revision, and sent again unless it was delivered.

use std::path::{Path, PathBuf};

use super::alarms::{Alarm, Severity};
use super::bundles;
use super::identity::DeviceKey;
use super::journal::{Beginning, Journal, JournalError};
use super::pacs;
use super::shared::Shared;
use crate::export::{BUNDLE_SUFFIX, Bundle};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// Reports that the journal did not know.
    pub reports: u64,
    /// Those of them that are sent again.
    pub undelivered: u64,
    /// Bundles that can't be read and stay where they are.
    pub unreadable: u64,
}

/// A bundle that the journal does not know.
struct Unknown {
    path: PathBuf,
    study_key: String,
    revision: u32,
    delivered: bool,
}

/// Commits again what the journal does not know. `alive` is called now and then; it may say to stop, and the
/// next start goes on.
///
/// # Errors
/// As the journal gives them.
pub fn restore(
    shared: &Shared,
    journal: &Journal,
    key: &DeviceKey,
    beginning: &Beginning,
    alive: &dyn Fn() -> bool,
) -> Result<Restored, JournalError> {
    let mut restored = Restored::default();
    let state_dir = shared.settings().storage.state_dir.clone();
    let Some(mut unknown) = unknown_in(&state_dir, false, journal, alive, &mut restored)? else { return Ok(restored) };
    if matches!(beginning, Beginning::ToRebuild(_)) {
        let Some(delivered) = unknown_in(&state_dir, true, journal, alive, &mut restored)? else { return Ok(restored) };
        unknown.extend(delivered);
    }
    // In the order in which each study's reports were made; the journal takes no older one after a newer.
    unknown.sort_by(|a, b| (&a.study_key, a.revision).cmp(&(&b.study_key, b.revision)));
    for one in unknown {
        if !alive() {
            return Ok(restored);
        }
        take_up(shared, journal, key, &one, &mut restored)?;
    }
    journal.rebuilt()?;
    if restored.reports > 0 || matches!(beginning, Beginning::ToRebuild(Some(_))) {
        // Which alarms a broker holds is not known any more: each is said to be over that is.
        let all: String = Alarm::ALL.into_iter().map(|alarm| format!("{}\n", alarm.name())).collect();
        journal.keep_alarms_told(&all)?;
    }
    tell(shared, beginning, restored);
    Ok(restored)
}

/// The bundles, of reports that were delivered or of others, whose reports the journal does not know; `None` where
/// it was broken off. One that the journal knows to be delivered is put with those.
fn unknown_in(
    state_dir: &Path,
    delivered: bool,
    journal: &Journal,
    alive: &dyn Fn() -> bool,
    restored: &mut Restored,
) -> Result<Option<Vec<Unknown>>, JournalError> {
    let mut unknown = Vec::new();
    for path in listed(&if delivered { bundles::delivered_dir(state_dir) } else { bundles::kept_dir(state_dir) }) {
        if !alive() {
            return Ok(None);
        }
        let report_id = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        match journal.report_delivered(&report_id)? {
            Some(true) if !delivered => bundles::mark_delivered(state_dir, &format!("{report_id}{BUNDLE_SUFFIX}")),
            Some(_) => {}
            None => unknown.extend(read(&path, restored).map(|bundle| Unknown {
                study_key: bundle.study_key().to_owned(),
                revision: bundle.report.revision,
                path,
                delivered,
            })),
        }
    }
    Ok(Some(unknown))
}

fn read(path: &Path, restored: &mut Restored) -> Option<Bundle> {
    Bundle::read(path)
        .inspect_err(|error| {
            log::error!("a report can't be restored: {error}");
            restored.unreadable += 1;
        })
        .ok()
}

fn take_up(
    shared: &Shared,
    journal: &Journal,
    key: &DeviceKey,
    unknown: &Unknown,
    restored: &mut Restored,
) -> Result<(), JournalError> {
    // Read again rather than kept: of many bundles only one is in memory at a time.
    let Some(bundle) = read(&unknown.path, restored) else { return Ok(()) };
    let (mut report, messages) = bundles::to_commit(&bundle, &unknown.path, key);
    // What the archive has is not known any more; what it gets twice is the same object.
    report.objects = pacs::wanted(&shared.settings());
    let messages = if unknown.delivered { Vec::new() } else { messages };
    if journal.restore_report(report, unknown.delivered, messages)? {
        restored.reports += 1;
        restored.undelivered += u64::from(!unknown.delivered);
    } else if !unknown.delivered {
        // It was overtaken before it was committed: nobody was promised it.
        remove(&unknown.path);
    }
    Ok(())
}

fn listed(dir: &Path) -> Vec<PathBuf> {
    let Ok(listing) = std::fs::read_dir(dir) else { return Vec::new() };
    listing.flatten().map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with(BUNDLE_SUFFIX)).collect()
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        log::warn!("a bundle that is not needed stays in the way: {error}");
    }
}

fn tell(shared: &Shared, beginning: &Beginning, restored: Restored) {
    let Restored { reports, undelivered, unreadable } = restored;
    let what = match beginning {
        Beginning::ToRebuild(Some(damage)) => format!("was damaged ({damage}) and set aside"),
        Beginning::ToRebuild(None) if reports > 0 => "was gone".to_owned(),
        _ if reports > 0 => "lacked its last reports".to_owned(),
        // A first start.
        _ => return,
    };
    let text = format!(
        "the journal {what}; {reports} reports were restored from their bundles, {undelivered} of them are sent (again); {unreadable} bundles can't be read. Check the disk; restart ends this alarm"
    );
    shared.alarms.raise(Alarm::Journal, Severity::Major, &text);
}
