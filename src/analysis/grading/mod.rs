//! Level-aligned crops to grades.
//!
//! ```text
//! level + series -> cutter: which slices show it -> views: the disc in sagittal T2 and T1, the canal in three axial slices, both
//!                   foramina in T1 -> the network of those views -> heads: probability, grade, prediction set
//! ```
//!
//! Every crop is cut in millimetres, out of the slices as they were imaged, in the frame of the level ([`views`]); left and right come
//! from LPS. What a view is missing for is said ([`LevelReport::ungraded`]), and what rests on it is not graded: nothing is guessed
//! from a picture that is not there. Which networks there are is the model set's business, how sure they are
//! [`super::confidence`]'s.

pub(super) mod canal;
pub(super) mod conflict;
mod cutter;
pub mod grid;
mod heads;
pub mod views;

use crate::analysis::confidence::Alpha;
use crate::analysis::study::StudyImages;
use crate::analysis::volume::Slice;
use crate::inference::{GradingNetwork, InferenceError, Networks};
use crate::spine::{BodySide, LevelReport, Role, Vertebra};
pub use cutter::{View, ViewCutter};
use heads::Heads;

/// The pixels of slices that were not loaded with the study.
pub trait SlicePixels {
    /// The slice that is the study's source number `source` ([`Slice::source`]), with its pixels; `None` where it can't be decoded.
    fn slice_of_source(&self, source: usize) -> Option<Slice>;
}

/// No pixels but those that are loaded.
pub struct LoadedOnly;

impl SlicePixels for LoadedOnly {
    fn slice_of_source(&self, _source: usize) -> Option<Slice> {
        None
    }
}

/// Grades levels with the networks of a set.
pub(super) struct Grader<'a> {
    degeneration: Option<(&'a GradingNetwork, Heads)>,
    stenosis: Option<(&'a GradingNetwork, Heads)>,
    alpha: Alpha,
}

impl<'a> Grader<'a> {
    /// # Errors
    /// [`InferenceError::Network`] where a manifest's calibration is none.
    pub(super) fn of(networks: &'a Networks, alpha: Alpha) -> Result<Self, InferenceError> {
        let ready = |network: &'a Option<GradingNetwork>| network.as_ref().map(|n| Ok((n, Heads::of(n)?))).transpose();
        Ok(Self { degeneration: ready(&networks.degeneration)?, stenosis: ready(&networks.stenosis)?, alpha })
    }

    /// Whether there is anything to grade with.
    pub(super) const fn is_idle(&self) -> bool {
        self.degeneration.is_none() && self.stenosis.is_none()
    }

    /// Fills [`LevelReport::grades`] and [`LevelReport::ungraded`].
    ///
    /// # Errors
    /// [`InferenceError`] where a network can't run.
    pub(super) fn grade(
        &self,
        levels: &mut [LevelReport],
        images: &StudyImages,
        pixels: &dyn SlicePixels,
    ) -> Result<(), InferenceError> {
        let mut cutter = ViewCutter::new(images, pixels);
        for level in levels {
            if let Some(degeneration) = &self.degeneration {
                let discs = [Role::SagittalT2, Role::SagittalT1].map(|role| cutter.disc(role, level));
                self.degeneration(degeneration, level, discs)?;
            }
            if let Some(stenosis) = self.stenosis.as_ref().filter(|_| is_lumbar(level)) {
                let foramina = [BodySide::Left, BodySide::Right].map(|side| cutter.foramen(level, side));
                self.stenosis(stenosis, level, cutter.axial(level), foramina)?;
            }
        }
        Ok(())
    }

    fn degeneration(
        &self,
        (network, heads): &(&GradingNetwork, Heads),
        level: &mut LevelReport,
        discs: [View; 2],
    ) -> Result<(), InferenceError> {
        let mut given = Given::default();
        let [t2, t1] = discs;
        let len = views::DISC_GRID.pixels();
        let mut disc = given.take(t2, len, "t2", Role::SagittalT2, level);
        disc.extend(given.take(t1, len, "t1", Role::SagittalT1, level));
        if !given.views.is_empty() {
            let logits = network.run(&[&disc])?;
            level.grades.extend(heads.gradings(&logits, &given.views, &given.inputs, self.alpha));
        }
        Ok(())
    }

    fn stenosis(
        &self,
        (network, heads): &(&GradingNetwork, Heads),
        level: &mut LevelReport,
        axial: View,
        foramina: [View; 2],
    ) -> Result<(), InferenceError> {
        let mut given = Given::default();
        let [left, right] = foramina;
        let axial = given.take(axial, 3 * views::AXIAL_GRID.pixels(), AXIAL, Role::AxialT2, level);
        let left = given.take(left, FORAMEN_PIXELS, FORAMEN_LEFT, Role::SagittalT1, level);
        let right = given.take(right, FORAMEN_PIXELS, FORAMEN_RIGHT, Role::SagittalT1, level);
        if !given.views.is_empty() {
            let present =
                [AXIAL, FORAMEN_LEFT, FORAMEN_RIGHT].map(|view| f32::from(u8::from(given.views.contains(&view))));
            let logits = network.run(&[&axial, &left, &right, &present])?;
            level.grades.extend(heads.gradings(&logits, &given.views, &given.inputs, self.alpha));
        }
        Ok(())
    }
}

/// Runs every network that grades on blank views: whether it takes the views that are cut here, gives what its heads ask for, and
/// whether their calibration is one.
///
/// # Errors
/// [`InferenceError::Network`] where it is not.
pub fn try_out(networks: &Networks) -> Result<(), InferenceError> {
    if let Some(network) = &networks.degeneration {
        Heads::of(network)?;
        network.run(&[&vec![0.0; 2 * views::DISC_GRID.pixels()]])?;
    }
    if let Some(network) = &networks.stenosis {
        Heads::of(network)?;
        let (axial, side) = (vec![0.0; 3 * views::AXIAL_GRID.pixels()], vec![0.0; FORAMEN_PIXELS]);
        network.run(&[&axial, &side, &side, &[0.0; 3]])?;
    }
    Ok(())
}

/// Values of one foramen's view.
const FORAMEN_PIXELS: usize = views::FORAMEN_SHOWN_SIDE * views::FORAMEN_SHOWN_SIDE;
/// Names of views, as a manifest writes them.
const AXIAL: &str = "axial";
const FORAMEN_LEFT: &str = "foramen_left";
const FORAMEN_RIGHT: &str = "foramen_right";

/// The views that a network is given.
#[derive(Default)]
struct Given {
    views: Vec<&'static str>,
    inputs: Vec<Role>,
}

impl Given {
    /// The picture of a view; blank, and its reason told, where there is none.
    fn take(&mut self, view: View, len: usize, name: &'static str, role: Role, level: &mut LevelReport) -> Vec<f32> {
        match view {
            Ok(values) => {
                self.views.push(name);
                if !self.inputs.contains(&role) {
                    self.inputs.push(role);
                }
                values
            }
            Err(why) => {
                if !level.ungraded.contains(&why) {
                    level.ungraded.push(why);
                }
                vec![0.0; len]
            }
        }
    }
}

/// Stenosis is graded where it was learnt: from L1-L2 down; without a name at the five lowest discs.
fn is_lumbar(level: &LevelReport) -> bool {
    match level.designation.name {
        Some(disc) => disc.upper >= Vertebra::L1,
        None => level.designation.ordinal_from_below <= 5,
    }
}
