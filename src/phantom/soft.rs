//! Skin, fat and muscles: what fills the body around the spine, by its height.

use super::arch::Arch;
use super::frame::{length2, mix, smooth_step};
use super::random::{Random, SmoothNoise};
use super::skeleton::{BELOW_S1, Skeleton};
use super::tissue::{Matter, Tissue};
use crate::spine::{Vec3, Vertebra};

/// Heights that are tabulated, mm, and the distance between them.
const LOWEST_MM: f64 = -320.0;
const HIGHEST_MM: f64 = 460.0;
const STEP_MM: f64 = 2.0;
/// Thickness of the skin, mm.
const SKIN_MM: f64 = 1.9;

/// What surrounds the spine at one height.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Girdle {
    /// Middle of the vertebral body or disc there, left and posterior.
    pub(super) middle: [f64; 2],
    pub(super) half_depth_mm: f64,
    half_width_mm: f64,
    /// Place of the spinous processes' tips, smoothed.
    tips_mm: f64,
    back_mm: f64,
    front_mm: f64,
    /// 0 at L1, 1 at S1.
    lumbar: f64,
    /// 0 above the sacrum, 1 behind S2 and below.
    sacral: f64,
}

/// The soft tissues of one person.
#[derive(Debug, Clone)]
pub(super) struct Soft {
    girdles: Vec<Girdle>,
    half_width_mm: f64,
    /// Fat under the skin of the belly and the flanks.
    fat_mm: f64,
    /// How much fat is in the muscles, 0 to 1.
    fatty: f64,
}

impl Soft {
    pub(super) fn new(skeleton: &Skeleton, arches: &[Option<Arch>], seed: u64) -> Self {
        let mut random = Random::stream(seed, 5);
        let stout = random.unit();
        let mut soft = Self {
            girdles: Vec::new(),
            half_width_mm: mix(150.0, 190.0, stout) * skeleton.size,
            fat_mm: mix(9.0, 32.0, stout),
            fatty: random.between(0.15, 0.9),
        };
        let fat_back = mix(7.0, 26.0, stout * random.between(0.6, 1.0));
        let girth = mix(112.0, 172.0, stout);
        soft.girdles = girdles(skeleton, arches, fat_back, girth);
        soft
    }

    /// What is at a height of the phantom.
    pub(super) fn girdle(&self, height_mm: f64) -> Girdle {
        let place = ((height_mm - LOWEST_MM) / STEP_MM).clamp(0.0, (self.girdles.len() - 2) as f64);
        let (low, t) = (place as usize, place.fract());
        let (a, b) = (&self.girdles[low], &self.girdles[low + 1]);
        Girdle {
            middle: [mix(a.middle[0], b.middle[0], t), mix(a.middle[1], b.middle[1], t)],
            half_depth_mm: mix(a.half_depth_mm, b.half_depth_mm, t),
            half_width_mm: a.half_width_mm,
            tips_mm: mix(a.tips_mm, b.tips_mm, t),
            back_mm: mix(a.back_mm, b.back_mm, t),
            front_mm: mix(a.front_mm, b.front_mm, t),
            lumbar: mix(a.lumbar, b.lumbar, t),
            sacral: mix(a.sacral, b.sacral, t),
        }
    }

    /// Where the skin of the back is furthest behind, mm.
    pub(super) fn back_mm(&self) -> f64 {
        self.girdles.iter().map(|g| g.back_mm).fold(f64::MIN, f64::max)
    }

    /// How deep under the skin a place is, mm; negative in the air.
    pub(super) fn depth(&self, p: Vec3, girdle: &Girdle) -> f64 {
        let groove = (1.0 - (p[0] / 36.0).powi(2)).max(0.0);
        let furrow = (6.0 - 3.0 * girdle.sacral) * groove * groove;
        let half = (girdle.back_mm - girdle.front_mm) / 2.0;
        let (x, y) = (p[0] / self.half_width_mm, (p[1] + furrow - (girdle.back_mm - half)) / half);
        let (xx, yy) = (x * x, y * y);
        let r = 0.4 * (xx + yy).sqrt() + 0.6 * (xx * xx + yy * yy).sqrt().sqrt();
        if r < 0.3 { half * 0.7 } else { length2(p[0], y * half) * (1.0 / r - 1.0) }
    }

