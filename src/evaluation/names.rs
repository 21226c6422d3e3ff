//! Names: whether each one stands at its own vertebra, and what the report says where it does not.

use super::MISNAMED_MM;
use super::figures::{Kind, Sample};
use super::view::{Named, Read, named_vertebrae, says_shift};
use crate::analysis::volume::Volume;
use crate::spine::{Vec3, length, sub};

const ALL_RIGHT: &str = "all names right (patients)";
const SHIFT_PATIENTS: &str = "shift not said (patients)";
const SHIFT_STUDIES: &str = "shift not said (studies)";
const ANY_WRONG: &str = "wrong name of any confidence (studies)";
const RIGHT: &str = "vertebrae named right";
const RIGHT_SURE: &str = "vertebrae named right and sure";
const WRONG: &str = "vertebrae named wrong";
const UNNAMED: &str = "vertebrae not named";
const NAMED_S1: &str = "named, S1 in view (studies)";
const SURE_S1: &str = "named and sure, S1 in view (studies)";
const NAMED_NO_S1: &str = "named, S1 out of view (studies)";

/// A vertebra of the truth.
#[derive(Debug, Clone)]
pub(super) struct TrueVertebra {
    pub(super) name: String,
    pub(super) centre_lps_mm: Vec3,
    /// Its pixels in the outlined slice.
    pub(super) outline: Option<Vec<bool>>,
    /// Whether it is in view, so that it should be found.
    pub(super) in_view: bool,
}

/// The vertebrae of a truth.
#[derive(Debug, Clone)]
pub(super) struct TrueNames {
    pub(super) vertebrae: Vec<TrueVertebra>,
    /// The outlined slice, onto which places are projected.
    pub(super) slice: Option<(Volume, usize)>,
    /// Whether S1 is in view, where that is known.
    pub(super) s1_in_view: Option<bool>,
}

/// What a name is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// At its own vertebra.
    Right,
    /// At the vertebra with this index.
    At(usize),
    /// Where the truth knows none, or too far to say.
    Unknown,
}

impl TrueNames {
    /// The place as it is compared: in the outlined slice, where there is one.
    fn projected(&self, place_lps_mm: Vec3) -> Vec3 {
        self.slice.as_ref().map_or(place_lps_mm, |(volume, slice)| {
            let (column, row) = volume.column_row(place_lps_mm, *slice);
            volume.position_lps_mm(column, row, *slice)
        })
    }

    fn outlined_at(&self, place_lps_mm: Vec3) -> Option<usize> {
        let (volume, slice) = self.slice.as_ref()?;
        let (column, row) = volume.column_row(place_lps_mm, *slice);
        let inside = |at: f64, end: usize| at > -0.5 && at < end as f64 - 0.5;
        if !inside(column, volume.columns) || !inside(row, volume.rows) {
            return None;
        }
        let at = row.round() as usize * volume.columns + column.round() as usize;
        self.vertebrae.iter().position(|v| v.outline.as_ref().is_some_and(|o| o.get(at) == Some(&true)))
    }

    /// A name is wrong whose centre lies in another's outline, or more than half a vertebra from its own and nearer to
    /// another that is no further than that. A name that the truth does not have is wrong where one of its vertebrae is.
    fn verdict(&self, named: &Named) -> Verdict {
        let own = self.vertebrae.iter().position(|v| v.name == named.name);
        if let Some(at) = self.outlined_at(named.centre_lps_mm) {
            return if Some(at) == own { Verdict::Right } else { Verdict::At(at) };
        }
        let place = self.projected(named.centre_lps_mm);
        let away_mm = |i: usize| length(sub(self.vertebrae[i].centre_lps_mm, place));
        let nearest = (0..self.vertebrae.len()).min_by(|a, b| away_mm(*a).total_cmp(&away_mm(*b)));
        match (own, nearest) {
            (Some(own), _) if away_mm(own) <= MISNAMED_MM => Verdict::Right,
            (Some(own), Some(nearest)) if nearest != own => Verdict::At(nearest),
            (None, Some(nearest)) if away_mm(nearest) <= MISNAMED_MM => Verdict::At(nearest),
            _ => Verdict::Unknown,
        }
    }
}

/// Judges the names of one study; `unusual_count` where the spine has not five lumbar vertebrae.
pub(super) fn judge(
    read: &Read<'_>,
    truth: &TrueNames,
    unusual_count: bool,
    failures: &mut Vec<String>,
) -> Vec<Sample> {
    let report = read.spine().map(|bundle| &bundle.report);
    let named = report.map_or_else(Vec::new, named_vertebrae);
    let verdicts: Vec<Verdict> = named.iter().map(|n| truth.verdict(n)).collect();
    let said = report.is_some_and(|report| says_shift(report, unusual_count));
    let wrong =
        |n: &Named, at: usize| format!("{} at {} (confidence {:.2})", n.name, truth.vertebrae[at].name, n.confidence);
    let mistakes: Vec<(&Named, String)> = named
        .iter()
        .zip(&verdicts)
        .filter_map(|(n, verdict)| if let Verdict::At(at) = verdict { Some((n, wrong(n, *at))) } else { None })
        .collect();
    let silent = !said && mistakes.iter().any(|(n, _)| n.is_sure());
    if !mistakes.is_empty() {
        let texts: Vec<&str> = mistakes.iter().map(|(_, text)| text.as_str()).collect();
        let how = if silent { "SHIFT NOT SAID: " } else { "wrong names, said or unsure: " };
        failures.push(format!("{how}{}", texts.join(", ")));
    }
    let mut samples = of_study(truth, &named, silent, !mistakes.is_empty());
    let of_vertebrae = of_vertebrae(truth, &named, &verdicts);
    let all_right = mistakes.is_empty() && of_vertebrae.iter().all(|s| s.figure != UNNAMED || s.value == 0.0);
    if !all_right && mistakes.is_empty() {
        failures.push("not all vertebrae in view are named".to_owned());
    }
    samples.push(Sample::yes_no(ALL_RIGHT, Kind::AllOfSubject, all_right));
    samples.extend(of_vertebrae);
    samples
}

