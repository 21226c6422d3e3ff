//! What radiologists' texts say, held against what was read from the images of the same studies: by level, finding and side.
//!
//! ```text
//! report.json -> Reading -> Shelf: one reading a study
//! text -> labels -> Shelf::find by its id -> compare: pairs -> Tally -> Figures
//!                                                          -> Worst: what to look at first
//! Concordance = totals + figures + the worst -> text, page, picture; rows: a pair as JSON or a row
//! ```
//!
//! What it does not do: it says neither that a text is right nor that a reading is; it joins by ids alone, and guesses none; it compares
//! nothing of which one of the two is silent, unless asked to take a text's silence for normal; it reads no file and writes none. How
//! each comparison is defined, `docs/labelling.md` says.

mod compare;
mod counts;
mod listed;
mod page;
mod picture;
mod reading;
mod rows;
mod shelf;
mod subject;
mod tally;
mod text;
mod totals;

pub use compare::{Agreement, Compared, Diameter, Pair, Words, compare};
pub use counts::{Counts, KAPPA_PAIRS_MIN, Measure};
pub use listed::{LISTED_KEPT_MAX, Listed, Worst, listed};
pub use page::page;
pub use picture::write_picture;
pub use reading::{Grade, Level, READING_BYTES_MAX, Reading, ReadingError};
pub use rows::{COLUMNS, CONCORDANCE_SCHEMA, Study, diameter_json, diameter_row, pair_json, pair_row, summary_json};
pub use shelf::{Fit, Put, READINGS_MAX, Shelf};
pub use subject::{Said, Scale, Subject};
pub use tally::{Figures, FindingFigures, Tally, Value};
pub use text::{LISTED_SHOWN_MAX, text};
pub use totals::{Concordance, NOTICE, Totals};
