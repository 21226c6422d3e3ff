//! The statistics that figures rest on: pure, of numbers alone, each with its source.
//!
//! Who counts what, and under which name, is the business of those who ask: figures of segmentation and names, of grades, and of texts
//! held against readings use the same functions.

pub mod bootstrap;
mod calibration;
mod differences;
mod kappa;
mod ranks;

pub use calibration::{Bin, ECE_BINS, bins, expected_error};
pub use differences::{Differences, LIMITS_SD};
pub use kappa::kappa;
pub use ranks::Ranked;
