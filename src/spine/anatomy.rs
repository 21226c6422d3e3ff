//! Vertebrae, discs and the structures that are segmented.

use std::fmt;

/// A vertebra by name. The order of the variants is from head to foot.
///
/// `T13` and `L6` are transitional anatomy: a thirteenth rib-bearing or a sixth lumbar vertebra.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Vertebra {
    T1,
    T2,
    T3,
    T4,
    T5,
    T6,
    T7,
    T8,
    T9,
    T10,
    T11,
    T12,
    T13,
    L1,
    L2,
    L3,
    L4,
    L5,
    L6,
    S1,
}

impl Vertebra {
    /// All of them, from head to foot.
    pub const ALL: [Self; 20] = [
        Self::T1,
        Self::T2,
        Self::T3,
        Self::T4,
        Self::T5,
        Self::T6,
        Self::T7,
        Self::T8,
        Self::T9,
        Self::T10,
        Self::T11,
        Self::T12,
        Self::T13,
        Self::L1,
        Self::L2,
        Self::L3,
        Self::L4,
        Self::L5,
        Self::L6,
        Self::S1,
    ];

    /// The radiologist's name, such as `L4`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::T1 => "T1",
            Self::T2 => "T2",
            Self::T3 => "T3",
            Self::T4 => "T4",
            Self::T5 => "T5",
            Self::T6 => "T6",
            Self::T7 => "T7",
            Self::T8 => "T8",
            Self::T9 => "T9",
            Self::T10 => "T10",
            Self::T11 => "T11",
            Self::T12 => "T12",
            Self::T13 => "T13",
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
            Self::L4 => "L4",
            Self::L5 => "L5",
            Self::L6 => "L6",
            Self::S1 => "S1",
        }
    }

    /// The vertebra called `name`, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.name().eq_ignore_ascii_case(name))
    }

    /// The number of this vertebra in `instances.nii.gz`, as SPINEPS and TPTBox number it:
    /// T1-T12 8-19, L1 20 … L6 25, S1 26, T13 28.
    #[must_use]
    pub const fn instance_label(self) -> u16 {
        match self {
            Self::T1 => 8,
            Self::T2 => 9,
            Self::T3 => 10,
            Self::T4 => 11,
            Self::T5 => 12,
            Self::T6 => 13,
            Self::T7 => 14,
            Self::T8 => 15,
            Self::T9 => 16,
            Self::T10 => 17,
            Self::T11 => 18,
            Self::T12 => 19,
            Self::T13 => 28,
            Self::L1 => 20,
            Self::L2 => 21,
            Self::L3 => 22,
            Self::L4 => 23,
            Self::L5 => 24,
            Self::L6 => 25,
            Self::S1 => 26,
        }
    }

    /// The next vertebra towards the head in a spine with five lumbar vertebrae and twelve
    /// thoracic ones; `None` above T1. `L6` is above S1 only where somebody says so.
    #[must_use]
    pub fn above(self) -> Option<Self> {
        match self {
            Self::S1 => Some(Self::L5),
            Self::L1 => Some(Self::T12),
            Self::T1 => None,
            other => {
                let i = Self::ALL.iter().position(|v| *v == other)?;
                Some(Self::ALL[i.checked_sub(1)?])
            }
        }
    }

    /// Whether this is a lumbar vertebra, L1 to L6.
    #[must_use]
    pub const fn is_lumbar(self) -> bool {
        matches!(self, Self::L1 | Self::L2 | Self::L3 | Self::L4 | Self::L5 | Self::L6)
    }
}

impl fmt::Display for Vertebra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An intervertebral disc, by the vertebrae above and below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Disc {
    /// The vertebra on its head side.
    pub upper: Vertebra,
    /// The vertebra on its foot side.
    pub lower: Vertebra,
}

impl Disc {
    /// The disc between `upper` and `lower`.
    #[must_use]
    pub const fn new(upper: Vertebra, lower: Vertebra) -> Self {
        Self { upper, lower }
    }

    /// The number of this disc in `instances.nii.gz`: 100 + the number of the vertebra above it.
    #[must_use]
    pub const fn instance_label(self) -> u16 {
        100 + self.upper.instance_label()
    }

    /// The SNOMED CT concept of this disc's level (DICOM PS3.16 CID 7604), where there is one
    /// among the lumbar levels.
    #[must_use]
    pub const fn snomed_code(self) -> Option<&'static str> {
        match (self.upper, self.lower) {
            (Vertebra::L1, Vertebra::L2) => Some("80064006"),
            (Vertebra::L2, Vertebra::L3) => Some("67459009"),
            (Vertebra::L3, Vertebra::L4) => Some("62551000"),
            (Vertebra::L4, Vertebra::L5) => Some("84020006"),
            (Vertebra::L5, Vertebra::S1) => Some("715056000"),
            _ => None,
        }
    }
}

impl fmt::Display for Disc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.upper, self.lower)
    }
}

/// What a pixel of the segmentation belongs to. The discriminants are the network's channels and
/// the values of every semantic mask inside the crate; [`Structure::semantic_label`] has the
/// numbers that leave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Structure {
    /// Nothing that is segmented.
    Background = 0,
    /// A vertebral body, S1 apart.
    VertebralBody = 1,
    /// Pedicles, laminae, facets and processes.
    PosteriorElements = 2,
    /// An intervertebral disc.
    Disc = 3,
    /// The spinal canal (the dural sac as outlined in SPIDER).
    Canal = 4,
    /// The body of the first sacral segment.
    Sacrum = 5,
}

impl Structure {
    /// How many there are, background included: the channels of the segmentation network.
    pub const COUNT: usize = 6;
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Background, Self::VertebralBody, Self::PosteriorElements, Self::Disc, Self::Canal, Self::Sacrum];

    /// The structure with this discriminant.
    #[must_use]
    pub fn from_channel(channel: u8) -> Option<Self> {
        Self::ALL.get(usize::from(channel)).copied()
    }

    /// Its number in `semantic.nii.gz`, as TPTBox numbers it: vertebral body 49, posterior
    /// elements 41, sacrum 26, disc 100, canal 61, background 0.
    #[must_use]
    pub const fn semantic_label(self) -> u16 {
        match self {
            Self::Background => 0,
            Self::VertebralBody => 49,
            Self::PosteriorElements => 41,
            Self::Disc => 100,
            Self::Canal => 61,
            Self::Sacrum => 26,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_with_spineps() {
        assert_eq!(Vertebra::L1.instance_label(), 20);
        assert_eq!(Vertebra::S1.instance_label(), 26);
        assert_eq!(Disc::new(Vertebra::L5, Vertebra::S1).instance_label(), 124);
    }

    #[test]
    fn counting_up_from_the_sacrum_passes_through_the_thoracolumbar_junction() {
        let names: Vec<_> =
            std::iter::successors(Some(Vertebra::S1), |v| v.above()).take(8).map(Vertebra::name).collect();
        assert_eq!(names, ["S1", "L5", "L4", "L3", "L2", "L1", "T12", "T11"]);
        assert_eq!(Vertebra::T1.above(), None);
    }

    #[test]
    fn names_are_read_back() {
        for v in Vertebra::ALL {
            assert_eq!(Vertebra::from_name(&v.name().to_lowercase()), Some(v));
        }
        assert_eq!(Vertebra::from_name("L7"), None);
    }
}
