//! A spine of boxes with everything that a reading of it says, for the tests of what is made from a reading.

use deepspine::analysis::grading::LevelPicture;
use deepspine::analysis::study::{Labels, Part, Reading, SeriesImages, StudyImages};
use deepspine::analysis::volume::{PartMask, SemanticMask, Slice, Volume};
use deepspine::dicom::StudyIdentity;
use deepspine::export::{Bundle, BundleInput, DeviceKey, SourceInstance};
use deepspine::spine::{
    AxialAssignment, BodySide, CanalStanding, CurveFit, Designation, Disc, DiscPlane, Evidence, GradeScale,
    GradedFinding, Grading, LevelMeasurements, LevelReport, LumbarMeasurements, Measurement, Meyerding, ModelUse,
    QualityCode, QualityFinding, Report, Role, RoleAssignment, SeriesUse, SetCoverage, Severity, StageTiming,
    Structure, Vec3, Vertebra, VertebraMeasurements, VertebraReport,
};

/// Slices, rows and columns of the case.
pub(crate) const SHAPE: [usize; 3] = [7, 120, 48];
/// Distance of rows, columns and slices, mm.
pub(crate) const SPACING_MM: [f64; 3] = [2.0, 1.5, 4.0];
/// Rows from one vertebra to the next.
const PITCH: usize = 20;

/// What a case is made of.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) images: StudyImages,
    pub(crate) reading: Reading,
    pub(crate) identity: StudyIdentity,
}

impl Case {
    /// Its bundle.
    pub(crate) fn bundle(&self) -> Bundle {
        let slices = SHAPE[0];
        let input = BundleInput {
            images: &self.images,
            reading: &self.reading,
            identity: self.identity.clone(),
            instances: (0..slices)
                .map(|i| SourceInstance::new(format!("1.2.826.0.1.3680043.{i}"), &[i as u8; 32]))
                .collect(),
            source_series: Vec::new(),
            key: &DeviceKey::new([7; 32]),
            produced_at: "2026-11-23T18:00:00Z".to_owned(),
            clock_synced: Some(true),
            timings: vec![StageTiming { stage: "segmentation", wall_ms: 1234.56 }],
            analysis_version: "0.1.0".to_owned(),
            device: "cpu".to_owned(),
            settings: Vec::new(),
        };
        Bundle::from_reading(input).expect("the case is consistent")
    }
}

/// A sagittal volume, tilted by `tilt_rad` about the left-right axis, whose pixels are rows and columns.
pub(crate) fn volume(tilt_rad: f64) -> Volume {
    let [slices, rows, columns] = SHAPE;
    let (sin, cos) = tilt_rad.sin_cos();
    Volume {
        rows,
        columns,
        row_spacing_mm: SPACING_MM[0],
        column_spacing_mm: SPACING_MM[1],
        row_direction_lps: [0.0, cos, sin],
        column_direction_lps: [0.0, sin, -cos],
        slices: (0..slices)
            .map(|k| Slice {
                // The normal of a sagittal series with its front on the left runs to the patient's right.
                origin_lps_mm: [12.0 - SPACING_MM[2] * k as f64, -40.0, 90.0],
                stored: (0..rows * columns).map(|i| (i % 251) as u16 + k as u16).collect(),
                slope: 1.0,
                intercept: 0.0,
                source: k,
            })
            .collect(),
    }
}

/// Names from below.
fn names() -> Vec<Vertebra> {
    std::iter::successors(Some(Vertebra::S1), |v| v.above()).collect()
}

