//! What is on the screen, and what keys do.

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Cell, Paragraph, Row as TableRow, Table};

use super::detail;
use crate::fleet::appliance::Standing;
use crate::fleet::collector::Beat;
use crate::fleet::roll::Roll;
use crate::fleet::view::{self, COLUMNS, Filter, Row};

/// Longest filter, characters.
const FILTER_CHARS_MAX: usize = 64;
/// Rows above and below the table: totals, heads, filter, keys.
const FRAME_ROWS: u16 = 4;
/// Rows that a page key goes, at least.
const PAGE_ROWS_MIN: usize = 5;
/// Widths of the columns but the last, which takes what is left.
const WIDTHS: [u16; 7] = [10, 24, 8, 10, 12, 8, 8];
/// What keys do.
const KEYS: &str = "↑↓ choose  Enter detail  / filter  Esc back  q quit";

/// What follows on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The screen is drawn again.
    Draw,
    /// The screen ends.
    End,
}

/// The state of the screen.
#[derive(Debug, Default)]
pub struct Screen {
    filter: String,
    is_typing: bool,
    shows_detail: bool,
    /// The chosen row, among all that the filter takes.
    chosen: usize,
    /// Rows that the table shows, and how many there are: as they were drawn last.
    shown: usize,
    found: usize,
    has_colour: bool,
}

impl Screen {
    /// An empty filter, and the worst appliance chosen.
    #[must_use]
    pub fn new(has_colour: bool) -> Self {
        Self { has_colour, ..Self::default() }
    }

    /// Does what `key` says.
    pub fn press(&mut self, key: KeyEvent) -> Next {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Next::End;
        }
        if self.is_typing {
            self.type_filter(key.code);
            return Next::Draw;
        }
        let page = self.shown.max(PAGE_ROWS_MIN);
        match key.code {
            KeyCode::Char('q') => return Next::End,
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Enter => self.shows_detail = true,
            KeyCode::Esc if self.shows_detail => self.shows_detail = false,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Up | KeyCode::Char('k') => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.chosen += 1,
            KeyCode::PageUp => self.chosen = self.chosen.saturating_sub(page),
            KeyCode::PageDown => self.chosen += page,
            KeyCode::Home => self.chosen = 0,
            KeyCode::End => self.chosen = self.found,
            _ => {}
        }
        self.chosen = self.chosen.min(self.found.saturating_sub(1));
        Next::Draw
    }

    fn type_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Char(c) if self.filter.chars().count() < FILTER_CHARS_MAX => self.filter.push(c),
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            _ => {}
        }
        self.chosen = 0;
    }

    /// Draws `roll` as it is at `now_ms`; only rows that are seen are made.
    pub fn draw(&mut self, frame: &mut Frame<'_>, roll: &Roll, beat: &Beat, now_ms: i64) {
        let ordered = view::order(roll, &Filter::new(&self.filter), now_ms);
        self.found = ordered.len();
        self.chosen = self.chosen.min(self.found.saturating_sub(1));
        let area = frame.area();
        let [head, body, foot] =
            Layout::vertical([Constraint::Length(2), Constraint::Min(1), Constraint::Length(1)]).areas(area);
        let totals = [Line::from(ordered.totals.line()), Line::from(connection(beat))];
        frame.render_widget(Paragraph::new(totals.to_vec()), head);
        if self.shows_detail
            && let Some(row) = ordered.rows(self.chosen, 1).first()
        {
            frame.render_widget(detail::of(row), body);
        } else {
            self.shown = usize::from(area.height.saturating_sub(FRAME_ROWS));
            // The chosen row is always seen.
            let first = self.chosen.saturating_sub(self.shown.saturating_sub(1));
            self.table(frame, body, &ordered.rows(first, self.shown), self.chosen - first);
        }
        frame.render_widget(Paragraph::new(self.foot()), foot);
    }

    fn foot(&self) -> String {
        let place = if self.found == 0 { 0 } else { self.chosen + 1 };
        match (self.is_typing, self.filter.is_empty()) {
            (true, _) => format!("filter: {}█  Enter keep  Esc clear", self.filter),
            (false, true) => format!("{place} of {}  {KEYS}", self.found),
            (false, false) => format!("{place} of {} with {:?}  {KEYS}", self.found, self.filter),
        }
    }

    fn table(&self, frame: &mut Frame<'_>, area: Rect, rows: &[Row], chosen: usize) {
        let made = rows.iter().enumerate().map(|(place, row)| {
            let mut style = self.style(row.standing);
            if place == chosen {
                style = style.add_modifier(Modifier::REVERSED);
            }
            TableRow::new(view::cells(row).map(Cell::from)).style(style)
        });
        let widths = WIDTHS.map(Constraint::Length).into_iter().chain([Constraint::Min(10)]);
        let heads = TableRow::new(COLUMNS).style(Style::new().add_modifier(Modifier::BOLD));
        frame.render_widget(Table::new(made, widths).header(heads), area);
    }

    /// Colour says nothing that the sign and the word do not.
    fn style(&self, standing: Standing) -> Style {
        let colour = match standing {
            Standing::Lost => Color::Red,
            Standing::Late => Color::Magenta,
            Standing::Silent => Color::Cyan,
            Standing::Degraded => Color::Yellow,
            Standing::Up => Color::Reset,
        };
        if self.has_colour { Style::new().fg(colour) } else { Style::new() }
    }
}

