//! Where a canal stands among those of others, and beside the patient's own vertebrae. A measured class, never a grade of stenosis: half of
//! all levels lie under limits that were made for the bony canal at mid-body (Verbiest's 12 and 10 mm).

use super::reference_table::{AT_PERCENT, T1_MM, T2_MM};
use crate::spine::{CanalStanding, Disc, LevelReport, Role, Vec3, Vertebra, VertebraReport, dot, sub};

/// The diameters of one level at the percentiles that the tables hold, mm.
pub(super) type Curve = [f64; 9];
/// A vertebra whose centre is further from a disc's is not its neighbour, mm.
const NEIGHBOUR_MM_MAX: f64 = 45.0;

/// Fills [`LevelReport::canal`] from what was measured on a series in `role`.
pub(in crate::analysis) fn stand_canals(levels: &mut [LevelReport], vertebrae: &[VertebraReport], role: Role) {
    for level in levels {
        let table = match role {
            Role::SagittalT2 => Some(&T2_MM),
            Role::SagittalT1 => Some(&T1_MM),
            _ => None,
        };
        let reference = || table?.get(row(level.designation.name?)?);
        let ap_mm = level.measurements.canal_ap_disc_mm.get();
        level.canal = CanalStanding {
            ap_percentile: ap_mm.and_then(|mm| percentile(mm, reference()?)),
            ap_over_body: ap_mm.and_then(|mm| Some(mm / beside(level, vertebrae)?)),
        };
    }
}

/// The row of a lumbar disc, L1-L2 first.
fn row(disc: Disc) -> Option<usize> {
    [Vertebra::L1, Vertebra::L2, Vertebra::L3, Vertebra::L4, Vertebra::L5].iter().position(|upper| *upper == disc.upper)
}

/// Between the first and the last percentile of the table; what lies beyond is the first or the last.
fn percentile(ap_mm: f64, curve: &Curve) -> Option<f64> {
    let beyond = curve.iter().position(|at_mm| ap_mm < *at_mm);
    let percent = |k: usize| AT_PERCENT.get(k).copied();
    match beyond {
        Some(0) => percent(0),
        None => AT_PERCENT.last().copied(),
        Some(k) => {
            let (low, high) = (curve.get(k - 1)?, curve.get(k)?);
            let share = (ap_mm - low) / (high - low).max(f64::EPSILON);
            Some(percent(k - 1)? + share * (percent(k)? - percent(k - 1)?))
        }
    }
}

/// Mean diameter at the middle of the vertebrae above and below, mm; where one was not measured, the other's.
fn beside(level: &LevelReport, vertebrae: &[VertebraReport]) -> Option<f64> {
    let up_mm = |centre_lps_mm: Vec3| dot(sub(centre_lps_mm, level.plane.centre_lps_mm), level.plane.normal_lps);
    let nearest = |is_above: bool| {
        let on_side = vertebrae.iter().map(|v| (up_mm(v.centre_lps_mm), v)).filter(|(mm, _)| (*mm > 0.0) == is_above);
        let (mm, vertebra) = on_side.min_by(|a, b| a.0.abs().total_cmp(&b.0.abs()))?;
        vertebra.measurements.canal_ap_body_mm.get().filter(|_| mm.abs() <= NEIGHBOUR_MM_MAX)
    };
    let found: Vec<f64> = [nearest(true), nearest(false)].into_iter().flatten().filter(|mm| *mm > 0.0).collect();
    (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_rises() {
        assert!(T2_MM.iter().chain(&T1_MM).all(|curve| curve.windows(2).all(|w| w[0] <= w[1])));
    }

    #[test]
    fn a_value_between_two_percentiles_lies_between_them_and_one_beyond_is_the_last() {
        let curve = [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0];
        assert_eq!(percentile(1.0, &curve), Some(2.5));
        assert_eq!(percentile(10.0, &curve), Some(50.0));
        assert_eq!(percentile(9.0, &curve), Some(37.5));
        assert_eq!(percentile(99.0, &curve), Some(97.5));
    }

    #[test]
    fn only_lumbar_discs_have_a_row() {
        let disc = |upper, lower| Disc { upper, lower };
        assert_eq!(row(disc(Vertebra::L1, Vertebra::L2)), Some(0));
        assert_eq!(row(disc(Vertebra::L5, Vertebra::S1)), Some(4));
        assert_eq!(row(disc(Vertebra::T12, Vertebra::L1)), None);
    }
}
