//! From [`spine::Report`](crate::spine::Report) to its wire form: rounding, reasons, codes, limits.

use super::guard::TextGuard;
use super::{
    AxialDocument, CanalDocument, CodedText, CurveDocument, GradeDocument, LevelDocument, LevelMeasurementsDocument,
    LumbarDocument, MissingDocument, ModelDocument, NOTICE, PlaneDocument, QualityDocument, REPORT_SCHEMA,
    ReportDocument, SeriesDocument, TimingDocument, UNKNOWN, VertebraDocument, VertebraMeasurementsDocument, budget,
    codes,
};
use crate::spine::{
    self, CanalStanding, Designation, Disc, Grading, LevelReport, LumbarMeasurements, Measurement, Meyerding,
    PercentileClass, Report, SetCoverage, StageTiming, Vec3, Vertebra, VertebraReport,
};
use std::collections::BTreeMap;
use std::fmt::Display;

/// Series, models, findings and stages that a report lists of each kind; more are left out.
const LIST_MAX: usize = 32;
/// Vertebrae and levels that a report lists: more than a spine has.
const SPINE_MAX: usize = 24;
/// Models that a report lists.
const MODELS_MAX: usize = 8;
/// Characters of a model's terms.
const TERMS_CHARS_MAX: usize = 480;
/// Pieces of evidence of one name.
const EVIDENCE_MAX: usize = 8;
/// Grades that a level lists: more than there are findings and sides.
const GRADES_MAX: usize = 32;
/// Axial slices listed for one level, the nearest ones.
const AXIAL_MAX: usize = 12;
/// Points of the curve on the wire.
const CURVE_POINTS_MAX: usize = 24;

/// What stands at the head of a report and is not found in the images.
#[derive(Debug, Clone, Default)]
pub(in crate::export) struct Header {
    pub(in crate::export) report_id: String,
    pub(in crate::export) study_key: String,
    pub(in crate::export) accession_key: Option<String>,
    pub(in crate::export) produced_at: String,
    pub(in crate::export) clock_synced: Option<bool>,
    pub(in crate::export) analysis_version: String,
    pub(in crate::export) device: String,
}

/// The wire form of `report`; no text of it holds one of `identifiers`.
pub(in crate::export) fn build<'a>(
    header: Header,
    report: &Report,
    timings: &[StageTiming],
    identifiers: impl IntoIterator<Item = &'a str>,
) -> ReportDocument {
    let mut writer = Writer { guard: TextGuard::new(identifiers), methods: BTreeMap::new() };
    let document = ReportDocument {
        schema: REPORT_SCHEMA.to_owned(),
        report_id: header.report_id,
        revision: 1,
        study_key: header.study_key,
        accession_key: header.accession_key,
        produced_at: header.produced_at,
        clock_synced: header.clock_synced,
        analysis_version: header.analysis_version,
        device: Some(header.device),
        notice: NOTICE.to_owned(),
        not_cleared: report.models.iter().take(MODELS_MAX).map(|m| m.name.clone()).collect(),
        models: report.models.iter().take(MODELS_MAX).map(model).collect(),
        series: report.series.iter().take(LIST_MAX).map(|s| writer.series(s)).collect(),
        segmented_series: report.segmented_series,
        refusal: report.refusal.as_ref().map(|r| writer.coded(r.code, &r.text)),
        curve: report.curve.as_ref().map(curve),
        vertebrae: report.vertebrae.iter().take(SPINE_MAX).map(|v| writer.vertebra(v)).collect(),
        levels: report.levels.iter().take(SPINE_MAX).map(|l| writer.level(l)).collect(),
        lumbar: report.lumbar.as_ref().map(|l| writer.lumbar(l)),
        methods: BTreeMap::new(),
        quality: report.quality.iter().take(LIST_MAX).map(|q| writer.quality(q)).collect(),
        timings: timings.iter().take(LIST_MAX).map(timing).collect(),
        shortened: Vec::new(),
    };
    budget::kept_within(ReportDocument { methods: writer.methods, ..document })
}

