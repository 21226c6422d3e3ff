//! Every grade is made from pictures of its own level and its own side.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use deepspine::analysis::grading::{LoadedOnly, ViewCutter, views};
use deepspine::analysis::level::axial_slices;
use deepspine::analysis::study::{SeriesImages, StudyImages};
use deepspine::analysis::volume::Volume;
use deepspine::phantom::{LevelParameters, Narrowing, Parameters, Phantom, SeriesKind, Stack, StudyPlan};
use deepspine::spine::{BodySide, Disc, LevelReport, Role, RoleAssignment, Vec3, Vertebra};

/// Phantoms that are mirrored; `DEEPSPINE_MIRRORED` asks for more.
const MIRRORED: u64 = 3;
/// The level and the side that are narrowed.
const NARROWED: Disc = Disc::new(Vertebra::L3, Vertebra::L4);

/// A phantom that lies askew, one foramen of it severely narrowed, with its sagittal T1, T2 and axial T2 series, and its levels.
fn study(seed: u64, narrowed: BodySide) -> (StudyImages, Vec<LevelReport>) {
    let mut level = LevelParameters::unremarkable(NARROWED);
    match narrowed {
        BodySide::Left => level.left_foramen = Narrowing::Severe,
        BodySide::Right => level.right_foramen = Narrowing::Severe,
    }
    let askew = |n: u64| f64::from(u32::try_from(seed * n % 31).unwrap_or(0)) - 15.0;
    let parameters = Parameters {
        seed,
        leaning_turned_deg: [askew(7) / 2.0, askew(11)],
        scoliosis_deg: askew(5),
        levels: vec![level],
        ..Parameters::default()
    };
    let phantom = Phantom::new(&parameters).expect("a phantom");
    let plan = StudyPlan {
        sagittal: Stack { matrix: 256, slices: 13, ..StudyPlan::default().sagittal },
        axial: Stack { matrix: 192, ..StudyPlan::default().axial },
        ..StudyPlan::default()
    };
    let series = [
        (SeriesKind::SagittalT2, Role::SagittalT2),
        (SeriesKind::SagittalT1, Role::SagittalT1),
        (SeriesKind::AxialT2, Role::AxialT2),
    ]
    .map(|(kind, role)| SeriesImages {
        assignment: RoleAssignment { role, reason: "the phantom's own word".to_owned(), confidence: 1.0 },
        blocks: plan.blocks(&phantom, kind).iter().map(|block| phantom.render(block)).collect(),
    });
    let images = StudyImages { series: series.into(), quality: Vec::new(), second_opinion: None };
    let mut levels: Vec<LevelReport> =
        phantom.truth().discs.iter().enumerate().map(|(i, disc)| disc.level(i + 1)).collect();
    axial_slices(&mut levels, &images);
    (images, levels)
}

fn mirrored_place([x, y, z]: Vec3) -> Vec3 {
    [-x, y, z]
}

/// The same pixels of a patient whose left is the other's right.
fn mirrored(images: &StudyImages) -> StudyImages {
    let volume = |v: &Volume| {
        let mut slices = v.slices.clone();
        slices.iter_mut().for_each(|s| s.origin_lps_mm = mirrored_place(s.origin_lps_mm));
        // The normal is turned by it, and slices ascend along the normal.
        slices.reverse();
        Volume {
            row_direction_lps: mirrored_place(v.row_direction_lps),
            column_direction_lps: mirrored_place(v.column_direction_lps),
            slices,
            ..v.without_slices()
        }
    };
    let series = |s: &SeriesImages| SeriesImages {
        assignment: s.assignment.clone(),
        blocks: s.blocks.iter().map(volume).collect(),
    };
    StudyImages { series: images.series.iter().map(series).collect(), quality: Vec::new(), second_opinion: None }
}

fn differ(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len().max(1) as f32
}

/// An axial picture in the mirror, its three slices in the other order: the block runs the other way as well.
fn flipped(axial: &[f32]) -> Vec<f32> {
    let [_, columns] = views::AXIAL_GRID.rows_columns;
    let slices: Vec<Vec<f32>> = axial
        .chunks(views::AXIAL_GRID.pixels())
        .map(|slice| slice.chunks(columns).flat_map(|row| row.iter().rev().copied()).collect())
        .collect();
    slices.into_iter().rev().flatten().collect()
}

