//! Breaking a sentence into lines.

/// `text` in lines of at most `width` characters, broken between words; a longer word is cut.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let used = lines.last().map_or(0, |l| l.chars().count());
            let gap = usize::from(used > 0);
            if used + gap + rest.len() <= width {
                if let Some(line) = lines.last_mut() {
                    line.extend(std::iter::repeat_n(' ', gap).chain(rest.drain(..)));
                }
            } else if used == 0 {
                let cut: String = rest.drain(..width).collect();
                *lines.last_mut().unwrap_or(&mut String::new()) = cut;
                lines.push(String::new());
            } else {
                lines.push(String::new());
            }
        }
    }
    if lines.len() > 1 && lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_break_between_words_and_long_words_are_cut() {
        assert_eq!(wrapped("not a diagnosis", 10), ["not a", "diagnosis"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("abc def", 3), ["abc", "def"]);
        assert_eq!(wrapped("", 3), [""]);
    }
}
