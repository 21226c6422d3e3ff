//! Where the canal lies at a level: the middle of what was segmented as canal near the disc's plane.

use crate::analysis::volume::{SemanticMask, Volume};
use crate::spine::{LevelReport, Structure, Vec3, add, dot, length, scaled, sub};

/// Half the slab about the disc's plane, mm.
const HALF_SLAB_MM: f64 = 3.0;
/// The canal lies within this of the disc's centre, in its plane, mm.
const FAR_MM: f64 = 60.0;
/// Fewer voxels than this are no canal.
const VOXELS_LEAST: usize = 12;

/// Fills [`LevelReport::canal_centre_lps_mm`] from the mask of the volume that was segmented.
pub(in crate::analysis) fn find_canal_centres(levels: &mut [LevelReport], volume: &Volume, mask: &SemanticMask) {
    let mut sums = vec![([0.0; 3], 0_usize); levels.len()];
    let slice_len = volume.slice_len();
    for (slice, channels) in mask.channels.chunks(slice_len.max(1)).enumerate().take(volume.slices.len()) {
        for (i, _) in channels.iter().enumerate().filter(|(_, c)| **c == Structure::Canal as u8) {
            let place = volume.position_lps_mm((i % volume.columns) as f64, (i / volume.columns) as f64, slice);
            for (level, (sum, count)) in levels.iter().zip(&mut sums) {
                let off = sub(place, level.plane.centre_lps_mm);
                let up_mm = dot(off, level.plane.normal_lps);
                if up_mm.abs() <= HALF_SLAB_MM && length(sub(off, scaled(level.plane.normal_lps, up_mm))) <= FAR_MM {
                    *sum = add(*sum, place);
                    *count += 1;
                }
            }
        }
    }
    for (level, (sum, count)) in levels.iter_mut().zip(sums) {
        level.canal_centre_lps_mm = (count >= VOXELS_LEAST).then(|| middle(sum, count));
    }
}

fn middle(sum: Vec3, count: usize) -> Vec3 {
    scaled(sum, 1.0 / count.max(1) as f64)
}
