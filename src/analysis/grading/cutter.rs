//! Which slices show a level: the pictures of its views are cut out of them.

use super::SlicePixels;
use super::grid::SlicePicture;
use super::views::{self, LevelFrame};
use crate::analysis::study::StudyImages;
use crate::analysis::volume::{Slice, Volume};
use crate::spine::{BodySide, Evidence, LevelReport, Role};

/// The values of a view, or why there is none: a stable code and a sentence.
pub type View = Result<Vec<f32>, Evidence>;

/// What a slice is prepared for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Disc,
    Axial,
    Foramen,
}

/// Series, block and slice of a picture, and what it is for.
type PictureKey = (usize, usize, usize, Purpose);

/// Cuts the views of levels out of a study's slices. A slice is decoded and prepared once for all levels that share it.
pub struct ViewCutter<'a> {
    images: &'a StudyImages,
    pixels: &'a dyn SlicePixels,
    pictures: Vec<(PictureKey, SlicePicture)>,
}

impl<'a> ViewCutter<'a> {
    /// A cutter for the levels of one study.
    #[must_use]
    pub fn new(images: &'a StudyImages, pixels: &'a dyn SlicePixels) -> Self {
        Self { images, pixels, pictures: Vec::new() }
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
        let (series, block, volume) = self.sagittal(role).ok_or_else(|| why("the study has no such series"))?;
        let slice = views::slice_through(volume, level.plane.centre_lps_mm).ok_or_else(|| why("no slice meets it"))?;
        let picture = self.picture((series, block, slice, Purpose::Disc));
        let picture = picture.ok_or_else(|| why("its slice can't be decoded"))?;
        views::disc_crop(picture, &frame).ok_or_else(|| why("it leaves the slice"))
    }

    /// The canal in the axial T2 slice that is nearest to the disc's centre and in its neighbours: three times [`views::AXIAL_GRID`].
    ///
    /// # Errors
    /// Why there is no such picture.
    pub fn axial(&mut self, level: &LevelReport) -> View {
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
        let mut crop_of = |slice: usize| {
            let picture = self.picture((nearest.series, nearest.block, slice, Purpose::Axial))?;
            views::axial_crop(picture, &frame)
        };
        let mut crops = Vec::with_capacity(3 * views::AXIAL_GRID.pixels());
        let named = crop_of(nearest.slice).ok_or_else(|| why("its slice can't be used"))?;
        for slice in views::neighbours(volume, nearest.slice) {
            // A neighbour that can't be used is the slice itself, as it was in training.
            let crop = (slice != nearest.slice).then(|| crop_of(slice)).flatten();
            crops.extend_from_slice(crop.as_deref().unwrap_or(&named));
        }
        Ok(views::axial_levelled(crops))
    }

    /// A foramen in the sagittal T1 slice that passes nearest to it, [`views::FORAMEN_SHOWN_SIDE`] squared.
    ///
    /// # Errors
    /// Why there is no such picture.
    pub fn foramen(&mut self, level: &LevelReport, side: BodySide) -> View {
        let code = if side == BodySide::Left { "no-left-foramen" } else { "no-right-foramen" };
        let why = |what: &str| Evidence {
            code,
            text: format!("no sagittal T1 picture of the {} foramen: {what}", side.name()),
        };
        let frame = LevelFrame::of(level).ok_or_else(|| why("the level has no plane"))?;
        let found = self.sagittal(Role::SagittalT1);
        let (series, block, volume) = found.ok_or_else(|| why("the study has no such series"))?;
        let place = views::foramen_lps_mm(&frame, side, level.designation.name);
        let slice = views::slice_through(volume, place).ok_or_else(|| why("no slice meets it"))?;
        let picture = self.picture((series, block, slice, Purpose::Foramen));
        let picture = picture.ok_or_else(|| why("its slice can't be decoded"))?;
        views::foramen_crop(picture, place).ok_or_else(|| why("it leaves the slice"))
    }

    /// The surest series in a sagittal role, and its largest block.
    fn sagittal(&self, role: Role) -> Option<(usize, usize, &'a Volume)> {
        let series = self.images.surest(role)?;
        let blocks = self.images.series.get(series)?.blocks.iter().enumerate();
        blocks.max_by_key(|(_, b)| b.slices.len()).map(|(block, volume)| (series, block, volume))
    }

    /// A slice, prepared; `None` where it can't be decoded.
    fn picture(&mut self, key: PictureKey) -> Option<&SlicePicture> {
        let at = match self.pictures.iter().position(|(known, _)| *known == key) {
            Some(at) => at,
            None => {
                let (series, block, slice, purpose) = key;
                let one = self.one_slice(self.images.series.get(series)?.blocks.get(block)?, slice)?;
                let picture = match purpose {
                    Purpose::Disc => views::disc_picture(&one),
                    Purpose::Axial => SlicePicture::new(&one, 0, views::AXIAL_GRID.pixel_mm),
                    Purpose::Foramen => SlicePicture::new(&one, 0, views::FORAMEN_GRID.pixel_mm),
                };
                self.pictures.push((key, picture?));
                self.pictures.len() - 1
            }
        };
        self.pictures.get(at).map(|(_, picture)| picture)
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
