//! SNOMED CT concepts of vertebrae and discs, as DICOM PS3.16 lists them.

use crate::spine::{Disc, Vertebra};

/// The concept of a vertebra (CID 7603); none for S1, T13 and L6, which that list does not have.
pub(in crate::export) const fn vertebra(vertebra: Vertebra) -> Option<&'static str> {
    match vertebra {
        Vertebra::T1 => Some("64864005"),
        Vertebra::T2 => Some("53733008"),
        Vertebra::T3 => Some("1626008"),
        Vertebra::T4 => Some("73071006"),
        Vertebra::T5 => Some("56401006"),
        Vertebra::T6 => Some("45296009"),
        Vertebra::T7 => Some("62487009"),
        Vertebra::T8 => Some("11068009"),
        Vertebra::T9 => Some("82687006"),
        Vertebra::T10 => Some("7610001"),
        Vertebra::T11 => Some("12989004"),
        Vertebra::T12 => Some("23215003"),
        Vertebra::L1 => Some("66794005"),
        Vertebra::L2 => Some("14293000"),
        Vertebra::L3 => Some("36470004"),
        Vertebra::L4 => Some("11994002"),
        Vertebra::L5 => Some("49668003"),
        Vertebra::T13 | Vertebra::L6 | Vertebra::S1 => None,
    }
}

/// The concept of a disc (CID 7604): the lumbar ones, and the two above that a lumbar study shows.
pub(in crate::export) const fn disc(disc: Disc) -> Option<&'static str> {
    match (disc.upper, disc.lower) {
        (Vertebra::T11, Vertebra::T12) => Some("1537001"),
        (Vertebra::T12, Vertebra::L1) => Some("76206002"),
        _ => disc.snomed_code(),
    }
}
