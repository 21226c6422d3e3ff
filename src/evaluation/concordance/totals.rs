//! Everything that holding texts against readings gave, and how much of both there was.

use serde::Serialize;

use super::listed::Listed;
use super::tally::Figures;
use crate::labels::policy::Policy;

/// What every form of it says of itself.
pub const NOTICE: &str = "Texts are no ground truth and readings are no diagnosis: these figures say how far the two agree, not which of them is right. \
                          A radiologist must look at what differs.";

/// How many texts and readings there were, and what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Texts that could be read.
    pub texts: usize,
    /// Texts with a reading.
    pub joined: usize,
    /// Texts without one.
    pub texts_without_reading: usize,
    /// Texts whose id fits several readings: not compared.
    pub ambiguous_texts: usize,
    /// Texts of a study that has one already: not compared.
    pub second_texts: usize,
    /// Records that could not be read.
    pub unreadable_texts: usize,
    /// Studies that were read.
    pub readings: usize,
    /// Readings without a text.
    pub readings_without_text: usize,
    /// Readings that gave way to another of their study.
    pub superseded_readings: usize,
    /// Files that are no readings.
    pub unreadable_readings: usize,
    /// Readings with a text that were refused: nothing to compare.
    pub refused: usize,
    /// Levels without a name in readings with a text: not compared.
    pub unknown_levels: usize,
    /// Levels whose name is doubtful in readings with a text: compared, and counted apart.
    pub doubtful_levels: usize,
    /// Pairs to look at.
    pub listed: usize,
}

/// Texts held against readings.
#[derive(Debug, Clone, PartialEq)]
pub struct Concordance {
    /// The choices that were made.
    pub policy: Policy,
    /// How many there were.
    pub totals: Totals,
    /// The figures.
    pub figures: Figures,
    /// What to look at, the worst first; at most [`super::LISTED_KEPT_MAX`].
    pub listed: Vec<Listed>,
}

impl Totals {
    /// The totals in sentences, one a line.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "{} texts: {} with a reading, {} without; {} of an ambiguous id and {} further ones of a study are left out; {} could not be read.",
                self.texts,
                self.joined,
                self.texts_without_reading,
                self.ambiguous_texts,
                self.second_texts,
                self.unreadable_texts
            ),
            format!(
                "{} studies read: {} without a text; {} older readings gave way; {} files are no readings.",
                self.readings, self.readings_without_text, self.superseded_readings, self.unreadable_readings
            ),
        ];
        lines.push(format!(
            "In readings with a text: {} refused; {} levels without a name, not compared; {} of a doubtful name, counted apart.",
            self.refused, self.unknown_levels, self.doubtful_levels
        ));
        lines
    }
}

impl Concordance {
    /// What was chosen, in a sentence.
    #[must_use]
    pub fn choices(&self) -> String {
        let Policy { one_grade, not_mentioned } = self.policy;
        format!(
            "Of a range or of two grades the {} counts; what a text does not mention is {}.",
            one_grade.name(),
            match not_mentioned {
                crate::labels::policy::NotMentioned::Leave => "not compared",
                crate::labels::policy::NotMentioned::AssumeNormal => "taken for normal",
            }
        )
    }

    /// What of the texts could not be compared, in a sentence.
    #[must_use]
    pub fn left_out(&self) -> String {
        format!(
            "Statements that could not be compared: {} at levels that the reading has not, {} that name no side.",
            self.figures.statements_at_other_levels, self.figures.statements_without_side
        )
    }
}
