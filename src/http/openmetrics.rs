//! Numbers as OpenMetrics 1.0 text, for Prometheus. What they are, and of whom, is for whoever writes them.

use std::fmt::Write as _;

/// The media type of what [`Exposition::end`] gives.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The text while it is written. Families stand one after the other, each whole.
#[derive(Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// Begins a family; `unit` ends its name, or is empty.
    pub fn family(&mut self, name: &str, kind: &str, unit: &str, help: &str) {
        let unit = if unit.is_empty() { String::new() } else { format!("# UNIT {name} {unit}\n") };
        // Writing to a string can't fail.
        let _ = write!(self.0, "# TYPE {name} {kind}\n{unit}# HELP {name} {}\n", escaped(help));
    }

    /// A value of the family that was begun last.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// A family of one value.
    pub fn gauge(&mut self, name: &str, unit: &str, help: &str, value: f64) {
        self.family(name, "gauge", unit, help);
        self.sample(name, &[], value);
    }

    /// A family of one count that only grows.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", "", help);
        let _ = writeln!(self.0, "{name}_total {value}");
    }

    /// A family of durations: how many were at most so many seconds long, how many there are, and their sum.
    pub fn histogram(
        &mut self,
        name: &str,
        help: &str,
        up_to: impl IntoIterator<Item = (f64, u64)>,
        count: u64,
        sum_secs: f64,
    ) {
        self.family(name, "histogram", "seconds", help);
        for (bound_secs, count) in up_to {
            // A bound is a label, and has to be written with its point (OpenMetrics, canonical numbers).
            let _ = writeln!(self.0, "{name}_bucket{{le=\"{bound_secs:?}\"}} {count}");
        }
        let _ = writeln!(self.0, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_count {count}");
        let _ = writeln!(self.0, "{name}_sum {sum_secs}");
    }

    /// The whole of it, with the line that says so.
    #[must_use]
    pub fn end(self) -> String {
        self.0 + "# EOF\n"
    }
}

/// A label's value or a family's help: backslash, quote and line end as the format wants them.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stay_within_their_quotes() {
        let mut out = Exposition::default();
        out.sample("x", &[("zone", "a\"b\\c\nd")], 1.5);
        assert_eq!(out.end(), "x{zone=\"a\\\"b\\\\c\\nd\"} 1.5\n# EOF\n");
    }

    #[test]
    fn a_histogram_ends_with_all() {
        let mut out = Exposition::default();
        out.histogram("x_seconds", "h", [(0.5, 1), (300.0, 2)], 3, 930.003);
        let said = "# TYPE x_seconds histogram\n# UNIT x_seconds seconds\n# HELP x_seconds h\n\
                    x_seconds_bucket{le=\"0.5\"} 1\nx_seconds_bucket{le=\"300.0\"} 2\n\
                    x_seconds_bucket{le=\"+Inf\"} 3\nx_seconds_count 3\nx_seconds_sum 930.003\n# EOF\n";
        assert_eq!(out.end(), said);
    }
}
