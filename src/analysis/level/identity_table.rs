//! Written by `models/training/levels/fit.py`: how S1 differs from its neighbours in chains of training patients.

use super::identity::{FEATURES, SHAPE};

/// A candidate's score for a unit of each feature.
#[rustfmt::skip]
pub(super) const WEIGHTS: [f64; FEATURES] = [
    -14.1246, 0.7446, -5.0437, -1.5154, -11.2179, -9.4128, 4.8485, -6.2578, -4.8076, 3.5392, -1.4027, 5.3825, -1.9214, 1.8193,
];

/// The usual first sacral body: the mean of the features of its shape.
pub(super) const USUAL: [f64; SHAPE] = [-0.1516, -0.1330, -0.3845, 0.3827, -1.1436];

/// The inverse of their covariance.
#[rustfmt::skip]
pub(super) const PRECISION: [[f64; SHAPE]; SHAPE] = [
    [211.3350, -159.0610, -17.7264, 61.0462, 1.1264],
    [-159.0610, 416.7655, -7.0559, -40.1899, 7.9671],
    [-17.7264, -7.0559, 85.6711, 74.3666, -8.5782],
    [61.0462, -40.1899, 74.3666, 277.7175, -8.4023],
    [1.1264, 7.9671, -8.5782, -8.4023, 16.5855],
];
