//! Writes objects: MR images for the phantom and the tests ([`image`]), and what a reading becomes in a viewer: a
//! structured report ([`report`]), a segmentation ([`segmentation`]), a secondary capture ([`capture`]).
//!
//! Files are explicit VR little endian, deflated where the caller wants it. Nothing here reads the clock or draws a random number: the caller fixes dates,
//! times and UIDs (see [`super::uid_from`]), so that the same input gives the same bytes. What was read from elsewhere
//! is never written again: no source object is ever changed. What stands in the objects is `export`'s business; here is
//! how an IOD is laid out.

pub mod capture;
mod code;
pub mod derived;
pub mod image;
mod put;
pub mod report;
pub mod segmentation;

pub use code::Code;
pub use derived::{DerivedObject, Referenced};
pub use image::{InstanceToWrite, STORED_MAX, SeriesToWrite, StudyToWrite, WriteError, write_instance};
pub use put::Packing;
