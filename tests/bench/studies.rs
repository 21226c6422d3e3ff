//! Small studies, as many as are wanted: one rendered phantom, and copies of it under other UIDs.
//!
//! One slice of 32 x 32 pixels reads in a third of a second, and its report is a refusal: a report
//! like any other to everything but the reading room.

use std::path::Path;
use std::sync::OnceLock;

use deepspine::dicom;
use deepspine::phantom::{Parameters, Phantom, SeriesKind, Stack, StudyPlan, write_study};

/// Digits at a UID's end that count the copies.
const NUMBER_DIGITS: usize = 9;

struct Template {
    bytes: Vec<u8>,
    study_uid: String,
    /// Every UID that a copy must have for itself.
    uids: [String; 3],
}

fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a folder");
        let plan = StudyPlan {
            series: vec![SeriesKind::SagittalT2],
            sagittal: Stack { fov_mm: 270.0, matrix: 32, slices: 1, thickness_mm: 4.0, spacing_mm: 4.4 },
            ..StudyPlan::default()
        };
        let phantom = Phantom::new(&Parameters::default()).expect("the usual phantom");
        let written = write_study(&phantom, &plan, dir.path()).expect("the test's folder can be written");
        let header = dicom::scan(&written.files[0]).expect("we wrote it");
        let study_uid = header.identity.study_instance_uid;
        Template {
            bytes: std::fs::read(&written.files[0]).expect("we wrote it"),
            uids: [study_uid.clone(), header.series_instance_uid, header.sop_instance_uid],
            study_uid,
        }
    })
}

/// Writes study `number` into `folder`; its Study Instance UID. The same number is the same study.
pub(crate) fn write(folder: &Path, number: usize) -> String {
    let template = template();
    let mut bytes = template.bytes.clone();
    for uid in &template.uids {
        replace(&mut bytes, uid.as_bytes(), numbered(uid, number).as_bytes());
    }
    std::fs::create_dir_all(folder).expect("the test's folder can be written");
    std::fs::write(folder.join(format!("{number:06}.dcm")), bytes).expect("the test's folder can be written");
    numbered(&template.study_uid, number)
}

fn numbered(uid: &str, number: usize) -> String {
    format!("{}{number:0NUMBER_DIGITS$}", &uid[..uid.len() - NUMBER_DIGITS])
}

/// Replaces every `from` by `to`, which is as long.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(from.len()).position(|w| w == from) {
        bytes[at + found..at + found + to.len()].copy_from_slice(to);
        at += found + to.len();
    }
}
