//! Grey values: MRI has no unit, so that a picture's own percentiles are its scale.

/// Brings two percentiles of the values themselves to `levels`; what lies beyond goes on, within 0 and 1. Where there is no range all
/// become the first level.
pub(crate) fn scale_between_percentiles(values: &mut [f32], percentiles: [f64; 2], levels: [f32; 2]) {
    let mut sorted = values.to_vec();
    let [low, high] = percentiles.map(|p| percentile(&mut sorted, p));
    let range = high - low;
    if range.is_nan() || range <= 0.0 {
        values.fill(levels[0]);
        return;
    }
    for v in values {
        *v = (levels[0] + (*v - low) / range * (levels[1] - levels[0])).clamp(0.0, 1.0);
    }
}

/// The percentile `p` (0 to 100) with linear interpolation between ranks; reorders its input.
fn percentile(values: &mut [f32], p: f64) -> f32 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let rank = p / 100.0 * last as f64;
    let below = (rank.floor() as usize).min(last);
    let (_, low, above) = values.select_nth_unstable_by(below, f32::total_cmp);
    let low = *low;
    let high = above.iter().copied().min_by(f32::total_cmp).unwrap_or(low);
    low + (high - low) * (rank - rank.floor()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate_between_ranks() {
        let mut values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(percentile(&mut values, 0.0), 1.0);
        assert_eq!(percentile(&mut values, 50.0), 2.5);
        assert_eq!(percentile(&mut values, 100.0), 4.0);
    }

    #[test]
    fn a_constant_slice_becomes_zeros() {
        let mut values = [7.0; 5];
        scale_between_percentiles(&mut values, [0.5, 99.5], [0.0, 1.0]);
        assert_eq!(values, [0.0; 5]);
    }

    #[test]
    fn values_that_are_no_numbers_do_not_spread() {
        let mut values = [0.0, 1.0, 2.0, f32::NAN];
        scale_between_percentiles(&mut values, [0.0, 50.0], [0.0, 1.0]);
        assert_eq!(&values[..2], [0.0, 1.0 / 1.5]);
    }
}
