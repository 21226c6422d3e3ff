//! `e/report` and `e/study`: what arrives at least once, with its place in the order of commits.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::message::{Malformed, WireModel};

/// Most models of a report that are kept.
const MODELS_MAX: usize = 8;
/// Most levels of a report that are looked at.
const LEVELS_MAX: usize = 24;
/// Most grades of a level that are looked at.
const GRADES_MAX: usize = 32;
/// No device gives a larger sequence number: a message a millisecond for 35,000 years.
const SEQ_MAX: i64 = 1 << 50;
/// Most messages that one may stand for.
const SUPERSEDED_MAX: i64 = 1 << 20;
/// Digits of a keyed hash.
const HASH_DIGITS: usize = 32;

/// Findings of the report and their grades, the best first, as its schema has them.
pub(super) const SCALES: [(&str, &[&str]); 3] = [
    ("stenosis", &["normal", "mild", "moderate", "severe"]),
    ("pfirrmann", &["I", "II", "III", "IV", "V"]),
    ("presence", &["absent", "present"]),
];

/// An event of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `report` or `study`.
    pub kind: &'static str,
    /// Its place in the order of commits.
    pub seq: i64,
    /// Equal on repeats.
    pub msg_id: Box<str>,
    /// Earlier messages that it stands for, which were never sent.
    pub superseded: i64,
    /// When it was made, by the appliance's clock, milliseconds since the epoch.
    pub made_ms: i64,
    /// What a report says of models and grades.
    pub report: Option<Reported>,
}

/// What is kept of a report: by which models, how often which grade. No study's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Its id, equal for the same reading.
    pub report_id: Box<str>,
    /// Its models, `name version`, in their order.
    pub models: String,
    /// By finding: how many levels have which grade, the best first.
    pub grades: BTreeMap<&'static str, Vec<u32>>,
}

#[derive(Deserialize)]
struct Envelope {
    msg_id: String,
    seq: i64,
    time: String,
    superseded: Option<i64>,
}

impl Envelope {
    fn event(self, kind: &'static str, report: Option<Reported>) -> Result<Event, Malformed> {
        let superseded = self.superseded.unwrap_or(0);
        if !(1..=SEQ_MAX).contains(&self.seq) || !(0..=SUPERSEDED_MAX).contains(&superseded) {
            return Err(Malformed("an event with a number that can't be"));
        }
        Ok(Event {
            kind,
            seq: self.seq,
            msg_id: hash(&self.msg_id).ok_or(Malformed("an event without a message id"))?,
            superseded,
            made_ms: unix_ms(&self.time).ok_or(Malformed("an event without a moment"))?,
            report,
        })
    }
}

/// A keyed hash, and nothing else: a text from elsewhere must not come in as an id.
fn hash(text: &str) -> Option<Box<str>> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (text.len() == HASH_DIGITS && text.bytes().all(is_digit)).then(|| text.into())
}

/// Milliseconds since the epoch of an RFC 3339 moment.
pub(super) fn unix_ms(time: &str) -> Option<i64> {
    time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

pub(super) fn study(payload: &[u8]) -> Result<Event, Malformed> {
    let envelope: Envelope = serde_json::from_slice(payload).map_err(|_| Malformed("no state of a study"))?;
    envelope.event("study", None)
}

pub(super) fn report(payload: &[u8]) -> Result<Event, Malformed> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(flatten)]
        envelope: Envelope,
        report_id: String,
        models: Vec<WireModel>,
        levels: Vec<Level>,
    }
    #[derive(Deserialize)]
    struct Level {
        #[serde(default)]
        grades: Vec<Grade>,
    }
    let wire: Wire = serde_json::from_slice(payload).map_err(|_| Malformed("no report"))?;
    let mut grades: BTreeMap<&'static str, Vec<u32>> = BTreeMap::new();
    for level in wire.levels.into_iter().take(LEVELS_MAX) {
        for grade in level.grades.into_iter().take(GRADES_MAX) {
            grade.count(&mut grades);
        }
    }
    let models = wire.models.into_iter().take(MODELS_MAX).map(WireModel::cleaned);
    let reported = Reported {
        report_id: hash(&wire.report_id).ok_or(Malformed("a report without an id"))?,
        models: models.map(|model| format!("{} {}", model.name, model.version)).collect::<Vec<_>>().join(", "),
        grades,
    };
    wire.envelope.event("report", Some(reported))
}

