//! What is known of a set of studies: `deepspine.truth/1`, JSON, described by `schemas/truth-1.schema.json`.
//!
//! Grades may also be a table ([`table`]). A truth file may be anybody's: it is bounded, unknown keys are refused, and every error names
//! the file and the key.
//! Masks and phantoms' truths are files beside it that are opened when their study is judged, not before.

pub mod grades;
mod table;

use super::lines::TableError;
use crate::spine::{Vec3, Vertebra};
use grades::{TrueGrade, TrueMeasurement};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The name of this format and its version.
pub const TRUTH_SCHEMA: &str = "deepspine.truth/1";
/// Bytes of a truth file.
pub const TRUTH_BYTES_MAX: u64 = 64 << 20;
/// Studies of a set.
pub const STUDIES_MAX: usize = 20_000;
/// Masks of a study.
pub const MASKS_MAX: usize = 1024;
/// Grades of a study, and measurements of it.
pub const GRADES_MAX: usize = 1024;
/// Characters of a name, a subject or a group.
pub const NAME_CHARS_MAX: usize = 64;
/// Characters of the sentence about the data, and of a path.
pub const TEXT_CHARS_MAX: usize = 2000;
/// Polygons of a vertebra.
pub const POLYGONS_MAX: usize = 16;
/// Points of a polygon.
pub const POLYGON_POINTS_MAX: usize = 4096;
/// Furthest that a polygon's point may lie from the first pixel, in pixels; a position from the origin, in mm.
const FURTHEST: f64 = 10_000.0;
/// Discs that anybody's spine has.
const DISCS_MAX: usize = 26;
/// How a file of truths is called that is a table.
const TABLE_SUFFIX: &str = "csv";
/// What the name of a set is made of.
pub(super) const SET_NAME: &str = "1 to 64 letters, digits, `-`, `_` or `.`";

/// Why a truth file can't be used, and what to do.
#[derive(Debug, Error)]
pub enum TruthError {
    /// The file can't be read.
    #[error("can't read {}: {source}; name a truth file", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is larger than any truth.
    #[error("{} has more than the {TRUTH_BYTES_MAX} bytes of a truth file; split the set", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not JSON, has an unknown or missing key, or a value of the wrong type.
    #[error("{} is no {TRUTH_SCHEMA}: {reason}; the format is in docs/evaluation.md", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Which key or place, and what is wrong.
        reason: serde_json::Error,
    },
    /// A value is not possible.
    #[error("{}: `{key}` {reason}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key, such as `studies[3].vertebrae.L9`.
        key: String,
        /// What is wrong and what it may be.
        reason: String,
    },
    /// A table of truths can't be used.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// What a value in a mask stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskClass {
    /// Neither.
    Background,
    /// A vertebra, body and posterior elements in one.
    Vertebra,
    /// A vertebral body, S1 apart.
    Body,
    /// Pedicles, laminae, facets and processes.
    Posterior,
    /// An intervertebral disc.
    Disc,
    /// The spinal canal.
    Canal,
    /// The body of S1.
    Sacrum,
    /// Nobody looked here: left out of every figure.
    Unlabelled,
}

/// Outlines of vertebral bodies in one slice.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outlines {
    /// SOP Instance UID of the slice.
    pub instance: String,
    /// By vertebra, polygons of `[column, row]` in pixels.
    pub vertebrae: BTreeMap<String, Vec<Vec<[f64; 2]>>>,
}

/// What is known of one study; each key is optional, and one at least is there.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TruthStudy {
    /// Folder, file or archive of the study, from the truth file's folder.
    pub path: PathBuf,
    /// Whose it is: intervals are by subject.
    pub subject: String,
    /// Figures are also given by group, such as `T1`.
    #[serde(default)]
    pub group: String,
    /// A label map (8-bit PNG, anterior left, head up) by SOP Instance UID.
    #[serde(default)]
    pub masks: BTreeMap<String, PathBuf>,
    /// Centres of vertebral bodies in view by name, LPS mm.
    #[serde(default)]
    pub vertebrae: BTreeMap<String, Vec3>,
    /// Outlines of all bodies of a chain from one vertebra to another.
    pub outlines: Option<Outlines>,
    /// Number of discs in view.
    pub discs_in_view: Option<usize>,
    /// Whether it is no lumbar spine at all.
    #[serde(default)]
    pub not_lumbar: bool,
    /// The `truth.json` that the phantom wrote.
    pub truth: Option<PathBuf>,
    /// Whether S1 is in view, where vertebrae or outlines do not say it.
    pub s1_in_view: Option<bool>,
    /// Number of lumbar vertebrae.
    pub lumbar_count: Option<u8>,
    /// Grades that are known.
    #[serde(default)]
    pub grades: Vec<TrueGrade>,
    /// Measurements that are known.
    #[serde(default)]
    pub measurements: Vec<TrueMeasurement>,
}

