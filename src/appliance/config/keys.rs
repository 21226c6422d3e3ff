//! The keys that a configuration may hold, and the nearest one to a misspelt one.

/// What a key's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// A whole number within these bounds.
    Whole {
        /// Smallest value allowed.
        min: u64,
        /// Largest value allowed.
        max: u64,
    },
    /// `true` or `false`.
    Boolean,
}

/// One key: its dotted name, what its value must be, and its default as it would be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// Dotted name, such as `ingest.quiet-secs`.
    pub(super) name: &'static str,
    /// What the value must be.
    pub(super) kind: Kind,
}

const DAY_SECS: u64 = 24 * 60 * 60;

const fn text(name: &'static str) -> Key {
    Key { name, kind: Kind::Text }
}

const fn texts(name: &'static str) -> Key {
    Key { name, kind: Kind::Texts }
}

const fn whole(name: &'static str, min: u64, max: u64) -> Key {
    Key { name, kind: Kind::Whole { min, max } }
}

const fn boolean(name: &'static str) -> Key {
    Key { name, kind: Kind::Boolean }
}

/// Every key there is.
pub(super) const KEYS: [Key; 43] = [
    text("device.id"),
    text("device.study-key-file"),
    text("ingest.folder"),
    texts("ingest.required"),
    texts("ingest.wanted"),
    whole("ingest.quiet-secs", 0, DAY_SECS),
    whole("ingest.wanted-wait-secs", 0, DAY_SECS),
    whole("ingest.force-after-secs", 1, 7 * DAY_SECS),
    text("ingest.sentinel"),
    text("storage.state-dir"),
    text("storage.out-dir"),
    text("storage.runtime-dir"),
    whole("storage.quota-mib", 8, 65_536),
    whole("storage.quota-rows", 100, 10_000_000),
    whole("storage.headroom-mib", 0, 1_048_576),
    whole("exports.keep-days", 1, 36_500),
    whole("exports.max-mib", 16, 16_777_216),
    text("exports.language"),
    text("pacs.address"),
    text("pacs.ae-title"),
    text("pacs.calling-ae-title"),
    texts("pacs.objects"),
    text("mqtt.broker"),
    text("mqtt.root"),
    text("mqtt.protocol"),
    whole("mqtt.keep-alive-secs", 5, 3600),
    text("mqtt.username"),
    text("mqtt.password-file"),
    text("mqtt.ca-file"),
    text("mqtt.client-cert-file"),
    text("mqtt.client-key-file"),
    whole("telemetry.interval-secs", 10, DAY_SECS),
    texts("commands.allow"),
    text("web.listen"),
    boolean("web.allow-beyond-loopback"),
    text("web.token-file"),
    boolean("web.show-identity"),
    text("reader.device"),
    whole("reader.threads", 0, 256),
    whole("reader.memory-mib", 64, 65_536),
    whole("reader.time-limit-secs", 1, 3600),
    whole("reader.max-attempts", 1, 20),
    whole("reader.alpha-percent", 1, 50),
];

/// The key called `name`.
#[must_use]
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.name == name)
}

/// Whether `name` is a table that holds keys, such as `ingest`.
#[must_use]
pub(super) fn is_table(name: &str) -> bool {
    KEYS.iter().any(|k| k.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// The known key that takes the fewest changes of a letter to reach from `name`, where it is near enough to help.
#[must_use]
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let last = |n: &str| n.rsplit('.').next().unwrap_or(n).to_owned();
    let distance = |k: &Key| {
        let whole = edit_distance(name, k.name);
        // A right name in the wrong table is nearer than its spelling says.
        if last(name) == last(k.name) { whole.min(1) } else { whole }
    };
    let best = KEYS.iter().min_by_key(|k| distance(k))?;
    (distance(best) <= name.len().max(6) / 2).then_some(best.name)
}

/// Levenshtein's distance, in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((cb, above), diagonal) in b.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or(i + 1);
            next.push((diagonal + usize::from(ca != *cb)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_its_neighbour() {
        assert_eq!(nearest("ingest.quiet-sec"), Some("ingest.quiet-secs"));
        assert_eq!(nearest("ingets.folder"), Some("ingest.folder"));
        assert_eq!(nearest("storage.quiet-secs"), Some("ingest.quiet-secs"));
        assert_eq!(nearest("zzzzzzzzzzzzzzzzzzzzzzzz"), None);
    }

    #[test]
    fn distance_counts_single_changes() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
    }

    #[test]
    fn tables_are_known_by_their_keys() {
        assert!(is_table("mqtt"));
        assert!(!is_table("mq"));
        assert!(!is_table("mqtt.broker"));
    }
}
