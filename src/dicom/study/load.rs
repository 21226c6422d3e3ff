//! The pixels of a study: loaded series by series, hashed without decoding, and looked at where
//! the header does not tell the weighting.

use std::collections::HashMap;
use std::path::Path;

use super::Study;
use crate::analysis::grading::SlicePixels;
use crate::analysis::study::{SeriesImages, StudyImages};
use crate::analysis::volume::{Slice, Volume};
use crate::dicom::contrast;
use crate::dicom::error::{DicomError, Limit, Reason};
use crate::dicom::limits::DECODED_BYTES_MAX;
use crate::dicom::object::Object;
use crate::dicom::pixels;
use crate::dicom::series::{Block, Plane, Reorientation, Series, settled_by_pixels};
use crate::spine::{QualityCode, QualityFinding, Severity};

/// Slices looked at to tell whether CSF is bright, as fractions of the way through a sagittal block.
const LOOKED_AT: [f64; 3] = [0.42, 0.5, 0.58];

/// Which slice of which block a source is, and how its pixels are turned.
#[derive(Debug, Clone, Copy)]
struct Place {
    block: usize,
    slice: usize,
    turn: Reorientation,
}

impl Study {
    /// The geometry of all series, without pixels.
    #[must_use]
    pub fn geometry(&self) -> StudyImages {
        let series = self.series.iter().map(|series| SeriesImages {
            assignment: series.assignment.clone(),
            blocks: series.blocks.iter().map(|block| block.volume.clone()).collect(),
        });
        StudyImages { series: series.collect(), quality: self.quality.clone(), second_opinion: None }
    }

    /// The geometry of all series, with the pixels of the one that is to be segmented and those of the middle of a second one. A series none of
    /// whose slices can be decoded gives way to the next best, with a finding.
    ///
    /// # Errors
    /// Where no series is left that can be decoded or fits into memory; the first failure is told.
    pub fn images(&self) -> Result<StudyImages, DicomError> {
        let mut images = self.geometry();
        let mut failure = None;
        while let Some(series) = images.segmentation_series() {
            let Err(error) = self.load(&mut images, series) else {
                // A second series that can't be decoded is no failure: there is one opinion less.
                images.second_opinion = images.second_series().and_then(|second| self.middle_slices(second));
                return Ok(images);
            };
            images
                .quality
                .push(unreadable(format!("the series is left out; its first slice {}", error.reason), series));
            if let Some(images) = images.series.get_mut(series) {
                images.blocks.clear();
            }
            failure.get_or_insert(error);
        }
        failure.map_or(Ok(images), Err)
    }

    /// Loads the pixels of series `series` into `images`, made by [`Study::geometry`] or
    /// [`Study::images`]. Slices that can't be decoded are left out, with a finding.
    ///
    /// # Errors
    /// Where none can be decoded, or they would need more than [`DECODED_BYTES_MAX`].
    pub fn load(&self, images: &mut StudyImages, series: usize) -> Result<(), DicomError> {
        let (Some(source), Some(target)) = (self.series.get(series), images.series.get_mut(series)) else {
            return Ok(());
        };
        target.blocks = source.blocks.iter().map(|block| block.volume.clone()).collect();
        let bytes: usize = target.blocks.iter().map(|block| block.slice_len() * block.slices.len() * 2).sum();
        let first_path = target.blocks.first().and_then(|block| block.slices.first());
        let first_path = first_path.and_then(|slice| self.instances.get(slice.source));
        if bytes > DECODED_BYTES_MAX {
            let path = first_path.map_or(Path::new("study"), |instance| instance.path.as_path());
            return Err(Reason::from(Limit::DecodedBytes(bytes as u64)).at(path));
        }
        let mut failure = None;
        for (header, places) in self.places_by_header(series) {
            if let Err(error) = self.load_instance(header, &places, &mut target.blocks) {
                failure.get_or_insert(error);
            }
        }
        let Some(error) = failure else { return Ok(()) };
        let lost = drop_empty_slices(&mut target.blocks);
        if target.blocks.is_empty() {
            return Err(error);
        }
        let text = format!("{lost} slices can't be decoded and are left out; the first {}", error.reason);
        images.quality.push(unreadable(text, series));
        Ok(())
    }

    /// The slices of a series, by the header they are frames of.
    fn places_by_header(&self, series: usize) -> Vec<(usize, Vec<(usize, Place)>)> {
        let mut by_header: HashMap<usize, Vec<(usize, Place)>> = HashMap::new();
        let blocks = self.series.get(series).map(|series| series.blocks.as_slice()).unwrap_or_default();
        for (block_index, block) in blocks.iter().enumerate() {
            for (slice, placed) in block.slices.iter().enumerate() {
                let Some(instance) = self.instances.get(placed.source) else { continue };
                let place = Place { block: block_index, slice, turn: placed.turn };
                by_header.entry(instance.header).or_default().push((instance.frame, place));
            }
        }
        let mut sorted: Vec<_> = by_header.into_iter().collect();
        sorted.sort_by_key(|(header, _)| *header);
        sorted
    }

