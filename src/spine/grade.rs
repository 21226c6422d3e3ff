//! Grades: what a network says of a disc level, on a named scale, with how sure it is.

/// An ordered scale of grades, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GradeScale {
    /// Stenosis of the canal, a recess or a foramen: the paper's four grades (Lu et al. 2018).
    Stenosis,
    /// Degeneration of a disc (Pfirrmann et al. 2001).
    Pfirrmann,
    /// Whether it is there.
    Presence,
}

impl GradeScale {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stenosis, Self::Pfirrmann, Self::Presence];

    /// The name, as a report writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stenosis => "stenosis",
            Self::Pfirrmann => "pfirrmann",
            Self::Presence => "presence",
        }
    }

    /// The scale called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scale| scale.name() == name)
    }

    /// The grades, the best first.
    #[must_use]
    pub const fn grades(self) -> &'static [&'static str] {
        match self {
            Self::Stenosis => &["normal", "mild", "moderate", "severe"],
            Self::Pfirrmann => &["I", "II", "III", "IV", "V"],
            Self::Presence => &["absent", "present"],
        }
    }

    /// The place of the first grade that is not normal: Pfirrmann's I and II are no degeneration.
    #[must_use]
    pub const fn first_abnormal(self) -> usize {
        match self {
            Self::Pfirrmann => 2,
            Self::Stenosis | Self::Presence => 1,
        }
    }
}

/// What is graded at a disc level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GradedFinding {
    /// Stenosis of the central canal.
    CentralCanalStenosis,
    /// Stenosis of a lateral recess.
    SubarticularStenosis,
    /// Stenosis of a neural foramen.
    ForaminalStenosis,
    /// Compression of the thecal sac, or contact with it, as radiologists' notes speak of it.
    SacCompression,
    /// Compression of the roots that leave, or contact with them, as radiologists' notes speak of it.
    RootCompression,
    /// Degeneration of the disc.
    DiscDegeneration,
    /// Loss of the disc's height.
    DiscNarrowing,
    /// Bulge of the disc.
    DiscBulge,
    /// Herniation of the disc.
    DiscHerniation,
    /// Slip of the upper vertebra.
    Spondylolisthesis,
    /// Modic change, of any type.
    ModicChange,
    /// Change of the end plate above.
    UpperEndplateChange,
    /// Change of the end plate below.
    LowerEndplateChange,
}

impl GradedFinding {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::CentralCanalStenosis,
        Self::SubarticularStenosis,
        Self::ForaminalStenosis,
        Self::SacCompression,
        Self::RootCompression,
        Self::DiscDegeneration,
        Self::DiscNarrowing,
        Self::DiscBulge,
        Self::DiscHerniation,
        Self::Spondylolisthesis,
        Self::ModicChange,
        Self::UpperEndplateChange,
        Self::LowerEndplateChange,
    ];

    /// The name, as a report and a manifest write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CentralCanalStenosis => "central-canal-stenosis",
            Self::SubarticularStenosis => "subarticular-stenosis",
            Self::ForaminalStenosis => "foraminal-stenosis",
            Self::SacCompression => "sac-compression",
            Self::RootCompression => "root-compression",
            Self::DiscDegeneration => "disc-degeneration",
            Self::DiscNarrowing => "disc-narrowing",
            Self::DiscBulge => "disc-bulge",
            Self::DiscHerniation => "disc-herniation",
            Self::Spondylolisthesis => "spondylolisthesis",
            Self::ModicChange => "modic-change",
            Self::UpperEndplateChange => "upper-endplate-change",
            Self::LowerEndplateChange => "lower-endplate-change",
        }
    }

    /// The finding called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|finding| finding.name() == name)
    }

    /// The scale of its grades.
    #[must_use]
    pub const fn scale(self) -> GradeScale {
        match self {
            Self::CentralCanalStenosis | Self::SubarticularStenosis | Self::ForaminalStenosis => GradeScale::Stenosis,
            Self::DiscDegeneration => GradeScale::Pfirrmann,
            _ => GradeScale::Presence,
        }
    }

    /// Whether each side has its own grade.
    #[must_use]
    pub const fn is_sided(self) -> bool {
        matches!(self, Self::SubarticularStenosis | Self::ForaminalStenosis)
    }
}

/// A side of the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BodySide {
    /// The patient's left, +x of LPS.
    Left,
    /// The patient's right.
    Right,
}

impl BodySide {
    /// `left` or `right`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }

    /// The side called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Left, Self::Right].into_iter().find(|side| side.name() == name)
    }
}

/// How sure a prediction set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetCoverage {
    /// Calibrated on enough of every grade.
    Calibrated,
    /// Some grade was too rare in the calibration to be excluded, or to vouch for.
    Thin,
    /// The picture is unlike most that the network was trained on: the set is as wide as can be calibrated, and promises nothing.
    Strange,
}

/// One finding at one level, graded.
#[derive(Debug, Clone, PartialEq)]
pub struct Grading {
    /// What.
    pub finding: GradedFinding,
    /// On which side; `None` for what lies in the midline.
    pub side: Option<BodySide>,
    /// On which scale.
    pub scale: GradeScale,
    /// The grade: its place in [`GradeScale::grades`].
    pub grade: usize,
    /// The probability of each grade, in the order of the scale.
    pub probabilities: Vec<f64>,
    /// The prediction set: the first and the last grade of it.
    pub set: [usize; 2],
    /// How sure the set is.
    pub coverage: SetCoverage,
    /// The views that it was graded from.
    pub inputs: Vec<super::Role>,
    /// The model that graded it.
    pub model: String,
}
