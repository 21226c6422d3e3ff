use super::*;
use std::io::Write;
#[test]
fn look() {
    let seed: u64 = std::env::var("SEED").unwrap_or("1".into()).parse().unwrap();
    let p = if seed == 1 { Parameters::default() } else { Parameters::varied(seed) };
    let t = std::time::Instant::now();
    let ph = Phantom::new(&p).unwrap();
    eprintln!("new {:?} {:?}", t.elapsed(), p);
    let t = std::time::Instant::now();
    let stack = Stack { fov_mm: 280.0, matrix: 384, slices: 15, thickness_mm: 4.0, spacing_mm: 4.4 };
    let plan = SeriesPlan::sagittal(&ph, stack, [0.0, -15.0, -8.0], Contrast::T2, Imaging::default());
    let vs = ph.render_also(&plan, &[(Contrast::T1, Imaging::default())]);
    eprintln!("sag {:?}", t.elapsed());
    let t = std::time::Instant::now();
    let astack = Stack { fov_mm: 200.0, matrix: 320, slices: 5, thickness_mm: 4.0, spacing_mm: 4.4 };
    let d = &ph.scene.skeleton.discs[skeleton::BELOW_S1 + 1];
    let ax = SeriesPlan::axial(
        &ph,
        Stack { spacing_mm: 8.0, ..astack },
        d.frame.origin_lps_mm,
        d.frame.up,
        Contrast::T2,
        Imaging::default(),
    );
    let a = ph.render(&ax);
    eprintln!("ax {:?}", t.elapsed());
    for (name, v) in [("t2", &vs[0]), ("t1", &vs[1]), ("ax", &a)] {
        for (k, s) in v.slices.iter().enumerate() {
            let mut sorted = s.stored.clone();
            sorted.sort();
            let top = f32::from(sorted[sorted.len() * 995 / 1000]).max(1.0);
            let mut f = std::fs::File::create(format!("/tmp/ph/{name}_{k}.pgm")).unwrap();
            write!(f, "P5 {} {} 255\n", v.columns, v.rows).unwrap();
            let b: Vec<u8> = s.stored.iter().map(|x| (f32::from(*x) / top * 255.0).min(255.0) as u8).collect();
            f.write_all(&b).unwrap();
        }
    }
}
