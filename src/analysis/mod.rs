//! The reading room: pixels and models in, findings out.
//!
//! Everything here is pure: no files, no clock, no threads of its own making beyond a scoped fan-out
//! ([`spread`]), no network. [`study::read`] is the whole reading in order; start there.

mod agreement;
pub mod confidence;
pub mod curve;
pub mod grading;
mod grey;
pub mod level;
pub mod measure;
pub mod parts;
pub mod plausibility;
mod repeatability;
mod second_looks;
pub mod segmentation;
pub mod spine_reading;
mod spread;
pub mod study;
#[cfg(test)]
mod synthetic;
pub mod volume;
