//! The reading bundle, `deepspine.bundle/1`: what a reading hands over.
//!
//! One file in the spool holds the report, who the study belongs to, where its slices lie, the masks
//! and the display image. Every export is a pure function of it and can be made again from it,
//! long after the images are gone. It keeps the study's identity and so never leaves the device.
//!
//! [`Bundle::from_reading`] makes it, [`file`] keeps it, [`runs`] makes its masks small. The bundle
//! knows nothing of pixels beyond its one display image.

mod file;
mod runs;

pub use file::{BUNDLE_BYTES_MAX, BUNDLE_SUFFIX};
pub use runs::{RunMask, RunSlices};

use super::display::Display;
use super::key::{DeviceKey, hex};
use super::report::{self, ReportDocument};
use crate::analysis::grading::LevelPicture;
use crate::analysis::study::{Labels, Part, Reading, StudyImages};
use crate::analysis::volume::Volume;
use crate::dicom::StudyIdentity;
use crate::spine::{Disc, ModelUse, StageTiming, Structure, Vec3, Vertebra, cross, dot, normalised, sub};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// The name of this format and its version.
pub const BUNDLE_SCHEMA: &str = "deepspine.bundle/1";
/// Distance given to a single slice, mm.
const SINGLE_SLICE_MM: f64 = 1.0;

/// Why a bundle can't be made or read.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The file can't be read.
    #[error("cannot read the reading bundle {}: {source}", path.display())]
    Io {
        /// The bundle.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what was written; the study has to be read again.
    #[error("the reading bundle {} is damaged ({reason}); set it aside and read the study again", path.display())]
    Damaged {
        /// The bundle.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The file is larger than any reading makes it.
    #[error("{} has {bytes} bytes, more than the {BUNDLE_BYTES_MAX} a reading bundle may have", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The masks do not belong to the images.
    #[error("the masks do not fit the images: {0}; this is a fault of the program")]
    Inconsistent(&'static str),
    /// The coded masks can't be decoded or coded.
    #[error("a mask in the reading bundle is damaged: {0}")]
    Mask(io::Error),
}

/// One instance that the reading was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceInstance {
    /// SOPInstanceUID (0008,0018).
    pub sop_instance_uid: String,
    /// SHA-256 of its decoded pixels, hex.
    pub pixel_sha256: String,
    /// Its place in [`Bundle::source_series`]; `None` in bundles made before they kept that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<usize>,
    /// The frame, 1 first, of an instance that has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_number: Option<u32>,
}

/// What the instances of one series have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSeries {
    /// SeriesInstanceUID (0020,000E).
    pub series_instance_uid: String,
    /// SOPClassUID (0008,0016).
    pub sop_class_uid: String,
    /// FrameOfReferenceUID (0020,0052); empty where there is none.
    pub frame_of_reference_uid: String,
}

impl SourceInstance {
    /// The instance called so, with the digest of its pixels.
    #[must_use]
    pub fn new(sop_instance_uid: impl Into<String>, pixel_sha256: &[u8; 32]) -> Self {
        let sop_instance_uid = sop_instance_uid.into();
        Self { sop_instance_uid, pixel_sha256: hex(pixel_sha256), series: None, frame_number: None }
    }
}

/// What a bundle is made from.
#[derive(Debug, Clone)]
pub struct BundleInput<'a> {
    /// The images, the segmented series with its pixels.
    pub images: &'a StudyImages,
    /// What was found in them.
    pub reading: &'a Reading,
    /// Whose they are.
    pub identity: StudyIdentity,
    /// The instances, as [`crate::analysis::volume::Slice::source`] numbers them.
    pub instances: Vec<SourceInstance>,
    /// Their series.
    pub source_series: Vec<SourceSeries>,
    /// The key of the device; see [`Bundle::keyed_with`] for where it is not at hand.
    pub key: &'a DeviceKey,
    /// Now, RFC 3339.
    pub produced_at: String,
    /// Whether the clock is known to be right.
    pub clock_synced: Option<bool>,
    /// How long each stage took.
    pub timings: Vec<StageTiming>,
    /// Version of the analysis.
    pub analysis_version: String,
    /// What the networks ran on; the same reading on another device has the same id.
    pub device: String,
    /// Settings that change a reading, name and value, where they are not at their defaults.
    pub settings: Vec<(String, String)>,
}

