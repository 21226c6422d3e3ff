//! A study reads the same however its voxels are stored: the six orders of a volume's axes, each with its eight ways to run.
//!
//! Phantoms only: what is held here is the geometry's way through DICOM, not the accuracy on people.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use deepspine::analysis::spine_reading::{SpineReading, read_spine};
use deepspine::analysis::volume::Volume;
use deepspine::dicom::write::{InstanceToWrite, SeriesToWrite, StudyToWrite, write_instance};
use deepspine::dicom::{self, uid_from};
use deepspine::phantom::{Parameters, Phantom, SeriesKind, Stack, StudyPlan};
use deepspine::spine::{Role, Vec3, Vertebra, add, length, scaled, sub};
use std::path::Path;

/// One axis of a stack of voxels: its direction, the distance and the number of its steps.
#[derive(Debug, Clone, Copy)]
struct Axis {
    direction_lps: Vec3,
    step_mm: f64,
    count: usize,
    /// How far apart two neighbours lie in the list of all voxels of the volume as it was made.
    stride: isize,
}

/// A volume as columns, rows and slices; the first voxel is at `first` in the list of voxels.
#[derive(Debug, Clone)]
struct Voxels {
    origin_lps_mm: Vec3,
    first: isize,
    axes: [Axis; 3],
}

impl Voxels {
    fn of(volume: &Volume) -> Self {
        let (first, second) = (volume.slices[0].origin_lps_mm, volume.slices[1].origin_lps_mm);
        let between = sub(second, first);
        let axis = |direction_lps, step_mm, count: usize, stride: usize| Axis {
            direction_lps,
            step_mm,
            count,
            stride: stride as isize,
        };
        Self {
            origin_lps_mm: first,
            first: 0,
            axes: [
                axis(volume.row_direction_lps, volume.column_spacing_mm, volume.columns, 1),
                axis(volume.column_direction_lps, volume.row_spacing_mm, volume.rows, volume.columns),
                axis(scaled(between, 1.0 / length(between)), length(between), volume.slices.len(), volume.slice_len()),
            ],
        }
    }

    /// The same voxels, their axes in another order and each, where asked, the other way round.
    fn stored(&self, order: [usize; 3], reversed: [bool; 3]) -> Self {
        let mut stored = self.clone();
        for (axis, _) in stored.axes.iter_mut().zip(reversed).filter(|(_, reversed)| *reversed) {
            let steps = axis.count as isize - 1;
            stored.first += steps * axis.stride;
            stored.origin_lps_mm = add(stored.origin_lps_mm, scaled(axis.direction_lps, steps as f64 * axis.step_mm));
            axis.direction_lps = scaled(axis.direction_lps, -1.0);
            axis.stride = -axis.stride;
        }
        stored.axes = order.map(|i| stored.axes[i]);
        stored
    }

    /// Writes the slices as one series of MR objects.
    fn write(&self, values: &[u16], name: &str, folder: &Path) {
        let (study, series) = (study_to_write(name), series_to_write(name, self.axes[2].step_mm));
        let [columns, rows, slices] = self.axes;
        for k in 0..slices.count {
            let at = |row: usize, column: usize| {
                let index = self.first
                    + k as isize * slices.stride
                    + row as isize * rows.stride
                    + column as isize * columns.stride;
                values[index as usize]
            };
            let pixels: Vec<u16> =
                (0..rows.count).flat_map(|row| (0..columns.count).map(move |column| at(row, column))).collect();
            let instance = InstanceToWrite {
                study: &study,
                series: &series,
                sop_instance_uid: uid_from(format!("{name} {k}").as_bytes()),
                number: k as u32 + 1,
                rows: rows.count as u16,
                columns: columns.count as u16,
                row_spacing_mm: rows.step_mm,
                column_spacing_mm: columns.step_mm,
                origin_lps_mm: add(self.origin_lps_mm, scaled(slices.direction_lps, k as f64 * slices.step_mm)),
                row_direction_lps: columns.direction_lps,
                column_direction_lps: rows.direction_lps,
                pixels: &pixels,
                window: None,
            };
            write_instance(&folder.join(format!("{k:03}.dcm")), &instance).unwrap();
        }
    }
}

fn study_to_write(name: &str) -> StudyToWrite {
    StudyToWrite {
        study_instance_uid: uid_from(format!("study {name}").as_bytes()),
        frame_of_reference_uid: uid_from(format!("frame {name}").as_bytes()),
        study_id: "1".to_owned(),
        accession_number: "1".to_owned(),
        date: "20240229".to_owned(),
        time: "101500".to_owned(),
        description: String::new(),
        patient_name: "Phantom".to_owned(),
        patient_id: "1".to_owned(),
        patient_birth_date: "19640229".to_owned(),
        patient_sex: "O".to_owned(),
        manufacturer: "none".to_owned(),
        model_name: "none".to_owned(),
        software_versions: "1".to_owned(),
        station_name: "PHANTOM".to_owned(),
        field_strength_t: 1.5,
    }
}

