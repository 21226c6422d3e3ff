//! The 95 % interval of a mean, bootstrapped by subject (Efron 1979; clusters as in Davison and Hinkley 1997, 3.8).
//!
//! Values of one subject hang together: so subjects are drawn, never single values.

/// Seed of the draws.
pub const SEED: u64 = 20_261_123;
/// How often subjects are drawn anew.
pub const DRAWS: usize = 2000;
/// The ends of the interval, as shares of the ordered draws.
const ENDS: [f64; 2] = [0.025, 0.975];

/// The sum of a subject's values, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SubjectSum {
    /// Sum of the values.
    pub sum: f64,
    /// Number of values, at least one.
    pub count: usize,
}

/// The mean of all values; NaN where there are none.
#[must_use]
pub fn mean(subjects: &[SubjectSum]) -> f64 {
    mean_of(&mut subjects.iter())
}

fn mean_of(subjects: &mut dyn Iterator<Item = &SubjectSum>) -> f64 {
    let (sum, count) = subjects.fold((0.0, 0), |(sum, count), s| (sum + s.sum, count + s.count));
    sum / count as f64
}

/// The 95 % interval of [`mean`] over draws of as many subjects with replacement; NaN where there are none.
#[must_use]
pub fn interval(subjects: &[SubjectSum]) -> [f64; 2] {
    let [interval] = intervals(subjects, |drawn| [Some(mean_of(drawn))]);
    interval.unwrap_or([f64::NAN; 2])
}

/// The 95 % intervals of `figures` over draws of as many subjects with replacement. A draw for which a figure is not defined is
/// left out of its interval; there is none where more than half of them are.
pub fn intervals<S, const N: usize>(
    subjects: &[S],
    figures: impl Fn(&mut dyn Iterator<Item = &S>) -> [Option<f64>; N],
) -> [Option<[f64; 2]>; N] {
    let mut drawn: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    draws(subjects.len(), |places| {
        let values = figures(&mut places.filter_map(|place| subjects.get(place)));
        for (all, value) in drawn.iter_mut().zip(values) {
            all.extend(value);
        }
    });
    drawn.map(interval_of)
}

/// The same for as many figures as there are, which take how often each of `subjects` was drawn.
pub fn intervals_by_times(
    subjects: usize,
    mut figures: impl FnMut(&[f64]) -> Vec<Option<f64>>,
) -> Vec<Option<[f64; 2]>> {
    let mut drawn: Vec<Vec<f64>> = Vec::new();
    let mut times = vec![0.0; subjects];
    draws(subjects, |places| {
        times.fill(0.0);
        places.for_each(|place| times.iter_mut().skip(place).take(1).for_each(|n| *n += 1.0));
        let values = figures(&times);
        drawn.resize_with(values.len(), Vec::new);
        for (all, value) in drawn.iter_mut().zip(values) {
            all.extend(value);
        }
    });
    drawn.into_iter().map(interval_of).collect()
}

/// Calls `each` with the places of the subjects of every draw.
fn draws(subjects: usize, mut each: impl FnMut(&mut dyn Iterator<Item = usize>)) {
    let mut random = SplitMix64(SEED);
    for _ in 0..if subjects == 0 { 0 } else { DRAWS } {
        each(&mut (0..subjects).map(|_| random.below(subjects)));
    }
}

fn interval_of(mut values: Vec<f64>) -> Option<[f64; 2]> {
    values.sort_by(f64::total_cmp);
    (2 * values.len() > DRAWS).then(|| ENDS.map(|share| quantile(&values, share)))
}

/// The value below which `share` of `ordered` lies, between neighbours in proportion.
fn quantile(ordered: &[f64], share: f64) -> f64 {
    let at = share * (ordered.len() - 1) as f64;
    let (low, high) = (ordered[at.floor() as usize], ordered[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

/// The largest rate, in 95 % of cases, at which `subjects` independent ones show nothing: 1 - 0.05^(1/n) (Hanley and
/// Lippman-Hand, JAMA 1983;249:1743).
#[must_use]
pub fn rate_below(subjects: usize) -> f64 {
    1.0 - 0.05_f64.powf(1.0 / subjects as f64)
}

/// Steele, Lea and Flood, OOPSLA 2014.
struct SplitMix64(u64);

impl SplitMix64 {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // The upper 64 bits of the product: no remainder, no bias that 2000 draws could show.
        ((u128::from(z) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_each(values: &[f64]) -> Vec<SubjectSum> {
        values.iter().map(|v| SubjectSum { sum: *v, count: 1 }).collect()
    }

    #[test]
    fn the_interval_of_many_has_the_width_of_their_standard_error() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let [low, high] = interval(&one_each(&values));
        // 1.96 * 0.5 / sqrt(400) = 0.049.
        assert!((low - 0.451).abs() < 0.008 && (high - 0.549).abs() < 0.008, "{low} {high}");
    }

    #[test]
    fn subjects_are_drawn_not_values() {
        // Two subjects of a hundred equal values each: by value the interval would be narrow, by subject it spans both.
        let two = [SubjectSum { sum: 0.0, count: 100 }, SubjectSum { sum: 100.0, count: 100 }];
        assert_eq!(interval(&two), [0.0, 1.0]);
        assert_eq!(mean(&two), 0.5);
    }

    #[test]
    fn a_subject_with_more_values_weighs_more() {
        let subjects = [SubjectSum { sum: 3.0, count: 3 }, SubjectSum { sum: 0.0, count: 1 }];
        assert_eq!(mean(&subjects), 0.75);
    }

    #[test]
    fn the_same_values_give_the_same_interval_and_one_value_gives_itself() {
        let values = one_each(&[0.9, 0.8, 0.95, 0.7]);
        assert_eq!(interval(&values), interval(&values));
        assert_eq!(interval(&one_each(&[0.9])), [0.9, 0.9]);
        assert!(interval(&[])[0].is_nan());
    }

    #[test]
    fn times_and_subjects_are_drawn_alike() {
        let subjects = one_each(&[0.9, 0.8, 0.95, 0.7, 0.2]);
        let by_times = intervals_by_times(subjects.len(), |times| {
            vec![Some(times.iter().zip(&subjects).map(|(n, s)| n * s.sum).sum::<f64>() / subjects.len() as f64), None]
        });
        let [low, high] = interval(&subjects);
        let [a, b] = by_times[0].unwrap_or_default();
        assert!((low - a).abs() < 1e-12 && (high - b).abs() < 1e-12 && by_times[1].is_none(), "{by_times:?}");
        assert!(intervals_by_times(0, |_| vec![Some(1.0)]).is_empty());
    }

    #[test]
    fn nothing_among_fifty_bounds_the_rate_below_six_per_cent() {
        assert!((rate_below(50) - 0.058).abs() < 0.001);
    }
}
