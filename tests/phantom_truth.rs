//! The truth of a phantom is what its tissues and its rendered masks say.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]
#![expect(clippy::print_stdout, reason = "a test says its figures")]

use deepspine::phantom::{
    Contrast, Imaging, LevelParameters, Narrowing, Parameters, Phantom, SeriesPlan, Stack, Tissue, Truth,
};
use deepspine::spine::{Disc, Structure, Vec3, Vertebra, add, dot, scaled, sub};

const SEEDS: std::ops::Range<u64> = 100..116;

fn phantoms() -> impl Iterator<Item = (u64, Phantom, Truth)> {
    SEEDS.map(|seed| {
        let phantom = Phantom::new(&Parameters::varied(seed)).unwrap();
        let truth = phantom.truth();
        (seed, phantom, truth)
    })
}

#[test]
fn centres_lie_in_what_they_are_centres_of() {
    for (seed, phantom, truth) in phantoms() {
        for v in &truth.vertebrae {
            let is = phantom.structure_at(v.centre_lps_mm);
            let expected = if v.name == "S1" { Structure::Sacrum } else { Structure::VertebralBody };
            assert_eq!(is, expected, "seed {seed} {}", v.name);
        }
        for d in &truth.discs {
            assert_eq!(phantom.structure_at(d.centre_lps_mm), Structure::Disc, "seed {seed} {}", d.name);
        }
    }
}

#[test]
fn sizes_are_human() {
    for (seed, _, truth) in phantoms() {
        for v in truth.vertebrae.iter().filter(|v| v.name.starts_with('L')) {
            assert!((21.0..34.0).contains(&v.height_posterior_mm), "seed {seed} {v:?}");
            assert!(v.height_middle_mm < v.height_anterior_mm.max(v.height_posterior_mm), "seed {seed} {v:?}");
            assert!((26.0..43.0).contains(&v.depth_mm), "seed {seed} {v:?}");
            assert!((9.5..19.0).contains(&v.canal_ap_mm), "seed {seed} {v:?}");
        }
        for d in truth.discs.iter().filter(|d| d.name.starts_with('L')) {
            assert!((2.0..17.0).contains(&d.height_middle_mm), "seed {seed} {d:?}");
            let expected = match d.central {
                Narrowing::Normal => 9.0..18.0,
                Narrowing::Mild => 8.5..12.0,
                Narrowing::Moderate => 6.5..9.5,
                Narrowing::Severe => 3.5..7.0,
            };
            assert!(expected.contains(&d.canal_ap_mm), "seed {seed} {d:?}");
        }
        assert!((10.0..80.0).contains(&truth.lumbar_lordosis_deg), "seed {seed}");
    }
}

