//! Reproducible chance: a small generator with named streams, and smooth noise in space.
//!
//! The same seed gives the same numbers on every run. Nothing here is fit for secrets.

use crate::spine::Vec3;

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): small, fast, and good enough for anatomy and noise.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The stream `stream` of seed `seed`; streams of one seed are independent of each other, so a
    /// change in one part of the anatomy leaves the others as they were.
    pub(super) fn stream(seed: u64, stream: u64) -> Self {
        let mut mixed = Self(seed ^ stream.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        let state = mixed.next() ^ stream;
        Self(state)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in 0 to 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform between `low` and `high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of `0..count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f64) as usize
    }

    /// Normal with this mean and standard deviation, cut at 2.5 deviations so that no part of a
    /// body leaves the human range.
    pub(super) fn about(&mut self, mean: f64, deviation: f64) -> f64 {
        mean + deviation * self.normal_pair().0.clamp(-2.5, 2.5)
    }

    /// Two independent standard normal numbers (Marsaglia's polar method).
    pub(super) fn normal_pair(&mut self) -> (f64, f64) {
        loop {
            let bits = self.next();
            let x = (bits >> 32) as f64 / f64::from(1_u32 << 31) - 1.0;
            let y = (bits & 0xFFFF_FFFF) as f64 / f64::from(1_u32 << 31) - 1.0;
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                return (x * factor, y * factor);
            }
        }
    }
}

/// Points along each side of the noise lattice; a power of two, so that it wraps by masking.
const LATTICE: usize = 32;

/// Smooth noise in space: trilinear interpolation in a lattice of random numbers that repeats.
#[derive(Debug, Clone)]
pub(super) struct SmoothNoise {
    lattice: Vec<f32>,
}

impl SmoothNoise {
    pub(super) fn new(random: &mut Random) -> Self {
        Self { lattice: (0..LATTICE * LATTICE * LATTICE).map(|_| random.between(-1.0, 1.0) as f32).collect() }
    }

    /// Noise of about -1 to 1 at a place given in cells of the lattice.
    pub(super) fn at(&self, cells: Vec3) -> f64 {
        const MASK: usize = LATTICE - 1;
        let split = |x: f64| {
            // Faster than `floor`, which is a call where the processor may lack the instruction.
            let towards_zero = x as i64;
            let floor = towards_zero - i64::from(x < towards_zero as f64);
            let low = (floor as usize) & MASK;
            (low, (low + 1) & MASK, (x - floor as f64) as f32)
        };
        let ((x0, x1, fx), (y0, y1, fy), (z0, z1, fz)) = (split(cells[0]), split(cells[1]), split(cells[2]));
        let row = |y: usize, z: usize| {
            let base = (z * LATTICE + y) * LATTICE;
            let (low, high) = (self.lattice[base + x0], self.lattice[base + x1]);
            low + (high - low) * fx
        };
        let plane = |z: usize| {
            let (low, high) = (row(y0, z), row(y1, z));
            low + (high - low) * fy
        };
        let (low, high) = (plane(z0), plane(z1));
        f64::from(low + (high - low) * fz)
    }

    /// Isotropic noise with features of about `size_mm`.
    pub(super) fn grain(&self, p: Vec3, size_mm: f64) -> f64 {
        self.at([p[0] / size_mm, p[1] / size_mm, p[2] / size_mm])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_repeats_and_differs_from_its_neighbour() {
        let draw = |seed, stream| {
            let mut r = Random::stream(seed, stream);
            (0..8).map(|_| r.next()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert_ne!(draw(7, 1), draw(8, 1));
    }

    #[test]
    fn normal_numbers_have_mean_zero_and_deviation_one() {
        let mut r = Random::stream(3, 0);
        let drawn: Vec<f64> = (0..20_000).map(|_| r.normal_pair().0).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
    }

    #[test]
    fn noise_is_continuous_where_the_lattice_wraps() {
        let noise = SmoothNoise::new(&mut Random::stream(1, 1));
        let edge = LATTICE as f64;
        let (before, after) = (noise.at([edge - 1e-6, 0.5, -0.5]), noise.at([edge + 1e-6, 0.5, -0.5]));
        assert!((before - after).abs() < 1e-4);
    }
}
