//! Grades and measurements held against what is known of them: the figures of a site's own validation, and of the model cards.
//!
//! ```text
//! truth of a study (a truth file, or a phantom's own) + Answers (a report: read now, or finished)  -> Pair, MeasuredPair
//! a table of predictions with their truths                                                          -> Pair
//! Held: pairs -> figures: by group, finding and side -> GradeFigures, MeasuredFigures -> text, card, page, rows
//! ```
//!
//! A truth that was not answered stays a pair, with the reason: how often an answer is right is told only beside how many were given.
//! How each figure is defined, `docs/evaluation.md` says.

mod answers;
mod block;
mod classes;
mod counted;
mod figures;
mod measured;
mod page;
mod pairs;
mod plots;
mod predictions;
mod rows;
mod stratum;
mod sums;
mod text;

pub use answers::{Answer, Answers, AnswersError};
pub use block::block;
pub use figures::{
    CLASS_SETS_MIN, ConfusionRow, GradeFigures, KAPPA_TRUTHS_MIN, OF_EACH_MIN, POINT_OF_EACH_MIN, SetRow, Sets,
    Threshold, Value, Values,
};
pub use measured::{LIMITS_PAIRS_MIN, MeasuredFigures};
pub use page::page;
pub use pairs::{Held, MeasuredPair, Pair, true_grades};
pub use predictions::{PREDICTIONS_ROWS_MAX, Predictions};
pub use rows::{COLUMNS, heading, rows};
pub use text::text;