/// How bright the middle of a foraminal picture is: fat, unless it is narrowed.
fn fat(foramen: &[f32]) -> f32 {
    let side = views::FORAMEN_SHOWN_SIDE;
    let middle = side / 2 - 10..side / 2 + 10;
    let values: Vec<f32> =
        middle.clone().flat_map(|row| middle.clone().map(move |c| foramen[row * side + c])).collect();
    values.iter().sum::<f32>() / values.len() as f32
}

#[test]
fn left_stays_left_in_patients_who_are_mirrored_and_lie_askew() {
    let count = std::env::var("DEEPSPINE_MIRRORED").ok().and_then(|n| n.parse().ok()).unwrap_or(MIRRORED);
    let (mut swapped, mut undecided) = (0, 0);
    for seed in 1..=count {
        let narrowed = if seed % 2 == 0 { BodySide::Left } else { BodySide::Right };
        let (images, mut levels) = study(seed, narrowed);
        let other_images = mirrored(&images);
        let mut others = levels.clone();
        for level in &mut others {
            level.plane.centre_lps_mm = mirrored_place(level.plane.centre_lps_mm);
            level.plane.normal_lps = mirrored_place(level.plane.normal_lps);
            level.plane.anterior_lps = mirrored_place(level.plane.anterior_lps);
        }
        axial_slices(&mut others, &other_images);
        levels.truncate(5);
        let (mut cutter, mut mirror) =
            (ViewCutter::new(&images, &LoadedOnly), ViewCutter::new(&other_images, &LoadedOnly));
        for (level, other) in levels.iter().zip(&others) {
            let name = level.designation.name.expect("the phantom names it");
            for (here, there) in [(BodySide::Left, BodySide::Right), (BodySide::Right, BodySide::Left)] {
                let (a, b) = (cutter.foramen(level, here).expect("seen"), mirror.foramen(other, there).expect("seen"));
                assert!(differ(&a, &b) < 1e-3, "seed {seed}, {name}: {} is not the mirror's other side", here.name());
            }
            let (a, b) = (cutter.axial(level).expect("seen"), mirror.axial(other).expect("seen"));
            assert!(differ(&flipped(&a), &b) < 1e-3, "seed {seed}, {name}: the axial picture is not the mirror's");
            if name == NARROWED {
                let [left, right] =
                    [BodySide::Left, BodySide::Right].map(|s| fat(&cutter.foramen(level, s).expect("seen")));
                let darker = if left < right { BodySide::Left } else { BodySide::Right };
                undecided += u32::from((left - right).abs() < 0.02);
                swapped += u32::from(darker != narrowed && (left - right).abs() >= 0.02);
            }
        }
    }
    eprintln!("{count} phantoms, seeds 1 to {count}: {swapped} sides swapped, {undecided} not told by their fat");
    assert_eq!(swapped, 0);
    assert!(u64::from(undecided) * 3 <= count, "the narrowed foramen is not in the picture");
}

#[test]
fn what_is_not_there_is_said_and_not_made_up() {
    let (mut images, levels) = study(4, BodySide::Left);
    images.series.retain(|s| s.assignment.role == Role::SagittalT2);
    let mut levels = levels;
    axial_slices(&mut levels, &images);
    let mut cutter = ViewCutter::new(&images, &LoadedOnly);
    let level = &levels[1];
    assert!(cutter.disc(Role::SagittalT2, level).is_ok());
    assert_eq!(cutter.disc(Role::SagittalT1, level).unwrap_err().code, "no-sagittal-t1");
    assert_eq!(cutter.axial(level).unwrap_err().code, "no-axial-t2");
    assert_eq!(cutter.foramen(level, BodySide::Right).unwrap_err().code, "no-right-foramen");
    // Slices without pixels that nobody can decode are no picture either.
    images.series[0].blocks[0].slices.iter_mut().for_each(|s| s.stored.clear());
    assert_eq!(ViewCutter::new(&images, &LoadedOnly).disc(Role::SagittalT2, level).unwrap_err().code, "no-sagittal-t2");
}
