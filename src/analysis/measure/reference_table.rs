//! Antero-posterior diameters of canals in the disc's plane, mm, L1-L2 first and L5-S1 last. Written by `python -m grading.reference`.

use super::reference::Curve;

/// The percentiles that the tables hold.
pub(super) const AT_PERCENT: Curve = [2.5, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 97.5];
/// On T2.
#[rustfmt::skip]
pub(super) const T2_MM: [Curve; 5] = [
    [3.6, 6.6, 8.5, 10.1, 12.1, 13.7, 14.8, 15.5, 15.9], // 161 levels
    [4.4, 6.2, 7.5, 9.6, 11.4, 12.9, 13.9, 14.4, 15.2], // 164 levels
    [5.0, 6.2, 7.1, 8.6, 10.6, 12.2, 13.3, 14.2, 15.0], // 164 levels
    [5.5, 5.8, 7.5, 8.5, 10.2, 12.1, 13.4, 14.2, 14.8], // 159 levels
    [3.9, 5.1, 7.8, 9.7, 11.5, 13.1, 14.9, 16.1, 17.8], // 159 levels
];
/// On T1.
#[rustfmt::skip]
pub(super) const T1_MM: [Curve; 5] = [
    [5.2, 7.5, 9.8, 11.9, 13.5, 14.8, 15.9, 16.3, 16.6], // 146 levels
    [6.2, 8.5, 9.6, 11.2, 12.7, 13.8, 15.0, 15.9, 16.3], // 150 levels
    [7.0, 7.8, 9.0, 10.2, 12.1, 13.4, 14.9, 15.2, 16.0], // 152 levels
    [6.4, 8.2, 8.8, 9.9, 11.3, 13.3, 14.8, 15.7, 16.3], // 148 levels
    [2.7, 4.1, 6.8, 9.9, 11.8, 13.5, 15.2, 16.5, 16.9], // 146 levels
];