impl TruthStudy {
    /// A study of which nothing is known yet.
    fn new(path: PathBuf, subject: &str, group: &str) -> Self {
        Self { path, subject: subject.to_owned(), group: group.to_owned(), ..Self::default() }
    }

    /// Whether anything is known of it that a report alone does not answer.
    #[must_use]
    pub fn needs_voxels(&self) -> bool {
        let has_names = !self.vertebrae.is_empty() || self.outlines.is_some();
        has_names || !self.masks.is_empty() || self.discs_in_view.is_some() || self.not_lumbar || self.truth.is_some()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    name: String,
    about: String,
    seed: Option<String>,
    #[serde(default)]
    structures: BTreeMap<String, MaskClass>,
    studies: Vec<TruthStudy>,
}

/// A set of studies with their truth.
#[derive(Debug, Clone, PartialEq)]
pub struct TruthSet {
    /// The truth file.
    pub file: PathBuf,
    /// Name of the set, and of its block in a model card.
    pub name: String,
    /// A sentence about the data, with attribution and licence.
    pub about: String,
    /// The seed by which subjects were chosen or made.
    pub seed: Option<String>,
    /// What each value in its masks stands for; 0 is background unless it says otherwise.
    pub structures: BTreeMap<u8, MaskClass>,
    /// The studies.
    pub studies: Vec<TruthStudy>,
}

impl TruthSet {
    /// A path of the file, from its own folder.
    #[must_use]
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.file.parent().unwrap_or_else(|| Path::new("")).join(path)
    }
}

/// Reads a truth file: a table where it is called `.csv`, else JSON.
///
/// # Errors
/// [`TruthError`], with the file and the key.
pub fn load(path: &Path) -> Result<TruthSet, TruthError> {
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case(TABLE_SUFFIX)) {
        return Ok(table::load(path)?);
    }
    let io_error = |source| TruthError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(io_error)?;
    file.take(TRUTH_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io_error)?;
    if bytes.len() as u64 > TRUTH_BYTES_MAX {
        return Err(TruthError::TooLarge { path: path.to_owned() });
    }
    parse(&bytes, path)
}

fn parse(bytes: &[u8], path: &Path) -> Result<TruthSet, TruthError> {
    let file: File =
        serde_json::from_slice(bytes).map_err(|reason| TruthError::Format { path: path.to_owned(), reason })?;
    let checked = check(&file).and_then(|()| structures(&file.structures));
    let structures =
        checked.map_err(|Wrong { key, reason }| TruthError::Value { path: path.to_owned(), key, reason })?;
    let File { name, about, seed, studies, .. } = file;
    Ok(TruthSet { file: path.to_owned(), name, about, seed, structures, studies })
}

/// A value that is not possible.
struct Wrong {
    key: String,
    reason: String,
}

fn wrong<T>(key: impl Into<String>, reason: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { key: key.into(), reason: reason.into() })
}

fn check(file: &File) -> Result<(), Wrong> {
    if file.schema != TRUTH_SCHEMA {
        return wrong("schema", format!("is `{}`; this version reads {TRUTH_SCHEMA}", cut(&file.schema)));
    }
    if !is_set_name(&file.name) {
        return wrong("name", format!("must be {SET_NAME}"));
    }
    text("about", &file.about, TEXT_CHARS_MAX)?;
    if let Some(seed) = &file.seed {
        text("seed", seed, NAME_CHARS_MAX)?;
    }
    if file.studies.is_empty() || file.studies.len() > STUDIES_MAX {
        return wrong("studies", format!("has {} studies; 1 to {STUDIES_MAX} are read", file.studies.len()));
    }
    for (i, study) in file.studies.iter().enumerate() {
        check_study(study, !file.structures.is_empty())
            .map_err(|w| Wrong { key: format!("studies[{i}].{}", w.key), reason: w.reason })?;
    }
    Ok(())
}

/// Whether a set may be called so.
pub(super) fn is_set_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && name.len() <= NAME_CHARS_MAX && name.chars().all(allowed)
}