struct Writer {
    guard: TextGuard,
    methods: BTreeMap<String, Vec<String>>,
}

/// Collects how well measurements of one thing repeat and why some are missing.
struct Taker<'a> {
    writer: &'a mut Writer,
    sd: BTreeMap<String, f64>,
    missing: Vec<MissingDocument>,
}

impl<'a> Taker<'a> {
    const fn new(writer: &'a mut Writer) -> Self {
        Self { writer, sd: BTreeMap::new(), missing: Vec::new() }
    }

    fn take(&mut self, name: &str, m: &Measurement) -> Option<f64> {
        self.writer.method(name, m.method);
        let decimals = if m.unit == "1" { 2 } else { 1 };
        self.sd.extend(m.sd.map(|sd| (name.to_owned(), rounded(sd, decimals + 1))));
        match &m.value {
            Ok(value) => Some(rounded(*value, decimals)),
            Err(reason) => {
                let reason = self.writer.guard.clean(reason);
                match self.missing.iter_mut().find(|known| known.reason == reason) {
                    Some(known) => known.measurements.push(name.to_owned()),
                    None => self.missing.push(MissingDocument { reason, measurements: vec![name.to_owned()] }),
                }
                None
            }
        }
    }
}

impl Writer {
    fn coded(&self, code: &str, text: &str) -> CodedText {
        CodedText { code: code.to_owned(), text: self.guard.clean(text) }
    }

    fn evidence<T>(&self, designation: &Designation<T>) -> Vec<CodedText> {
        designation.evidence.iter().take(EVIDENCE_MAX).map(|e| self.coded(e.code, &e.text)).collect()
    }

    fn series(&self, s: &spine::SeriesUse) -> SeriesDocument {
        SeriesDocument {
            role: s.assignment.role.name().to_owned(),
            reason: self.guard.clean(&s.assignment.reason),
            confidence: confidence(s.assignment.confidence),
            slices: s.slices,
            blocks: s.blocks,
            rows: s.rows_columns[0],
            columns: s.rows_columns[1],
            row_spacing_mm: rounded(s.pixel_spacing_mm[0], 4),
            column_spacing_mm: rounded(s.pixel_spacing_mm[1], 4),
            slice_spacing_mm: s.slice_spacing_mm.map(|mm| rounded(mm, 4)),
        }
    }

    fn quality(&self, q: &spine::QualityFinding) -> QualityDocument {
        QualityDocument {
            code: q.code.name().to_owned(),
            severity: q.severity.name().to_owned(),
            text: self.guard.clean(&q.text),
            series: q.series,
        }
    }

    fn vertebra(&mut self, v: &VertebraReport) -> VertebraDocument {
        let evidence = self.evidence(&v.designation);
        let mut taker = Taker::new(self);
        let m = &v.measurements;
        let measurements = VertebraMeasurementsDocument {
            height_anterior_mm: taker.take("height_anterior_mm", &m.height_anterior_mm),
            height_middle_mm: taker.take("height_middle_mm", &m.height_middle_mm),
            height_posterior_mm: taker.take("height_posterior_mm", &m.height_posterior_mm),
            anterior_posterior_ratio: taker.take("anterior_posterior_ratio", &m.anterior_posterior_ratio),
            middle_posterior_ratio: taker.take("middle_posterior_ratio", &m.middle_posterior_ratio),
            depth_mm: taker.take("depth_mm", &m.depth_mm),
            canal_ap_body_mm: taker.take("canal_ap_body_mm", &m.canal_ap_body_mm),
            canal_area_body_mm2: taker.take("canal_area_body_mm2", &m.canal_area_body_mm2),
        };
        VertebraDocument {
            name: name(v.designation.name),
            ordinal_from_below: v.designation.ordinal_from_below,
            confidence: confidence(v.designation.confidence),
            snomed_code: v.designation.name.and_then(|n: Vertebra| codes::vertebra(n)).map(str::to_owned),
            evidence,
            centre_lps_mm: place(v.centre_lps_mm),
            measurements,
            measurement_sd: taker.sd,
            missing: taker.missing,
        }
    }

