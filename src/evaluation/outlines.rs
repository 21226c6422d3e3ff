//! Outlined bodies in one slice: Dice of bodies, and the truth of names.
//!
//! Bodies beyond the outlined chain (T12 and above, S2 and below) are unlabelled, not background: rows above the highest
//! and below the lowest outlined pixel are left out of the Dice, and so is a part of ours that touches no outline and whose
//! middle lies beyond the middles of the chain's ends.

use super::field::Field;
use super::figures::Sample;
use super::names::{TrueNames, TrueVertebra};
use super::overlap::dice;
use super::pieces::pieces;
use super::polygon::filled;
use super::truth::Outlines;
use crate::spine::{Structure, Vertebra};

const DICE: &str = "Dice body and S1, outlined";

/// The outlines of a study on the slice that they were drawn in.
#[derive(Debug, Clone)]
pub(super) struct Outlined {
    slice: usize,
    size: [usize; 2],
    vertebrae: Vec<OutlinedVertebra>,
}

/// An outlined vertebra.
#[derive(Debug, Clone)]
struct OutlinedVertebra {
    name: String,
    /// Its pixels, as far as they lie in the image.
    mask: Vec<bool>,
    /// Whether its middle lies in the image: the rest of one is not expected to be named.
    in_view: bool,
}

impl Outlined {
    /// Fills the polygons. Parts of them may lie outside the image.
    pub(super) fn on(field: &Field, outlines: &Outlines) -> Result<Self, String> {
        let slice = field.slice_of(&outlines.instance)?;
        let size = [field.volume.rows, field.volume.columns];
        let joined = |polygons: &Vec<Vec<[f64; 2]>>| {
            let mut mask = vec![false; size[0] * size[1]];
            for polygon in polygons {
                mask.iter_mut().zip(filled(polygon, size)).for_each(|(m, p)| *m |= p);
            }
            mask
        };
        let vertebra = |(name, polygons): (&String, &Vec<Vec<[f64; 2]>>)| OutlinedVertebra {
            name: name.clone(),
            mask: joined(polygons),
            in_view: holds_middle(size, polygons),
        };
        let vertebrae: Vec<_> = outlines.vertebrae.iter().map(vertebra).filter(|v| v.mask.contains(&true)).collect();
        if vertebrae.is_empty() {
            return Err(format!("no outline lies in instance {}", outlines.instance));
        }
        Ok(Self { slice, size, vertebrae })
    }

    /// The vertebrae as the truth of names.
    pub(super) fn names(&self, field: &Field) -> TrueNames {
        let vertebra = |v: &OutlinedVertebra| {
            let [row, column] = middle(&v.mask, self.size[1]);
            TrueVertebra {
                name: v.name.clone(),
                centre_lps_mm: field.volume.position_lps_mm(column, row, self.slice),
                outline: Some(v.mask.clone()),
                in_view: v.in_view,
            }
        };
        TrueNames {
            vertebrae: self.vertebrae.iter().map(vertebra).collect(),
            slice: Some((field.volume.clone(), self.slice)),
            s1_in_view: None,
        }
    }

    /// Dice of bodies and S1 in the outlined slice.
    pub(super) fn dice(&self, field: &Field) -> Sample {
        let bone = [Structure::VertebralBody as u8, Structure::Sacrum as u8];
        let ours: Vec<bool> = field.slice(self.slice).iter().map(|s| bone.contains(s)).collect();
        let outlined = self.outlined();
        let judged = self.judged(&ours, &outlined);
        let pairs = (0..outlined.len()).map(|at| (ours[at] && judged[at], outlined[at]));
        Sample::score(DICE, dice(pairs))
    }

    fn outlined(&self) -> Vec<bool> {
        (0..self.size[0] * self.size[1]).map(|at| self.vertebrae.iter().any(|v| v.mask[at])).collect()
    }

    fn judged(&self, ours: &[bool], outlined: &[bool]) -> Vec<bool> {
        let [rows, columns] = self.size;
        let row_has = |row: &usize| outlined[row * columns..(row + 1) * columns].contains(&true);
        let first = (0..rows).find(row_has).unwrap_or(0);
        let last = (0..rows).rev().find(row_has).unwrap_or(rows);
        let mut judged: Vec<bool> = (0..rows * columns).map(|at| (first..=last).contains(&(at / columns))).collect();
        let [highest, lowest] = self.ends();
        for piece in pieces(ours, [1, rows, columns]) {
            let row = piece.iter().map(|at| (at / columns) as f64).sum::<f64>() / piece.len() as f64;
            if (row < highest || row > lowest) && !piece.iter().any(|at| outlined[*at]) {
                piece.iter().for_each(|at| judged[*at] = false);
            }
        }
        judged
    }