/// Findings of the report's schema.
const FINDINGS: [&str; 13] = [
    "central-canal-stenosis",
    "subarticular-stenosis",
    "foraminal-stenosis",
    "sac-compression",
    "root-compression",
    "disc-degeneration",
    "disc-narrowing",
    "disc-bulge",
    "disc-herniation",
    "spondylolisthesis",
    "modic-change",
    "upper-endplate-change",
    "lower-endplate-change",
];

/// The finding of this name, where a report knows it.
#[must_use]
pub(crate) fn finding(name: &str) -> Option<&'static str> {
    FINDINGS.into_iter().find(|known| *known == name)
}

#[derive(Deserialize)]
struct Grade {
    finding: String,
    scale: String,
    grade: String,
}

impl Grade {
    /// A finding or grade of a newer version is left out.
    fn count(&self, counts: &mut BTreeMap<&'static str, Vec<u32>>) {
        let Some(finding) = finding(&self.finding) else { return };
        let scale = SCALES.iter().find(|(name, _)| *name == self.scale);
        let Some((_, names)) = scale else { return };
        let Some(place) = names.iter().position(|name| *name == self.grade) else { return };
        let of_finding = counts.entry(finding).or_insert_with(|| vec![0; names.len()]);
        if let Some(count) = of_finding.get_mut(place) {
            *count += 1;
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample() -> serde_json::Value {
        json!({
            "msg_id": "0123456789abcdef0123456789abcdef", "seq": 7, "time": "2026-01-01T00:00:00.250Z",
            "report_id": "fedcba9876543210fedcba9876543210",
            "models": [{ "name": "spine", "version": "3", "sha256": "", "terms": "" }],
            "levels": [
                { "grades": [
                    { "finding": "disc-bulge", "scale": "presence", "grade": "present" },
                    { "finding": "central-canal-stenosis", "scale": "stenosis", "grade": "moderate" },
                    { "finding": "of-a-newer-version", "scale": "stenosis", "grade": "moderate" },
                ] },
                { "grades": [{ "finding": "disc-bulge", "scale": "presence", "grade": "absent" }] },
                {},
            ],
        })
    }

    #[test]
    fn a_report_is_its_place_its_models_and_how_often_which_grade() {
        let event = report(sample().to_string().as_bytes()).unwrap();
        assert_eq!((event.seq, event.superseded, event.made_ms), (7, 0, 1_767_225_600_250));
        let reported = event.report.unwrap();
        assert_eq!(reported.models, "spine 3");
        let expected = BTreeMap::from([("central-canal-stenosis", vec![0, 0, 1, 0]), ("disc-bulge", vec![1, 1])]);
        assert_eq!(reported.grades, expected);
    }

    #[test]
    fn what_is_no_event_is_malformed() {
        for (member, value) in [
            ("seq", json!(0)),
            ("seq", json!(1_i64 << 60)),
            ("seq", json!("7")),
            ("msg_id", json!("Doe^John")),
            ("time", json!("yesterday")),
            ("superseded", json!(-1)),
            ("report_id", json!("")),
            ("levels", json!({})),
        ] {
            let mut payload = sample();
            payload[member] = value.clone();
            assert!(report(payload.to_string().as_bytes()).is_err(), "{member} {value}");
        }
        assert!(report(b"\xff\xfe").is_err() && study(b"{}").is_err());
    }
}
