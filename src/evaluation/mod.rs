//! How right readings are: figures from studies whose truth is known.
//!
//! ```text
//! truth file -> truth::load: what is known of each study -> judge: one Bundle against its truth
//!            -> Samples and failures -> Tally: by group and figure -> Figure: mean, interval, worst
//!            -> table: for a terminal; card: the blocks of a model card
//! ```
//!
//! What is known of grades and measurements has its own pairs and figures: [`grades`]. The statistics of all are in [`statistics`].
//!
//! How far readings agree with what radiologists wrote of the same studies is no truth, and has a house of its own: [`concordance`].
//!
//! [`judge()`] looks at one study and forgets its voxels; a [`Tally`] keeps numbers only, so that a set of any length
//! needs the memory of one study. Intervals are bootstrapped by subject ([`statistics::bootstrap`]). What each figure means is in
//! `docs/evaluation.md`. Reading the studies is the caller's business: nothing here runs a network.

pub mod card;
mod claims;
pub mod concordance;
mod discs;
mod field;
mod figures;
pub mod grades;
mod judge;
pub mod lines;
mod masks;
mod measures;
mod names;
mod outlines;
mod overlap;
mod phantoms;
mod pieces;
mod polygon;
mod split;
pub mod statistics;
mod table;
pub mod truth;
mod view;

pub use figures::{Failure, Figure, GroupFigures, Kind, Sample, SetFigures, Tally};
pub use judge::{Judged, judge, judge_report};
pub use table::{card_block, table};
pub use truth::{TruthError, TruthSet, TruthStudy};

/// Quality codes by which a report says that its names may be shifted.
pub const SAID_CODES: [&str; 2] = ["transitional-anatomy", "level-conflict"];
/// Quality code by which every report says that it assumes five lumbar vertebrae.
pub const COUNT_CODE: &str = "lumbar-count-assumed";
/// Quality codes by which a report says that this very spine is unusual.
pub const ANOMALY_CODES: [&str; 2] = ["transitional-anatomy", "level-conflict"];
/// Quality code by which a report says that an end of the spine leaves the field.
pub const CUT_CODE: &str = "field-of-view";
/// Half a vertebra: a name further from its truth than this, and nearer to another's, stands at another level, mm.
pub const MISNAMED_MM: f64 = 15.0;
