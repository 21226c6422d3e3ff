//! Text to tokens that know their bytes: words, numbers, marks, line ends. HTML tags and entities are stepped over.

use std::collections::HashMap;

use super::lexicon::Lexicon;

/// Words that were not in the lexicon and are remembered with what they were taken for.
const REMEMBERED_WORDS_MAX: usize = 1 << 16;
/// Longest HTML tag that is stepped over, bytes.
const TAG_BYTES_MAX: usize = 2048;
/// Longest HTML entity, bytes.
const ENTITY_BYTES_MAX: usize = 10;
/// HTML tags that end a line.
const LINE_TAGS: [&str; 13] = ["br", "p", "div", "li", "tr", "td", "h1", "h2", "h3", "h4", "ul", "ol", "table"];
/// Words after which a full stop ends no sentence.
const ABBREVIATIONS: [&str; 15] =
    ["bilat", "lt", "rt", "c", "d", "e", "g", "i", "vs", "approx", "dr", "fig", "lig", "incl", "resp"];

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Letters, or letters and digits.
    Word,
    /// Digits first; a unit may hang on it.
    Number,
    /// `-`, or a longer dash.
    Hyphen,
    /// `/`, `\`.
    Slash,
    /// `,`.
    Comma,
    /// `.` that ends a sentence, `!`.
    Stop,
    /// `:`.
    Colon,
    /// `;`.
    Semicolon,
    /// `&`, `+`.
    And,
    /// `?`.
    Question,
    /// `>`, which stands for "more than".
    Greater,
    /// `(`, `[`.
    Open,
    /// `)`, `]`.
    Close,
    /// The end of a line.
    LineEnd,
    /// Anything else.
    Mark,
}

/// A part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// What it is.
    pub kind: Kind,
    /// Number of the word in the lexicon; `None` for what is in none of its phrases.
    pub word: Option<u32>,
}

impl Token {
    /// Whether it is a hyphen, which counts for nothing within a phrase.
    #[must_use]
    pub fn is_hyphen(&self) -> bool {
        self.kind == Kind::Hyphen
    }

    /// Its text.
    #[must_use]
    pub fn of<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// Turns words into their numbers, and remembers what misspelt ones were taken for.
#[derive(Debug)]
pub struct WordBuffer<'a> {
    lexicon: &'a Lexicon,
    remembered: HashMap<Box<str>, Option<u32>>,
    lower: String,
}

impl<'a> WordBuffer<'a> {
    pub(super) fn new(lexicon: &'a Lexicon) -> Self {
        Self { lexicon, remembered: HashMap::new(), lower: String::new() }
    }