/// Everything that one reading of one study hands over.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// The report, ready for the wire.
    pub report: ReportDocument,
    /// Whose study it is.
    pub identity: StudyIdentity,
    /// All instances that were read.
    pub instances: Vec<SourceInstance>,
    /// Their series.
    pub source_series: Vec<SourceSeries>,
    /// Settings that changed the reading.
    pub settings: Vec<(String, String)>,
    /// The spine curve from foot to head, LPS mm; empty where there is none.
    pub curve_lps_mm: Vec<Vec3>,
    /// The series that was segmented, with its masks, where a spine was found.
    pub segmented: Option<SegmentedBlock>,
    /// The image to show, where pixels were at hand.
    pub display: Option<Display>,
    /// The pictures that levels were graded from; none in bundles made before they kept them.
    pub pictures: Vec<BundlePicture>,
}

/// A picture that a level was graded from; see [`LevelPicture`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundlePicture {
    /// Place of the level in the report.
    pub level: usize,
    /// The view.
    pub view: String,
    /// Pixels in a column.
    pub rows: usize,
    /// Pixels in a row.
    pub columns: usize,
    /// Side of a pixel, mm.
    pub pixel_mm: f64,
    /// Grey values, row by row.
    #[serde(skip)]
    pub grey: Vec<u8>,
}

impl From<&LevelPicture> for BundlePicture {
    fn from(picture: &LevelPicture) -> Self {
        let [rows, columns] = picture.rows_columns;
        Self {
            level: picture.level,
            view: picture.view.to_owned(),
            rows,
            columns,
            pixel_mm: picture.pixel_mm,
            grey: picture.grey.clone(),
        }
    }
}

/// The block of slices that was segmented: its geometry, sources, masks and parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentedBlock {
    /// Pixels in a column.
    pub rows: usize,
    /// Pixels in a row.
    pub columns: usize,
    /// Distance between rows, mm.
    pub row_spacing_mm: f64,
    /// Distance between columns, mm.
    pub column_spacing_mm: f64,
    /// See [`Volume::row_direction_lps`].
    pub row_direction_lps: Vec3,
    /// See [`Volume::column_direction_lps`].
    pub column_direction_lps: Vec3,
    /// Centre of each slice's first pixel, LPS mm, in the order of the slices.
    pub origins_lps_mm: Vec<Vec3>,
    /// For each slice, its place in [`Bundle::instances`].
    pub sources: Vec<usize>,
    /// The parts that the part mask numbers from 1.
    pub parts: Vec<BundlePart>,
    /// [`Structure`] discriminants.
    #[serde(skip)]
    pub semantic: RunMask,
    /// Part numbers, 0 for none.
    #[serde(skip)]
    pub part_of: RunMask,
}

/// A part of the segmentation; see [`Part`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundlePart {
    /// Discriminant of its [`Structure`].
    pub structure: u8,
    /// The vertebra it is (of), where designated.
    pub vertebra: Option<String>,
    /// The vertebrae above and below, for a designated disc.
    pub disc: Option<[String; 2]>,
    /// Place from below among the parts of its structure, 1 first.
    pub ordinal_from_below: usize,
}

impl BundlePart {
    fn new(part: &Part) -> Self {
        Self {
            structure: part.structure as u8,
            vertebra: part.vertebra.map(|v| v.name().to_owned()),
            disc: part.disc.map(|d| [d.upper, d.lower].map(|v| v.name().to_owned())),
            ordinal_from_below: part.ordinal_from_below,
        }
    }

    /// Its structure.
    #[must_use]
    pub fn structure(&self) -> Structure {
        Structure::from_channel(self.structure).unwrap_or(Structure::Background)
    }

    /// The vertebra it is (of), where designated.
    #[must_use]
    pub fn vertebra(&self) -> Option<Vertebra> {
        self.vertebra.as_deref().and_then(Vertebra::from_name)
    }

    /// The disc it is, where designated.
    #[must_use]
    pub fn disc(&self) -> Option<Disc> {
        let [upper, lower] = self.disc.as_ref()?;
        Some(Disc::new(Vertebra::from_name(upper)?, Vertebra::from_name(lower)?))
    }
}

impl SegmentedBlock {
    fn new(volume: &Volume, labels: &Labels) -> Result<Self, BundleError> {
        let voxels = volume.slice_len() * volume.slices.len();
        if labels.semantic.channels.len() != voxels || labels.part_of.parts.len() != voxels {
            return Err(BundleError::Inconsistent("their number of voxels differs"));
        }
        let coded = |mask: &[u8]| RunMask::encode(mask, volume.slice_len()).map_err(BundleError::Mask);
        Ok(Self {
            rows: volume.rows,
            columns: volume.columns,
            row_spacing_mm: volume.row_spacing_mm,
            column_spacing_mm: volume.column_spacing_mm,
            row_direction_lps: volume.row_direction_lps,
            column_direction_lps: volume.column_direction_lps,
            origins_lps_mm: volume.slices.iter().map(|s| s.origin_lps_mm).collect(),
            sources: volume.slices.iter().map(|s| s.source).collect(),
            parts: labels.parts.iter().map(BundlePart::new).collect(),
            semantic: coded(&labels.semantic.channels)?,
            part_of: coded(&labels.part_of.parts)?,
        })
    }

