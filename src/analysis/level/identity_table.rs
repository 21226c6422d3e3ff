//! Written by `models/training/levels/fit.py`: how S1 differs from its neighbours in chains of training patients.

use super::identity::{FEATURES, SHAPE};

/// A candidate's score for a unit of each feature.
pub(super) const WEIGHTS: [f64; FEATURES] =
    [-9.6510, 3.0747, -3.5031, -5.3858, -9.6046, -8.5673, 6.6311, -5.4067, -5.3909, 0.6403, -5.8735, -3.7764, -1.3138];

/// The usual first sacral body: the mean of the features of its shape.
pub(super) const USUAL: [f64; SHAPE] = [-0.1484, -0.1332, -0.3826, 0.3797, -1.1838];

/// The inverse of their covariance.
#[rustfmt::skip]
pub(super) const PRECISION: [[f64; SHAPE]; SHAPE] = [
    [187.6131, -152.9777, -21.0087, 28.8927, 0.0796],
    [-152.9777, 421.3691, -13.9164, -46.9397, 10.0723],
    [-21.0087, -13.9164, 94.0869, 80.6119, -10.8628],
    [28.8927, -46.9397, 80.6119, 244.9017, -11.0087],
    [0.0796, 10.0723, -10.8628, -11.0087, 18.4263],
];