    /// The lexicon that it is of.
    #[must_use]
    pub fn lexicon(&self) -> &'a Lexicon {
        self.lexicon
    }

    fn number(&mut self, word: &str) -> Option<u32> {
        self.lower.clear();
        self.lower.extend(word.chars().filter(|c| !is_apostrophe(*c)).flat_map(char::to_lowercase));
        if let Some(known) = self.lexicon.word(&self.lower) {
            return Some(known);
        }
        if let Some(known) = self.remembered.get(self.lower.as_str()) {
            return *known;
        }
        let corrected = self.lexicon.corrected(&self.lower);
        if self.remembered.len() >= REMEMBERED_WORDS_MAX {
            self.remembered.clear();
        }
        self.remembered.insert(self.lower.as_str().into(), corrected);
        corrected
    }
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{2018}' | '`')
}

/// Breaks `text` into `tokens`, which are cleared first.
pub fn tokenize(text: &str, words: &mut WordBuffer<'_>, tokens: &mut Vec<Token>) {
    tokens.clear();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let end = if c.is_alphanumeric() {
            word_or_number(text, at, words, tokens)
        } else if c == '<' {
            tag(text, at, tokens)
        } else if c == '&' {
            entity(text, at, tokens)
        } else {
            mark(text, at, c, words, tokens)
        };
        debug_assert!(end > at, "every step goes on");
        at = end;
    }
}

fn push(tokens: &mut Vec<Token>, start: usize, end: usize, kind: Kind) -> usize {
    tokens.push(Token { start, end, kind, word: None });
    end
}

fn word_or_number(text: &str, start: usize, words: &mut WordBuffer<'_>, tokens: &mut Vec<Token>) -> usize {
    let rest = &text[start..];
    let mut end = rest.len();
    let starts_with_digit = rest.starts_with(|c: char| c.is_ascii_digit());
    let mut only_digits = true;
    for (i, c) in rest.char_indices() {
        let followed_by = |wanted: fn(char) -> bool| rest[i + c.len_utf8()..].starts_with(wanted);
        let is_inner = c.is_alphanumeric()
            || (is_apostrophe(c) && followed_by(char::is_alphabetic))
            || (c == '.' && starts_with_digit && only_digits && followed_by(|c| c.is_ascii_digit()));
        if !is_inner {
            end = i;
            break;
        }
        only_digits &= c.is_ascii_digit() || c == '.';
    }
    let kind = if starts_with_digit { Kind::Number } else { Kind::Word };
    let word = words.number(&rest[..end]);
    tokens.push(Token { start, end: start + end, kind, word });
    start + end
}

/// Steps over an HTML tag; a `<` that begins none is a mark.
fn tag(text: &str, start: usize, tokens: &mut Vec<Token>) -> usize {
    let window_end = floor_boundary(text, (start + TAG_BYTES_MAX).min(text.len()));
    let window = &text[start..window_end];
    let named = window[1..].trim_start_matches('/');
    if !named.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!') {
        return push(tokens, start, start + 1, Kind::Mark);
    }
    let Some(length) = window.find('>') else { return push(tokens, start, start + 1, Kind::Mark) };
    let name_end = named.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(named.len());
    let end = start + length + 1;
    if LINE_TAGS.iter().any(|tag| named[..name_end].eq_ignore_ascii_case(tag)) {
        push(tokens, start, end, Kind::LineEnd);
    }
    end
}

fn entity(text: &str, start: usize, tokens: &mut Vec<Token>) -> usize {
    let window_end = floor_boundary(text, (start + ENTITY_BYTES_MAX).min(text.len()));
    let window = &text[start..window_end];
    let length = window[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '#').map_or(window.len(), |i| i + 1);
    if length < 3 || !window[length..].starts_with(';') {
        return push(tokens, start, start + 1, Kind::And);
    }
    match &window[1..length] {
        "amp" => push(tokens, start, start + length + 1, Kind::And),
        "gt" => push(tokens, start, start + length + 1, Kind::Greater),
        "ndash" | "mdash" | "minus" => push(tokens, start, start + length + 1, Kind::Hyphen),
        _ => start + length + 1,
    }
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn mark(text: &str, start: usize, c: char, words: &mut WordBuffer<'_>, tokens: &mut Vec<Token>) -> usize {
    let end = start + c.len_utf8();
    let kind = match c {
        '\n' | '\u{2028}' | '\u{2029}' | '\u{85}' => Kind::LineEnd,
        // A line end of its own in old files; before a \n it is part of that.
        '\r' if !text[end..].starts_with('\n') => Kind::LineEnd,
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '~' => Kind::Hyphen,
        '/' | '\\' => Kind::Slash,
        ',' => Kind::Comma,
        '.' if ends_no_sentence(text, tokens) => return end,
        '.' | '!' | '\u{3002}' => Kind::Stop,
        ':' => Kind::Colon,
        ';' => Kind::Semicolon,
        '+' => Kind::And,
        '?' => Kind::Question,
        '>' => Kind::Greater,
        '(' | '[' => Kind::Open,
        ')' | ']' => Kind::Close,
        // "L1 #" is a fracture.
        '#' => {
            let word = words.number("#");
            tokens.push(Token { start, end, kind: Kind::Mark, word });
            return end;
        }
        c if c.is_whitespace() || c.is_control() || is_apostrophe(c) || c == '\u{feff}' => return end,
        _ => Kind::Mark,
    };
    push(tokens, start, end, kind)
}

fn ends_no_sentence(text: &str, tokens: &[Token]) -> bool {
    tokens.last().is_some_and(|last| {
        last.kind == Kind::Word && ABBREVIATIONS.iter().any(|word| last.of(text).eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        let lexicon = Lexicon::built_in();
        let mut tokens = Vec::new();
        tokenize(text, &mut lexicon.word_buffer(), &mut tokens);
        tokens.iter().map(|token| (token.kind, token.of(text))).collect()
    }

    #[test]
    fn tokens_know_their_bytes() {
        use Kind::{And, Colon, Comma, Hyphen, LineEnd, Number, Stop, Word};
        assert_eq!(
            kinds("L4\u{2013}5: 8.5mm, Schmorl's\r\n&amp; <b>x</b><br/>Lt. y."),
            [
                (Word, "L4"),
                (Hyphen, "\u{2013}"),
                (Number, "5"),
                (Colon, ":"),
                (Number, "8.5mm"),
                (Comma, ","),
                (Word, "Schmorl's"),
                (LineEnd, "\n"),
                (And, "&amp;"),
                (Word, "x"),
                (LineEnd, "<br/>"),
                (Word, "Lt"),
                (Word, "y"),
                (Stop, "."),
            ]
        );
    }

    #[test]
    fn what_only_looks_like_html_is_a_mark() {
        assert_eq!(
            kinds("a < b & c"),
            [(Kind::Word, "a"), (Kind::Mark, "<"), (Kind::Word, "b"), (Kind::And, "&"), (Kind::Word, "c")]
        );
    }
}