/// Length of the longest stretch of `structure` along a line, mm.
fn stretch_mm(phantom: &Phantom, structure: Structure, from: Vec3, direction: Vec3, reach_mm: f64) -> f64 {
    const STEP_MM: f64 = 0.1;
    let (mut longest, mut run) = (0, 0);
    for i in 0..(reach_mm / STEP_MM) as i32 {
        let inside = phantom.structure_at(add(from, scaled(direction, f64::from(i) * STEP_MM))) == structure;
        run = if inside { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    f64::from(longest) * STEP_MM
}

#[test]
fn disc_heights_agree_with_the_labels() {
    for (seed, phantom, truth) in phantoms().take(8) {
        for d in truth.discs.iter().take(5) {
            let from = sub(d.centre_lps_mm, scaled(d.normal_lps, 12.0));
            let found = stretch_mm(&phantom, Structure::Disc, from, d.normal_lps, 24.0);
            assert!((found - d.height_middle_mm).abs() < 1.0, "seed {seed} {}: {found} {}", d.name, d.height_middle_mm);
        }
    }
}

#[test]
fn the_canal_in_a_fine_rendered_mask_has_the_true_diameter_and_area() {
    let (mut worst_mm, mut sum_mm, mut count) = (0.0_f64, 0.0, 0.0);
    for (seed, phantom, truth) in phantoms().take(6) {
        for d in truth.discs.iter().take(5) {
            let stack = Stack { fov_mm: 90.0, matrix: 360, slices: 1, thickness_mm: 1.0, spacing_mm: 1.0 };
            let centre = sub(d.centre_lps_mm, scaled(d.anterior_lps, 25.0));
            let plan = SeriesPlan::axial(&phantom, stack, centre, d.normal_lps, Contrast::T2, Imaging::default());
            let mask = phantom.mask(&plan).channels;
            let is_canal = |c: usize, r: usize| mask[r * plan.columns + c] == Structure::Canal as u8;
            let column_mm = |c: usize| (0..plan.rows).filter(|r| is_canal(c, *r)).count() as f64 * plan.row_spacing_mm;
            let area: f64 = (0..plan.columns).map(|c| column_mm(c) * plan.column_spacing_mm).sum();
            let widest = (0..plan.columns).map(column_mm).fold(0.0, f64::max);
            let off = (widest - d.canal_ap_mm).abs();
            assert!(off < 1.0, "seed {seed} {}: {widest} {}", d.name, d.canal_ap_mm);
            assert!((area - d.canal_area_mm2).abs() < 0.06 * d.canal_area_mm2 + 4.0, "seed {seed} {}", d.name);
            (worst_mm, sum_mm, count) = (worst_mm.max(off), sum_mm + off, count + 1.0);
        }
    }
    println!("canal AP diameter, fine mask against truth: mean {:.2} mm, worst {worst_mm:.2} mm", sum_mm / count);
}

#[test]
fn a_slip_is_as_long_as_asked_and_goes_the_way_asked() {
    let disc = Disc::new(Vertebra::L4, Vertebra::L5);
    let slipped = |slip_mm| {
        let level = LevelParameters { slip_mm, ..LevelParameters::unremarkable(disc) };
        let truth = Phantom::new(&Parameters { levels: vec![level], ..Parameters::default() }).unwrap().truth();
        truth.discs.iter().find(|d| d.name == "L4-L5").unwrap().slip_mm
    };
    let none = slipped(0.0);
    assert!(none.abs() < 2.0, "{none}");
    assert!((slipped(6.0) - none - 6.0).abs() < 0.3);
    assert!((slipped(-4.0) - none + 4.0).abs() < 0.3);
}

#[test]
fn a_narrow_left_foramen_loses_its_fat_on_the_left() {
    let disc = Disc::new(Vertebra::L4, Vertebra::L5);
    let level = LevelParameters { left_foramen: Narrowing::Severe, ..LevelParameters::unremarkable(disc) };
    let phantom = Phantom::new(&Parameters { levels: vec![level], ..Parameters::default() }).unwrap();
    let truth = phantom.truth();
    let d = truth.discs.iter().find(|d| d.name == "L4-L5").unwrap();
    let behind = add(sub(d.centre_lps_mm, scaled(d.anterior_lps, 22.0)), scaled(d.normal_lps, 6.0));
    let fat = |left_mm: f64| {
        let grid = |n: i32| (-n..=n).map(f64::from);
        let places = grid(4).flat_map(|u| grid(5).flat_map(move |v| grid(9).map(move |w| [u + left_mm, v, w])));
        places.filter(|offset| phantom.tissue_at(add(behind, *offset)) == Tissue::Fat).count()
    };
    assert!(fat(19.0) * 2 < fat(-19.0), "{} {}", fat(19.0), fat(-19.0));
}

#[test]
fn the_curve_of_a_scoliosis_is_as_large_as_asked() {
    for asked in [-25.0, 20.0] {
        let truth = Phantom::new(&Parameters { scoliosis_deg: asked, ..Parameters::default() }).unwrap().truth();
        assert!((truth.scoliosis_deg - f64::abs(asked)).abs() < 6.0, "{asked} {}", truth.scoliosis_deg);
        let x = |name: &str| truth.vertebrae.iter().find(|v| v.name == name).unwrap().centre_lps_mm[0];
        assert!((x("L3") - x("S1")) * asked > 0.0, "convex to the left is positive");
    }
}

#[test]
fn disc_planes_face_the_head_and_the_front() {
    for (_, _, truth) in phantoms() {
        for d in &truth.discs {
            assert!(d.normal_lps[2] > 0.5 && d.anterior_lps[1] < -0.5);
            assert!(dot(d.normal_lps, d.anterior_lps).abs() < 1e-9);
        }
    }
}
