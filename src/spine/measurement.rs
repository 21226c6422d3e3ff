//! Measurements: a number with its unit and method, or the reason why there is none.

/// One quantity taken on one study.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// The value in [`Measurement::unit`], or the reason why it can't be taken.
    pub value: Result<f64, String>,
    /// UCUM unit: `mm`, `mm2`, `%`, `deg`, `1`.
    pub unit: &'static str,
    /// How it was taken, as a short stable identifier documented where it is computed.
    pub method: &'static str,
    /// Standard deviation of the value between repeats under small shifts of the images, in [`Measurement::unit`]:
    /// how well it repeats, not how true it is. `None` where it was not repeated often enough.
    pub sd: Option<f64>,
}

impl Measurement {
    /// A value that was taken. One that is not finite becomes a reason instead.
    #[must_use]
    pub fn taken(value: f64, unit: &'static str, method: &'static str) -> Self {
        if value.is_finite() {
            Self { value: Ok(value), unit, method, sd: None }
        } else {
            Self::missing("the computation gave no finite number", unit, method)
        }
    }

    /// A value that can't be taken on this study.
    #[must_use]
    pub fn missing(reason: impl Into<String>, unit: &'static str, method: &'static str) -> Self {
        Self { value: Err(reason.into()), unit, method, sd: None }
    }

    /// The value, where there is one.
    #[must_use]
    pub fn get(&self) -> Option<f64> {
        self.value.as_ref().ok().copied()
    }
}

/// What is measured at a disc level.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelMeasurements {
    /// Antero-posterior diameter of the canal in the disc plane, mm.
    pub canal_ap_disc_mm: Measurement,
    /// Cross-section of the canal in the disc plane, mm².
    pub canal_area_disc_mm2: Measurement,
    /// Disc height at the anterior sixth, mm.
    pub disc_height_anterior_mm: Measurement,
    /// Disc height at the middle, mm.
    pub disc_height_middle_mm: Measurement,
    /// Disc height at the posterior sixth, mm.
    pub disc_height_posterior_mm: Measurement,
    /// Mean disc height over the depth of the upper vertebra's lower endplate, a ratio.
    pub disc_height_index: Measurement,
    /// Slip of the upper vertebra on the lower one, positive forwards (anterolisthesis), mm.
    pub slip_mm: Measurement,
    /// The slip as a share of the lower vertebra's upper endplate, %.
    pub slip_percent: Measurement,
    /// Meyerding's grade of the slip; `None` where it could not be taken.
    pub meyerding: Option<Meyerding>,
    /// Angle between the upper endplate of the upper and of the lower vertebra, lordosis positive, degrees.
    pub segmental_lordosis_deg: Measurement,
}

impl LevelMeasurements {
    /// None of them, all for one reason.
    #[must_use]
    pub fn missing(reason: &str) -> Self {
        let none = |unit| Measurement::missing(reason, unit, "none");
        Self {
            canal_ap_disc_mm: none("mm"),
            canal_area_disc_mm2: none("mm2"),
            disc_height_anterior_mm: none("mm"),
            disc_height_middle_mm: none("mm"),
            disc_height_posterior_mm: none("mm"),
            disc_height_index: none("1"),
            slip_mm: none("mm"),
            slip_percent: none("%"),
            meyerding: None,
            segmental_lordosis_deg: none("deg"),
        }
    }

    /// All of them, in the order of the fields.
    #[must_use]
    pub fn all(&self) -> [&Measurement; 9] {
        [
            &self.canal_ap_disc_mm,
            &self.canal_area_disc_mm2,
            &self.disc_height_anterior_mm,
            &self.disc_height_middle_mm,
            &self.disc_height_posterior_mm,
            &self.disc_height_index,
            &self.slip_mm,
            &self.slip_percent,
            &self.segmental_lordosis_deg,
        ]
    }

    /// All of them, in the same order, to be changed.
    #[must_use]
    pub fn all_mut(&mut self) -> [&mut Measurement; 9] {
        [
            &mut self.canal_ap_disc_mm,
            &mut self.canal_area_disc_mm2,
            &mut self.disc_height_anterior_mm,
            &mut self.disc_height_middle_mm,
            &mut self.disc_height_posterior_mm,
            &mut self.disc_height_index,
            &mut self.slip_mm,
            &mut self.slip_percent,
            &mut self.segmental_lordosis_deg,
        ]
    }
}