    /// What is at a place under the skin that no bone, vessel or organ holds.
    pub(super) fn matter(&self, p: Vec3, depth: f64, girdle: &Girdle, noise: &SmoothNoise) -> Matter {
        if depth < SKIN_MM {
            return Matter::of(Tissue::Skin);
        }
        let beside = p[0] - girdle.middle[0];
        let aside = beside.abs();
        let bulge = 5.0 * (1.0 - ((aside - 30.0) / 30.0).powi(2)).max(-8.0) * (1.0 - girdle.sacral);
        let fascia = p[1] - girdle.tips_mm - bulge + 2.0;
        if fascia > 0.9 {
            return self.gluteal(p, aside, depth, girdle, noise).unwrap_or_else(|| under_skin(p, noise));
        }
        if fascia > -0.5 && aside < 70.0 {
            return Matter::blend(Tissue::Ligament, Tissue::Fat, 0.25);
        }
        let uneven = 3.5 * noise.grain(p, 17.0);
        let behind_spine = p[1] - girdle.middle[1] - girdle.half_depth_mm;
        let wide = mix(74.0, 34.0, girdle.sacral);
        let out = (aside + uneven) / wide;
        if behind_spine > 7.0 + uneven + 16.0 * out.powi(4) - 6.0 * (0.6 - out).max(0.0)
            && out + (behind_spine / 90.0).powi(2) * 0.3 < 1.0
        {
            return if aside < 3.6 { interspinous(p, noise) } else { self.paraspinal(p, aside, girdle, noise) };
        }
        if depth < self.fat_mm {
            return under_skin(p, noise);
        }
        if depth < self.fat_mm + 11.0 {
            return muscle(p, 0.12, noise);
        }
        if let Some(matter) = psoas(p, aside, girdle, noise) {
            return matter;
        }
        self.gluteal(p, aside, depth, girdle, noise).unwrap_or_else(|| visceral(p, noise))
    }

    /// Multifidus and erector spinae, with fat between and within them.
    fn paraspinal(&self, p: Vec3, aside: f64, girdle: &Girdle, noise: &SmoothNoise) -> Matter {
        let seam = (aside - 17.0 - 8.0 * girdle.lumbar + 9.0 * noise.grain(p, 22.0) + 3.0 * noise.grain(p, 8.0)).abs();
        let between = (aside - 46.0 + 12.0 * noise.grain(p, 20.0) + 4.0 * noise.grain(p, 7.0)).abs();
        if seam < 0.9 + 0.9 * self.fatty || between < 0.7 {
            return Matter::blend(Tissue::Muscle, Tissue::Fat, 0.6);
        }
        let deep = smooth_step(30.0, 8.0, aside) * 0.5 + smooth_step(0.3, 1.2, girdle.lumbar) * 0.5;
        muscle(p, self.fatty * (0.25 + 0.75 * deep), noise)
    }

    fn gluteal(&self, p: Vec3, aside: f64, depth: f64, girdle: &Girdle, noise: &SmoothNoise) -> Option<Matter> {
        let low = girdle.sacral;
        (low > 0.5 && aside > 26.0 + 40.0 * (1.0 - low) && depth > self.fat_mm * 0.8 && p[1] > girdle.middle[1] - 12.0)
            .then(|| muscle(p, self.fatty * 0.45, noise))
    }
}

fn muscle(p: Vec3, fatty: f64, noise: &SmoothNoise) -> Matter {
    // Fibres run along the spine, so streaks of fat are long in height.
    let streak = noise.at([p[0] / 2.8, p[1] / 2.3 + p[2] / 15.0, p[2] / 17.0])
        + 0.6 * noise.at([p[0] / 8.0, p[1] / 7.0 + p[2] / 40.0, p[2] / 40.0]);
    let share = smooth_step(0.3 - 0.8 * fatty, 1.15 - 0.7 * fatty, streak) * (0.3 + 0.6 * fatty);
    Matter::blend(Tissue::Muscle, Tissue::Fat, share + 0.1 * fatty).gained(1.0 + 0.1 * noise.grain(p, 2.2))
}

fn under_skin(p: Vec3, noise: &SmoothNoise) -> Matter {
    let sheet = noise.at([p[0] / 19.0, p[1] / 6.5, p[2] / 26.0]).abs();
    let lobules = 1.0 + 0.05 * noise.grain(p, 7.0);
    Matter::blend(Tissue::Fat, Tissue::Ligament, 0.32 * smooth_step(0.035, 0.0, sheet)).gained(lobules)
}

/// Ligaments between the spinous processes: streaks of fat in collagen.
fn interspinous(p: Vec3, noise: &SmoothNoise) -> Matter {
    let streak = noise.at([p[0] / 5.0, (p[1] + p[2]) / 11.0, (p[2] - p[1]) / 4.5]) + 0.5 * noise.grain(p, 9.0);
    Matter::blend(Tissue::Ligament, Tissue::Fat, 0.42 + 0.3 * streak).gained(1.0 + 0.08 * noise.grain(p, 3.0))
}

fn visceral(p: Vec3, noise: &SmoothNoise) -> Matter {
    let coarse = noise.grain(p, 23.0) + 0.7 * noise.grain(p, 10.0) + 0.35 * noise.grain(p, 4.5);
    let vessels = smooth_step(0.14, 0.0, (noise.grain(p, 12.0) + 0.3 * noise.grain(p, 5.0)).abs());
    Matter::blend(Tissue::Fat, Tissue::BowelWall, 0.05 + 0.6 * smooth_step(-0.1, 1.1, coarse) + 0.2 * vessels)
        .gained(0.9 + 0.12 * noise.grain(p, 6.0))
}

