//! The mean over neighbouring slices: what one slice leaves open, those beside it often tell.

/// How near a slice must lie to have a say, as the standard deviation of a Gaussian, mm. Chosen on the validation subjects, whose
/// slices lie 1 mm apart; usual slices, 4 mm apart, hardly hear each other.
const SIGMA_MM: f64 = 1.5;
/// Slices further than this have none, mm.
const REACH_MM: f64 = 3.0 * SIGMA_MM;

/// The mean of `slices` about slice number `at`, weighted by distance. All are of one length; `positions_mm`
/// says where they lie.
pub(super) fn average(slices: &[Vec<u8>], positions_mm: &[f64], at: usize) -> Vec<f32> {
    let weight = |position_mm: f64| {
        let away_mm = position_mm - positions_mm[at];
        (away_mm.abs() <= REACH_MM).then(|| (-0.5 * (away_mm / SIGMA_MM).powi(2)).exp() as f32)
    };
    let heard: Vec<(&Vec<u8>, f32)> =
        slices.iter().zip(positions_mm).filter_map(|(slice, p)| Some((slice, weight(*p)?))).collect();
    let total: f32 = heard.iter().map(|(_, weight)| weight).sum();
    let mut mean = vec![0.0; slices[at].len()];
    for (slice, weight) in heard {
        for (m, value) in mean.iter_mut().zip(slice) {
            *m += f32::from(*value) * (weight / total);
        }
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thin_slices_hear_each_other_and_thick_ones_hardly() {
        let slices = [vec![0], vec![100], vec![0]];
        let thin = average(&slices, &[0.0, 1.0, 2.0], 1);
        assert!((thin[0] - 100.0 / (1.0 + 2.0 * (-0.5_f32 / 2.25).exp())).abs() < 1e-4, "{thin:?}");
        let thick = average(&slices, &[0.0, 4.0, 8.0], 1);
        assert!(thick[0] > 94.0, "{thick:?}");
        assert_eq!(average(&slices, &[0.0, 40.0, 80.0], 1), [100.0]);
    }

    #[test]
    fn a_slice_at_the_end_hears_the_one_side() {
        let slices = [vec![80], vec![80], vec![80]];
        assert!((average(&slices, &[0.0, 0.5, 1.0], 0)[0] - 80.0).abs() < 1e-3);
    }
}
