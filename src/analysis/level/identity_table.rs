//! Written by `models/training/levels/fit.py`: how S1 differs from its neighbours in chains of training patients.

use super::identity::{FEATURES, SHAPE};

/// A candidate's score for a unit of each feature.
pub(super) const WEIGHTS: [f64; FEATURES] =
    [-9.5636, 3.6984, -3.5408, -4.6148, -9.2277, -7.9195, 6.8426, -5.0750, -4.9966, 0.6369, -4.7606, -3.7181, -1.4634];

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
