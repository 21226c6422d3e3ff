//! The reading of one study from DICOM to bundle.

pub mod pipeline;
