//! The blocks of a model card that `evaluate` rewrites: what stands between `<!-- evaluate: NAME -->` and `<!-- end -->`.

use thiserror::Error;

/// Bytes of a model card.
pub const CARD_BYTES_MAX: u64 = 4 << 20;
const BEGIN: &str = "<!-- evaluate: ";
const BEGIN_END: &str = " -->";
const END: &str = "<!-- end -->";

/// Why a card can't be rewritten.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CardError {
    /// The card has no block of this name.
    #[error("has no block `{BEGIN}{name}{BEGIN_END}`; it has {has}: put the block where the figures belong")]
    NoBlock {
        /// The name.
        name: String,
        /// The names that it has.
        has: String,
    },
    /// A block is not ended before the next one or the end.
    #[error("line {line}: block `{name}` has no `{END}`")]
    NotEnded {
        /// The name.
        name: String,
        /// Where it begins, 1 first.
        line: usize,
    },
    /// A name is there twice.
    #[error("line {line}: a second block `{name}`")]
    Twice {
        /// The name.
        name: String,
        /// Where the second begins, 1 first.
        line: usize,
    },
}

/// A model card, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    lines: Vec<String>,
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    name: String,
    /// Line of its beginning and of its end.
    first: usize,
    last: usize,
}

impl Card {
    /// Finds the blocks.
    ///
    /// # Errors
    /// [`CardError`] where one is not ended or there twice.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut blocks: Vec<Block> = Vec::new();
        let mut open: Option<(String, usize)> = None;
        for (at, line) in lines.iter().enumerate() {
            let begins = line.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(BEGIN_END));
            if let Some(name) = begins {
                if let Some((name, first)) = open {
                    return Err(CardError::NotEnded { name, line: first + 1 });
                }
                if blocks.iter().any(|b| b.name == name) {
                    return Err(CardError::Twice { name: name.to_owned(), line: at + 1 });
                }
                open = Some((name.to_owned(), at));
            } else if line.trim() == END {
                blocks.extend(open.take().map(|(name, first)| Block { name, first, last: at }));
            }
        }
        match open {
            Some((name, first)) => Err(CardError::NotEnded { name, line: first + 1 }),
            None => Ok(Self { lines, blocks }),
        }
    }

    /// Names of the blocks.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().map(|b| b.name.as_str())
    }

    /// Whether there is a block `name`.
    ///
    /// # Errors
    /// [`CardError::NoBlock`] names those that there are.
    pub fn require(&self, name: &str) -> Result<(), CardError> {
        if self.names().any(|n| n == name) {
            return Ok(());
        }
        let names: Vec<_> = self.names().map(|n| format!("`{n}`")).collect();
        let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Err(CardError::NoBlock { name: name.to_owned(), has })
    }

    /// The card with these blocks (name, content) rewritten and all else as it was.
    #[must_use]
    pub fn with(&self, contents: &[(String, String)]) -> String {
        let mut text = String::new();
        let mut at = 0;
        while at < self.lines.len() {
            let block = self.blocks.iter().find(|b| b.first == at);
            let content = block.and_then(|b| contents.iter().find(|(name, _)| *name == b.name).map(|(_, c)| (b, c)));
            text.push_str(&self.lines[at]);
            text.push('\n');
            at += 1;
            if let Some((block, content)) = content {
                text.push_str(content.trim_end());
                text.push('\n');
                at = block.last;
            }
        }
        text
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;

    const CARD: &str =
        "# Card\n<!-- evaluate: a -->\nold\n<!-- end -->\ntext\n<!-- evaluate: b -->\n<!-- end -->\nend\n";

    #[test]
    fn a_block_is_rewritten_and_the_rest_stays() {
        let card = Card::parse(CARD).unwrap();
        assert_eq!(card.with(&[]), CARD);
        let new = card.with(&[("a".into(), "new\nlines\n\n".into())]);
        assert_eq!(new, CARD.replace("old\n", "new\nlines\n"));
        let again = Card::parse(&new).unwrap().with(&[("a".into(), "new\nlines".into()), ("b".into(), "x".into())]);
        assert_eq!(again, new.replace("<!-- evaluate: b -->\n", "<!-- evaluate: b -->\nx\n"));
    }

    #[test]
    fn a_block_that_is_missing_open_or_twice_is_named() {
        let said = Card::parse(CARD).unwrap().require("c").unwrap_err().to_string();
        assert!(said.contains("<!-- evaluate: c -->") && said.contains("`a`, `b`"), "{said}");
        let of = |text: &str| Card::parse(text).unwrap_err().to_string();
        assert!(of("<!-- evaluate: a -->\n").contains("line 1: block `a` has no"));
        assert!(of("x\n<!-- evaluate: a -->\n<!-- evaluate: b -->\n<!-- end -->\n").contains("line 2: block `a`"));
        assert!(of(&format!("{CARD}<!-- evaluate: a -->\n<!-- end -->\n")).contains("line 9: a second block `a`"));
    }
}
