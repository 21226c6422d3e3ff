//! How three vendors' scanners describe a lumbar study, and the physics they usually run it with.

use super::tissue::Contrast;

/// A vendor's style of headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vendor {
    /// A 3 T scanner of Siemens' style.
    #[default]
    Siemens,
    /// A 1.5 T scanner of Philips' style.
    Philips,
    /// A 1.5 T scanner of GE's style.
    Ge,
}

/// A series of a lumbar study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesKind {
    /// Three slices in each of three planes.
    Localizer,
    /// Sagittal T1-weighted.
    SagittalT1,
    /// Sagittal T2-weighted.
    SagittalT2,
    /// Sagittal with fat suppressed.
    SagittalStir,
    /// Axial T2-weighted, a block for each disc.
    AxialT2,
}

impl SeriesKind {
    /// Name of the series' folder.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Localizer => "localizer",
            Self::SagittalT1 => "sagittal-t1",
            Self::SagittalT2 => "sagittal-t2",
            Self::SagittalStir => "sagittal-stir",
            Self::AxialT2 => "axial-t2",
        }
    }
}

/// What a vendor writes about its scanner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Equipment {
    pub(super) manufacturer: &'static str,
    pub(super) model: &'static str,
    pub(super) software: &'static str,
    pub(super) field_t: f64,
}

/// What a vendor writes about a series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Description {
    pub(super) series: &'static str,
    pub(super) sequence: &'static str,
    pub(super) variant: &'static str,
    pub(super) image_type: &'static [&'static str],
    pub(super) echo_train: u32,
    pub(super) flip_deg: f64,
}

impl Vendor {
    /// The vendor called `name`, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "siemens" => Some(Self::Siemens),
            "philips" => Some(Self::Philips),
            "ge" => Some(Self::Ge),
            _ => None,
        }
    }

    pub(super) const fn equipment(self) -> Equipment {
        match self {
            Self::Siemens => {
                Equipment { manufacturer: "SIEMENS", model: "Skyra", software: "syngo MR E11", field_t: 3.0 }
            }
            Self::Philips => {
                Equipment { manufacturer: "Philips Healthcare", model: "Ingenia", software: "5.3.0", field_t: 1.5 }
            }
            Self::Ge => Equipment {
                manufacturer: "GE MEDICAL SYSTEMS",
                model: "Optima MR450w",
                software: "DV25.0_R02",
                field_t: 1.5,
            },
        }
    }

    /// The usual weighting of a series.
    #[must_use]
    pub const fn contrast(self, kind: SeriesKind) -> Contrast {
        let (repetition_ms, echo_ms) = match (self, kind) {
            (_, SeriesKind::Localizer) => (1500.0, 85.0),
            (_, SeriesKind::SagittalStir) => return Contrast::STIR,
            (Self::Siemens, SeriesKind::SagittalT1) => (620.0, 9.8),
            (Self::Philips, SeriesKind::SagittalT1) => (500.0, 8.0),
            (Self::Ge, SeriesKind::SagittalT1) => (560.0, 11.2),
            (Self::Siemens, SeriesKind::SagittalT2) => (3600.0, 102.0),
            (Self::Philips, SeriesKind::SagittalT2) => (3100.0, 120.0),
            (Self::Ge, SeriesKind::SagittalT2) => (3400.0, 98.0),
            (Self::Siemens, SeriesKind::AxialT2) => (4200.0, 96.0),
            (Self::Philips, SeriesKind::AxialT2) => (3800.0, 110.0),
            (Self::Ge, SeriesKind::AxialT2) => (4500.0, 102.0),
        };
        Contrast { repetition_ms, echo_ms, inversion_ms: None }
    }

    pub(super) const fn description(self, kind: SeriesKind) -> Description {
        let series = match (self, kind) {
            (Self::Siemens, SeriesKind::Localizer) => "haste_localizer",
            (Self::Siemens, SeriesKind::SagittalT1) => "t1_tse_sag_320",
            (Self::Siemens, SeriesKind::SagittalT2) => "t2_tse_sag_384",
            (Self::Siemens, SeriesKind::SagittalStir) => "t2_tirm_sag_dark-fl",
            (Self::Siemens, SeriesKind::AxialT2) => "t2_tse_tra_msma",
            (Self::Philips, SeriesKind::Localizer) => "Survey",
            (Self::Philips, SeriesKind::SagittalT1) => "T1W_TSE SAG",
            (Self::Philips, SeriesKind::SagittalT2) => "T2W_TSE SAG",
            (Self::Philips, SeriesKind::SagittalStir) => "STIR_longTE SAG",
            (Self::Philips, SeriesKind::AxialT2) => "T2W_TSE AX",
            (Self::Ge, SeriesKind::Localizer) => "3-PL LOC",
            (Self::Ge, SeriesKind::SagittalT1) => "SAG T1 FSE",
            (Self::Ge, SeriesKind::SagittalT2) => "SAG T2 FRFSE",
            (Self::Ge, SeriesKind::SagittalStir) => "SAG STIR",
            (Self::Ge, SeriesKind::AxialT2) => "AX T2 FRFSE",
        };
        let (sequence, variant, flip_deg) = match self {
            Self::Siemens => ("*tse2d1", "SK\\SP", 150.0),
            Self::Philips => ("TSE", "SK", 90.0),
            Self::Ge => ("FSE", "SK\\OSP", 111.0),
        };
        let image_type: &[&str] = match (self, kind) {
            (_, SeriesKind::Localizer) => &["LOCALIZER"],
            (Self::Siemens, _) => &["M", "ND", "NORM"],
            (Self::Philips, _) => &["M_SE", "M", "SE"],
            (Self::Ge, _) => &["OTHER"],
        };
        let echo_train = match kind {
            SeriesKind::SagittalT1 => 3,
            SeriesKind::Localizer => 128,
            SeriesKind::SagittalT2 | SeriesKind::SagittalStir | SeriesKind::AxialT2 => 17,
        };
        Description { series, sequence, variant, image_type, echo_train, flip_deg }
    }
}
