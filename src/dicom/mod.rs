//! Files to studies, studies to files; the only importer of the `dicom_*` crates.

mod uid;
pub mod write;

pub use uid::uid_from;
