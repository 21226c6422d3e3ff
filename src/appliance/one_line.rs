//! Texts of a bounded length, on one line: what is told of an error or an alarm, whoever wrote it.

/// As much of `text` as fits into `N` bytes, cut at a character, control characters as spaces.
#[must_use]
pub fn one_line<const N: usize>(text: &str) -> heapless::String<N> {
    let mut line = heapless::String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if line.push(c).is_err() {
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character_and_stays_on_its_line() {
        assert_eq!(one_line::<6>("a\nüüü").as_str(), "a üü");
        assert_eq!(one_line::<7>("a\nüüü").as_str(), "a üü");
        assert_eq!(one_line::<8>("a\nüüü").as_str(), "a üüü");
    }
}
