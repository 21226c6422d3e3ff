//! ad hoc
#![allow(clippy::all, clippy::print_stdout, clippy::unwrap_used)]
use deepspine::analysis::spine_reading::read_spine;
use deepspine::analysis::volume::*;
use std::io::Read;
fn main() {
    for path in std::env::args().skip(1) {
        let mut f = std::fs::File::open(&path).unwrap();
        let mut head = [0u8; 256];
        f.read_exact(&mut head).unwrap();
        let text = String::from_utf8_lossy(&head).trim().to_string();
        let n: Vec<f64> = text.split_whitespace().map(|x| x.parse().unwrap()).collect();
        let (slices, rows, columns) = (n[0] as usize, n[1] as usize, n[2] as usize);
        let (dy, dx, dz) = (n[3], n[4], n[5]);
        let mut channels = Vec::new();
        f.read_to_end(&mut channels).unwrap();
        let volume = Volume {
            rows,
            columns,
            row_spacing_mm: dy,
            column_spacing_mm: dx,
            row_direction_lps: [0., 1., 0.],
            column_direction_lps: [0., 0., -1.],
            slices: (0..slices)
                .map(|k| Slice {
                    origin_lps_mm: [-(k as f64) * dz, 0., 0.],
                    stored: vec![],
                    slope: 1.,
                    intercept: 0.,
                    source: k,
                })
                .collect(),
        };
        let t = std::time::Instant::now();
        let r = read_spine(&volume, SemanticMask { channels });
        let ms = t.elapsed().as_secs_f64() * 1e3;
        let name = path.rsplit('/').next().unwrap();
        match r {
            Err(e) => println!("{name} ERR {e} {ms:.0}ms"),
            Ok(r) => {
                let v: Vec<String> = r
                    .vertebrae
                    .iter()
                    .map(|v| {
                        format!("{}:{:.2}", v.designation.name.map_or("?", |n| n.name()), v.designation.confidence)
                    })
                    .collect();
                println!(
                    "{name} {} | rej {} res {:.1} {ms:.0}ms",
                    v.join(" "),
                    r.curve.rejected_parts,
                    r.curve.residual_mm
                );
                for q in &r.quality {
                    println!("    {} {}", q.code.name(), q.text);
                }
                if std::env::var("V").is_ok() {
                    let g = |m: &deepspine::spine::Measurement| m.get().map_or("-".to_string(), |v| format!("{v:.1}"));
                    for l in &r.levels {
                        let m = &l.measurements;
                        println!(
                            "    {} c {:?} ap {} area {} h {} {} {} dhi {} slip {} {} lord {} depth {:.1}",
                            l.designation.name.map_or("?".to_string(), |n| n.to_string()),
                            l.plane.centre_lps_mm.map(|x| (x * 10.).round() / 10.),
                            g(&m.canal_ap_disc_mm),
                            g(&m.canal_area_disc_mm2),
                            g(&m.disc_height_anterior_mm),
                            g(&m.disc_height_middle_mm),
                            g(&m.disc_height_posterior_mm),
                            m.disc_height_index.get().map_or("-".into(), |v| format!("{v:.2}")),
                            g(&m.slip_mm),
                            g(&m.slip_percent),
                            g(&m.segmental_lordosis_deg),
                            l.plane.depth_mm
                        );
                    }
                    for l in &r.vertebrae {
                        let m = &l.measurements;
                        println!(
                            "    {} h {} {} {} depth {} ap {} area {}",
                            l.designation.name.map_or("?", |n| n.name()),
                            g(&m.height_anterior_mm),
                            g(&m.height_middle_mm),
                            g(&m.height_posterior_mm),
                            g(&m.depth_mm),
                            g(&m.canal_ap_body_mm),
                            g(&m.canal_area_body_mm2)
                        );
                    }
                    println!(
                        "    LL {:?} SS {:?}",
                        r.lumbar.lumbar_lordosis_deg.get(),
                        r.lumbar.sacral_slope_deg.get()
                    );
                }
                std::fs::write(format!("{path}.parts"), &r.part_of.parts).unwrap();
                let c: Vec<String> = r
                    .vertebrae
                    .iter()
                    .map(|v| {
                        format!(
                            "{},{:.2},{:.2},{:.2}",
                            v.designation.name.map_or("?", |n| n.name()),
                            v.centre_lps_mm[0],
                            v.centre_lps_mm[1],
                            v.centre_lps_mm[2]
                        )
                    })
                    .chain(r.levels.iter().map(|l| {
                        format!(
                            "D{},{:.2},{:.2},{:.2}",
                            l.designation.name.map_or("?".to_string(), |n| n.to_string()),
                            l.plane.centre_lps_mm[0],
                            l.plane.centre_lps_mm[1],
                            l.plane.centre_lps_mm[2]
                        )
                    }))
                    .collect();
                std::fs::write(format!("{path}.names"), c.join("\n")).unwrap();
            }
        }
    }
}