fn psoas(p: Vec3, aside: f64, girdle: &Girdle, noise: &SmoothNoise) -> Option<Matter> {
    let t = girdle.lumbar;
    if !(-0.1..1.7).contains(&t) {
        return None;
    }
    let full = t.clamp(0.0, 1.0);
    let (half_x, half_y) = (mix(5.0, 20.0, full), mix(9.0, 22.0, full));
    let drift = (t - 0.8).max(0.0) * 22.0;
    let x = (aside - girdle.half_width_mm - 1.0 - half_x * 0.75 - drift) / half_x;
    let y = (p[1] - girdle.middle[1] - 4.0 + 12.0 * full + drift) / half_y;
    (x * x + y * y < 1.0 + 0.25 * noise.grain(p, 14.0)).then(|| muscle(p, 0.08, noise))
}

/// Values at heights, joined by straight lines; flat beyond the ends.
fn along(points: &[(f64, f64)], height: f64) -> f64 {
    let above = points.partition_point(|(z, _)| *z < height);
    match (above.checked_sub(1).and_then(|i| points.get(i)), points.get(above)) {
        (Some((z0, v0)), Some((z1, v1))) => mix(*v0, *v1, (height - z0) / (z1 - z0).max(1e-6)),
        (Some((_, v)), None) | (None, Some((_, v))) => *v,
        (None, None) => 0.0,
    }
}

fn blurred(values: &[f64], reach: usize) -> Vec<f64> {
    let mut out = values.to_vec();
    for _ in 0..3 {
        let before = out.clone();
        for (i, value) in out.iter_mut().enumerate() {
            let span = &before[i.saturating_sub(reach)..(i + reach + 1).min(before.len())];
            *value = span.iter().sum::<f64>() / span.len() as f64;
        }
    }
    out
}

fn girdles(skeleton: &Skeleton, arches: &[Option<Arch>], fat_back: f64, girth: f64) -> Vec<Girdle> {
    let heights: Vec<f64> =
        (0..((HIGHEST_MM - LOWEST_MM) / STEP_MM) as usize).map(|i| LOWEST_MM + i as f64 * STEP_MM).collect();
    let bodies = |of: fn(&super::body::Body) -> f64| -> Vec<(f64, f64)> {
        skeleton.bodies.iter().map(|b| (b.frame.origin_lps_mm[2], of(b))).collect()
    };
    let left = bodies(|b| b.frame.origin_lps_mm[0]);
    let posterior = bodies(|b| b.frame.origin_lps_mm[1]);
    let depth = bodies(|b| b.half_depth_mm / b.frame.up[2].max(0.5));
    let width = bodies(|b| b.half_width_mm);
    let mut tips: Vec<(f64, f64)> = (skeleton.bodies.iter().zip(arches))
        .filter_map(|(b, a)| a.as_ref().map(|a| b.frame.lps(a.tip)))
        .map(|p| (p[2], p[1]))
        .collect();
    // The skin goes on over the buttocks where the sacrum turns forwards.
    let furthest = tips.iter().take(4).map(|t| t.1).fold(f64::MIN, f64::max);
    tips.iter_mut().take(3).for_each(|t| t.1 = furthest);
    tips.sort_by(|a, b| a.0.total_cmp(&b.0));
    let raw: Vec<f64> = heights.iter().map(|z| along(&tips, *z)).collect();
    let (close, wide) = (blurred(&raw, 4), blurred(&raw, 14));
    let of = |v: Vertebra| skeleton.vertebra(v).map_or(0.0, |(_, b)| b.frame.origin_lps_mm[2]);
    let (l1, s1, s2) = (of(Vertebra::L1), of(Vertebra::S1), skeleton.bodies[BELOW_S1 - 1].frame.origin_lps_mm[2]);
    let front = blurred(&heights.iter().map(|z| along(&posterior, z.max(s1)) - girth).collect::<Vec<_>>(), 20);
    (heights.iter().enumerate())
        .map(|(i, &z)| {
            let lumbar = (l1 - z) / (l1 - s1);
            let sacral = smooth_step(s1 + 12.0, s2, z);
            let fat = fat_back * (0.75 + 0.75 * smooth_step(-0.2, 1.0, lumbar)) + 14.0 * sacral;
            Girdle {
                middle: [along(&left, z), along(&posterior, z)],
                half_depth_mm: along(&depth, z),
                half_width_mm: along(&width, z),
                tips_mm: close[i].max(wide[i] - 4.0),
                back_mm: wide[i].max(close[i] - 3.0) + fat + 5.0,
                front_mm: front[i],
                lumbar,
                sacral,
            }
        })
        .collect()
}
