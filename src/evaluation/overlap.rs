//! Dice over all voxels of a study's masks.

use super::figures::Sample;
use super::masks::Masks;
use super::truth::MaskClass;
use crate::spine::Structure;
use std::collections::BTreeMap;

/// A figure's name, the classes of the truth that it joins, and our structures.
type Class = (&'static str, &'static [MaskClass], &'static [Structure]);

const VERTEBRA: Class = (
    "Dice vertebra",
    &[MaskClass::Vertebra, MaskClass::Body, MaskClass::Posterior],
    &[Structure::VertebralBody, Structure::PosteriorElements],
);
/// Those that a table of values must name to be judged.
const OTHERS: [Class; 5] = [
    ("Dice body", &[MaskClass::Body], &[Structure::VertebralBody]),
    ("Dice posterior elements", &[MaskClass::Posterior], &[Structure::PosteriorElements]),
    ("Dice disc", &[MaskClass::Disc], &[Structure::Disc]),
    ("Dice canal", &[MaskClass::Canal], &[Structure::Canal]),
    ("Dice sacrum", &[MaskClass::Sacrum], &[Structure::Sacrum]),
];

/// The classes that a table of values can judge.
fn judged(structures: &BTreeMap<u8, MaskClass>) -> Vec<Class> {
    let named = |class: MaskClass| structures.values().any(|c| *c == class);
    let joined = named(MaskClass::Vertebra);
    let whole = joined || (named(MaskClass::Body) && named(MaskClass::Posterior));
    let others = OTHERS.into_iter().filter(|(_, classes, _)| classes.iter().all(|c| named(*c)));
    // Where some vertebrae are in one piece, a body by itself can't be judged.
    let others = others.filter(|(_, classes, _)| !joined || !VERTEBRA.1.contains(&classes[0]));
    whole.then_some(VERTEBRA).into_iter().chain(others).collect()
}

/// Dice of each class that the table names.
pub(super) fn dice_of_masks(masks: &Masks, structures: &BTreeMap<u8, MaskClass>) -> Vec<Sample> {
    let of_class = |(name, classes, ours): Class| {
        let channels: Vec<u8> = ours.iter().map(|s| *s as u8).collect();
        let looked = |at: &usize| masks.truth[*at] != MaskClass::Unlabelled;
        let voxels = (0..masks.truth.len()).filter(looked);
        let pairs = voxels.map(|at| (channels.contains(&masks.ours[at]), classes.contains(&masks.truth[at])));
        Sample::score(name, dice(pairs))
    };
    judged(structures).into_iter().map(of_class).collect()
}

/// A study without a reading has found nothing: 0 of each class.
pub(super) fn none_found(structures: &BTreeMap<u8, MaskClass>) -> Vec<Sample> {
    judged(structures).into_iter().map(|(name, ..)| Sample::score(name, 0.0)).collect()
}

/// Twice the voxels that both have, over the voxels of each; NaN where neither has any.
pub(super) fn dice(pairs: impl Iterator<Item = (bool, bool)>) -> f64 {
    let (mut both, mut sum) = (0_usize, 0_usize);
    for (ours, truth) in pairs {
        both += usize::from(ours && truth);
        sum += usize::from(ours) + usize::from(truth);
    }
    2.0 * both as f64 / sum as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(classes: &[MaskClass]) -> BTreeMap<u8, MaskClass> {
        (0..).zip(classes.iter().copied()).collect()
    }

    #[test]
    fn dice_is_twice_the_overlap_over_the_sum() {
        let pairs = [(true, true), (true, false), (false, true), (true, true), (false, false)];
        assert!((dice(pairs.into_iter()) - 4.0 / 6.0).abs() < 1e-12);
        assert!(dice([(false, false)].into_iter()).is_nan());
    }

    #[test]
    fn a_table_is_judged_on_what_it_names() {
        use MaskClass::{Background, Body, Canal, Disc, Posterior, Vertebra};
        let names = |classes: &[MaskClass]| -> Vec<&str> { judged(&table(classes)).iter().map(|c| c.0).collect() };
        assert_eq!(names(&[Background, Vertebra, Disc, Canal]), ["Dice vertebra", "Dice disc", "Dice canal"]);
        assert_eq!(names(&[Body, Posterior]), ["Dice vertebra", "Dice body", "Dice posterior elements"]);
        assert_eq!(names(&[Body]), ["Dice body"]);
        assert_eq!(none_found(&table(&[Disc]))[0].value, 0.0);
    }
}
