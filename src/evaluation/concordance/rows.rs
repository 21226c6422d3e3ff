//! A pair as a row of a table and as a line of JSON, and the figures as the last line (`schemas/concordance-1.schema.json`).

use serde::Serialize;

use super::compare::{Diameter, Pair, Words};
use super::reading::Reading;
use super::subject::Said;
use super::tally::Figures;
use super::totals::{Concordance, NOTICE, Totals};
use crate::labels::Side;

/// Name and version of the form.
pub const CONCORDANCE_SCHEMA: &str = "deepspine.concordance/1";
/// The columns of [`pair_row`] and [`diameter_row`].
pub const COLUMNS: [&str; 22] = [
    "id",
    "report_id",
    "level",
    "level_sure",
    "finding",
    "side",
    "scale",
    "known",
    "said_from",
    "said_to",
    "said",
    "read",
    "set",
    "agreement",
    "distance",
    "contradicts_presence",
    "in_set",
    "difference_mm",
    "evidence",
    "level_source",
    "section",
    "conflict",
];
/// The finding of a diameter, and its scale.
const DIAMETER: (&str, &str) = ("canal-diameter", "mm");

/// The text's id and the reading: both sides of a pair.
pub type Study<'a> = (&'a str, &'a Reading);

/// The grades that a text names: the ends of its range, and the one that stands for them.
fn grades(pair: &Pair) -> [Option<&'static str>; 3] {
    let grade = |rank| Some(pair.scale().grade(rank));
    match pair.said {
        Said::Graded { from, to, one } => [grade(from), grade(to), grade(one)],
        Said::Normal | Said::AssumedNormal if pair.scale().is_graded() => [grade(0); 3],
        _ => [None; 3],
    }
}

const fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// The fields of the words: quote, why the level, section, conflict.
fn words_fields(words: Option<&Words>) -> [String; 4] {
    words.map_or_else(Default::default, |words| {
        let (source, section) = (words.level_source.name().to_owned(), words.section.name().to_owned());
        [words.quote.clone(), source, section, yes_no(words.conflict).to_owned()]
    })
}

/// A pair as a row, in the order of [`COLUMNS`].
#[must_use]
pub fn pair_row((id, reading): Study<'_>, pair: &Pair) -> [String; 22] {
    let scale = pair.scale();
    let [from, to, one] = grades(pair).map(Option::unwrap_or_default);
    let [evidence, source, section, conflict] = words_fields(pair.words.as_ref());
    [
        id.to_owned(),
        reading.report_id.to_string(),
        pair.disc.to_string(),
        yes_no(pair.is_sure).to_owned(),
        pair.grade.subject.name().to_owned(),
        pair.grade.side.map(Side::name).unwrap_or_default().to_owned(),
        scale.name().to_owned(),
        pair.said.name().to_owned(),
        from.to_owned(),
        to.to_owned(),
        one.to_owned(),
        scale.grade(pair.grade.rank).to_owned(),
        pair.grade.set_names().join(" "),
        pair.agreement().name().to_owned(),
        pair.distance().map(|distance| distance.to_string()).unwrap_or_default(),
        yes_no(pair.contradicts_presence()).to_owned(),
        pair.in_set().map(yes_no).unwrap_or_default().to_owned(),
        String::new(),
        evidence,
        source,
        section,
        conflict,
    ]
}

/// A pair of diameters as a row, in the order of [`COLUMNS`].
#[must_use]
pub fn diameter_row((id, reading): Study<'_>, diameter: &Diameter) -> [String; 22] {
    let none = String::new;
    let [evidence, source, section, conflict] = words_fields(Some(&diameter.words));
    [
        id.to_owned(),
        reading.report_id.to_string(),
        diameter.disc.to_string(),
        yes_no(diameter.is_sure).to_owned(),
        DIAMETER.0.to_owned(),
        none(),
        DIAMETER.1.to_owned(),
        "measured".to_owned(),
        none(),
        none(),
        rounded(diameter.said_mm).to_string(),
        rounded(diameter.read_mm).to_string(),
        none(),
        none(),
        none(),
        none(),
        none(),
        rounded(diameter.difference_mm()).to_string(),
        evidence,
        source,
        section,
        conflict,
    ]
}

/// To 0.01 mm: neither of the two knows more.
fn rounded(mm: f64) -> f64 {
    (mm * 100.0).round() / 100.0 + 0.0
}

#[derive(Serialize)]
struct StudyJson<'a> {
    id: &'a str,
    report_id: &'a str,
    revision: u32,
    produced_at: String,
    level: String,
    level_sure: bool,
}

