//! A study: the series that scanned headers amount to, and their pixels when they are wanted.
//!
//! [`assemble`] is pure: it opens no file, so that a process that parses no DICOM can ask which roles
//! are there. What only pixels can tell, [`Study::settle_roles`] looks up afterwards.

mod load;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use super::error::RefusedFile;
use super::header::{InstanceHeader, StudyIdentity};
use super::limits::INSTANCES_MAX;
use super::series::{self, Placed, Series};
use crate::spine::{QualityCode, QualityFinding, Role, Severity};

/// A frame of a file: where a slice came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceInstance {
    /// The file.
    pub path: PathBuf,
    /// SOP Class UID; that of the file meta information where the object itself has none.
    pub sop_class_uid: String,
    /// SOP Instance UID.
    pub sop_instance_uid: String,
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// Frame of Reference UID; empty where there is none.
    pub frame_of_reference_uid: String,
    /// Index of the frame in its object, 0 first (DICOM counts frames from 1).
    pub frame: usize,
    /// Frames of its object.
    pub frames: usize,
    /// Index of its header in the study.
    header: usize,
}

/// One study, without pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// Who and what it is about; stays on the device.
    pub identity: StudyIdentity,
    /// The frames that `Slice::source` points into.
    pub instances: Vec<SourceInstance>,
    /// The series in the order in which the report numbers them.
    pub series: Vec<Series>,
    /// Files of the study that are not part of its images, and why.
    pub refused: Vec<RefusedFile>,
    /// What was found while the series were put together; without identity.
    pub quality: Vec<QualityFinding>,
    headers: Vec<InstanceHeader>,
}

/// Puts scanned headers together into studies, ordered by Study Instance UID. At most
/// [`INSTANCES_MAX`] headers are taken; a file given twice, or a copy of one, counts once.
#[must_use]
pub fn assemble(headers: Vec<InstanceHeader>) -> Vec<Study> {
    let mut studies: BTreeMap<String, Vec<InstanceHeader>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for header in headers.into_iter().take(INSTANCES_MAX) {
        let name = (
            header.identity.study_instance_uid.clone(),
            header.series_instance_uid.clone(),
            header.sop_instance_uid.clone(),
        );
        if header.sop_instance_uid.is_empty() || seen.insert(name) {
            studies.entry(header.identity.study_instance_uid.clone()).or_default().push(header);
        }
    }
    studies.into_values().map(assemble_one).collect()
}

/// Names frames of one study that were acquired alike; the order of its fields is that of the series.
type SeriesKey = (i32, String, (i64, String));

/// Frames of one series before they are put in order.
struct Collected {
    /// Index of the header that speaks for the series.
    header: usize,
    placed: Vec<Placed>,
    unplaced: usize,
}

fn assemble_one(mut headers: Vec<InstanceHeader>) -> Study {
    headers.sort_by(|a, b| {
        (&a.series_instance_uid, a.instance_number, &a.sop_instance_uid, &a.path).cmp(&(
            &b.series_instance_uid,
            b.instance_number,
            &b.sop_instance_uid,
            &b.path,
        ))
    });
    let identity = headers.first().map(|header| header.identity.clone()).unwrap_or_default();
    let mut study = Study {
        identity,
        instances: Vec::new(),
        series: Vec::new(),
        refused: headers.iter().filter_map(|header| header.refused.clone()).collect(),
        quality: Vec::new(),
        headers,
    };
    for collected in collect(&study.headers, &mut study.instances).into_values() {
        let Some(header) = study.headers.get(collected.header) else { continue };
        let (series, findings) = series::build(header, collected.placed, collected.unplaced);
        let index = study.series.len();
        study.quality.extend(findings.into_iter().map(|finding| QualityFinding { series: Some(index), ..finding }));
        study.quality.extend(without_physics(&series, index));
        study.series.push(series);
    }
    study.quality.extend(refused_findings(&study.refused));
    study
}

/// Sorts the usable frames of all headers into series, and lists them as sources.
fn collect(headers: &[InstanceHeader], instances: &mut Vec<SourceInstance>) -> BTreeMap<SeriesKey, Collected> {
    let mut series: BTreeMap<SeriesKey, Collected> = BTreeMap::new();
    for (index, header) in headers.iter().enumerate().filter(|(_, header)| header.refused.is_none()) {
        for (frame_index, frame) in header.frames.iter().enumerate() {
            let kind = series::kind_of_frame(&header.physics, frame.echo_time_ms, &frame.frame_type);
            let key = (header.series_number.unwrap_or(i32::MAX), header.series_instance_uid.clone(), kind);
            let collected =
                series.entry(key).or_insert_with(|| Collected { header: index, placed: Vec::new(), unplaced: 0 });
            let Some(geometry) = frame.geometry else {
                collected.unplaced += 1;
                continue;
            };
            collected.placed.push(Placed {
                source: instances.len(),
                geometry,
                rows: header.pixels.rows,
                columns: header.pixels.columns,
                order: (header.instance_number.unwrap_or(i32::MAX), frame_index),
            });
            instances.push(SourceInstance {
                path: header.path.clone(),
                sop_class_uid: if header.sop_class_uid.is_empty() {
                    header.media_class_uid.clone()
                } else {
                    header.sop_class_uid.clone()
                },
                sop_instance_uid: header.sop_instance_uid.clone(),
                series_instance_uid: header.series_instance_uid.clone(),
                frame_of_reference_uid: header.frame_of_reference_uid.clone().unwrap_or_default(),
                frame: frame_index,
                frames: header.frames.len(),
                header: index,
            });
        }
    }
    series
}

fn without_physics(series: &Series, index: usize) -> Option<QualityFinding> {
    let told = !matches!(series.assignment.role, Role::Localizer | Role::Derived | Role::Coronal);
    (told && !series.has_physics).then(|| QualityFinding {
        code: QualityCode::RoleWithoutPhysics,
        severity: Severity::Info,
        text: "The header has no repetition and echo time; the role rests on description or pixels".to_owned(),
        series: Some(index),
    })
}

/// One finding for each reason why files of the study are not part of its images.
fn refused_findings(refused: &[RefusedFile]) -> Vec<QualityFinding> {
    let mut by_text: BTreeMap<&str, usize> = BTreeMap::new();
    for file in refused {
        *by_text.entry(&file.text).or_default() += 1;
    }
    by_text
        .into_iter()
        .map(|(text, count)| QualityFinding {
            code: QualityCode::UnreadableFile,
            severity: Severity::Warning,
            text: format!("{count} files are left out; the first {text}"),
            series: None,
        })
        .collect()
}

impl Study {
    /// The series in `role`, surest first.
    #[must_use]
    pub fn in_role(&self, role: Role) -> Vec<&Series> {
        let mut found: Vec<_> = self.series.iter().filter(|series| series.assignment.role == role).collect();
        found.sort_by(|a, b| b.assignment.confidence.total_cmp(&a.assignment.confidence));
        found
    }

    /// Whether a series has taken `role` and none of its slices is missing in between.
    #[must_use]
    pub fn has_whole(&self, role: Role) -> bool {
        self.in_role(role).iter().any(|series| series.missing_slices == 0 && !series.blocks.is_empty())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "what fails to hold fails the test")]
mod tests;
