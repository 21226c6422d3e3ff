//! Files to studies, studies to files; the only importer of the `dicom_*` crates.
//!
//! ```text
//! paths -> find_files -> scan: one InstanceHeader a file -> assemble -> Study: series in their roles
//!                                                            Study::settle_roles: what pixels tell
//!                                                            Study::images, load: pixels of a series
//! ```
//!
//! [`read_studies`] goes that way at once. Every file is hostile until its elements were walked over
//! (`walk`); every limit is named in [`limits`]. Volumes that come out have true LPS geometry and,
//! whatever way a scanner stored them, one orientation: sagittal slices with anterior left and head
//! up, coronal and axial ones with the patient's right on the left ([`Reorientation`]); no pixel is
//! interpolated. [`write`] makes the phantom's, the tests' and a viewer's objects, [`store`] sends them to an archive.
//!
//! Nothing here changes, moves or deletes a source file, and no message holds identity but for the
//! path of the file.

mod contrast;
mod error;
mod find;
mod header;
mod intake;
pub mod limits;
mod object;
mod pixels;
mod report_text;
mod series;
pub mod store;
mod study;
mod syntax;
mod uid;
mod walk;
pub mod write;

pub use error::{DicomError, Limit, Reason, RefusedFile};
pub use find::{FoundFiles, find_files, find_files_unpacked_into};
pub use header::{FrameGeometry, FrameHeader, InstanceHeader, Physics, PixelFormat, StudyIdentity, scan};
pub use intake::{Intake, read_studies, read_studies_unpacked_into};
pub use pixels::read_frame;
pub use report_text::{ReportText, read_report};
pub use series::{Block, PlacedSlice, Plane, Reorientation, Series};
pub use study::{SourceInstance, Study, assemble};
pub use uid::uid_from;
