//! Level-aligned crops to grades.
//!
//! ```text
//! level + series -> cutter: which slices show it -> views: the disc in sagittal T2 and T1, the canal in three axial slices, both
//!                   foramina in T1 -> the network of those views -> heads: probability, grade, prediction set
//! ```
//!
//! Every crop is cut in millimetres, out of the slices as they were imaged, in the frame of the level ([`views`]); left and right come
//! from LPS. What a view is missing for is said ([`LevelReport::ungraded`]), and what rests on it is not graded: nothing is guessed
//! from a picture that is not there, and nothing is claimed of one that is unlike all that the network knows ([`gates`]). Which networks there are is the model set's business, how sure they are
//! [`super::confidence`]'s.

pub(super) mod canal;
pub(super) mod conflict;
mod cutter;
mod gates;
pub mod grid;
mod heads;
pub mod views;

use crate::analysis::confidence::Alpha;
use crate::analysis::spread::spread;
use crate::analysis::study::StudyImages;
use crate::analysis::volume::Slice;
use crate::inference::{GradingNetwork, InferenceError, Networks};
use crate::spine::{BodySide, LevelReport, Role, Vertebra};
pub use cutter::{View, ViewCutter};
use gates::Verdict;
use heads::Heads;
use std::num::NonZeroUsize;

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

    /// Fills [`LevelReport::grades`] and [`LevelReport::ungraded`], and gives the pictures that were looked at. They are cut one level
    /// after the other and looked at side by side.
    ///
    /// # Errors
    /// [`InferenceError`] where a network can't run.
    pub(super) fn grade(
        &self,
        levels: &mut [LevelReport],
        images: &StudyImages,
        pixels: &dyn SlicePixels,
        threads: NonZeroUsize,
    ) -> Result<Vec<LevelPicture>, InferenceError> {
        let mut cutter = ViewCutter::new(images, pixels);
        let pictures: Vec<LevelPictures> = levels.iter().map(|level| self.pictures(&mut cutter, level)).collect();
        drop(cutter);
        let graded = spread(levels.len(), threads, |i| {
            let (mut level, pictures) = (levels[i].clone(), &pictures[i]);
            if let Some((degeneration, pictures)) = self.degeneration.as_ref().zip(pictures.disc.as_ref()) {
                self.degeneration(degeneration, &mut level, pictures)?;
            }
            if let Some((stenosis, pictures)) = self.stenosis.as_ref().zip(pictures.canal.as_ref()) {
                self.stenosis(stenosis, &mut level, pictures)?;
            }
            Ok(level)
        })?;
        levels.iter_mut().zip(graded).for_each(|(level, graded)| *level = graded);
        let shown = pictures.iter().enumerate();
        Ok(shown.flat_map(|(level, pictures)| pictures.all().filter_map(move |p| p.shown(level))).collect())
    }

    /// Cuts what is to be looked at of one level.
    fn pictures(&self, cutter: &mut ViewCutter<'_>, level: &LevelReport) -> LevelPictures {
        let disc = self.degeneration.as_ref().map(|_| {
            let len = views::DISC_GRID.pixels();
            let t2 = Picture::of("t2", Role::SagittalT2, len, cutter.disc(Role::SagittalT2, level));
            let t1 = Picture::of("t1", Role::SagittalT1, len, cutter.disc(Role::SagittalT1, level));
            [t2, t1]
        });
        let canal = self.stenosis.as_ref().filter(|_| is_lumbar(level)).map(|_| {
            let axial = Picture::of("axial", Role::AxialT2, 3 * views::AXIAL_GRID.pixels(), cutter.axial(level));
            let [left, right] = [("foramen_left", BodySide::Left), ("foramen_right", BodySide::Right)]
                .map(|(name, side)| Picture::of(name, Role::SagittalT1, FORAMEN_PIXELS, cutter.foramen(level, side)));
            [axial, left, right]
        });
        LevelPictures { disc, canal }
    }

    /// Both contrasts make one picture, which has one gate; where it is refused, each is asked about alone.
    fn degeneration(
        &self,
        (network, heads): &(&GradingNetwork, Heads),
        level: &mut LevelReport,
        pictures: &[Picture; 2],
    ) -> Result<(), InferenceError> {
        let there = there(pictures, level);
        let alone = there.iter().map(|one| vec![*one]).filter(|_| there.len() > 1);
        for names in std::iter::once(there.clone()).chain(alone).filter(|names| !names.is_empty()) {
            let disc: Vec<f32> = pictures.iter().flat_map(|p| p.shown_if(names.contains(&p.name))).collect();
            let output = network.run(&[&disc])?;
            let verdict = gates::verdict(network.gates(), &names, &output);
            if verdict == Verdict::Refused {
                continue;
            }
            let strange = if verdict == Verdict::Strange { names.clone() } else { Vec::new() };
            let given = Given { inputs: roles(pictures, &names), views: names, strange };
            level.grades.extend(heads.gradings(&output, &given, self.alpha));
            level.ungraded.extend(there.iter().filter(|v| !given.views.contains(v)).map(|v| gates::refusal(v)));
            return Ok(());
        }
        level.ungraded.extend(there.iter().map(|view| gates::refusal(view)));
        Ok(())
    }

    /// Each view has a gate of its own; without those that are refused the network is asked once more.
    fn stenosis(
        &self,
        (network, heads): &(&GradingNetwork, Heads),
        level: &mut LevelReport,
        pictures: &[Picture; 3],
    ) -> Result<(), InferenceError> {
        let run = |names: &[&str]| {
            let present: Vec<f32> = pictures.iter().map(|p| f32::from(u8::from(names.contains(&p.name)))).collect();
            let mut inputs: Vec<Vec<f32>> = pictures.iter().map(|p| p.shown_if(names.contains(&p.name))).collect();
            inputs.push(present);
            network.run(&inputs.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let there = there(pictures, level);
        if there.is_empty() {
            return Ok(());
        }
        let mut output = run(&there)?;
        let verdicts: Vec<Verdict> = there.iter().map(|v| gates::verdict(network.gates(), &[v], &output)).collect();
        let with = |wanted: &dyn Fn(Verdict) -> bool| -> Vec<&'static str> {
            there.iter().zip(&verdicts).filter(|(_, verdict)| wanted(**verdict)).map(|(view, _)| *view).collect()
        };
        level.ungraded.extend(with(&|v| v == Verdict::Refused).iter().map(|view| gates::refusal(view)));
        let names = with(&|v| v != Verdict::Refused);
        if names.is_empty() {
            return Ok(());
        }
        if names.len() < there.len() {
            output = run(&names)?;
        }
        let given = Given { inputs: roles(pictures, &names), strange: with(&|v| v == Verdict::Strange), views: names };
        level.grades.extend(heads.gradings(&output, &given, self.alpha));
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
/// One view of a level, or why there is none.
struct Picture {
    /// Its name, as a manifest writes it.
    name: &'static str,
    /// The series that it is cut from.
    role: Role,
    /// How many values it has.
    len: usize,
    view: View,
}

impl Picture {
    const fn of(name: &'static str, role: Role, len: usize, view: View) -> Self {
        Self { name, role, len, view }
    }

    /// It as a person sees it: of three axial slices the middle one.
    fn shown(&self, level: usize) -> Option<LevelPicture> {
        let values = self.view.as_ref().ok()?;
        let (rows_columns, pixel_mm, skipped) = match self.role {
            Role::AxialT2 => (views::AXIAL_GRID.rows_columns, views::AXIAL_GRID.pixel_mm, views::AXIAL_GRID.pixels()),
            _ if self.len == FORAMEN_PIXELS => ([views::FORAMEN_SHOWN_SIDE; 2], views::FORAMEN_SHOWN_PIXEL_MM, 0),
            _ => (views::DISC_GRID.rows_columns, views::DISC_GRID.pixel_mm, 0),
        };
        let shown = values.iter().skip(skipped).take(rows_columns.iter().product());
        let grey = shown.map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
        Some(LevelPicture { level, view: self.name, rows_columns, pixel_mm, grey })
    }

    /// Its values; blank where it is not to be seen.
    fn shown_if(&self, is_seen: bool) -> Vec<f32> {
        self.view.as_ref().ok().filter(|_| is_seen).cloned().unwrap_or_else(|| vec![0.0; self.len])
    }
}

/// What the networks are shown of one level.
struct LevelPictures {
    disc: Option<[Picture; 2]>,
    canal: Option<[Picture; 3]>,
}

impl LevelPictures {
    fn all(&self) -> impl Iterator<Item = &Picture> {
        self.disc.iter().flatten().chain(self.canal.iter().flatten())
    }
}

/// A picture that a level was graded from, in eight bits: what a network saw, for a person to see.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelPicture {
    /// Place of the level in [`crate::spine::Report::levels`].
    pub level: usize,
    /// The view, as a manifest calls it: `t2`, `t1`, `axial`, `foramen_left`, `foramen_right`.
    pub view: &'static str,
    /// Rows and columns.
    pub rows_columns: [usize; 2],
    /// Side of a pixel, mm.
    pub pixel_mm: f64,
    /// Grey values, row by row. A sagittal picture has its front at the left, an axial one the patient's right at the left and
    /// the front at the top.
    pub grey: Vec<u8>,
}

/// What a network was given of a level.
struct Given {
    /// The views.
    views: Vec<&'static str>,
    /// Those of them that are strange.
    strange: Vec<&'static str>,
    /// The series that they were cut from.
    inputs: Vec<Role>,
}

/// The views that are there; why the others are not is told.
fn there(pictures: &[Picture], level: &mut LevelReport) -> Vec<&'static str> {
    for why in pictures.iter().filter_map(|p| p.view.as_ref().err()) {
        if !level.ungraded.contains(why) {
            level.ungraded.push(why.clone());
        }
    }
    pictures.iter().filter(|p| p.view.is_ok()).map(|p| p.name).collect()
}

/// The series that the named views were cut from, each once.
fn roles(pictures: &[Picture], names: &[&str]) -> Vec<Role> {
    let mut roles: Vec<Role> = pictures.iter().filter(|p| names.contains(&p.name)).map(|p| p.role).collect();
    roles.dedup();
    roles
}

/// Stenosis is graded where it was learnt: from L1-L2 down; without a name at the five lowest discs.
fn is_lumbar(level: &LevelReport) -> bool {
    match level.designation.name {
        Some(disc) => disc.upper >= Vertebra::L1,
        None => level.designation.ordinal_from_below <= 5,
    }
}
