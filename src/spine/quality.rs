//! Findings about the study itself: what a reader must know before trusting a number.

/// How much a quality finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Some results are less sure or missing.
    Warning,
    /// The study, or this part of it, can't be read.
    Error,
}

impl Severity {
    /// `info`, `warning` or `error`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What was found about a study's data; the codes are part of the report's schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QualityCode {
    /// A slice is missing inside a series.
    SliceGap,
    /// Two slices of a series stand at the same place.
    DuplicateSlice,
    /// Slice distances differ inside a block.
    UnevenSpacing,
    /// One series holds slices of several orientations.
    MixedOrientations,
    /// A role was given without the physics (TR, TE), by description or pixels.
    RoleWithoutPhysics,
    /// No series could take this role.
    RoleMissing,
    /// A file could not be read.
    UnreadableFile,
    /// The header lacks pixel spacing; a spacing was assumed or estimated.
    SpacingUnknown,
    /// The sacrum is not in view, so that levels have no names.
    NoAnchor,
    /// Evidence for the names of the levels disagrees.
    LevelConflict,
    /// The number of vertebrae does not fit five lumbar ones, or S1 looks transitional.
    TransitionalAnatomy,
    /// The names assume five lumbar vertebrae, which nothing in view confirms.
    LumbarCountAssumed,
    /// Parts were segmented that do not belong to the spine's curve and were rejected.
    PartsRejected,
    /// No spine was found in the images.
    NoSpine,
    /// The images look turned against their header.
    OrientationConflict,
    /// Vertebral bodies are larger or smaller than an adult's: the pixel spacing may be wrong.
    SizeUnusual,
    /// No spine is found at the header's pixel spacing; another was assumed, and lengths are withheld.
    SpacingImplausible,
    /// What was found changed when the middle slices were read again under small shifts.
    ReadingUnstable,
    /// Fewer slices than a measurement in three dimensions needs.
    SingleSlice,
    /// Part of the spine leaves the field of view.
    FieldOfView,
    /// The slip that was graded and the slip that was measured do not agree.
    SlipConflict,
    /// The canal that was graded and the canal that was measured do not agree.
    CanalConflict,
    /// Pictures of levels are unlike those that the networks were trained on.
    StrangePicture,
}

impl QualityCode {
    /// The code as the report carries it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SliceGap => "slice-gap",
            Self::DuplicateSlice => "duplicate-slice",
            Self::UnevenSpacing => "uneven-spacing",
            Self::MixedOrientations => "mixed-orientations",
            Self::RoleWithoutPhysics => "role-without-physics",
            Self::RoleMissing => "role-missing",
            Self::UnreadableFile => "unreadable-file",
            Self::SpacingUnknown => "spacing-unknown",
            Self::NoAnchor => "no-anchor",
            Self::LevelConflict => "level-conflict",
            Self::TransitionalAnatomy => "transitional-anatomy",
            Self::LumbarCountAssumed => "lumbar-count-assumed",
            Self::PartsRejected => "parts-rejected",
            Self::NoSpine => "no-spine",
            Self::OrientationConflict => "orientation-conflict",
            Self::SizeUnusual => "size-unusual",
            Self::SpacingImplausible => "spacing-implausible",
            Self::ReadingUnstable => "reading-unstable",
            Self::SingleSlice => "single-slice",
            Self::FieldOfView => "field-of-view",
            Self::SlipConflict => "slip-conflict",
            Self::CanalConflict => "canal-conflict",
            Self::StrangePicture => "strange-picture",
        }
    }
}

/// One finding about the study's data. The text never carries identity: no names, UIDs or descriptions.
#[derive(Debug, Clone, PartialEq)]
pub struct QualityFinding {
    /// What was found.
    pub code: QualityCode,
    /// How much it weighs.
    pub severity: Severity,
    /// One sentence for a person, without identity.
    pub text: String,
    /// Index into [`crate::spine::Report::series`], where it concerns one series.
    pub series: Option<usize>,
}
