//! What a report says, in the words of `docs/labelling.md`: one [`Label`] for one statement about one finding at one level.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::spine::{Disc, Vertebra};

/// The lumbar disc levels that a statement about the whole lumbar spine covers.
pub const LUMBAR_DISCS: [Disc; 5] = [
    Disc::new(Vertebra::L1, Vertebra::L2),
    Disc::new(Vertebra::L2, Vertebra::L3),
    Disc::new(Vertebra::L3, Vertebra::L4),
    Disc::new(Vertebra::L4, Vertebra::L5),
    Disc::new(Vertebra::L5, Vertebra::S1),
];

/// Where a finding is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// At a disc level.
    Disc(Disc),
    /// At a vertebra.
    Vertebra(Vertebra),
    /// At every lumbar level: the statement is about the whole lumbar spine.
    All,
    /// At the levels of which the report says nothing else.
    Rest,
    /// At more than one level, not said which.
    Several,
    /// No level is said.
    Unknown,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disc(disc) => disc.fmt(f),
            Self::Vertebra(vertebra) => vertebra.fmt(f),
            Self::All => f.write_str("all"),
            Self::Rest => f.write_str("rest"),
            Self::Several => f.write_str("several"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "all" => Self::All,
            "rest" => Self::Rest,
            "several" => Self::Several,
            "unknown" => Self::Unknown,
            _ => match text.split_once('-') {
                Some((upper, lower)) => {
                    let (upper, lower) = (Vertebra::from_name(upper).ok_or(())?, Vertebra::from_name(lower).ok_or(())?);
                    Self::Disc(Disc::new(upper, lower))
                }
                None => Self::Vertebra(Vertebra::from_name(text).ok_or(())?),
            },
        })
    }
}

/// A set of names that are written with hyphens: the enum, its members, and both ways between them.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$member_doc])* $member,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$member,)*];

            /// The name, as it is written.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$member => $text,)* }
            }

            /// The one of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$member),)* _ => None }
            }
        }
    };
}

named! {
    /// What is found.
    Finding {
        /// Bulge of a disc.
        Bulge = "bulge",
        /// Protrusion of a disc.
        Protrusion = "protrusion",
        /// Extrusion of a disc.
        Extrusion = "extrusion",
        /// Sequestration of a disc.
        Sequestration = "sequestration",
        /// Herniation of a disc, of no kind that is said.
        Herniation = "herniation",
        /// Fissure or tear of the annulus.
        AnnularFissure = "annular-fissure",
        /// Degeneration, desiccation of a disc.
        Degeneration = "degeneration",
        /// Loss of a disc's height.
        HeightLoss = "height-loss",
        /// The canal's or sac's AP diameter.
        CanalDiameter = "canal-diameter",
        /// Stenosis of the spinal canal.
        CanalStenosis = "canal-stenosis",
        /// Stenosis of a lateral recess.
        LateralRecessStenosis = "lateral-recess-stenosis",
        /// Stenosis of a neural foramen.
        ForaminalStenosis = "foraminal-stenosis",
        /// Compression of the thecal sac, or contact with it.
        SacCompression = "sac-compression",
        /// Compression of nerve roots or of the canals by which they leave, or contact with them.
        RootCompression = "root-compression",
        /// Facet arthropathy.
        FacetArthropathy = "facet-arthropathy",
        /// Thickening of the ligamentum flavum.
        FlavumThickening = "flavum-thickening",
        /// Modic change of the end plates.
        Modic = "modic",
        /// Schmorl's node.
        Schmorl = "schmorl",
        /// Slip of a vertebra.
        Spondylolisthesis = "spondylolisthesis",
        /// Scoliosis.
        Scoliosis = "scoliosis",
        /// Fracture of a vertebra.
        Fracture = "fracture",
        /// A done operation.
        PostOperative = "post-operative",
        /// A transitional vertebra.
        TransitionalVertebra = "transitional-vertebra",
    }
}

named! {
    /// On which side.
    Side {
        /// The patient's left.
        Left = "left",
        /// The patient's right.
        Right = "right",
        /// Both.
        Both = "both",
    }
}

impl Side {
    /// Both sides where one and the other are named.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::Both }
    }
}

named! {
    /// Whether it is there.
    Presence {
        /// It is.
        Present = "present",
        /// It is not.
        Absent = "absent",
        /// It may be.
        Uncertain = "uncertain",
        /// It was, at an earlier examination.
        Past = "past",
    }
}

