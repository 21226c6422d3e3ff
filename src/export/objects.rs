//! What a reading is in a viewer: DICOM objects of the study that was read.
//!
//! A structured report ([`measured`]: TID 1500, a measurement group for each level and vertebra), a segmentation
//! ([`segments`]: one segment for each part) and a secondary capture of the overlay. Their UIDs come from the report's
//! id, so that the same reading gives the same objects, however often they are made. `dicom::write` knows how an object is
//! laid out; here is what it says.
//!
//! A bundle from before it kept the series of its instances gives none: a viewer could not tell what they belong to.

mod concepts;
mod measured;
mod segments;

use super::bundle::{Bundle, SegmentedBlock, SourceInstance, SourceSeries};
use super::overlay;
use crate::dicom::uid_from;
use crate::dicom::write::{DerivedObject, Packing, Referenced, capture};

/// File name of the structured report.
pub const REPORT_OBJECT_FILE: &str = "report.dcm";
/// File name of the segmentation.
pub const SEGMENTATION_FILE: &str = "segmentation.dcm";
/// File name of the picture as a secondary capture.
pub const OVERLAY_OBJECT_FILE: &str = "overlay.dcm";

/// Series numbers of ours begin here: no scanner counts that far.
const SERIES_NUMBERS_FROM: u32 = 9400;
/// A reading does not keep the number of the device that made it.
const NO_SERIAL_NUMBER: &str = "not recorded";

/// One of the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewerObject {
    /// The structured report.
    Report,
    /// The segmentation.
    Segmentation,
    /// The picture.
    Overlay,
}

impl ViewerObject {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Report, Self::Segmentation, Self::Overlay];

    /// Its file name.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Report => REPORT_OBJECT_FILE,
            Self::Segmentation => SEGMENTATION_FILE,
            Self::Overlay => OVERLAY_OBJECT_FILE,
        }
    }

    /// Its name in the configuration and in the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Segmentation => "segmentation",
            Self::Overlay => "overlay",
        }
    }

    /// The object called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|object| object.name() == name)
    }

    /// How its file is packed: what holds pixels is mostly the same, and a study's segmentation may have 40 MB of them.
    #[must_use]
    pub const fn packing(self) -> Packing {
        match self {
            Self::Report => Packing::Plain,
            Self::Segmentation | Self::Overlay => Packing::Deflated,
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Report => "deepspine measurements, not for diagnosis",
            Self::Segmentation => "deepspine segmentation, not for diagnosis",
            Self::Overlay => "deepspine overlay, not for diagnosis",
        }
    }

    /// The object as a file; `None` where the reading has nothing for it, or the bundle does not know its series.
    ///
    /// # Errors
    /// What the encoder says: a fault of the program, or a damaged bundle.
    pub fn encode(self, bundle: &Bundle, packing: Packing) -> Result<Option<Vec<u8>>, String> {
        if !is_placed(bundle) {
            return Ok(None);
        }
        let object = DerivedObject {
            identity: &bundle.identity,
            sop_instance_uid: self.uid(bundle, "instance"),
            series_instance_uid: self.uid(bundle, "series"),
            series_number: SERIES_NUMBERS_FROM + self as u32 + 1,
            series_description: self.description(),
            content_date_time: date_time(&bundle.report.produced_at),
            software_versions: &bundle.report.analysis_version,
            packing,
            device_serial_number: NO_SERIAL_NUMBER,
        };
        match self {
            Self::Report => measured::encode(bundle, object).map(Some),
            Self::Segmentation => {
                bundle.segmented.as_ref().map_or(Ok(None), |block| segments::encode(bundle, block, object))
            }
            Self::Overlay => picture(bundle, object),
        }
    }

    fn uid(self, bundle: &Bundle, what: &str) -> String {
        uid_from(format!("{} {} {what}", bundle.report_id(), self.file_name()).as_bytes())
    }
}

fn picture(bundle: &Bundle, object: DerivedObject<'_>) -> Result<Option<Vec<u8>>, String> {
    let Some(display) = &bundle.display else { return Ok(None) };
    let canvas = overlay::draw(bundle, display).map_err(|e| e.to_string())?;
    let [columns, rows] = canvas.size();
    let side = |pixels: u32| u16::try_from(pixels).map_err(|_| format!("a picture of {columns} x {rows} pixels"));
    let capture = capture::SecondaryCapture {
        object,
        rows: side(rows)?,
        columns: side(columns)?,
        rgb: canvas.rgb(),
        sources: sources(bundle, bundle.segmented.as_ref()),
    };
    capture::encode(capture).map(Some)
}

/// Whether study, series and kind of every image are known: else a viewer could not tell what an object refers to.
fn is_placed(bundle: &Bundle) -> bool {
    let known = |series: &SourceSeries| !series.series_instance_uid.is_empty() && !series.sop_class_uid.is_empty();
    let mut series = bundle.source_series.iter();
    !bundle.identity.study_instance_uid.is_empty() && !bundle.source_series.is_empty() && series.all(known)
}

/// The images that were segmented, slice by slice.
fn sources(bundle: &Bundle, block: Option<&SegmentedBlock>) -> Vec<Referenced> {
    let sources = block.map_or(&[] as &[usize], |block| &block.sources);
    sources.iter().filter_map(|source| referenced(bundle, bundle.instances.get(*source)?)).collect()
}

/// All images that were read.
fn all_sources(bundle: &Bundle) -> Vec<Referenced> {
    bundle.instances.iter().filter_map(|instance| referenced(bundle, instance)).collect()
}

fn referenced(bundle: &Bundle, instance: &SourceInstance) -> Option<Referenced> {
    let series = bundle.source_series.get(instance.series?)?;
    Some(Referenced {
        series_instance_uid: series.series_instance_uid.clone(),
        sop_class_uid: series.sop_class_uid.clone(),
        sop_instance_uid: instance.sop_instance_uid.clone(),
        frame_number: instance.frame_number,
    })
}

/// `YYYYMMDD` and `HHMMSS` of an RFC 3339 time in UTC.
fn date_time(rfc3339: &str) -> [String; 2] {
    let digits = |part: Option<&str>| part.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    [digits(rfc3339.get(..10)), digits(rfc3339.get(11..19))]
}
