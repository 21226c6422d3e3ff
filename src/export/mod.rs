//! The reading bundle, and everything that is made from it.
//!
//! A reading ends in a [`bundle::Bundle`]. Whatever the clinic or the wire gets is a pure function
//! of that: the JSON [`report`], the label maps ([`label_maps`]), the picture ([`overlay`]), the
//! [`table()`] on a terminal. [`write_all`] makes the files of a folder from it, as often as one likes,
//! with the same result. The pictures that the networks were shown ([`write_views`]) alone need the study itself. Nothing here reads DICOM, talks to a network or knows a clock.

mod atomic;
pub mod bundle;
pub(crate) mod canvas;
pub mod display;
mod files;
mod grade_table;
pub(crate) mod html;
pub mod key;
pub mod label_maps;
pub mod label_page;
pub mod labelled;
mod npy;
pub mod objects;
pub mod overlay;
mod page;
pub mod report;
mod table;
mod views;
pub(crate) mod wrapping;

pub use atomic::clear_half_written;
pub(crate) use atomic::{write_private, write_whole};
pub use bundle::{BUNDLE_SUFFIX, Bundle, BundleError, BundleInput, BundlePicture, SourceInstance, SourceSeries};
pub use files::{ExportError, OVERLAY_FILE, PAGE_FILE, REPORT_FILE, write_all, write_nameless, write_report};
pub use key::DeviceKey;
pub use objects::ViewerObject;
pub use page::Language;
pub use table::table;
pub use views::{VIEWS_FOLDER, write_views};
