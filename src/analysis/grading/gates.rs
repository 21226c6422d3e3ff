//! Whether a picture is one that the network can be asked about: how unlike those that it was trained on it is.
//!
//! Beside its logits a network gives the *strangeness* of each of its pictures: the distance of what its early layers see from what they saw in
//! training, 1 being the distance that one picture of training in a hundred exceeds (`models/training/grading/strangeness.py`). Metal, motion,
//! another contrast and another place are far from all of them. A strange picture's sets are as wide as they can be calibrated; one that is
//! stranger than the gate's limit is not looked at, and what rests on it is not graded.

use crate::inference::PictureGate;
use crate::spine::{Evidence, Role};

/// What a gate says of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Like those of training.
    Usual,
    /// Unlike most of them.
    Strange,
    /// Unlike all of them.
    Refused,
}

/// What the gate of the picture made of `views` says, by what the network gave; a set without such a gate has none.
pub(super) fn verdict(gates: &[PictureGate], views: &[&str], given: &[f32]) -> Verdict {
    let same =
        |gate: &&PictureGate| gate.given.len() == views.len() && gate.given.iter().all(|v| views.contains(&&**v));
    let Some(gate) = gates.iter().find(same) else { return Verdict::Usual };
    match given.get(gate.output).map(|strangeness| f64::from(*strangeness)) {
        Some(strangeness) if strangeness <= gate.strange => Verdict::Usual,
        Some(strangeness) if strangeness <= gate.refused => Verdict::Strange,
        // What is no number is like nothing.
        _ => Verdict::Refused,
    }
}

/// Why a view is not looked at.
pub(super) fn refusal(view: &str) -> Evidence {
    let (code, name) = match view {
        "t2" => ("strange-sagittal-t2", Role::SagittalT2.name()),
        "t1" => ("strange-sagittal-t1", Role::SagittalT1.name()),
        "axial" => ("strange-axial-t2", Role::AxialT2.name()),
        "foramen_left" => ("strange-left-foramen", "left foramen"),
        _ => ("strange-right-foramen", "right foramen"),
    };
    let text = format!(
        "the {name} picture is unlike all that the network was trained on (metal, motion, another contrast or place?)"
    );
    Evidence { code, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(given: &[&str], output: usize) -> PictureGate {
        PictureGate { given: given.iter().map(|v| (*v).to_owned()).collect(), output, strange: 1.0, refused: 1.5 }
    }

    #[test]
    fn the_gate_of_just_these_views_is_asked_in_any_order() {
        let gates = [gate(&["t2", "t1"], 0), gate(&["t2"], 1)];
        assert_eq!(verdict(&gates, &["t1", "t2"], &[1.2, 9.0]), Verdict::Strange);
        assert_eq!(verdict(&gates, &["t2"], &[1.2, 9.0]), Verdict::Refused);
        assert_eq!(verdict(&gates, &["t1"], &[9.0, 9.0]), Verdict::Usual);
        assert_eq!(verdict(&gates, &["t2", "t1"], &[0.7, 9.0]), Verdict::Usual);
    }

    #[test]
    fn a_strangeness_that_is_no_number_or_is_missing_is_refused() {
        let gates = [gate(&["axial"], 3)];
        assert_eq!(verdict(&gates, &["axial"], &[0.0; 3]), Verdict::Refused);
        assert_eq!(verdict(&gates, &["axial"], &[0.0, 0.0, 0.0, f32::NAN]), Verdict::Refused);
    }

    #[test]
    fn every_view_has_its_own_code() {
        let codes = ["t2", "t1", "axial", "foramen_left", "foramen_right"].map(|v| refusal(v).code);
        assert!(codes.iter().all(|code| codes.iter().filter(|c| *c == code).count() == 1), "{codes:?}");
    }
}
