//! Written and read back: orders, orientations, gaps, echoes, localizers, archives.

#![expect(clippy::expect_used, reason = "what fails to hold fails the test")]

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepspine::dicom::write::{InstanceToWrite, SeriesToWrite, StudyToWrite, write_instance};
use deepspine::dicom::{self, Intake, Study, uid_from};
use deepspine::spine::{QualityCode, Role, Vec3, add, cross, scaled};

const ROWS: u16 = 12;
const COLUMNS: u16 = 10;
const SPACING_MM: [f64; 2] = [2.0, 1.5];
const NAME: &str = "PLANTED^IDENTITY";

fn study() -> StudyToWrite {
    StudyToWrite {
        study_instance_uid: uid_from(b"study"),
        frame_of_reference_uid: uid_from(b"frame"),
        study_id: "1".to_owned(),
        accession_number: "A-1".to_owned(),
        date: "20240102".to_owned(),
        time: "101112".to_owned(),
        description: "L-spine".to_owned(),
        patient_name: NAME.to_owned(),
        patient_id: "PID-1".to_owned(),
        patient_birth_date: "19700101".to_owned(),
        patient_sex: "O".to_owned(),
        manufacturer: "deepspine".to_owned(),
        model_name: "arithmetic".to_owned(),
        software_versions: "1".to_owned(),
        station_name: "TEST".to_owned(),
        field_strength_t: 1.5,
    }
}

fn series(number: u32, te_ms: f64, tr_ms: f64) -> SeriesToWrite {
    SeriesToWrite {
        series_instance_uid: uid_from(&number.to_be_bytes()),
        number,
        description: format!("{NAME} series"),
        protocol_name: String::new(),
        image_type_tail: vec!["OTHER".to_owned()],
        scanning_sequence: "SE".to_owned(),
        sequence_variant: "SK".to_owned(),
        scan_options: String::new(),
        sequence_name: String::new(),
        acquisition_3d: false,
        repetition_time_ms: tr_ms,
        echo_time_ms: te_ms,
        inversion_time_ms: None,
        flip_angle_deg: 90.0,
        echo_train_length: 10,
        slice_thickness_mm: 4.0,
        slice_spacing_mm: Some(4.0),
    }
}

/// A value that tells a place in the patient from its neighbours.
fn value_at(p: Vec3) -> u16 {
    (2000.0 + 31.0 * p[0] + 7.0 * p[1] + 3.0 * p[2]).round().clamp(0.0, 4095.0) as u16
}

/// Writes one slice whose pixels are [`value_at`] their place.
fn write_slice(
    folder: &Path,
    series: &SeriesToWrite,
    number: u32,
    origin_lps_mm: Vec3,
    row: Vec3,
    column: Vec3,
) -> PathBuf {
    let place = |r: u16, c: u16| {
        let along = scaled(row, f64::from(c) * SPACING_MM[1]);
        add(origin_lps_mm, add(along, scaled(column, f64::from(r) * SPACING_MM[0])))
    };
    let pixels: Vec<u16> =
        (0..ROWS).flat_map(|r| (0..COLUMNS).map(move |c| (r, c))).map(|(r, c)| value_at(place(r, c))).collect();
    let path = folder.join(format!("{}-{number}.dcm", series.number));
    let study = study();
    let instance = InstanceToWrite {
        study: &study,
        series,
        sop_instance_uid: uid_from(format!("{}.{number}", series.number).as_bytes()),
        number,
        rows: ROWS,
        columns: COLUMNS,
        row_spacing_mm: SPACING_MM[0],
        column_spacing_mm: SPACING_MM[1],
        origin_lps_mm,
        row_direction_lps: row,
        column_direction_lps: column,
        pixels: &pixels,
        window: Some((1000.0, 2000.0)),
    };
    write_instance(&path, &instance).expect("the slice is written");
    path
}

/// Writes a stack of slices at `positions_mm` along the normal.
fn write_stack(folder: &Path, series: &SeriesToWrite, row: Vec3, column: Vec3, positions_mm: &[f64]) {
    for (number, position_mm) in positions_mm.iter().enumerate() {
        let origin = add([1.0, -5.0, 9.0], scaled(cross(row, column), *position_mm));
        write_slice(folder, series, number as u32 + 1, origin, row, column);
    }
}

fn read(folder: &Path) -> Intake {
    dicom::read_studies(&[folder.to_owned()]).expect("the folder is readable")
}

fn only_study(folder: &Path) -> Study {
    let mut intake = read(folder);
    assert_eq!((intake.studies.len(), intake.refused.len()), (1, 0));
    intake.studies.remove(0)
}

