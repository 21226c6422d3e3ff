//! How far a word is from another.

/// Insertions, deletions, exchanges and swaps of neighbours between two words (optimal string alignment).
pub(super) fn edits(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut rows = [(0..width).collect::<Vec<_>>(), vec![0; width], vec![0; width]];
    for i in 1..=a.len() {
        let (now, before, earlier) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[now][0] = i;
        for j in 1..width {
            let exchange = rows[before][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = exchange.min(rows[before][j] + 1).min(rows[now][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[earlier][j - 2] + 1);
            }
            rows[now][j] = least;
        }
    }
    rows[a.len() % 3][width - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let count = |a: &str, b: &str| edits(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(count("stenosis", "stenosis"), 0);
        assert_eq!(count("stenoisis", "stenosis"), 1);
        assert_eq!(count("formanial", "foraminal"), 2);
        assert_eq!(count("protusion", "protrusion"), 1);
        assert_eq!(count("", "abc"), 3);
    }
}
