//! The fleet on a terminal: a table, the worst first, and one appliance in detail.
//!
//! The only importer of ratatui. [`screen`] is what is shown and what keys do, without a terminal; this module is the
//! terminal around it.

mod detail;
mod screen;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyEventKind};

use super::collector::Shared;
use super::view;
use screen::Next;
pub use screen::Screen;

/// How often the screen is drawn while nobody presses a key.
const DRAW_PERIOD: Duration = Duration::from_secs(1);
/// How often the wait for a key looks whether it should end.
const LOOK_PERIOD: Duration = Duration::from_millis(250);

/// Shows the fleet until `q` is pressed or `stop` is set.
///
/// # Errors
/// What the terminal said.
pub fn run(shared: &Shared, stop: &AtomicBool) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let mut screen = Screen::new(std::env::var_os("NO_COLOR").is_none());
    let ended = loop {
        let beat = shared.pulse.beat();
        let drawn = terminal.draw(|frame| screen.draw(frame, &shared.roll(), &beat, view::now_ms()));
        if let Err(error) = drawn {
            break Err(error);
        }
        match wait(&mut screen, stop) {
            Ok(Next::Draw) => {}
            Ok(Next::End) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    ratatui::try_restore()?;
    ended
}

/// Waits for a key or the next drawing.
fn wait(screen: &mut Screen, stop: &AtomicBool) -> io::Result<Next> {
    let mut waited = Duration::ZERO;
    while waited < DRAW_PERIOD {
        if stop.load(Ordering::Acquire) {
            return Ok(Next::End);
        }
        if event::poll(LOOK_PERIOD)? {
            return Ok(match event::read()? {
                Event::Key(key) if key.kind == KeyEventKind::Press => screen.press(key),
                _ => Next::Draw,
            });
        }
        waited += LOOK_PERIOD;
    }
    Ok(Next::Draw)
}