fn connection(beat: &Beat) -> String {
    match (beat.state_connected, beat.events_connected) {
        (true, true) => format!("{} events stored; 99 of 100 within {} ms", beat.stored, beat.lag_p99_ms),
        _ => "NOT CONNECTED to the broker: this is how it was last".to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::fleet::collector::Pulse;
    use crate::fleet::wire::Root;

    const NOW_MS: i64 = 1_800_000_000_000;

    /// Appliances that are up, but for number 7, which is gone.
    fn roll(count: usize) -> Roll {
        let mut roll = Roll::default();
        let root = Root::parse("deepspine/+").unwrap();
        for number in 0..count {
            let status = if number == 7 { "down" } else { "up" };
            let health = format!(
                r#"{{"status":"{status}","session":"s","interval_s":60,"time":"2027-01-15T08:00:00Z","clock_synced":true}}"#
            );
            let topic = format!("deepspine/mr-{number:04}/status/health");
            roll.hear(&root, (&topic, health.as_bytes()), false, NOW_MS);
        }
        roll
    }

    fn drawn(screen: &mut Screen, roll: &Roll) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(120, 20)).unwrap();
        let beat = Pulse::default().beat();
        terminal.draw(|frame| screen.draw(frame, roll, &beat, NOW_MS)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y: u16| (0..120).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>();
        (0..20).map(line).collect()
    }

    fn press(screen: &mut Screen, codes: &[KeyCode]) -> Next {
        codes.iter().map(|code| screen.press(KeyEvent::from(*code))).last().unwrap()
    }

    #[test]
    fn the_broken_one_is_seen_first() {
        let lines = drawn(&mut Screen::new(true), &roll(2000));
        assert!(lines[0].starts_with("2000 appliances: 1 lost, 1999 up"), "{}", lines[0]);
        assert!(lines[1].starts_with("NOT CONNECTED"), "{}", lines[1]);
        assert!(lines[3].starts_with("✗ lost     mr-0007"), "{}", lines[3]);
        assert!(lines[4].starts_with("√ up       mr-0000"), "{}", lines[4]);
    }

    #[test]
    fn the_chosen_row_is_seen_wherever_it_is() {
        let (mut screen, roll) = (Screen::new(false), roll(100));
        drawn(&mut screen, &roll);
        press(&mut screen, &[KeyCode::End]);
        let lines = drawn(&mut screen, &roll);
        assert!(lines[18].contains("mr-0099"), "{}", lines[18]);
        assert!(lines[19].starts_with("100 of 100"), "{}", lines[19]);
        press(&mut screen, &[KeyCode::PageUp, KeyCode::Up, KeyCode::Home]);
        assert!(drawn(&mut screen, &roll)[3].contains("mr-0007"));
    }

    #[test]
    fn a_filter_is_typed_kept_and_cleared() {
        let (mut screen, roll) = (Screen::new(false), roll(100));
        drawn(&mut screen, &roll);
        press(&mut screen, &[KeyCode::Char('/'), KeyCode::Char('0'), KeyCode::Char('q'), KeyCode::Backspace]);
        press(&mut screen, &[KeyCode::Char('4'), KeyCode::Char('2'), KeyCode::Enter]);
        let lines = drawn(&mut screen, &roll);
        assert!(lines[3].contains("mr-0042") && lines[4].trim().is_empty(), "{lines:?}");
        assert_eq!(press(&mut screen, &[KeyCode::Esc]), Next::Draw);
        assert!(drawn(&mut screen, &roll)[19].starts_with("1 of 100"));
        assert_eq!(press(&mut screen, &[KeyCode::Char('q')]), Next::End);
    }

    #[test]
    fn one_appliance_is_shown_in_detail() {
        let (mut screen, roll) = (Screen::new(false), roll(10));
        drawn(&mut screen, &roll);
        press(&mut screen, &[KeyCode::Enter]);
        let text = drawn(&mut screen, &roll).join("\n");
        assert!(text.contains("mr-0007") && text.contains("gone for 0 s") && !text.contains("mr-0001"), "{text}");
        press(&mut screen, &[KeyCode::Esc]);
        assert!(drawn(&mut screen, &roll).join("\n").contains("mr-0001"));
    }
}