    fn level(&mut self, l: &LevelReport) -> LevelDocument {
        let evidence = self.evidence(&l.designation);
        let mut taker = Taker::new(self);
        let measurements = level_measurements(&mut taker, &l.measurements);
        let Taker { sd: measurement_sd, missing, .. } = taker;
        LevelDocument {
            name: name(l.designation.name),
            ordinal_from_below: l.designation.ordinal_from_below,
            confidence: confidence(l.designation.confidence),
            snomed_code: l.designation.name.and_then(|n: Disc| codes::disc(n)).map(str::to_owned),
            evidence,
            plane: PlaneDocument {
                centre_lps_mm: place(l.plane.centre_lps_mm),
                normal_lps: direction(l.plane.normal_lps),
                anterior_lps: direction(l.plane.anterior_lps),
                depth_mm: rounded(l.plane.depth_mm, 1),
            },
            measurements,
            canal: canal(l.canal),
            measurement_sd,
            missing,
            axial: axial(&l.axial),
            grades: l.grades.iter().take(GRADES_MAX).map(|g| self.grade(g)).collect(),
            ungraded: l.ungraded.iter().take(EVIDENCE_MAX).map(|e| self.coded(e.code, &e.text)).collect(),
        }
    }

    fn grade(&mut self, g: &Grading) -> GradeDocument {
        self.method(g.finding.name(), &g.model);
        grade(g)
    }

    fn method(&mut self, name: &str, method: &str) {
        let methods = self.methods.entry(name.to_owned()).or_default();
        if !methods.iter().any(|known| known == method) {
            methods.push(method.to_owned());
        }
    }

    fn lumbar(&mut self, l: &LumbarMeasurements) -> LumbarDocument {
        let mut taker = Taker::new(self);
        LumbarDocument {
            lumbar_lordosis_deg: taker.take("lumbar_lordosis_deg", &l.lumbar_lordosis_deg),
            sacral_slope_deg: taker.take("sacral_slope_deg", &l.sacral_slope_deg),
            measurement_sd: taker.sd,
            missing: taker.missing,
        }
    }
}

fn grade(g: &Grading) -> GradeDocument {
    let named = |at: usize| g.scale.grades().get(at).copied().unwrap_or_default().to_owned();
    GradeDocument {
        finding: g.finding.name().to_owned(),
        side: g.side.map(|side| side.name().to_owned()),
        scale: g.scale.name().to_owned(),
        grade: named(g.grade),
        probabilities: g.probabilities.iter().map(|p| rounded(*p, 3)).collect(),
        set: (g.set[0]..=g.set[1]).map(named).collect(),
        set_thin: g.coverage == SetCoverage::Thin,
        set_strange: g.coverage == SetCoverage::Strange,
        inputs: g.inputs.iter().map(|role| role.name().to_owned()).collect(),
    }
}

fn level_measurements(taker: &mut Taker<'_>, m: &spine::LevelMeasurements) -> LevelMeasurementsDocument {
    LevelMeasurementsDocument {
        canal_ap_disc_mm: taker.take("canal_ap_disc_mm", &m.canal_ap_disc_mm),
        canal_area_disc_mm2: taker.take("canal_area_disc_mm2", &m.canal_area_disc_mm2),
        disc_height_anterior_mm: taker.take("disc_height_anterior_mm", &m.disc_height_anterior_mm),
        disc_height_middle_mm: taker.take("disc_height_middle_mm", &m.disc_height_middle_mm),
        disc_height_posterior_mm: taker.take("disc_height_posterior_mm", &m.disc_height_posterior_mm),
        disc_height_index: taker.take("disc_height_index", &m.disc_height_index),
        slip_mm: taker.take("slip_mm", &m.slip_mm),
        slip_percent: taker.take("slip_percent", &m.slip_percent),
        meyerding: m.meyerding.map(|grade| meyerding(grade).to_owned()),
        segmental_lordosis_deg: taker.take("segmental_lordosis_deg", &m.segmental_lordosis_deg),
    }
}

