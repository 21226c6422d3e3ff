//! A row of self-tests: what was found last, what is allowed, and a small picture of how it moved.

use std::fmt::Write as _;

use super::html::{english, moment, table};
use super::words::Words;
use crate::appliance::self_test::Check;
use crate::appliance::self_test_trend::Tested;
use crate::export::html::escaped;

/// Size of a picture, pixels.
const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 32.0;
/// Room above and below the line, pixels.
const EDGE: f64 = 3.0;
/// A value that is this many times what is allowed stands at the upper edge.
const TIMES_MAX: f64 = 1.25;
/// Values from which on something was not found at all.
const NOT_FOUND_FROM: f64 = 1e6;

/// What stands in the section of self-tests.
pub(super) fn body(tests: &[Tested], words: &Words) -> String {
    let Some(last) = tests.last() else { return format!("<p>{}</p>\n", escaped(words.get("self-test-none"))) };
    let key = match (last.passed, &last.problem) {
        (true, _) => "self-test-passed",
        (false, None) => "self-test-failed",
        (false, Some(_)) => "self-test-undone",
    };
    let (class, sign) = if last.passed { ("good", "✓") } else { ("bad", "▲") };
    let said = escaped(words.get(key)).replace("{0}", &moment(&last.time));
    let mut out = format!("<p class=\"{class}\"><span aria-hidden=\"true\">{sign}</span> {said}");
    if let Some(problem) = &last.problem {
        let _ = write!(out, " {}", english(problem));
    }
    out += "</p>\n";
    let failed = tests.iter().filter(|tested| !tested.passed).count();
    let kept = words.filled("self-test-kept", &[&tests.len().to_string(), &failed.to_string()]);
    let rows: Vec<Vec<String>> = last.checks.iter().map(|check| row(check, &last.device, tests, words)).collect();
    if !rows.is_empty() {
        let heads = ["check", "found", "allowed", "trend"].map(|key| words.get(key));
        out += &table(words.get("self-test"), &heads, &rows);
    }
    out + &format!("<p class=\"quiet\">{}</p>\n", escaped(&kept))
}

fn row(check: &Check, device: &str, tests: &[Tested], words: &Words) -> Vec<String> {
    let of_device = tests.iter().filter(|tested| tested.device == device).flat_map(|tested| &tested.checks);
    let values: Vec<f64> = of_device.filter(|other| other.name == check.name).map(|other| other.value).collect();
    let shown = |value: f64| if value < NOT_FOUND_FROM { words.number(value, 2) } else { "–".to_owned() };
    let (found, allowed) = (shown(check.value), shown(check.max));
    let label = words.filled("trend-of", &[&check.name, &values.len().to_string(), &found, &allowed]);
    vec![english(&check.name), found, allowed, picture(&values, check.max, &label)]
}

/// A line through `values`, and one at what is allowed. Attributes only: a style in a page would need another policy.
fn picture(values: &[f64], max: f64, label: &str) -> String {
    let top = if max > 0.0 { max * TIMES_MAX } else { 1.0 };
    let y = |value: f64| EDGE + (HEIGHT - 2.0 * EDGE) * (1.0 - (value / top).clamp(0.0, 1.0));
    let step = WIDTH / (values.len().max(2) - 1) as f64;
    let mut points = String::new();
    for (place, value) in values.iter().enumerate() {
        let _ = write!(points, "{:.1},{:.1} ", place as f64 * step, y(*value));
    }
    // One value is a point, which a line of no length does not show.
    if let [only] = values {
        let _ = write!(points, "{WIDTH},{:.1}", y(*only));
    }
    format!(
        "<svg class=\"trend\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"{}\">\
         <line class=\"limit\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{limit:.1}\" y2=\"{limit:.1}\"></line>\
         <polyline points=\"{}\"></polyline></svg>",
        escaped(label),
        points.trim_end(),
        limit = y(max)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Language;

    fn tested(value: f64) -> Tested {
        Tested {
            time: "2026-11-27T03:04:05.678Z".to_owned(),
            device: "cpu".to_owned(),
            passed: value <= 1.0,
            checks: vec![Check { name: "a <b>".to_owned(), value, max: 1.0 }],
            problem: None,
        }
    }

    #[test]
    fn a_trend_goes_from_the_oldest_to_the_newest_and_stays_within_its_picture() {
        let words = Words::of(Language::English);
        let text = body(&[tested(0.0), tested(0.5), tested(f64::MAX)], &words);
        assert!(text.contains("points=\"0.0,29.0 80.0,18.6 160.0,3.0\""), "{text}");
        assert!(text.contains("3 are kept, 1 of them not passed") && text.contains("▲"), "{text}");
        assert!(text.contains("a &lt;b&gt;") && !text.contains("<b>") && !text.contains("style="), "{text}");
        assert!(text.contains("<td>–</td>"), "{text}");
    }

    #[test]
    fn without_any_test_that_is_said() {
        assert!(body(&[], &Words::of(Language::German)).contains("noch keiner"));
        assert!(body(&[tested(0.5)], &Words::of(Language::English)).contains("✓"));
    }
}