impl<'a> StudyJson<'a> {
    fn new((id, reading): Study<'a>, level: String, level_sure: bool) -> Self {
        let produced_at = reading.produced_at.to_string();
        Self { id, report_id: &reading.report_id, revision: reading.revision, produced_at, level, level_sure }
    }
}

#[derive(Serialize)]
struct EvidenceJson<'a> {
    start_byte: usize,
    end_byte: usize,
    start_char: usize,
    end_char: usize,
    text: &'a str,
    level_source: &'static str,
    section: &'static str,
    conflict: bool,
}

impl<'a> EvidenceJson<'a> {
    fn new(words: &'a Words) -> Self {
        Self {
            start_byte: words.span.start_byte,
            end_byte: words.span.end_byte,
            start_char: words.span.start_char,
            end_char: words.span.end_char,
            text: &words.quote,
            level_source: words.level_source.name(),
            section: words.section.name(),
            conflict: words.conflict,
        }
    }
}

#[derive(Serialize)]
struct PairJson<'a> {
    schema: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    study: StudyJson<'a>,
    finding: &'static str,
    side: Option<&'static str>,
    scale: &'static str,
    text: SaidJson<'a>,
    reading: ReadJson,
    agreement: &'static str,
    distance: Option<u8>,
    contradicts_presence: bool,
    in_set: Option<bool>,
}

#[derive(Serialize)]
struct SaidJson<'a> {
    known: &'static str,
    from: Option<&'static str>,
    to: Option<&'static str>,
    grade: Option<&'static str>,
    evidence: Option<EvidenceJson<'a>>,
}

#[derive(Serialize)]
struct ReadJson {
    grade: &'static str,
    set: Vec<&'static str>,
}

/// A pair as a line of JSON.
///
/// # Errors
/// As the serialiser gives them.
pub fn pair_json(study: Study<'_>, pair: &Pair) -> serde_json::Result<String> {
    let [from, to, grade] = grades(pair);
    serde_json::to_string(&PairJson {
        schema: CONCORDANCE_SCHEMA,
        kind: "pair",
        study: StudyJson::new(study, pair.disc.to_string(), pair.is_sure),
        finding: pair.grade.subject.name(),
        side: pair.grade.side.map(Side::name),
        scale: pair.scale().name(),
        text: SaidJson {
            known: pair.said.name(),
            from,
            to,
            grade,
            evidence: pair.words.as_ref().map(EvidenceJson::new),
        },
        reading: ReadJson { grade: pair.scale().grade(pair.grade.rank), set: pair.grade.set_names() },
        agreement: pair.agreement().name(),
        distance: pair.distance(),
        contradicts_presence: pair.contradicts_presence(),
        in_set: pair.in_set(),
    })
}

#[derive(Serialize)]
struct DiameterJson<'a> {
    schema: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    study: StudyJson<'a>,
    said_mm: f64,
    read_mm: f64,
    difference_mm: f64,
    evidence: EvidenceJson<'a>,
}

/// A pair of diameters as a line of JSON.
///
/// # Errors
/// As the serialiser gives them.
pub fn diameter_json(study: Study<'_>, diameter: &Diameter) -> serde_json::Result<String> {
    serde_json::to_string(&DiameterJson {
        schema: CONCORDANCE_SCHEMA,
        kind: "diameter",
        study: StudyJson::new(study, diameter.disc.to_string(), diameter.is_sure),
        said_mm: rounded(diameter.said_mm),
        read_mm: rounded(diameter.read_mm),
        difference_mm: rounded(diameter.difference_mm()),
        evidence: EvidenceJson::new(&diameter.words),
    })
}

#[derive(Serialize)]
struct SummaryJson<'a> {
    schema: &'static str,
    kind: &'static str,
    notice: &'static str,
    policy: PolicyJson,
    totals: &'a Totals,
    #[serde(flatten)]
    figures: &'a Figures,
}

#[derive(Serialize)]
struct PolicyJson {
    one_grade: &'static str,
    not_mentioned: &'static str,
}

/// The figures as a line of JSON.
///
/// # Errors
/// As the serialiser gives them.
pub fn summary_json(concordance: &Concordance) -> serde_json::Result<String> {
    let policy = concordance.policy;
    serde_json::to_string(&SummaryJson {
        schema: CONCORDANCE_SCHEMA,
        kind: "summary",
        notice: NOTICE,
        policy: PolicyJson { one_grade: policy.one_grade.name(), not_mentioned: policy.not_mentioned.name() },
        totals: &concordance.totals,
        figures: &concordance.figures,
    })
}
