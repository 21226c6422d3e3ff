//! The canal across the curve: its antero-posterior diameter and its cross-section.

use super::probe::Probe;
use crate::analysis::curve::{Directions, median, offset};
use crate::spine::{Measurement, Vec3};

/// The diameter: median chord of the canal along the plane's sagittal direction, within [`MIDDLE_MM`] of its middle and in [`SLAB_MM`].
pub(super) const AP_METHOD: &str = "chord-in-slab";
/// The area: chords summed sideways, the outline linear between slices; the mean over [`SLAB_MM`].
pub(super) const AREA_METHOD: &str = "chords-summed-in-slab";
/// Planes that are measured in, along the curve: together the slab of a usual axial slice, 4 mm thick. A single plane reads a
/// notch in an outline as a narrowing.
const SLAB_MM: [f64; 3] = [-1.5, 0.0, 1.5];

/// The canal lies between these distances behind the centre of a disc or body, mm.
const BEHIND_MM: [f64; 2] = [3.0, 60.0];
/// Half the width over which it is looked for, mm.
const HALF_WIDTH_MM: f64 = 26.0;
/// Sideways distance between chords, mm.
const STEP_MM: f64 = 1.0;
/// Half the width of the middle stretch, mm.
const MIDDLE_MM: f64 = 2.0;
/// A chord at the outermost slices longer than this share of the longest says that the canal goes on beyond them.
const CUT_SHARE: f64 = 0.35;

/// Diameter (mm) and area (mm²) of the canal in the plane through `centre_mm`.
pub(super) fn across(canal: Option<Probe<'_>>, centre_mm: Vec3, directions: &Directions) -> (Measurement, Measurement) {
    let missing = |reason: &str| {
        (Measurement::missing(reason, "mm", AP_METHOD), Measurement::missing(reason, "mm2", AREA_METHOD))
    };
    let Some(canal) = canal else { return missing("no canal was segmented") };
    let chord = |sideways_mm: f64, up_mm: f64| {
        let origin = offset(offset(centre_mm, directions.up, up_mm), directions.side, sideways_mm);
        canal.longest(origin, directions.back, BEHIND_MM[0], BEHIND_MM[1]).map_or(0.0, |run| run.length_mm())
    };
    if canal.frame.slices() == 1 {
        let area = Measurement::missing("one slice has no cross-section", "mm2", AREA_METHOD);
        let chords = SLAB_MM.map(|up_mm| chord(0.0, up_mm));
        return match median(&chords).filter(|ap_mm| *ap_mm > 0.0) {
            Some(ap_mm) => (Measurement::taken(ap_mm, "mm", AP_METHOD), area),
            None => missing("no canal was found in this plane"),
        };
    }
    let places: Vec<f64> =
        (0..).map(|i| f64::from(i) * STEP_MM - HALF_WIDTH_MM).take_while(|s| *s <= HALF_WIDTH_MM).collect();
    let chords: Vec<(f64, f64)> = places.into_iter().flat_map(|s| SLAB_MM.map(|up_mm| (s, chord(s, up_mm)))).collect();
    let total: f64 = chords.iter().map(|c| c.1).sum();
    if total <= 0.0 {
        return missing("no canal was found in this plane");
    }
    let middle = chords.iter().map(|(s, c)| s * c).sum::<f64>() / total;
    let central: Vec<f64> =
        chords.iter().filter(|(s, c)| (s - middle).abs() <= MIDDLE_MM && *c > 0.0).map(|c| c.1).collect();
    let ap = match median(&central) {
        Some(ap_mm) => Measurement::taken(ap_mm, "mm", AP_METHOD),
        None => Measurement::missing("the canal is broken up in this plane", "mm", AP_METHOD),
    };
    let longest = chords.iter().map(|c| c.1).fold(0.0, f64::max);
    if outer_chords(&canal, centre_mm, directions).into_iter().any(|c| c > CUT_SHARE * longest) {
        let reason = "the slices do not cover the whole width of the canal";
        return (ap, Measurement::missing(reason, "mm2", AREA_METHOD));
    }
    (ap, Measurement::taken(total * STEP_MM / SLAB_MM.len() as f64, "mm2", AREA_METHOD))
}

/// Chords in the two outermost slices, mm.
fn outer_chords(canal: &Probe<'_>, centre_mm: Vec3, directions: &Directions) -> [f64; 2] {
    [0, canal.frame.slices() - 1].map(|slice| {
        let rise = directions.side[2];
        if rise.abs() < 0.1 {
            return 0.0;
        }
        let sideways = (canal.frame.slice_z_mm(slice) - centre_mm[2]) / rise;
        let origin = offset(centre_mm, directions.side, sideways);
        canal.longest(origin, directions.back, BEHIND_MM[0], BEHIND_MM[1]).map_or(0.0, |run| run.length_mm())
    })
}