    /// Decodes the frames of one file into their slices.
    fn load_instance(&self, header: usize, places: &[(usize, Place)], blocks: &mut [Volume]) -> Result<(), DicomError> {
        let Some(header) = self.headers.get(header) else { return Ok(()) };
        let at = |reason: Reason| reason.at(&header.path);
        let mut object = Object::open(&header.path).map_err(at)?;
        for (frame, place) in places {
            let decoded = pixels::decode(&mut object, header, *frame).map_err(at)?;
            let slice = blocks.get_mut(place.block).and_then(|block| block.slices.get_mut(place.slice));
            let Some(slice) = slice else { continue };
            slice.stored = place.turn.apply(decoded.stored, header.pixels.rows, header.pixels.columns);
            (slice.slope, slice.intercept) = (decoded.slope, decoded.intercept);
        }
        Ok(())
    }

    /// SHA-256 of the pixel data bytes, as they are in the file, of the object of each of
    /// [`Study::instances`], in their order. Not by UID: some exports repeat SOP Instance UIDs from
    /// series to series.
    ///
    /// # Errors
    /// Where a file can't be read any more.
    pub fn pixel_digests(&self) -> Result<Vec<[u8; 32]>, DicomError> {
        let mut digests = Vec::with_capacity(self.instances.len());
        let mut last = None;
        for instance in &self.instances {
            let digest = match last {
                // The frames of one object stand side by side.
                Some((header, digest)) if header == instance.header => digest,
                _ => Object::open(&instance.path)
                    .and_then(|mut object| object.pixel_digest())
                    .map_err(|reason| reason.at(&instance.path))?,
            };
            last = Some((instance.header, digest));
            digests.push(digest);
        }
        Ok(digests)
    }

    /// Looks at central slices of sagittal series whose header has no timing: is CSF bright? The
    /// answer settles a role that nothing else tells, and makes one by description surer or less sure.
    /// Slices that can't be decoded settle nothing.
    pub fn settle_roles(&mut self) {
        let is_open = |s: &Series| !s.has_physics && s.is_spatial() && s.plane == Some(Plane::Sagittal);
        let open: Vec<usize> = (0..self.series.len()).filter(|i| self.series.get(*i).is_some_and(is_open)).collect();
        let heights: Vec<_> = open.into_iter().filter_map(|i| Some((i, self.csf_height(i)?))).collect();
        for (index, height) in &heights {
            let others = heights.iter().filter(|(other, _)| other != index).map(|(_, height)| *height);
            let csf = contrast::judge(*height, others.max_by(f64::total_cmp));
            let Some(series) = self.series.get_mut(*index) else { continue };
            if let Some(assignment) = settled_by_pixels(Plane::Sagittal, series.weighting, csf) {
                series.assignment = assignment;
            }
        }
    }

    /// How high the bright strip of CSF is in the central slices of a sagittal series.
    fn csf_height(&self, series: usize) -> Option<f64> {
        contrast::csf_height(&self.middle_slices(series)?)
    }

    /// Slice `slice` of `block` with its pixels; `None` where it can't be decoded.
    fn decoded(&self, block: &Block, slice: usize) -> Option<Slice> {
        let placed = block.slices.get(slice)?;
        let instance = self.instances.get(placed.source)?;
        let header = self.headers.get(instance.header)?;
        let mut object = Object::open(&header.path).ok()?;
        let frame = pixels::decode(&mut object, header, instance.frame).ok()?;
        Some(Slice {
            origin_lps_mm: block.volume.slices.get(slice)?.origin_lps_mm,
            stored: placed.turn.apply(frame.stored, header.pixels.rows, header.pixels.columns),
            slope: frame.slope,
            intercept: frame.intercept,
            source: placed.source,
        })
    }

    /// The central slices of a series with their pixels; `None` where one can't be decoded.
    fn middle_slices(&self, series: usize) -> Option<Volume> {
        let block = self.series.get(series)?.blocks.iter().max_by_key(|block| block.slices.len())?;
        let last = block.slices.len().checked_sub(1)?;
        let mut chosen: Vec<usize> = LOOKED_AT.iter().map(|part| (part * last as f64).round() as usize).collect();
        chosen.dedup();
        let mut volume = Volume { slices: Vec::new(), ..block.volume.clone() };
        for slice in chosen {
            volume.slices.push(self.decoded(block, slice)?);
        }
        Some(volume)
    }
}

impl SlicePixels for Study {
    fn slice_of_source(&self, source: usize) -> Option<Slice> {
        let blocks = self.series.iter().flat_map(|series| &series.blocks);
        let at = |block: &Block| block.slices.iter().position(|placed| placed.source == source);
        blocks.into_iter().find_map(|block| self.decoded(block, at(block)?))
    }
}

fn unreadable(text: String, series: usize) -> QualityFinding {
    QualityFinding { code: QualityCode::UnreadableFile, severity: Severity::Warning, text, series: Some(series) }
}

/// Takes out slices that got no pixels, and blocks without slices; says how many slices.
fn drop_empty_slices(blocks: &mut Vec<Volume>) -> usize {
    let count = |blocks: &[Volume]| blocks.iter().map(|block| block.slices.len()).sum::<usize>();
    let before = count(blocks);
    for block in blocks.iter_mut() {
        let slice_len = block.slice_len();
        block.slices.retain(|slice| slice.stored.len() == slice_len);
    }
    blocks.retain(|block| !block.slices.is_empty());
    before - count(blocks)
}
