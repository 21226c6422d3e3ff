//! Files to studies, studies to files; the only importer of the `dicom_*` crates.

mod error;
mod header;
pub mod limits;
mod object;
mod pixels;
mod syntax;
mod uid;
mod walk;
pub mod write;

pub use error::{DicomError, Limit, Reason, RefusedFile};
pub use header::{FrameGeometry, FrameHeader, InstanceHeader, Physics, PixelFormat, StudyIdentity, scan};
pub use uid::uid_from;