/// A reading of `bodies` bodies with the discs between them, named where `named`.
pub(crate) fn case(bodies: usize, named: bool) -> Case {
    let volume = volume(0.1);
    let labels = labels(&volume, named);
    let series = |role, blocks| SeriesUse {
        assignment: assignment(role),
        slices: SHAPE[0],
        blocks,
        rows_columns: [SHAPE[1], SHAPE[2]],
        pixel_spacing_mm: [SPACING_MM[0], SPACING_MM[1]],
        slice_spacing_mm: Some(SPACING_MM[2]),
    };
    let report = Report {
        series: vec![series(Role::SagittalT2, 1), series(Role::AxialT2, 5)],
        segmented_series: Some(0),
        refusal: None,
        curve: Some(CurveFit { points_lps_mm: curve(&volume), residual_mm: 0.8, rejected_parts: 0 }),
        vertebrae: (0..bodies).map(|i| vertebra(&volume, i, named)).collect(),
        levels: (0..bodies.saturating_sub(1)).map(|i| level(&volume, i, named)).collect(),
        lumbar: Some(LumbarMeasurements {
            lumbar_lordosis_deg: taken(48.04, "deg"),
            sacral_slope_deg: Measurement::missing("S1 is not in view", "deg", "endplates"),
        }),
        quality: vec![QualityFinding {
            code: QualityCode::UnevenSpacing,
            severity: Severity::Info,
            text: "Slice distances differ.".to_owned(),
            series: Some(0),
        }],
        models: vec![ModelUse {
            name: "spine-segmentation".to_owned(),
            version: "0.1.0".to_owned(),
            sha256: "ab".repeat(32),
            terms: "CC BY 4.0".to_owned(),
        }],
    };
    let images = StudyImages {
        series: vec![SeriesImages { assignment: assignment(Role::SagittalT2), blocks: vec![volume] }],
        quality: Vec::new(),
        second_opinion: None,
    };
    Case {
        images,
        reading: Reading { report, labels: Some(labels), pictures: pictures(bodies) },
        identity: StudyIdentity::default(),
    }
}

/// Two pictures of every level: a slope from left to right, and one from above down.
fn pictures(bodies: usize) -> Vec<LevelPicture> {
    let slope = |view, along_row: bool| LevelPicture {
        level: 0,
        view,
        rows_columns: [24, 36],
        pixel_mm: 0.5,
        grey: (0..24 * 36).map(|i| if along_row { i % 36 * 7 } else { i / 36 * 10 } as u8).collect(),
    };
    let of_level = |level| [slope("t2", true), slope("foramen_left", false)].map(|p| LevelPicture { level, ..p });
    (0..bodies.saturating_sub(1)).flat_map(of_level).collect()
}

fn assignment(role: Role) -> RoleAssignment {
    RoleAssignment { role, reason: "by its orientation; CSF is bright".to_owned(), confidence: 0.9 }
}

fn taken(value: f64, unit: &'static str) -> Measurement {
    Measurement { sd: Some(0.1234), ..Measurement::taken(value, unit, "by-construction") }
}

/// First row of the `i`-th body from below.
pub(crate) fn top_row(i: usize) -> usize {
    SHAPE[1].saturating_sub(PITCH * (i + 1))
}

fn place(volume: &Volume, column: f64, row: usize) -> Vec3 {
    volume.position_lps_mm(column, row as f64, SHAPE[0] / 2)
}

fn curve(volume: &Volume) -> Vec<Vec3> {
    (0..SHAPE[1]).rev().map(|row| place(volume, 15.5, row)).collect()
}

fn vertebra(volume: &Volume, i: usize, named: bool) -> VertebraReport {
    let mm = || taken(27.35, "mm");
    VertebraReport {
        designation: designation(names().get(i).copied().filter(|_| named), i),
        centre_lps_mm: place(volume, 15.5, top_row(i) + 7),
        measurements: VertebraMeasurements {
            height_anterior_mm: mm(),
            height_middle_mm: mm(),
            height_posterior_mm: mm(),
            anterior_posterior_ratio: taken(0.971, "1"),
            middle_posterior_ratio: taken(0.918, "1"),
            depth_mm: mm(),
            canal_ap_body_mm: mm(),
            canal_area_body_mm2: taken(201.44, "mm2"),
        },
    }
}

