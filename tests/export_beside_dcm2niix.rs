//! Label maps lie on what dcm2niix makes of the same series: same grid, same place, same side.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod export_case;

use deepspine::analysis::study::{Labels, Part};
use deepspine::analysis::volume::{PartMask, SemanticMask, Volume};
use deepspine::dicom::{self, uid_from, write::InstanceToWrite, write::SeriesToWrite, write::StudyToWrite};
use deepspine::spine::{Role, Structure, Vertebra};
use export_case::{Case, case};
use nifti::{IntoNdArray, NiftiObject, ReaderOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How far two affines may be apart, mm.
const AFFINE_TOLERANCE_MM: f64 = 1e-3;
/// Share of bright pixels that are marked.
const MARKED: f64 = 0.05;

/// A volume as any viewer shows it: its axes to the right, to the front, to the head.
struct Canonical {
    shape: [usize; 3],
    affine: [[f64; 4]; 3],
    values: Vec<f64>,
}

impl Canonical {
    fn read(path: &Path) -> Self {
        let object = ReaderOptions::new().read_file(path).expect("a NIfTI file");
        let h = object.header();
        let affine = [h.srow_x, h.srow_y, h.srow_z].map(|row| row.map(f64::from));
        let sizes = [h.dim[1], h.dim[2], h.dim[3]].map(usize::from);
        let voxels = object.into_volume().into_ndarray::<f64>().unwrap();
        // For each direction of the patient, the voxel axis that runs along it, and whether against it.
        let axes = affine.map(|row| (0..3).max_by(|a, b| row[*a].abs().total_cmp(&row[*b].abs())).unwrap());
        let against: Vec<bool> = (0..3).map(|d| affine[d][axes[d]] < 0.0).collect();
        let mut turned = [[0.0; 4]; 3];
        for d in 0..3 {
            turned[d][3] = affine[d][3];
            for target in 0..3 {
                let step = affine[d][axes[target]];
                turned[d][target] = if against[target] { -step } else { step };
                turned[d][3] += if against[target] { step * (sizes[axes[target]] - 1) as f64 } else { 0.0 };
            }
        }
        let shape = axes.map(|a| sizes[a]);
        let mut values = Vec::with_capacity(shape.iter().product());
        for z in 0..shape[2] {
            for y in 0..shape[1] {
                for x in 0..shape[0] {
                    let mut at = [0; 3];
                    for (d, i) in [x, y, z].into_iter().enumerate() {
                        at[axes[d]] = if against[d] { shape[d] - 1 - i } else { i };
                    }
                    values.push(voxels[at.as_slice()]);
                }
            }
        }
        Self { shape, affine: turned, values }
    }

    /// Mean place of what is above `threshold`, RAS mm.
    fn centre_ras_mm(&self, threshold: f64) -> [f64; 3] {
        let marked: Vec<usize> = (0..self.values.len()).filter(|i| self.values[*i] > threshold).collect();
        let mean = |f: &dyn Fn(usize) -> usize| marked.iter().map(|i| f(*i) as f64).sum::<f64>() / marked.len() as f64;
        let [w, h, _] = self.shape;
        let at = [mean(&|i| i % w), mean(&|i| i / w % h), mean(&|i| i / (w * h))];
        self.affine.map(|row| row[0] * at[0] + row[1] * at[1] + row[2] * at[2] + row[3])
    }
}

fn dcm2niix(series: &Path, out: &Path) -> Option<PathBuf> {
    let done = Command::new("dcm2niix").args(["-z", "n", "-b", "n", "-o"]).arg(out).arg(series).output().ok()?;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    let written = std::fs::read_dir(out).unwrap().map(|e| e.unwrap().path());
    written.into_iter().find(|p| p.extension().is_some_and(|e| e == "nii"))
}

/// The label map of a block of the case's images where what is above `threshold` is L4.
fn label_map(mut case: Case, block: Volume, threshold: f32, folder: &Path) -> PathBuf {
    let marked: Vec<u8> = (0..block.slices.len())
        .flat_map(|k| block.slices[k].stored.iter().map(move |v| (k, *v)))
        .map(|(k, v)| u8::from(f32::from(v) * block.slices[k].slope + block.slices[k].intercept > threshold))
        .collect();
    let part =
        Part { structure: Structure::VertebralBody, vertebra: Some(Vertebra::L4), disc: None, ordinal_from_below: 1 };
    case.reading.labels = Some(Labels {
        series: 0,
        block: 0,
        semantic: SemanticMask { channels: marked.clone() },
        part_of: PartMask { parts: marked },
        parts: vec![part],
    });
    case.images.series[0].blocks = vec![block];
    deepspine::export::write_all(&case.bundle(), folder, deepspine::export::Language::English).unwrap();
    folder.join("instances.nii.gz")
}

fn assert_same_grid(ours: &Canonical, theirs: &Canonical) {
    assert_eq!(ours.shape, theirs.shape);
    for (a, b) in ours.affine.iter().flatten().zip(theirs.affine.iter().flatten()) {
        assert!((a - b).abs() < AFFINE_TOLERANCE_MM, "{:?}\n{:?}", ours.affine, theirs.affine);
    }
}

fn write_series(volume: &Volume, folder: &Path) {
    let uid = |name: &str| uid_from(name.as_bytes());
    let text = str::to_owned;
    let study = StudyToWrite {
        study_instance_uid: uid("study"),
        frame_of_reference_uid: uid("frame"),
        study_id: text("1"),
        accession_number: String::new(),
        date: text("20260101"),
        time: text("120000"),
        description: text("Lumbar spine"),
        patient_name: text("Mark^Left"),
        patient_id: text("1"),
        patient_birth_date: String::new(),
        patient_sex: String::new(),
        manufacturer: text("deepspine"),
        model_name: text("test"),
        software_versions: text("1"),
        station_name: text("test"),
        field_strength_t: 1.5,
    };
    let series = SeriesToWrite {
        series_instance_uid: uid("series"),
        number: 1,
        description: text("sag t2"),
        protocol_name: text("sag t2"),
        image_type_tail: vec![text("OTHER")],
        scanning_sequence: text("SE"),
        sequence_variant: text("SK"),
        scan_options: String::new(),
        sequence_name: String::new(),
        acquisition_3d: false,
        repetition_time_ms: 3000.0,
        echo_time_ms: 100.0,
        inversion_time_ms: None,
        flip_angle_deg: 150.0,
        echo_train_length: 15,
        slice_thickness_mm: 4.0,
        slice_spacing_mm: Some(4.0),
    };
    for (k, slice) in volume.slices.iter().enumerate() {
        let instance = InstanceToWrite {
            study: &study,
            series: &series,
            sop_instance_uid: uid(&format!("slice {k}")),
            number: k as u32 + 1,
            rows: volume.rows as u16,
            columns: volume.columns as u16,
            row_spacing_mm: volume.row_spacing_mm,
            column_spacing_mm: volume.column_spacing_mm,
            origin_lps_mm: slice.origin_lps_mm,
            row_direction_lps: volume.row_direction_lps,
            column_direction_lps: volume.column_direction_lps,
            pixels: &slice.stored,
            window: None,
        };
        dicom::write::write_instance(&folder.join(format!("{k}.dcm")), &instance).unwrap();
    }
}

#[test]
fn a_mark_on_the_left_is_on_the_left_in_both() {
    const NAME: &str = "a_mark_on_the_left_is_on_the_left_in_both";
    let mut volume = export_case::volume(0.1);
    for slice in volume.slices.iter_mut().filter(|s| s.origin_lps_mm[0] > 5.0) {
        for row in 80..90 {
            slice.stored[row * volume.columns + 4..row * volume.columns + 12].fill(2000);
        }
    }
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    write_series(&volume, folders[0].path());
    let Some(theirs) = dcm2niix(folders[0].path(), folders[1].path()) else {
        return common::skipped(NAME, "dcm2niix is not installed");
    };
    let ours = Canonical::read(&label_map(case(5, true), volume, 1000.0, folders[2].path()));
    let theirs = Canonical::read(&theirs);
    assert_same_grid(&ours, &theirs);
    let (a, b) = (ours.centre_ras_mm(0.5), theirs.centre_ras_mm(1000.0));
    assert!(a[0] < -5.0 && b[0] < -5.0, "left is -x in RAS: {a:?} {b:?}");
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < AFFINE_TOLERANCE_MM), "{a:?} {b:?}");
}

