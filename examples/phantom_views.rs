//! Writes what a stenosis network is shown of phantoms whose canal and foramina have grades by chance: `phantom_views FIRST LAST OUT.bin`, a record a level,
//! for `models/training/grading/phantoms.py`. A record: the seed (4 bytes, little-endian), three grades (canal, left and right foramen, 0 to 3), which views
//! are there (axial, left, right), then the axial picture's three slices and both foramina, a byte a pixel. Levels are the phantom's own: nothing is segmented.

use deepspine::analysis::grading::{LoadedOnly, ViewCutter, views};
use deepspine::analysis::level::axial_slices;
use deepspine::analysis::study::{SeriesImages, StudyImages};
use deepspine::phantom::{LevelParameters, Narrowing, Parameters, Phantom, SeriesKind, Stack, StudyPlan};
use deepspine::spine::{BodySide, Disc, LevelReport, Role, RoleAssignment, Vertebra};
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

/// The lumbar levels, from below.
const DISCS: [Disc; 5] = [
    Disc::new(Vertebra::L5, Vertebra::S1),
    Disc::new(Vertebra::L4, Vertebra::L5),
    Disc::new(Vertebra::L3, Vertebra::L4),
    Disc::new(Vertebra::L2, Vertebra::L3),
    Disc::new(Vertebra::L1, Vertebra::L2),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [first, last, out] = arguments.as_slice() else { return Err("usage: phantom_views FIRST LAST OUT.bin".into()) };
    let mut out = BufWriter::new(File::create(out)?);
    for seed in first.parse::<u32>()?..=last.parse::<u32>()? {
        let mut chance = u64::from(seed);
        let drawn: Vec<[usize; 3]> = DISCS.iter().map(|_| [(); 3].map(|()| quarter(&mut chance))).collect();
        let (images, levels) = study(seed, &drawn)?;
        let mut cutter = ViewCutter::new(&images, &LoadedOnly);
        for (level, grades) in levels.iter().zip(&drawn) {
            let seen = [
                cutter.axial(level).unwrap_or_else(|_| vec![0.0; 3 * views::AXIAL_GRID.pixels()]),
                cutter.foramen(level, BodySide::Left).unwrap_or_else(|_| blank_foramen()),
                cutter.foramen(level, BodySide::Right).unwrap_or_else(|_| blank_foramen()),
            ];
            out.write_all(&seed.to_le_bytes())?;
            out.write_all(&grades.map(|g| g as u8))?;
            out.write_all(&[0, 1, 2].map(|k: usize| u8::from(seen[k].iter().any(|v| *v > 0.0))))?;
            let bytes: Vec<u8> = seen.iter().flatten().map(|v| (v * 255.0).round() as u8).collect();
            out.write_all(&bytes)?;
        }
    }
    Ok(out.flush()?)
}

fn blank_foramen() -> Vec<f32> {
    vec![0.0; views::FORAMEN_SHOWN_SIDE * views::FORAMEN_SHOWN_SIDE]
}

/// 0 to 3, by splitmix64 (Steele, Lea and Flood 2014).
fn quarter(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 62) as usize
}

/// A phantom that lies a little askew, with its sagittal T1 and axial T2 series and its five lumbar levels from below.
fn study(seed: u32, drawn: &[[usize; 3]]) -> Result<(StudyImages, Vec<LevelReport>), Box<dyn Error>> {
    let graded = DISCS.iter().zip(drawn).map(|(disc, grades)| {
        let [central, left_foramen, right_foramen] = grades.map(|g| Narrowing::ALL[g]);
        LevelParameters { central, left_foramen, right_foramen, ..LevelParameters::unremarkable(*disc) }
    });
    let askew = |n: u32| f64::from(seed.wrapping_mul(n) % 31) - 15.0;
    let parameters = Parameters {
        seed: u64::from(seed),
        leaning_turned_deg: [askew(7) / 4.0, askew(11) / 2.0],
        scoliosis_deg: askew(5) / 2.0,
        levels: graded.collect(),
        ..Parameters::default()
    };
    let phantom = Phantom::new(&parameters)?;
    let plan = StudyPlan {
        sagittal: Stack { matrix: 256, slices: 15, ..StudyPlan::default().sagittal },
        axial: Stack { matrix: 256, ..StudyPlan::default().axial },
        ..StudyPlan::default()
    };
    let series =
        [(SeriesKind::SagittalT1, Role::SagittalT1), (SeriesKind::AxialT2, Role::AxialT2)].map(|(kind, role)| {
            SeriesImages {
                assignment: RoleAssignment { role, reason: "the phantom's own word".to_owned(), confidence: 1.0 },
                blocks: plan.blocks(&phantom, kind).iter().map(|block| phantom.render(block)).collect(),
            }
        });
    let images = StudyImages { series: series.into(), quality: Vec::new(), second_opinion: None };
    let discs = phantom.truth().discs;
    let mut levels: Vec<LevelReport> = DISCS
        .iter()
        .filter_map(|disc| discs.iter().find(|d| d.name == disc.to_string()))
        .map(|disc| disc.level(1))
        .collect();
    if levels.len() != DISCS.len() {
        return Err(format!("phantom {seed} has not all lumbar levels").into());
    }
    axial_slices(&mut levels, &images);
    Ok((images, levels))
}