/// Where a measured canal stands among others': a class of percentiles. A narrow canal is measured, a stenosis is graded; neither is the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PercentileClass {
    /// Below the 5th percentile.
    BelowP5,
    /// From the 5th to the 25th.
    P5ToP25,
    /// From the 25th to the 75th.
    P25ToP75,
    /// Above the 75th.
    AboveP75,
}

impl PercentileClass {
    /// The class of a percentile.
    #[must_use]
    pub fn of(percentile: f64) -> Self {
        match percentile {
            p if p < 5.0 => Self::BelowP5,
            p if p < 25.0 => Self::P5ToP25,
            p if p <= 75.0 => Self::P25ToP75,
            _ => Self::AboveP75,
        }
    }

    /// The name, as a report writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BelowP5 => "below-p5",
            Self::P5ToP25 => "p5-p25",
            Self::P25ToP75 => "p25-p75",
            Self::AboveP75 => "above-p75",
        }
    }
}

/// A level's canal beside those of others and beside the patient's own vertebrae.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CanalStanding {
    /// Percentile of the antero-posterior diameter among the reference's levels of this name, read on the same contrast.
    pub ap_percentile: Option<f64>,
    /// The diameter over the mean of those at the middle of the vertebrae above and below, a ratio.
    pub ap_over_body: Option<f64>,
}

/// What is measured at a vertebra.
#[derive(Debug, Clone, PartialEq)]
pub struct VertebraMeasurements {
    /// Anterior height of the body, mm.
    pub height_anterior_mm: Measurement,
    /// Middle height of the body, mm.
    pub height_middle_mm: Measurement,
    /// Posterior height of the body, mm.
    pub height_posterior_mm: Measurement,
    /// Anterior over posterior height (wedging), a ratio.
    pub anterior_posterior_ratio: Measurement,
    /// Middle over posterior height (biconcavity), a ratio.
    pub middle_posterior_ratio: Measurement,
    /// Antero-posterior depth of the body at mid-height, mm.
    pub depth_mm: Measurement,
    /// Antero-posterior diameter of the canal at mid-body, mm.
    pub canal_ap_body_mm: Measurement,
    /// Cross-section of the canal at mid-body, mm².
    pub canal_area_body_mm2: Measurement,
}

impl VertebraMeasurements {
    /// All of them, in the order of the fields.
    #[must_use]
    pub fn all(&self) -> [&Measurement; 8] {
        [
            &self.height_anterior_mm,
            &self.height_middle_mm,
            &self.height_posterior_mm,
            &self.anterior_posterior_ratio,
            &self.middle_posterior_ratio,
            &self.depth_mm,
            &self.canal_ap_body_mm,
            &self.canal_area_body_mm2,
        ]
    }

    /// All of them, in the same order, to be changed.
    #[must_use]
    pub fn all_mut(&mut self) -> [&mut Measurement; 8] {
        [
            &mut self.height_anterior_mm,
            &mut self.height_middle_mm,
            &mut self.height_posterior_mm,
            &mut self.anterior_posterior_ratio,
            &mut self.middle_posterior_ratio,
            &mut self.depth_mm,
            &mut self.canal_ap_body_mm,
            &mut self.canal_area_body_mm2,
        ]
    }
}

/// What is measured on the lumbar spine as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct LumbarMeasurements {
    /// Angle between the upper endplates of L1 and S1 in the sagittal plane, lordosis positive, degrees.
    pub lumbar_lordosis_deg: Measurement,
    /// Angle between the upper endplate of S1 and the horizontal (the image's left-posterior plane), degrees.
    pub sacral_slope_deg: Measurement,
}

impl LumbarMeasurements {
    /// Both, in the order of the fields.
    #[must_use]
    pub fn all(&self) -> [&Measurement; 2] {
        [&self.lumbar_lordosis_deg, &self.sacral_slope_deg]
    }

    /// Both, in the same order, to be changed.
    #[must_use]
    pub fn all_mut(&mut self) -> [&mut Measurement; 2] {
        [&mut self.lumbar_lordosis_deg, &mut self.sacral_slope_deg]
    }
}

/// Meyerding's grades of listhesis, by quarters of the endplate below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meyerding {
    /// Below the threshold at which a slip is called one.
    None,
    /// Up to 25 %.
    I,
    /// Up to 50 %.
    II,
    /// Up to 75 %.
    III,
    /// Up to 100 %.
    IV,
    /// Beyond: spondyloptosis.
    V,
}
