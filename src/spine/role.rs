//! The part a series plays in a lumbar study.

/// The part a series plays in the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Sagittal T2-weighted, 2-D or 3-D (SPACE, CUBE, VISTA).
    SagittalT2,
    /// Sagittal T1-weighted.
    SagittalT1,
    /// Sagittal with fat suppressed: STIR, fat-saturated T2, Dixon water.
    SagittalFatSuppressed,
    /// Axial T2-weighted.
    AxialT2,
    /// Axial T1-weighted.
    AxialT1,
    /// Coronal of any weighting.
    Coronal,
    /// Localizer or survey, often of three planes.
    Localizer,
    /// Derived images: reformats, maps, subtraction, secondary capture.
    Derived,
    /// None of these.
    Other,
}

impl Role {
    /// The name in configuration and report, such as `sag-t2`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SagittalT2 => "sag-t2",
            Self::SagittalT1 => "sag-t1",
            Self::SagittalFatSuppressed => "sag-fs",
            Self::AxialT2 => "ax-t2",
            Self::AxialT1 => "ax-t1",
            Self::Coronal => "coronal",
            Self::Localizer => "localizer",
            Self::Derived => "derived",
            Self::Other => "other",
        }
    }

    /// The role called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::SagittalT2,
            Self::SagittalT1,
            Self::SagittalFatSuppressed,
            Self::AxialT2,
            Self::AxialT1,
            Self::Coronal,
            Self::Localizer,
            Self::Derived,
            Self::Other,
        ]
        .into_iter()
        .find(|r| r.name() == name)
    }
}

/// A role with the reason why a series took it.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleAssignment {
    /// The part the series plays.
    pub role: Role,
    /// Why, for a person, without identity (never the description's own text): geometry, physics, which keyword class, pixels.
    pub reason: String,
    /// How sure, 0 to 1.
    pub confidence: f64,
}
