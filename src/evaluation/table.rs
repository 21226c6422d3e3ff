//! Figures as text: a table for a terminal, and the same as Markdown for a model card.

use super::figures::{Figure, Kind, SetFigures};
use super::grades;
use super::statistics::bootstrap::{self, DRAWS, SEED};
use std::fmt::Write;

/// Failures that a model card lists; the rest is counted.
const CARD_FAILURES_MAX: usize = 40;

/// The figures of a set for a terminal, with every failure.
#[must_use]
pub fn table(set: &SetFigures) -> String {
    let mut text = format!("\n{}: {}\n", set.name, set.about);
    text.push_str(&seeds(set));
    for group in &set.groups {
        let name = if group.group.is_empty() { "all" } else { &group.group };
        // Writing to a string can't fail.
        let _ = writeln!(text, "\n{name}: {} studies of {} subjects", group.studies, group.subjects);
        for figure in &group.figures {
            let row = Row::of(figure);
            let line = format!("  {:44} {:>12}  {:24} {:>9}  {}", figure.name, row.of, row.mean, row.bias, row.worst);
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    if !set.groups.is_empty() {
        let _ = writeln!(text, "\n{} failures", set.failures.len());
    }
    for failure in &set.failures {
        let _ = writeln!(text, "  {}: {}", failure.study, failure.text);
    }
    text + &grades::text(&set.grades, &set.measurements)
}

/// The same as the block of a model card, made by `command`.
#[must_use]
pub fn card_block(set: &SetFigures, command: &str) -> String {
    let mut text = format!("{}\n\n`{command}`; {}\n", escaped(&set.about), seeds(set));
    for group in &set.groups {
        let name = if group.group.is_empty() { String::new() } else { format!("{}: ", escaped(&group.group)) };
        let _ = writeln!(text, "{name}{} studies of {} subjects\n", group.studies, group.subjects);
        text.push_str("| figure | of | mean (95 % interval) | bias | worst |\n|---|---|---|---|---|\n");
        for figure in &group.figures {
            let row = Row::of(figure);
            let cells = [&figure.name, &row.of, &row.mean, &row.bias, &row.worst].map(|cell| escaped(cell));
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text.push('\n');
    }
    text += &grades::block(&set.grades, &set.measurements);
    if set.groups.is_empty() {
        return text;
    }
    let _ = writeln!(text, "Failures: {}.", set.failures.len());
    for failure in set.failures.iter().take(CARD_FAILURES_MAX) {
        let _ = writeln!(text, "- {}: {}", escaped(&failure.study), escaped(&failure.text));
    }
    if set.failures.len() > CARD_FAILURES_MAX {
        let _ = writeln!(text, "- and {} more; the command lists them", set.failures.len() - CARD_FAILURES_MAX);
    }
    text
}

fn seeds(set: &SetFigures) -> String {
    let chosen = set.seed.as_ref().map_or_else(String::new, |seed| format!("subjects by seed {seed}; "));
    format!("{chosen}intervals bootstrapped by subject, {DRAWS} draws, seed {SEED}\n")
}

/// A text that is no Markdown and ends no comment.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// The cells of a figure.
struct Row {
    of: String,
    mean: String,
    bias: String,
    worst: String,
}

impl Row {
    fn of(figure: &Figure) -> Self {
        let unit = if figure.unit == "1" { String::new() } else { format!(" {}", figure.unit) };
        let digits = if matches!(figure.kind, Kind::Error) { 2 } else { 3 };
        let number = |v: f64| format!("{v:.digits$}");
        let share = matches!(figure.kind, Kind::Share | Kind::AllOfSubject | Kind::AnyOfSubject);
        let of = match figure.kind {
            Kind::Total => format!("{:.0}", figure.sum),
            _ if share => format!("{:.0} of {}", figure.sum, figure.values),
            _ => format!("{}", figure.values),
        };
        let interval = figure.interval.map_or_else(String::new, |[low, high]| {
            // Where nothing was seen, drawing again shows nothing either: the rate is still not known to be 0.
            if share && figure.sum == 0.0 {
                format!(" (below {})", number(bootstrap::rate_below(figure.subjects)))
            } else if share && figure.sum == figure.values as f64 {
                format!(" (above {})", number(1.0 - bootstrap::rate_below(figure.subjects)))
            } else {
                format!(" ({} to {})", number(low), number(high))
            }
        });
        let signed = |v: f64| format!("{v:+.digits$}");
        let worst = figure.worst.map(|v| if figure.kind == Kind::Error { signed(v) } else { number(v) });
        Self {
            of,
            mean: figure.mean.map_or_else(String::new, |mean| format!("{}{unit}{interval}", number(mean))),
            bias: figure.bias.map_or_else(String::new, signed),
            worst: worst.zip(figure.worst_study.as_ref()).map_or_else(String::new, |(w, s)| format!("{w} ({s})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::{Sample, Tally};
    use super::*;

    fn set() -> SetFigures {
        let mut tally = Tally::default();
        let samples = [
            Sample::score("Dice disc", 0.9),
            Sample::error("canal", "mm", -1.25),
            Sample::yes_no("shift", Kind::AnyOfSubject, false),
            Sample::total("claimed", 3),
        ];
        tally.add("one|two", "1", "T2", &samples, vec!["L4 at L5 --> <b>".into()]);
        tally.finish("ours", "Our own.", Some("7"))
    }

    #[test]
    fn the_table_has_seed_numbers_worst_and_failures() {
        let text = table(&set());
        for part in [
            "ours: Our own.",
            "subjects by seed 7; intervals bootstrapped by subject, 2000 draws, seed 20261123",
            "T2: 1 studies of 1 subjects",
            "0.900 (0.900 to 0.900)",
            "1.25 mm (1.25 to 1.25)       -1.25  -1.25 (one|two)",
            "0 of 1  0.000 (below 0.950)",
            "1 failures\n  one|two: L4 at L5",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn a_card_holds_no_markup_of_others() {
        let text = card_block(&set(), "deepspine evaluate --truth ours.json");
        assert!(text.contains("`deepspine evaluate --truth ours.json`"), "{text}");
        assert!(text.contains("| claimed | 3 |  |  |  |"), "{text}");
        assert!(text.contains("- one\\|two: L4 at L5 --> &lt;b>"), "{text}");
    }
}
