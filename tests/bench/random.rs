//! Randomness that can be had again: a seed, printed, and what is drawn from it.

use std::time::Duration;

/// A generator (splitmix64, Steele et al. 2014).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// From `DEEPSPINE_BENCH_SEED`, else from the kernel; prints the seed.
    pub(crate) fn seeded(test: &str) -> Self {
        let given = std::env::var("DEEPSPINE_BENCH_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let mut bytes = [0; 4];
            getrandom::fill(&mut bytes).expect("the kernel has randomness");
            u64::from(u32::from_ne_bytes(bytes))
        });
        println!("{test}: seed {seed} (DEEPSPINE_BENCH_SEED={seed})");
        Self(seed)
    }

    /// One of its own for part number `part`.
    pub(crate) fn part(&self, part: u64) -> Self {
        let mut random = Self(self.0 ^ part.wrapping_mul(0xd134_2543_de82_ef95));
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Even over 0 to `end`, `end` left out.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Even over 0 to `longest`.
    pub(crate) fn wait(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(self.next() as f64 / u64::MAX as f64)
    }
}