fn canal(standing: CanalStanding) -> Option<CanalDocument> {
    let CanalStanding { ap_percentile, ap_over_body } = standing;
    (standing != CanalStanding::default()).then(|| CanalDocument {
        ap_percentile: ap_percentile.map(|p| rounded(p, 0)),
        ap_class: ap_percentile.map(|p| PercentileClass::of(p).name().to_owned()),
        ap_over_body: ap_over_body.map(|ratio| rounded(ratio, 2)),
    })
}

const fn meyerding(grade: Meyerding) -> &'static str {
    match grade {
        Meyerding::None => "none",
        Meyerding::I => "I",
        Meyerding::II => "II",
        Meyerding::III => "III",
        Meyerding::IV => "IV",
        Meyerding::V => "V",
    }
}

/// The slices nearest to the disc, in the order of the stack.
fn axial(assignments: &[spine::AxialAssignment]) -> Vec<AxialDocument> {
    let mut nearest: Vec<_> = assignments.iter().collect();
    nearest.sort_by(|a, b| a.distance_mm.abs().total_cmp(&b.distance_mm.abs()));
    nearest.truncate(AXIAL_MAX);
    nearest.sort_by_key(|a| (a.series, a.block, a.slice));
    let document = |a: &spine::AxialAssignment| AxialDocument {
        series: a.series,
        block: a.block,
        slice: a.slice,
        distance_mm: rounded(a.distance_mm, 1),
        angle_deg: rounded(a.angle_deg, 1),
    };
    nearest.into_iter().map(document).collect()
}

fn model(m: &spine::ModelUse) -> ModelDocument {
    ModelDocument {
        name: m.name.clone(),
        version: m.version.clone(),
        sha256: m.sha256.clone(),
        terms: m.terms.chars().take(TERMS_CHARS_MAX).collect(),
    }
}

fn curve(c: &spine::CurveFit) -> CurveDocument {
    CurveDocument {
        residual_mm: rounded(c.residual_mm, 2),
        rejected_parts: c.rejected_parts,
        points_lps_mm: thinned(&c.points_lps_mm, CURVE_POINTS_MAX).into_iter().map(place).collect(),
    }
}

/// At most `most` of `points`, evenly chosen, the first and the last among them.
fn thinned(points: &[Vec3], most: usize) -> Vec<Vec3> {
    if points.len() <= most {
        return points.to_vec();
    }
    (0..most).filter_map(|i| points.get(i * (points.len() - 1) / (most - 1)).copied()).collect()
}

fn timing(t: &StageTiming) -> TimingDocument {
    TimingDocument { stage: t.stage.to_owned(), wall_ms: rounded(t.wall_ms, 1) }
}

fn name<T: Display>(name: Option<T>) -> String {
    name.map_or_else(|| UNKNOWN.to_owned(), |n| n.to_string())
}

fn place(p: Vec3) -> Vec3 {
    p.map(|x| rounded(x, 1))
}

fn direction(d: Vec3) -> Vec3 {
    d.map(|x| rounded(x, 4))
}

/// Rounded down to 0.01, so that no doubt is rounded away.
fn confidence(c: f64) -> f64 {
    if c.is_finite() { (c.clamp(0.0, 1.0) * 100.0 + 1e-9).floor() / 100.0 } else { 0.0 }
}

/// Rounded to `decimals`; never minus zero, and 0 where it is no number (JSON has none).
fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    let r = (value * scale).round() / scale;
    if r.is_finite() { r + 0.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_what_they_can_carry() {
        assert_eq!(rounded(12.3456, 1), 12.3);
        assert_eq!(rounded(-0.04, 1).to_string(), "0");
        assert_eq!(confidence(0.999), 0.99);
        assert_eq!(confidence(0.57), 0.57);
        assert_eq!(confidence(f64::NAN), 0.0);
    }

    #[test]
    fn a_thinned_curve_keeps_its_ends() {
        let points: Vec<Vec3> = (0..100).map(|i| [f64::from(i), 0.0, 0.0]).collect();
        let thin = thinned(&points, 24);
        assert_eq!((thin.len(), thin[0][0], thin[23][0]), (24, 0.0, 99.0));
    }
}