fn series_to_write(name: &str, spacing_mm: f64) -> SeriesToWrite {
    SeriesToWrite {
        series_instance_uid: uid_from(format!("series {name}").as_bytes()),
        number: 1,
        description: "T2".to_owned(),
        protocol_name: "T2".to_owned(),
        image_type_tail: Vec::new(),
        scanning_sequence: "SE".to_owned(),
        sequence_variant: "SK".to_owned(),
        scan_options: String::new(),
        sequence_name: String::new(),
        acquisition_3d: false,
        repetition_time_ms: 3500.0,
        echo_time_ms: 100.0,
        inversion_time_ms: None,
        flip_angle_deg: 150.0,
        echo_train_length: 15,
        slice_thickness_mm: spacing_mm,
        slice_spacing_mm: Some(spacing_mm),
    }
}

fn read_back(folder: &Path) -> dicom::Study {
    let mut intake = dicom::read_studies(&[folder.to_owned()]).unwrap();
    assert_eq!((intake.studies.len(), intake.refused.len()), (1, 0));
    intake.studies.remove(0)
}

/// A pixel: one that lies as near to one part as to another falls to either, by the last digit of a header.
const SAME_MM: f64 = 2.5;

/// Holds one reading against another: names equal, places and figures alike.
fn same_reading(a: &SpineReading, b: &SpineReading) {
    let names = |r: &SpineReading| r.vertebrae.iter().map(|v| v.designation.name).collect::<Vec<_>>();
    assert_eq!(names(a), names(b));
    for (a, b) in a.vertebrae.iter().zip(&b.vertebrae) {
        let away_mm = length(sub(a.centre_lps_mm, b.centre_lps_mm));
        assert!(away_mm < SAME_MM, "{:?} {away_mm} mm", a.designation.name);
    }
    for (a, b) in a.levels.iter().zip(&b.levels) {
        let away_mm = length(sub(a.plane.centre_lps_mm, b.plane.centre_lps_mm));
        assert!(away_mm < SAME_MM, "{:?} {away_mm} mm", a.designation.name);
        let canal = |m: Option<f64>| m.unwrap_or(-1.0);
        let (a, b) = (a.measurements.canal_ap_disc_mm.get(), b.measurements.canal_ap_disc_mm.get());
        assert!((canal(a) - canal(b)).abs() < SAME_MM, "{a:?} {b:?}");
    }
}

/// The six orders of three axes, each with its eight ways to run.
fn ways_to_store() -> impl Iterator<Item = ([usize; 3], [bool; 3])> {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [1, 0, 2], [0, 2, 1], [2, 0, 1], [1, 2, 0], [2, 1, 0]];
    ORDERS.into_iter().flat_map(|order| (0..8).map(move |bits| (order, [0, 1, 2].map(|k| bits >> k & 1 == 1))))
}

#[test]
fn a_spine_reads_the_same_however_its_voxels_are_stored() {
    let parameters = Parameters { leaning_turned_deg: [6.0, -9.0], ..Parameters::default() };
    let phantom = Phantom::new(&parameters).unwrap();
    let stack = Stack { fov_mm: 280.0, matrix: 112, slices: 7, thickness_mm: 4.0, spacing_mm: 5.0 };
    let plan = StudyPlan { sagittal: stack, ..StudyPlan::default() };
    let plan = plan.blocks(&phantom, SeriesKind::SagittalT2).swap_remove(0);
    let (volume, mask) = (phantom.render(&plan), phantom.mask(&plan));
    let values: Vec<u16> = volume.slices.iter().flat_map(|slice| slice.stored.iter().copied()).collect();
    let expected = read_spine(&volume, mask.clone()).unwrap();
    assert_eq!(expected.vertebrae[0].designation.name, Some(Vertebra::S1));
    let (mut sagittal, mut others) = (0, 0);
    for (order, reversed) in ways_to_store() {
        let folder = tempfile::tempdir().unwrap();
        // One way to run of each plane that is not sagittal is enough: they are many files.
        if order[2] != 2 && reversed != [true, false, true] {
            continue;
        }
        Voxels::of(&volume).stored(order, reversed).write(&values, &format!("{order:?} {reversed:?}"), folder.path());
        let study = read_back(folder.path());
        let images = study.images().unwrap();
        if order[2] != 2 {
            assert_eq!(images.segmentation_series(), None, "{order:?}");
            assert!(images.series.iter().all(|s| !matches!(s.assignment.role, Role::SagittalT2 | Role::SagittalT1)));
            others += 1;
            continue;
        }
        let found = &images.series[images.segmentation_series().unwrap()].blocks[0];
        assert_eq!((found.rows, found.columns, found.slices.len()), (volume.rows, volume.columns, 7));
        let pixels = found.slices.iter().zip(&volume.slices).all(|(a, b)| a.stored == b.stored);
        assert!(pixels, "{order:?} {reversed:?}");
        eprintln!("{order:?} {reversed:?}");
        same_reading(&read_spine(found, mask.clone()).unwrap(), &expected);
        sagittal += 1;
    }
    assert_eq!((sagittal, others), (16, 4));
}