    /// Pixels in a slice.
    #[must_use]
    pub fn slice_len(&self) -> usize {
        self.rows.saturating_mul(self.columns)
    }

    /// Mean distance from slice to slice along the normal of their plane, mm; negative where they follow each other against it,
    /// and [`SINGLE_SLICE_MM`] of a single one.
    pub(super) fn slice_spacing_mm(&self) -> f64 {
        let [first, .., last] = self.origins_lps_mm[..] else { return SINGLE_SLICE_MM };
        let normal = normalised(cross(self.row_direction_lps, self.column_direction_lps)).unwrap_or_default();
        dot(sub(last, first), normal) / (self.origins_lps_mm.len() - 1) as f64
    }
}

impl Bundle {
    /// The bundle of a finished reading.
    ///
    /// # Errors
    /// [`BundleError::Inconsistent`] where masks and images do not belong together.
    pub fn from_reading(input: BundleInput<'_>) -> Result<Self, BundleError> {
        let BundleInput { images, reading, .. } = input;
        let block = match &reading.labels {
            Some(labels) => {
                let block = images.series.get(labels.series).and_then(|s| s.blocks.get(labels.block));
                Some((block.ok_or(BundleError::Inconsistent("they name a block that is not there"))?, labels))
            }
            None => None,
        };
        let segmented = block.map(|(volume, labels)| SegmentedBlock::new(volume, labels)).transpose()?;
        let curve_lps_mm = reading.report.curve.as_ref().map_or_else(Vec::new, |c| c.points_lps_mm.clone());
        let shown = block.map(|(volume, _)| volume).or_else(|| largest_block(images));
        let display = shown.and_then(|volume| Display::new(volume, reading.labels.as_ref(), &curve_lps_mm));
        let header = report::Header {
            produced_at: input.produced_at,
            clock_synced: input.clock_synced,
            analysis_version: input.analysis_version,
            device: input.device,
            ..report::Header::default()
        };
        let identifiers = input.identity.identifiers();
        let instance_uids = input.instances.iter().map(|i| i.sop_instance_uid.as_str());
        let series_uids = input.source_series.iter().map(|s| s.series_instance_uid.as_str());
        let report = report::build(
            header,
            &reading.report,
            &input.timings,
            identifiers.into_iter().chain(instance_uids).chain(series_uids),
        );
        let bundle = Self {
            report,
            identity: input.identity,
            instances: input.instances,
            source_series: input.source_series,
            settings: input.settings,
            curve_lps_mm,
            segmented,
            display,
            pictures: reading.pictures.iter().map(BundlePicture::from).collect(),
        };
        Ok(bundle.keyed_with(input.key))
    }

    /// The same bundle with its keyed hashes computed under `key`: for a supervisor that keeps the
    /// key to itself and let a child make the bundle under another one.
    #[must_use]
    pub fn keyed_with(mut self, key: &DeviceKey) -> Self {
        let r = &mut self.report;
        let model = |m: &report::ModelDocument| ModelUse {
            name: m.name.clone(),
            version: m.version.clone(),
            sha256: m.sha256.clone(),
            terms: m.terms.clone(),
        };
        let models: Vec<ModelUse> = r.models.iter().map(model).collect();
        r.report_id = key.report_id(&r.analysis_version, &models, &self.settings, &self.instances);
        r.study_key = key.study_key(&self.identity.study_instance_uid);
        r.accession_key = key.accession_key(&self.identity.accession_number);
        self
    }

    /// The same bundle as the `revision`-th report of its study, 1 first.
    #[must_use]
    pub fn with_revision(mut self, revision: u32) -> Self {
        self.report.revision = revision;
        self
    }

    /// Keyed hash that names this reading: 32 hex digits.
    #[must_use]
    pub fn report_id(&self) -> &str {
        &self.report.report_id
    }

    /// Keyed hash of the study: 32 hex digits.
    #[must_use]
    pub fn study_key(&self) -> &str {
        &self.report.study_key
    }

    /// The report as JSON, as it goes into the envelope.
    #[must_use]
    pub fn report_value(&self) -> serde_json::Value {
        // Serialising plain structs with string keys can't fail; null would not pass the schema.
        serde_json::to_value(&self.report).unwrap_or_default()
    }
}

/// The block to show where nothing was segmented: the most slices of the series that would have been.
fn largest_block(images: &StudyImages) -> Option<&Volume> {
    let series = images.series.get(images.segmentation_series()?)?;
    series.blocks.iter().max_by_key(|b| b.slices.len())
}