    /// Rows of the middles of the highest and the lowest outlined vertebra.
    fn ends(&self) -> [f64; 2] {
        let place = |name: &str| Vertebra::ALL.iter().position(|v| v.name() == name);
        let row = |v: Option<&OutlinedVertebra>| v.map_or(f64::NAN, |v| middle(&v.mask, self.size[1])[0]);
        let all = || self.vertebrae.iter();
        [row(all().min_by_key(|v| place(&v.name))), row(all().max_by_key(|v| place(&v.name)))]
    }
}

/// A study without a reading has found no body.
pub(super) fn none_found() -> Sample {
    Sample::score(DICE, 0.0)
}

/// Whether the mean of a vertebra's points lies in an image of so many rows and columns.
fn holds_middle([rows, columns]: [usize; 2], polygons: &[Vec<[f64; 2]>]) -> bool {
    let points = || polygons.iter().flatten();
    let mean = |axis: usize| points().map(|p| p[axis]).sum::<f64>() / points().count() as f64;
    (0.0..columns as f64).contains(&mean(0)) && (0.0..rows as f64).contains(&mean(1))
}

/// Mean row and column of a mask that is not empty.
fn middle(mask: &[bool], columns: usize) -> [f64; 2] {
    let (mut sum, mut count) = ([0.0; 2], 0.0);
    for at in (0..mask.len()).filter(|at| mask[*at]) {
        sum = [sum[0] + (at / columns) as f64, sum[1] + (at % columns) as f64];
        count += 1.0;
    }
    sum.map(|s| s / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A column of blocks of 4 x 4 pixels, outlined where named; 8 columns, 40 rows.
    fn outlined(blocks: &[(&str, usize)]) -> Outlined {
        let block =
            |top: usize| (0..40 * 8).map(move |at| (top..top + 4).contains(&(at / 8)) && (2..6).contains(&(at % 8)));
        let vertebra = |(name, top): &(&str, usize)| OutlinedVertebra {
            name: (*name).to_owned(),
            mask: block(*top).collect(),
            in_view: true,
        };
        let vertebrae = blocks.iter().map(vertebra).collect();
        Outlined { slice: 0, size: [40, 8], vertebrae }
    }

    fn dice_of(truth: &Outlined, ours: &Outlined) -> f64 {
        let (ours, outlined) = (ours.outlined(), truth.outlined());
        let judged = truth.judged(&ours, &outlined);
        dice((0..ours.len()).map(|at| (ours[at] && judged[at], outlined[at])))
    }

    #[test]
    fn bodies_beyond_the_outlined_chain_cost_nothing() {
        let truth = outlined(&[("L4", 12), ("L5", 20)]);
        let more = outlined(&[("L3", 4), ("L4", 12), ("L5", 20), ("S1", 28)]);
        assert_eq!(dice_of(&truth, &more), 1.0);
        assert_eq!(truth.ends(), [13.5, 21.5]);
    }

    #[test]
    fn a_body_between_outlined_ones_costs() {
        let truth = outlined(&[("L4", 8), ("L5", 28)]);
        let more = outlined(&[("L4", 8), ("L3", 18), ("L5", 28)]);
        assert!((dice_of(&truth, &more) - 2.0 * 32.0 / (48.0 + 32.0)).abs() < 1e-12);
    }

    #[test]
    fn a_vertebra_is_in_view_where_its_middle_is() {
        let polygon = |bottom: f64| vec![vec![[2.0, 30.0], [6.0, 30.0], [6.0, bottom], [2.0, bottom]]];
        assert!(holds_middle([40, 8], &polygon(49.0)));
        assert!(!holds_middle([40, 8], &polygon(51.0)));
    }

    #[test]
    fn a_part_that_grows_out_of_an_outline_is_cut_at_the_last_outlined_row() {
        let truth = outlined(&[("L4", 12), ("L5", 20)]);
        let grown = outlined(&[("L4", 12), ("L5", 20), ("S1", 22)]);
        assert_eq!(dice_of(&truth, &grown), 1.0);
    }
}