fn level(volume: &Volume, i: usize, named: bool) -> LevelReport {
    let name = names().get(i + 1).zip(names().get(i)).map(|(upper, lower)| Disc::new(*upper, *lower));
    let mm = || taken(12.345, "mm");
    LevelReport {
        designation: designation(name.filter(|_| named), i),
        plane: DiscPlane {
            centre_lps_mm: place(volume, 15.5, top_row(i).saturating_sub(3)),
            normal_lps: volume.column_direction_lps.map(|x| -x),
            anterior_lps: volume.row_direction_lps.map(|x| -x),
            depth_mm: 30.0,
        },
        measurements: LevelMeasurements {
            canal_ap_disc_mm: mm(),
            canal_area_disc_mm2: Measurement::missing("too few slices cross the canal", "mm2", "by-construction"),
            disc_height_anterior_mm: mm(),
            disc_height_middle_mm: mm(),
            disc_height_posterior_mm: mm(),
            disc_height_index: taken(0.264, "1"),
            slip_mm: taken(0.4, "mm"),
            slip_percent: taken(1.2, "%"),
            meyerding: Some(Meyerding::None),
            segmental_lordosis_deg: taken(12.2, "deg"),
        },
        canal: CanalStanding { ap_percentile: Some(37.4), ap_over_body: Some(0.874) },
        canal_centre_lps_mm: None,
        axial: vec![AxialAssignment { series: 1, block: i, slice: 3, distance_mm: 0.4, angle_deg: 3.0 }],
        grades: vec![
            grading(GradedFinding::DiscDegeneration, None),
            grading(GradedFinding::ForaminalStenosis, Some(BodySide::Left)),
        ],
        ungraded: vec![Evidence { code: "no-axial-t2", text: "no axial T2 picture of the level".to_owned() }],
    }
}

/// The second grade of its scale, the third not excluded.
fn grading(finding: GradedFinding, side: Option<BodySide>) -> Grading {
    let scale = if side.is_some() { GradeScale::Stenosis } else { GradeScale::Pfirrmann };
    let mut probabilities = vec![0.1, 0.6, 0.25, 0.05];
    probabilities.resize(scale.grades().len(), 0.0);
    Grading {
        finding,
        side,
        scale,
        grade: 1,
        probabilities,
        set: [1, 2],
        coverage: SetCoverage::Calibrated,
        inputs: vec![Role::SagittalT2],
        model: "degeneration".to_owned(),
    }
}

fn designation<T>(name: Option<T>, i: usize) -> Designation<T> {
    let confidence = if name.is_some() { 0.973 } else { 0.0 };
    let evidence = vec![Evidence { code: "counted-from-s1", text: format!("place {} from below", i + 1) }];
    Designation { name, ordinal_from_below: i + 1, confidence, evidence }
}

/// Five bodies with their posterior elements, the discs between them and a canal behind.
fn labels(volume: &Volume, named: bool) -> Labels {
    let [slices, rows, columns] = SHAPE;
    let mut parts = Vec::new();
    let mut semantic = vec![0; slices * rows * columns];
    let mut part_of = semantic.clone();
    let mut fill = |part: Part, rows: std::ops::Range<usize>, across: std::ops::Range<usize>| {
        let structure = part.structure as u8;
        parts.push(part);
        for k in 1..slices - 1 {
            for r in rows.clone() {
                for c in across.clone() {
                    let i = k * volume.slice_len() + r * columns + c;
                    semantic[i] = structure;
                    part_of[i] = parts.len() as u8;
                }
            }
        }
    };
    let part = |structure, vertebra, disc, ordinal_from_below| Part { structure, vertebra, disc, ordinal_from_below };
    for i in 0..5 {
        let (top, name) = (top_row(i), names()[i]);
        let vertebra = Some(name).filter(|_| named);
        let body = if i == 0 { Structure::Sacrum } else { Structure::VertebralBody };
        fill(part(body, vertebra, None, i + 1), top..top + 14, 8..24);
        if i > 0 {
            fill(part(Structure::PosteriorElements, vertebra, None, i + 1), top..top + 12, 34..44);
        }
        let disc = Some(Disc::new(names()[i + 1], name)).filter(|_| named);
        fill(part(Structure::Disc, None, disc, i + 1), top - 6..top, 8..24);
    }
    fill(part(Structure::Canal, None, None, 1), 2..rows - 2, 25..33);
    Labels {
        series: 0,
        block: 0,
        semantic: SemanticMask { channels: semantic },
        part_of: PartMask { parts: part_of },
        parts,
    }
}
