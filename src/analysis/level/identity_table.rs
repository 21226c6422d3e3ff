//! Written by `models/training/levels/fit.py`: how S1 differs from its neighbours in chains of training patients.

use super::identity::{FEATURES, SHAPE};

/// A candidate's score for a unit of each feature.
pub(super) const WEIGHTS: [f64; FEATURES] =
    [-9.5568, 4.4470, 3.9611, -7.7631, -7.3815, -7.7859, 5.7283, -3.3006, -3.5219, 2.0445, -5.4242, -2.1510, 6.9110];

/// The usual first sacral body: the mean of the features of its shape.
pub(super) const USUAL: [f64; SHAPE] = [-0.1702, -0.1442, -0.3924, 0.3875, -0.9339];

/// The inverse of their covariance.
#[rustfmt::skip]
pub(super) const PRECISION: [[f64; SHAPE]; SHAPE] = [
    [171.9421, -162.8225, -10.5643, 37.0575, 4.4515],
    [-162.8225, 436.9548, -25.9966, -67.7524, 17.8601],
    [-10.5643, -25.9966, 90.4716, 95.3237, -20.8215],
    [37.0575, -67.7524, 95.3237, 293.7685, -12.3476],
    [4.4515, 17.8601, -20.8215, -12.3476, 30.8842],
];
