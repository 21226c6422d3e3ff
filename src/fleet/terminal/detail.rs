//! All that is known of one appliance.

use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Paragraph, Wrap};

use crate::fleet::view::{self, Row};

/// The pane of `row`.
pub(super) fn of(row: &Row) -> Paragraph<'static> {
    let lines: Vec<Line<'static>> = lines(row).into_iter().map(Line::from).collect();
    let title = format!(" {} ", row.device);
    Paragraph::new(Text::from(lines)).block(Block::bordered().title(title)).wrap(Wrap { trim: false })
}

fn lines(row: &Row) -> Vec<String> {
    let mut lines = vec![
        format!("state      {}", row.standing.name()),
        format!("version    {}, {}", row.version, row.board),
        format!("models     {}", row.models),
        format!("commands   {}", row.commands.join(", ")),
    ];
    if !row.why.is_empty() {
        lines.push(format!("wrong      {}", row.why));
    }
    for (name, alarm) in &row.alarms {
        lines.push(format!("ALARM      {name} ({}, since {}): {}", alarm.severity, alarm.since, alarm.text));
    }
    for (first, last) in &row.gaps {
        lines.push(format!("missing    {first} to {last}"));
    }
    lines.push(format!("messages   {} came again, {} made no sense", row.repeats, row.malformed));
    lines.extend(view::numbers(row).into_iter().map(|(name, number)| format!("{name:<34} {number}")));
    for drift in &row.drifts {
        let psi = drift.psi.map(|psi| format!(", PSI {psi:.3}")).unwrap_or_default();
        lines.push(format!(
            "grades     {} by {}: {}{psi}; at first {:?}, of late {:?}",
            drift.finding,
            drift.models,
            drift.verdict.name(),
            drift.baseline,
            drift.recent
        ));
    }
    lines
}
