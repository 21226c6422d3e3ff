//! The fleet as a plain table, for terminals and pipes.

use super::{Row, Totals, ago};
use crate::fleet::appliance::Standing;

/// Heads of the columns.
pub const COLUMNS: [&str; 8] =
    ["STATE", "APPLIANCE", "STATUS", "VERSION", "QUEUE", "HOTTEST", "MISSING", "WHAT IS WRONG"];

/// The cells of a row, as [`COLUMNS`] names them.
#[must_use]
pub fn cells(row: &Row) -> [String; 8] {
    let numbers = &row.numbers;
    let queue = numbers.live_depth.map(|live| live + numbers.backlog_depth.unwrap_or(0.0)).map(|depth| {
        let oldest = numbers.live_oldest_s.unwrap_or(0.0).max(numbers.backlog_oldest_s.unwrap_or(0.0)) as u64;
        if oldest > 0 { format!("{depth:.0}, {}", ago(oldest)) } else { format!("{depth:.0}") }
    });
    [
        state(row.standing),
        row.device.to_string(),
        row.age_s.map(ago).unwrap_or_default(),
        row.version.to_string(),
        queue.unwrap_or_default(),
        numbers.hottest_celsius.map(|celsius| format!("{celsius:.0} °C")).unwrap_or_default(),
        if row.missing > 0 { row.missing.to_string() } else { String::new() },
        row.why.clone(),
    ]
}

/// A sign beside the word, so that neither colour nor reading is needed.
fn state(standing: Standing) -> String {
    let sign = match standing {
        Standing::Lost => '✗',
        Standing::Late => '◷',
        Standing::Silent => '?',
        Standing::Degraded => '!',
        Standing::Up => '√',
    };
    format!("{sign} {}", standing.name())
}

impl Totals {
    /// The totals in a line.
    #[must_use]
    pub fn line(&self) -> String {
        let standings: Vec<String> = Standing::ALL
            .iter()
            .filter_map(|standing| self.standings.get(standing.name()).map(|count| (standing, count)))
            .filter(|(_, count)| **count > 0)
            .map(|(standing, count)| format!("{count} {}", standing.name()))
            .collect();
        let mut text = format!("{} appliances", self.appliances);
        if !standings.is_empty() {
            text = format!("{text}: {}", standings.join(", "));
        }
        let others = [
            (self.alarmed, "with alarms"),
            (self.with_gaps, "with gaps"),
            (self.with_malformed, "with messages that make no sense"),
            (self.drifted, "with grades that drifted"),
        ];
        for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
            text = format!("{text}; {count} {what}");
        }
        text
    }
}

/// The table as lines: totals, heads, rows.
#[must_use]
pub fn lines(totals: &Totals, rows: &[Row]) -> Vec<String> {
    let cells: Vec<[String; 8]> = std::iter::once(COLUMNS.map(str::to_owned)).chain(rows.iter().map(cells)).collect();
    let mut widths = [0; 8];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; 8]| {
        let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    std::iter::once(totals.line()).chain(cells.iter().map(line)).collect()
}