#[test]
fn label_maps_of_a_clinical_series_lie_on_its_images() {
    const NAME: &str = "label_maps_of_a_clinical_series_lie_on_its_images";
    let Some(data) = common::shared_data() else {
        return common::skipped(NAME, "no shared data");
    };
    let intake = dicom::read_studies(&[data.join("rsna/study")]).expect("the study is readable");
    let study = &intake.studies[0];
    let images = study.images().expect("pixels decode");
    let chosen = images.segmentation_series().expect("there is a sagittal series");
    assert_eq!(images.series[chosen].assignment.role, Role::SagittalT2);
    let block = images.series[chosen].blocks[0].clone();
    let (converted, ours) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let series = study.instances[block.slices[0].source].path.parent().expect("a folder").to_owned();
    let Some(theirs) = dcm2niix(&series, converted.path()) else {
        return common::skipped(NAME, "dcm2niix is not installed");
    };
    let theirs = Canonical::read(&theirs);
    let mut sorted = theirs.values.clone();
    sorted.sort_by(f64::total_cmp);
    let threshold = sorted[(sorted.len() as f64 * (1.0 - MARKED)) as usize];
    let ours = Canonical::read(&label_map(case(5, true), block, threshold as f32, ours.path()));
    assert_same_grid(&ours, &theirs);
    let differing = ours.values.iter().zip(&theirs.values).filter(|(a, b)| (**a > 0.5) != (**b > threshold)).count();
    assert_eq!(differing, 0);
}