const POSTERIOR: Vec3 = [0.0, 1.0, 0.0];
const FOOT: Vec3 = [0.0, 0.0, -1.0];

#[test]
fn a_sagittal_series_stored_in_any_of_eight_ways_is_the_same_volume() {
    for transposed in [false, true] {
        for (s, t) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let (a, b) = if transposed { (FOOT, POSTERIOR) } else { (POSTERIOR, FOOT) };
            write_stack(folder.path(), &series(1, 100.0, 4000.0), scaled(a, s), scaled(b, t), &[0.0, 4.0, 8.0]);
            let study = only_study(folder.path());
            let images = study.images().expect("pixels decode");
            let volume = &images.series[0].blocks[0];
            assert_eq!((volume.row_direction_lps, volume.column_direction_lps), (POSTERIOR, FOOT));
            assert!(volume.slice_positions_mm().is_sorted() && volume.slices.len() == 3);
            for slice in 0..3 {
                for (row, column) in [(0, 0), (volume.rows - 1, 3), (5, volume.columns - 1)] {
                    let place = volume.position_lps_mm(column as f64, row as f64, slice);
                    assert_eq!(volume.value(column, row, slice), f32::from(value_at(place)));
                }
            }
        }
    }
}

#[test]
fn an_oblique_sagittal_keeps_its_true_geometry() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (s, c) = 18.0_f64.to_radians().sin_cos();
    write_stack(folder.path(), &series(1, 100.0, 4000.0), [s, c, 0.0], FOOT, &[4.0, 0.0, 8.0]);
    let images = only_study(folder.path()).images().expect("pixels decode");
    let volume = &images.series[0].blocks[0];
    assert!((volume.normal_lps()[0] + c).abs() < 1e-9 && (volume.normal_lps()[1] - s).abs() < 1e-9);
    assert!((volume.slice_spacing_mm().expect("three slices") - 4.0).abs() < 1e-6);
    let place = volume.position_lps_mm(7.0, 2.0, 1);
    assert_eq!(volume.value(7, 2, 1), f32::from(value_at(place)));
}

#[test]
fn one_slice_is_a_study() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_stack(folder.path(), &series(1, 12.0, 600.0), POSTERIOR, FOOT, &[0.0]);
    let study = only_study(folder.path());
    assert!(study.has_whole(Role::SagittalT1) && study.quality.is_empty());
    assert!(study.images().is_ok_and(|images| images.series[0].blocks[0].has_pixels()));
}

#[test]
fn a_missing_slice_a_copy_and_a_stray_plane_are_findings_without_identity() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let t2 = series(1, 100.0, 4000.0);
    write_stack(
        folder.path(),
        &t2,
        POSTERIOR,
        FOOT,
        &(0..20).filter(|k| *k != 7).map(|k| f64::from(k) * 4.0).collect::<Vec<_>>(),
    );
    write_slice(folder.path(), &t2, 90, [1.0, -5.0, 9.0], POSTERIOR, FOOT);
    write_slice(folder.path(), &t2, 91, [0.0; 3], [1.0, 0.0, 0.0], POSTERIOR);
    let study = only_study(folder.path());
    let codes: Vec<_> = study.quality.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [QualityCode::DuplicateSlice, QualityCode::SliceGap, QualityCode::MixedOrientations]);
    assert!(!study.has_whole(Role::SagittalT2), "a series with a gap is not whole");
    let words = format!("{:?} {:?}", study.quality, study.series.iter().map(|s| &s.assignment).collect::<Vec<_>>());
    assert!(!words.contains("PLANTED") && !words.contains("2.25."), "{words}");
}

#[test]
fn slices_of_three_planes_are_a_localizer_and_echoes_are_series_of_their_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let survey = SeriesToWrite { scanning_sequence: "GR".to_owned(), flip_angle_deg: 20.0, ..series(1, 4.0, 9.0) };
    for (first, row, column) in [(1, POSTERIOR, FOOT), (11, [1.0, 0.0, 0.0], FOOT), (21, [1.0, 0.0, 0.0], POSTERIOR)] {
        for k in 0..3 {
            let origin = scaled(cross(row, column), f64::from(k) * 10.0);
            write_slice(folder.path(), &survey, first + k, origin, row, column);
        }
    }
    let mut echoes = series(2, 12.0, 3000.0);
    write_stack(folder.path(), &echoes, POSTERIOR, FOOT, &[0.0, 4.0]);
    echoes.echo_time_ms = 96.0;
    for (number, position_mm) in [(11, 0.0), (12, 4.0)] {
        write_slice(folder.path(), &echoes, number, [1.0 - position_mm, -5.0, 9.0], POSTERIOR, FOOT);
    }
    let study = only_study(folder.path());
    let roles: Vec<_> = study.series.iter().map(|series| (series.assignment.role, series.slice_count())).collect();
    assert_eq!(roles, [(Role::Localizer, 9), (Role::Other, 2), (Role::SagittalT2, 2)]);
    assert!(study.quality.is_empty(), "{:?}", study.quality);
}

