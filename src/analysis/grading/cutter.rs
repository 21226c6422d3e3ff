//! Which slices show a level: the pictures of its views are cut out of them.

use super::SlicePixels;
use super::grid::SlicePicture;
use super::views::{self, LevelFrame};
use crate::analysis::study::StudyImages;
use crate::analysis::volume::{Slice, Volume};
use crate::spine::{BodySide, Evidence, LevelReport, Role};

/// The values of a view, or why there is none: a stable code and a sentence.
pub type View = Result<Vec<f32>, Evidence>;

/// Cuts the views of levels out of a study's slices. Windowed sagittal slices are kept for the levels that share them.
pub struct ViewCutter<'a> {
    images: &'a StudyImages,
    pixels: &'a dyn SlicePixels,
    sagittal: Vec<((usize, usize, usize), SlicePicture)>,
}

impl<'a> ViewCutter<'a> {
    /// A cutter for the levels of one study.
    #[must_use]
    pub fn new(images: &'a StudyImages, pixels: &'a dyn SlicePixels) -> Self {
        Self { images, pixels, sagittal: Vec::new() }
    }

    /// The disc in its own frame ([`views::DISC_GRID`]) out of the sagittal series in `role`.
    ///
    /// # Errors
    /// Why there is no such picture.
    pub fn disc(&mut self, role: Role, level: &LevelReport) -> View {
        let (code, name) = if role == Role::SagittalT2 {
            ("no-sagittal-t2", "sagittal T2")
        } else {
            ("no-sagittal-t1", "sagittal T1")
        };
        let why = |what: &str| Evidence { code, text: format!("no {name} picture of the disc: {what}") };
        let frame = LevelFrame::of(level).ok_or_else(|| why("the level has no plane"))?;
        let series = self.images.surest(role).ok_or_else(|| why("the study has no such series"))?;
        let blocks = self.images.series.get(series).map(|s| s.blocks.as_slice()).unwrap_or_default();
        let (block, volume) =
            blocks.iter().enumerate().max_by_key(|(_, b)| b.slices.len()).ok_or_else(|| why("the series is empty"))?;
        let slice = views::slice_through(volume, level.plane.centre_lps_mm).ok_or_else(|| why("no slice meets it"))?;
        let key = (series, block, slice);
        if !self.sagittal.iter().any(|(known, _)| *known == key) {
            let one = self.one_slice(volume, slice).ok_or_else(|| why("its slice can't be decoded"))?;
            let picture = views::sagittal_picture(&one).ok_or_else(|| why("its slice has no pixels"))?;
            self.sagittal.push((key, picture));
        }
        let picture = self.sagittal.iter().find(|(known, _)| *known == key).map(|(_, picture)| picture);
        picture.and_then(|p| views::disc_crop(p, &frame)).ok_or_else(|| why("it leaves the slice"))
    }

    /// The canal in the axial T2 slice that is nearest to the disc's centre and in its neighbours: three times [`views::AXIAL_GRID`].
    ///
    /// # Errors
    /// Why there is no such picture.
    pub fn axial(&self, level: &LevelReport) -> View {
        let why =
            |what: &str| Evidence { code: "no-axial-t2", text: format!("no axial T2 picture of the level: {what}") };
        let frame = LevelFrame::of(level).ok_or_else(|| why("the level has no plane"))?;
        let is_t2 = |series: usize| self.images.series.get(series).is_some_and(|s| s.assignment.role == Role::AxialT2);
        let nearest = level
            .axial
            .iter()
            .filter(|a| is_t2(a.series))
            .min_by(|a, b| a.distance_mm.abs().total_cmp(&b.distance_mm.abs()))
            .ok_or_else(|| why("no slice passes through the disc"))?;
        let volume = self.images.series.get(nearest.series).and_then(|s| s.blocks.get(nearest.block));
        let volume = volume.ok_or_else(|| why("its block is gone"))?;
        let mut crops = Vec::with_capacity(3 * views::AXIAL_GRID.pixels());
        let named = self.axial_slice(volume, nearest.slice, &frame).ok_or_else(|| why("its slice can't be used"))?;
        for slice in views::neighbours(volume, nearest.slice) {
            // A neighbour that can't be used is the slice itself, as it was in training.
            let crop = (slice != nearest.slice).then(|| self.axial_slice(volume, slice, &frame)).flatten();
            crops.extend_from_slice(crop.as_deref().unwrap_or(&named));
        }
        Ok(views::axial_levelled(crops))
    }

    fn axial_slice(&self, volume: &Volume, slice: usize, frame: &LevelFrame) -> Option<Vec<f32>> {
        views::axial_crop(&self.one_slice(volume, slice)?, frame)
    }

    /// A foramen in the sagittal T1 slice that passes nearest to it, [`views::FORAMEN_SHOWN_SIDE`] squared.
    ///
    /// # Errors
    /// Why there is no such picture.
    pub fn foramen(&self, level: &LevelReport, side: BodySide) -> View {
        let code = if side == BodySide::Left { "no-left-foramen" } else { "no-right-foramen" };
        let why = |what: &str| Evidence {
            code,
            text: format!("no sagittal T1 picture of the {} foramen: {what}", side.name()),
        };
        let frame = LevelFrame::of(level).ok_or_else(|| why("the level has no plane"))?;
        let series = self.images.surest(Role::SagittalT1).ok_or_else(|| why("the study has no such series"))?;
        let blocks = self.images.series.get(series).map(|s| s.blocks.as_slice()).unwrap_or_default();
        let volume = blocks.iter().max_by_key(|b| b.slices.len()).ok_or_else(|| why("the series is empty"))?;
        let place = views::foramen_lps_mm(&frame, side, level.designation.name);
        let slice = views::slice_through(volume, place).ok_or_else(|| why("no slice meets it"))?;
        let one = self.one_slice(volume, slice).ok_or_else(|| why("its slice can't be decoded"))?;
        views::foramen_crop(&one, place).ok_or_else(|| why("it leaves the slice"))
    }

    /// A volume of one slice, with its pixels.
    fn one_slice(&self, volume: &Volume, slice: usize) -> Option<Volume> {
        let known = volume.slices.get(slice)?;
        let stored = if known.stored.len() == volume.slice_len() {
            known.clone()
        } else {
            let loaded = self.pixels.slice_of_source(known.source)?;
            Slice { origin_lps_mm: known.origin_lps_mm, ..loaded }
        };
        Some(Volume { slices: vec![stored], ..volume.without_slices() })
    }
}
