//! What appliances publish, understood: topics to devices, payloads to what they say.
//!
//! Whatever comes from a broker is hostile until shown otherwise: texts are cut and freed of control characters, lists
//! are bounded, and what makes no sense is counted and never fatal.

mod event;
mod message;
mod root;

pub use event::{Event, Reported};
pub use message::{Alarm, Command, Health, Identity, Malformed, Model, Numbers, Said, Status, understand};
pub use root::Root;

/// Longest text that is kept of a message, characters.
const TEXT_CHARS_MAX: usize = 240;
/// Longest name or version that is kept, characters.
const NAME_CHARS_MAX: usize = 64;

/// `text` for a screen: without control characters, and no longer than `chars_max`.
#[must_use]
pub fn clean(text: &str, chars_max: usize) -> Box<str> {
    let shown = |c: char| if c.is_control() || is_bidi(c) { '\u{fffd}' } else { c };
    text.chars().take(chars_max).map(shown).collect()
}

/// Characters that turn the direction of a line: they make a text look like another.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_can_not_steer_a_terminal() {
        assert_eq!(&*clean("a\u{1b}[2Jb\u{202e}c", 99), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(clean(&"x".repeat(1000), 240).len(), 240);
    }
}