named! {
    /// A word of the scale of grades; normal is [`Presence::Absent`].
    Degree {
        /// Mild.
        Mild = "mild",
        /// Moderate.
        Moderate = "moderate",
        /// Severe.
        Severe = "severe",
    }
}

/// How much of it there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// On the scale of grades: a range, most often of one.
    Graded {
        /// The milder end.
        from: Degree,
        /// The worse end.
        to: Degree,
    },
    /// Significant, large: no grade.
    Significant,
    /// Contact, of compressions alone.
    Abutting,
}

impl Extent {
    /// One degree.
    #[must_use]
    pub const fn of(degree: Degree) -> Self {
        Self::Graded { from: degree, to: degree }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Graded { from, to } if from == to => f.write_str(from.name()),
            Self::Graded { from, to } => write!(f, "{}-{}", from.name(), to.name()),
            Self::Significant => f.write_str("significant"),
            Self::Abutting => f.write_str("abutting"),
        }
    }
}

impl FromStr for Extent {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let degree = |name: &str| Degree::from_name(name).ok_or(());
        Ok(match (text, text.split_once('-')) {
            ("significant", _) => Self::Significant,
            ("abutting", _) => Self::Abutting,
            (_, Some((from, to))) => Self::Graded { from: degree(from)?, to: degree(to)? },
            (_, None) => Self::of(degree(text)?),
        })
    }
}

named! {
    /// Where a vertebra slipped to.
    Direction {
        /// Forwards on the one below.
        Anterior = "anterior",
        /// Backwards.
        Posterior = "posterior",
        /// To a side.
        Lateral = "lateral",
    }
}

/// What else is said of some findings.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Attributes {
    /// Modic's type, 1 to 3.
    pub modic_type: Option<u8>,
    /// Meyerding's grade of a slip, 1 to 5.
    pub slip_grade: Option<u8>,
    /// Where to it slipped.
    pub direction: Option<Direction>,
    /// A size, mm.
    pub size_mm: Option<f32>,
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.modic_type.map(|n| format!("type{n}")));
        words.extend(self.slip_grade.map(|n| format!("grade{n}")));
        words.extend(self.direction.map(|d| d.name().to_owned()));
        words.extend(self.size_mm.map(|mm| format!("{mm}mm")));
        f.write_str(&words.join(" "))
    }
}

/// A part of the text that was given: bytes and characters (Unicode scalar values), from and to before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Span {
    /// First byte.
    pub start_byte: usize,
    /// The byte after the last.
    pub end_byte: usize,
    /// First character.
    pub start_char: usize,
    /// The character after the last.
    pub end_char: usize,
}

impl Span {
    /// The text that it quotes; `None` where it is not of this text.
    #[must_use]
    pub fn quote<'a>(&self, text: &'a str) -> Option<&'a str> {
        text.get(self.start_byte..self.end_byte)
    }
}

named! {
    /// Why a label stands at its level.
    LevelSource {
        /// The level is named in the sentence.
        Named = "named",
        /// The heading of the line or paragraph names it.
        Heading = "heading",
        /// A sentence before names it.
        Carried = "carried",
        /// The statement is about the whole lumbar spine.
        Global = "global",
        /// No level is said.
        Unsaid = "unsaid",
    }
}

named! {
    /// The part of a report.
    #[derive(Default)]
    Section {
        /// Before any heading, or under one that is of no other kind.
        #[default]
        Body = "body",
        /// What was found.
        Findings = "findings",
        /// The conclusion.
        Impression = "impression",
    }
}

/// One statement about one finding at one level.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What.
    pub finding: Finding,
    /// What of: the name of the lexicon's structure, such as `exit-canal`; `None` where the finding says it.
    pub structure: Option<Arc<str>>,
    /// On which side, where one is said.
    pub side: Option<Side>,
    /// Whether it is there.
    pub presence: Presence,
    /// How much, where it is said.
    pub extent: Option<Extent>,
    /// What else is said.
    pub attributes: Attributes,
    /// The words that say it, from the first to the last.
    pub evidence: Span,
    /// The words that name the level, where some do.
    pub level_evidence: Option<Span>,
    /// Why it stands at its level.
    pub level_source: LevelSource,
    /// The part of the report.
    pub section: Section,
    /// Id of the lexicon's rule that made it.
    pub rule: Arc<str>,
    /// Concept of SNOMED CT, where the rule has one.
    pub snomed: Option<Arc<str>>,
    /// Whether another section says something else of the same.
    pub conflict: bool,
}