#[test]
fn an_archive_and_a_folder_give_the_same_study_and_the_same_digests() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_stack(folder.path(), &series(1, 100.0, 4000.0), POSTERIOR, FOOT, &[0.0, 4.0, 8.0]);
    fs::write(folder.path().join("DICOMDIR"), b"no directory at all").expect("junk is written");
    let archive = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut zip = zip::ZipWriter::new(fs::File::create(archive.path()).expect("the archive is writable"));
    for entry in fs::read_dir(folder.path()).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        let name = format!("../../{}", path.file_name().and_then(|name| name.to_str()).expect("the name is text"));
        zip.start_file(name, zip::write::SimpleFileOptions::default()).expect("an entry starts");
        zip.write_all(&fs::read(&path).expect("the file is readable")).expect("an entry is written");
    }
    zip.finish().expect("the archive ends");
    let (plain, packed) = (read(folder.path()), read(archive.path()));
    assert_eq!((plain.skipped, packed.skipped), (1, 1));
    let digests = |intake: &Intake| intake.studies[0].pixel_digests().expect("files are readable");
    assert_eq!(digests(&plain), digests(&packed));
    assert_eq!(digests(&plain).len(), 3);
    assert_eq!(plain.studies[0].identity, packed.studies[0].identity);
    assert_eq!(plain.studies[0].identity.patient_name, NAME);
}

#[test]
fn a_header_goes_over_a_pipe_and_comes_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = write_slice(folder.path(), &series(1, 100.0, 4000.0), 1, [0.1; 3], POSTERIOR, FOOT);
    let header = dicom::scan(&path).expect("the slice is readable");
    let line = serde_json::to_string(&header).expect("a header is plain data");
    assert_eq!(serde_json::from_str::<dicom::InstanceHeader>(&line).expect("it comes back"), header);
}

#[test]
fn the_same_slice_is_the_same_bytes() {
    let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let bytes = |folder: &Path| {
        fs::read(write_slice(folder, &series(1, 100.0, 4000.0), 1, [0.0; 3], POSTERIOR, FOOT)).expect("it is written")
    };
    assert_eq!(bytes(one.path()), bytes(other.path()));
}

#[test]
fn a_written_series_passes_the_verifier() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let localizer =
        SeriesToWrite { image_type_tail: vec!["OTHER".to_owned(), "LOCALIZER".to_owned()], ..series(2, 4.0, 9.0) };
    let paths = [
        write_slice(folder.path(), &series(1, 100.0, 4000.0), 1, [0.0; 3], POSTERIOR, FOOT),
        write_slice(folder.path(), &localizer, 1, [0.0; 3], [1.0, 0.0, 0.0], POSTERIOR),
    ];
    for path in paths {
        let Ok(verified) = Command::new("dciodvfy").arg(&path).output() else {
            return common::skipped("a_written_series_passes_the_verifier", "dciodvfy (dicom3tools) is not installed");
        };
        let said = String::from_utf8_lossy(&verified.stderr).into_owned() + &String::from_utf8_lossy(&verified.stdout);
        assert!(!said.lines().any(|line| line.starts_with("Error")), "{said}");
    }
}

#[test]
fn lossless_codecs_give_the_pixels_that_went_in() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ours = write_slice(folder.path(), &series(1, 100.0, 4000.0), 1, [0.0; 3], POSTERIOR, FOOT);
    let signed = common::shared_data().map(|data| data.join("dicom/MR_small.dcm"));
    let values = |path: &Path| {
        let header = dicom::scan(path).expect("the slice is readable");
        dicom::read_frame(&header, 0).expect("the slice decodes")
    };
    for plain in [Some(ours), signed].into_iter().flatten() {
        for (tool, options) in [("dcmcjpeg", ["+e1", "+un"]), ("dcmcjpeg", ["+el", "+un"]), ("dcmcrle", ["+un", "+cd"])]
        {
            let packed = folder.path().join("packed");
            let Ok(output) = Command::new(tool).args(options).arg(&plain).arg(&packed).output() else {
                return common::skipped("lossless_codecs_give_the_pixels_that_went_in", "dcmtk is not installed");
            };
            assert!(output.status.success(), "{tool} {options:?}: {}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(values(&packed), values(&plain), "{tool} {options:?}");
        }
    }
}
