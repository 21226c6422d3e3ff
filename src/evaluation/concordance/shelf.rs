//! The readings, one for each study, and which of them a text belongs to.
//!
//! A text is joined by its id alone: nothing else in it is looked at. An id that fits two studies fits none.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::reading::Reading;
use crate::export::DeviceKey;

/// Readings that are held.
pub const READINGS_MAX: usize = 500_000;
/// Longest id of a text that is looked for, bytes.
const ID_BYTES_MAX: usize = 4096;

/// What became of a reading that was put on the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is the first of its study.
    First,
    /// It is a copy of one that is there: equal `report_id`.
    Copy,
    /// Of two of its study the one with the higher revision, then the later one, stays.
    Chosen {
        /// The `report_id` that counts, and its revision.
        counts: (String, u32),
        /// The `report_id` that does not, and its revision.
        left: (String, u32),
    },
    /// There are [`READINGS_MAX`] already.
    Full,
}

/// What an id fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// No reading.
    None,
    /// This one.
    One(usize),
    /// So many: which of them is not known.
    Several(usize),
}

/// The readings.
#[derive(Debug, Default)]
pub struct Shelf {
    readings: Vec<Reading>,
    by_study: BTreeMap<Box<str>, usize>,
    /// Accession keys, names of folders and stems of files, each with the studies that it may mean.
    by_other: BTreeMap<Box<str>, Vec<usize>>,
    /// Readings that gave way to another of their study.
    pub superseded: usize,
}

impl Shelf {
    /// Puts `reading` on the shelf; `name` is that of its folder, or its file's stem.
    pub fn put(&mut self, reading: Reading, name: Option<&str>) -> Put {
        let accession = reading.accession_key.clone();
        let (index, put) = match self.by_study.entry(reading.study_key.clone()) {
            Entry::Vacant(_) if self.readings.len() >= READINGS_MAX => return Put::Full,
            Entry::Vacant(place) => {
                place.insert(self.readings.len());
                self.readings.push(reading);
                (self.readings.len() - 1, Put::First)
            }
            Entry::Occupied(place) => {
                let index = *place.get();
                let Some(there) = self.readings.get_mut(index) else { return Put::Full };
                (index, choose(there, reading))
            }
        };
        self.superseded += usize::from(matches!(put, Put::Chosen { .. }));
        for key in accession.into_iter().chain(name.filter(|name| !name.is_empty()).map(Into::into)) {
            let studies = self.by_other.entry(key).or_default();
            if !studies.contains(&index) {
                studies.push(index);
            }
        }
        put
    }

    /// The reading of the text of this id. `key` is that under which the readings' hashes were made.
    #[must_use]
    pub fn find(&self, id: &str, key: &DeviceKey) -> Fit {
        let id = id.trim();
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            return Fit::None;
        }
        let hashes = [Some(key.study_key(id)), key.accession_key(id)];
        let mut found: Vec<usize> = Vec::new();
        for id in std::iter::once(id).chain(hashes.iter().flatten().map(String::as_str)) {
            found.extend(self.by_study.get(id));
            found.extend(self.by_other.get(id).into_iter().flatten());
        }
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [] => Fit::None,
            [one] => Fit::One(*one),
            several => Fit::Several(several.len()),
        }
    }

    /// The reading that [`Shelf::find`] found.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Reading> {
        self.readings.get(index)
    }

    /// All of them, one for each study.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }
}

/// Leaves in `there` the one that counts.
fn choose(there: &mut Reading, other: Reading) -> Put {
    if there.report_id == other.report_id && there.revision == other.revision {
        return Put::Copy;
    }
    let named = |reading: &Reading| (reading.report_id.to_string(), reading.revision);
    let left = if (other.revision, other.produced_at) > (there.revision, there.produced_at) {
        std::mem::replace(there, other)
    } else {
        other
    };
    Put::Chosen { counts: named(there), left: named(&left) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const KEY: DeviceKey = DeviceKey::new([3; DeviceKey::BYTES]);

    fn reading(study: &str, report: &str, revision: u32, day: u8, accession: Option<&str>) -> Reading {
        Reading {
            study_key: study.into(),
            accession_key: accession.map(Into::into),
            report_id: report.into(),
            revision,
            produced_at: format!("2026-01-{day:02}T00:00:00Z").parse().unwrap(),
            is_refused: false,
            unknown_levels: 0,
            levels: Vec::new(),
        }
    }

    #[test]
    fn an_id_fits_by_key_hash_folder_and_never_two_studies() {
        let mut shelf = Shelf::default();
        let hash = KEY.accession_key("A-1").unwrap();
        shelf.put(reading(&KEY.study_key("1.2.3"), "a", 1, 1, Some(&hash)), Some("folder"));
        shelf.put(reading("s2", "b", 1, 1, None), Some("folder"));
        shelf.put(reading("s3", "c", 1, 1, None), Some("other"));
        for id in ["1.2.3", "A-1", " A-1 ", &hash] {
            assert_eq!(shelf.find(id, &KEY), Fit::One(0), "{id}");
        }
        assert_eq!((shelf.find("s2", &KEY), shelf.find("other", &KEY)), (Fit::One(1), Fit::One(2)));
        assert_eq!(shelf.find("folder", &KEY), Fit::Several(2));
        assert_eq!(shelf.find("A-1", &DeviceKey::new([4; DeviceKey::BYTES])), Fit::None);
        assert_eq!((shelf.find("", &KEY), shelf.find(&"x".repeat(5000), &KEY)), (Fit::None, Fit::None));
    }

    #[test]
    fn the_higher_revision_counts_then_the_later_one() {
        let mut shelf = Shelf::default();
        assert_eq!(shelf.put(reading("s", "a", 1, 5, None), Some("old")), Put::First);
        let chosen = |counts: (&str, u32), left: (&str, u32)| Put::Chosen {
            counts: (counts.0.to_owned(), counts.1),
            left: (left.0.to_owned(), left.1),
        };
        assert_eq!(shelf.put(reading("s", "b", 2, 1, None), None), chosen(("b", 2), ("a", 1)));
        assert_eq!(shelf.put(reading("s", "c", 2, 2, None), None), chosen(("c", 2), ("b", 2)));
        assert_eq!(shelf.put(reading("s", "d", 1, 9, None), None), chosen(("c", 2), ("d", 1)));
        assert_eq!(shelf.put(reading("s", "c", 2, 2, None), None), Put::Copy);
        assert_eq!((shelf.readings().len(), shelf.superseded), (1, 3));
        assert_eq!(shelf.find("old", &KEY), Fit::One(0), "the folder of an older reading is its study's");
    }
}