fn check_study(study: &TruthStudy, has_structures: bool) -> Result<(), Wrong> {
    path("path", &study.path)?;
    text("subject", &study.subject, NAME_CHARS_MAX)?;
    if study.group.chars().count() > NAME_CHARS_MAX {
        return wrong("group", format!("is longer than {NAME_CHARS_MAX} characters"));
    }
    if study.masks.len() > MASKS_MAX {
        return wrong("masks", format!("names {} masks; {MASKS_MAX} at most", study.masks.len()));
    }
    if !study.masks.is_empty() && !has_structures {
        return wrong("masks", "need the table `structures`: what each value stands for");
    }
    study.masks.iter().try_for_each(|(uid, mask)| path(&format!("masks.{}", cut(uid)), mask))?;
    for (name, centre) in &study.vertebrae {
        let key = format!("vertebrae.{}", cut(name));
        vertebra(&key, name)?;
        if centre.iter().any(|mm| !mm.is_finite() || mm.abs() > FURTHEST) {
            return wrong(key, "is no position in LPS mm");
        }
    }
    study.outlines.as_ref().map_or(Ok(()), check_outlines)?;
    if study.discs_in_view.is_some_and(|n| n > DISCS_MAX) {
        return wrong("discs_in_view", format!("is more than the {DISCS_MAX} that anybody has"));
    }
    if study.lumbar_count.is_some_and(|n| !(3..=7).contains(&n)) {
        return wrong("lumbar_count", "is none of 3 to 7");
    }
    study.truth.as_ref().map_or(Ok(()), |p| path("truth", p))?;
    check_grades(study)?;
    if study.needs_voxels() || !study.grades.is_empty() || !study.measurements.is_empty() {
        Ok(())
    } else {
        wrong(
            "path",
            "is a study of which nothing is known: give masks, vertebrae, outlines, discs_in_view, grades, \
             measurements, truth or not_lumbar",
        )
    }
}

fn check_grades(study: &TruthStudy) -> Result<(), Wrong> {
    for (key, count) in [("grades", study.grades.len()), ("measurements", study.measurements.len())] {
        if count > GRADES_MAX {
            return wrong(key, format!("has {count} entries; {GRADES_MAX} at most"));
        }
    }
    let (grades, measured) = (&study.grades, &study.measurements);
    for (i, g) in grades.iter().enumerate() {
        let key = |g: &TrueGrade| (g.level, g.finding, g.side);
        if grades.iter().take(i).any(|other| key(other) == key(g)) {
            return wrong(format!("grades[{i}]"), format!("is there twice: {} at {}", g.finding.name(), g.level));
        }
    }
    for (i, m) in measured.iter().enumerate() {
        if measured.iter().take(i).any(|other| (other.level, other.which) == (m.level, m.which)) {
            return wrong(format!("measurements[{i}]"), format!("is there twice at {}", m.level));
        }
    }
    Ok(())
}

fn check_outlines(outlines: &Outlines) -> Result<(), Wrong> {
    text("outlines.instance", &outlines.instance, NAME_CHARS_MAX)?;
    if outlines.vertebrae.is_empty() {
        return wrong("outlines.vertebrae", "is empty");
    }
    for (name, polygons) in &outlines.vertebrae {
        let key = format!("outlines.vertebrae.{}", cut(name));
        vertebra(&key, name)?;
        if polygons.is_empty() || polygons.len() > POLYGONS_MAX {
            return wrong(key, format!("has {} polygons; 1 to {POLYGONS_MAX} are read", polygons.len()));
        }
        for polygon in polygons {
            if !(3..=POLYGON_POINTS_MAX).contains(&polygon.len()) {
                return wrong(
                    key,
                    format!("has a polygon of {} points; 3 to {POLYGON_POINTS_MAX} are read", polygon.len()),
                );
            }
            if polygon.iter().flatten().any(|v| !v.is_finite() || v.abs() > FURTHEST) {
                return wrong(key, "has a point that lies in no image");
            }
        }
    }
    Ok(())
}

fn structures(named: &BTreeMap<String, MaskClass>) -> Result<BTreeMap<u8, MaskClass>, Wrong> {
    let mut table = BTreeMap::from([(0, MaskClass::Background)]);
    for (value, class) in named {
        let Ok(number) = value.parse::<u8>() else {
            return wrong(format!("structures.{}", cut(value)), "is no value of an 8-bit mask: 0 to 255");
        };
        table.insert(number, *class);
    }
    Ok(table)
}

fn vertebra(key: &str, name: &str) -> Result<(), Wrong> {
    if Vertebra::from_name(name).is_some_and(|v| v.name() == name) {
        Ok(())
    } else {
        wrong(key, "is no vertebra's name: T1 to T13, L1 to L6, S1")
    }
}

fn text(key: &str, value: &str, chars_max: usize) -> Result<(), Wrong> {
    if value.trim().is_empty() || value.chars().count() > chars_max || value.chars().any(char::is_control) {
        return wrong(key, format!("must be one line of 1 to {chars_max} characters"));
    }
    Ok(())
}

fn path(key: &str, value: &Path) -> Result<(), Wrong> {
    text(key, &value.to_string_lossy(), TEXT_CHARS_MAX)
}

/// The beginning of a text that may be anything.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests;