fn of_study(truth: &TrueNames, named: &[Named], silent: bool, any_wrong: bool) -> Vec<Sample> {
    let mut samples = vec![
        Sample::yes_no(SHIFT_PATIENTS, Kind::AnyOfSubject, silent),
        Sample::yes_no(SHIFT_STUDIES, Kind::Share, silent),
        Sample::yes_no(ANY_WRONG, Kind::Share, any_wrong),
    ];
    match truth.s1_in_view {
        Some(true) => {
            samples.push(Sample::yes_no(NAMED_S1, Kind::Share, !named.is_empty()));
            samples.push(Sample::yes_no(SURE_S1, Kind::Share, named.iter().any(Named::is_sure)));
        }
        Some(false) => samples.push(Sample::yes_no(NAMED_NO_S1, Kind::Share, !named.is_empty())),
        None => {}
    }
    samples
}

/// For each vertebra in view, whether it was named right, right and sure, wrong, or not at all.
fn of_vertebrae(truth: &TrueNames, named: &[Named], verdicts: &[Verdict]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (i, vertebra) in truth.vertebrae.iter().enumerate().filter(|(_, v)| v.in_view) {
        let own = |(n, verdict): &(&Named, &Verdict)| **verdict == Verdict::Right && n.name == vertebra.name;
        let right = named.iter().zip(verdicts).find(own).map(|(n, _)| n);
        let wrong = right.is_none() && verdicts.contains(&Verdict::At(i));
        let share = |name, yes| Sample::yes_no(name, Kind::Share, yes);
        samples.push(share(RIGHT, right.is_some()));
        samples.push(share(RIGHT_SURE, right.is_some_and(Named::is_sure)));
        samples.push(share(WRONG, wrong));
        samples.push(share(UNNAMED, right.is_none() && !wrong));
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five bodies, 36 mm apart, L5 lowest; L1 is out of view.
    fn truth() -> TrueNames {
        let vertebra = |(i, name): (usize, &str)| TrueVertebra {
            name: name.to_owned(),
            centre_lps_mm: [0.0, 0.0, 36.0 * i as f64],
            outline: None,
            in_view: name != "L1",
        };
        let vertebrae = ["L5", "L4", "L3", "L2", "L1"].into_iter().enumerate().map(vertebra).collect();
        TrueNames { vertebrae, slice: None, s1_in_view: Some(false) }
    }

    fn named(name: &str, z_mm: f64, confidence: f64) -> Named {
        Named { name: name.to_owned(), confidence, centre_lps_mm: [0.0, 0.0, z_mm] }
    }

    #[test]
    fn a_name_is_right_within_half_a_vertebra_and_wrong_at_another() {
        let truth = truth();
        assert_eq!(truth.verdict(&named("L4", 50.0, 1.0)), Verdict::Right);
        assert_eq!(truth.verdict(&named("L4", 70.0, 1.0)), Verdict::At(2));
        assert_eq!(truth.verdict(&named("L4", 52.0, 1.0)), Verdict::Unknown, "far, but near to no other");
        assert_eq!(truth.verdict(&named("T12", 144.0, 1.0)), Verdict::At(4));
        assert_eq!(truth.verdict(&named("T12", 180.0, 1.0)), Verdict::Unknown, "nobody says what is there");
        assert_eq!(truth.verdict(&named("S1", -36.0, 1.0)), Verdict::Unknown);
        assert_eq!(truth.verdict(&named("L5", 190.0, 1.0)), Verdict::At(4));
    }

    #[test]
    fn vertebrae_in_view_are_right_wrong_or_not_named() {
        let truth = truth();
        let names = [named("L5", 1.0, 0.9), named("L4", 35.0, 0.5), named("L1", 72.0, 0.9)];
        let verdicts: Vec<_> = names.iter().map(|n| truth.verdict(n)).collect();
        let samples = of_vertebrae(&truth, &names, &verdicts);
        let count = |name: &str| samples.iter().filter(|s| s.figure == name && s.value == 1.0).count();
        assert_eq!((count(RIGHT), count(RIGHT_SURE), count(WRONG), count(UNNAMED)), (2, 1, 1, 1));
        assert_eq!(samples.len(), 4 * 4);
    }

    #[test]
    fn without_a_reading_nothing_is_named_and_nothing_is_shifted() {
        let mut failures = Vec::new();
        let samples = judge(&Read::Refused("no-spine"), &truth(), false, &mut failures);
        let value = |name: &str| samples.iter().find(|s| s.figure == name).map(|s| s.value);
        assert_eq!(value(ALL_RIGHT), Some(0.0));
        assert_eq!(value(SHIFT_PATIENTS), Some(0.0));
        assert_eq!(value(NAMED_NO_S1), Some(0.0));
        assert_eq!(failures, ["not all vertebrae in view are named"]);
    }
}
