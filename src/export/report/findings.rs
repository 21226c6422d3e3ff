//! Findings about the data as a person wants to read them: the gravest first, each said once.

use super::ReportDocument;

/// Severities, the gravest first.
const GRAVEST_FIRST: [&str; 3] = ["error", "warning", "info"];

/// What was found about one or several series in the same words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<'a> {
    /// `info`, `warning` or `error`.
    pub severity: &'a str,
    /// Stable code.
    pub code: &'a str,
    /// One sentence.
    pub text: &'a str,
    /// Indices of the series that it concerns; empty where it concerns the study.
    pub series: Vec<usize>,
}

impl Finding<'_> {
    /// The sentence with the series it concerns, counted from 1.
    #[must_use]
    pub fn sentence(&self) -> String {
        let text = self.text.trim_end_matches('.');
        let numbers: Vec<String> = self.series.iter().map(|s| (s + 1).to_string()).collect();
        if numbers.is_empty() { format!("{text}.") } else { format!("{text} (series {}).", numbers.join(", ")) }
    }
}

impl ReportDocument {
    /// The findings of `quality`, the gravest first, those that differ in nothing but the series together.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding<'_>> {
        let mut findings: Vec<Finding<'_>> = Vec::new();
        for q in &self.quality {
            let same = |f: &&mut Finding<'_>| (f.severity, f.code, f.text) == (&*q.severity, &*q.code, &*q.text);
            match findings.iter_mut().find(same) {
                Some(known) => known.series.extend(q.series),
                None => findings.push(Finding {
                    severity: &q.severity,
                    code: &q.code,
                    text: &q.text,
                    series: q.series.into_iter().collect(),
                }),
            }
        }
        findings.sort_by_key(|f| GRAVEST_FIRST.iter().position(|s| *s == f.severity));
        findings
    }
}
