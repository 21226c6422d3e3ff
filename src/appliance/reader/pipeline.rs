//! One study from DICOM to bundle: what a `read` child and `deepspine analyze` do alike.
//!
//! [`read_study`] loads the pixels that are needed, has the study read, and makes the bundle. It
//! keeps the time of each stage; the reading room has no clock.

use crate::analysis::confidence::Alpha;
use crate::analysis::study::{self, Progress, Reading, ReadingMeans, StudyImages};
use crate::dicom::{DicomError, Study};
use crate::export::{Bundle, BundleError, BundleInput, DeviceKey, SourceInstance, SourceSeries};
use crate::inference::{InferenceError, Networks};
use crate::spine::StageTiming;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Version of everything between pixels and findings: a change here that may change a reading
/// raises it, and with it every `report_id`.
pub const ANALYSIS_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Name of the stage that decodes pixels, in timings and progress.
pub const STAGE_PIXELS: &str = "pixels";
/// Name of the stage that digests every instance for the report's id.
pub const STAGE_DIGESTS: &str = "digests";

/// What a reading is made with.
#[derive(Clone, Copy)]
pub struct ReadingTools<'a> {
    /// The networks.
    pub networks: &'a Networks,
    /// The error rate of prediction sets, %.
    pub alpha_percent: u8,
    /// Threads over which slices are spread.
    pub threads: NonZeroUsize,
    /// Key for the ids in the report.
    pub key: &'a DeviceKey,
    /// Whether the clock is known to be right.
    pub clock_synced: Option<bool>,
    /// Now, RFC 3339.
    pub produced_at: &'a str,
    /// Who hears how far the reading is.
    pub observer: &'a dyn Progress,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The study's files can't be used.
    #[error(transparent)]
    Dicom(#[from] DicomError),
    /// The network can't be run.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The reading can't be packed.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// Reads one study and packs what was found. `before` are the stages that the caller has timed.
///
/// # Errors
/// [`PipelineError`]; a study that holds no spine is none: its report is a refusal.
pub fn read_study(study: &Study, tools: ReadingTools<'_>, before: Vec<StageTiming>) -> Result<Bundle, PipelineError> {
    read_study_and(study, tools, before, |_, _| ())
}

/// [`read_study`], and shows images and reading to `look` before they are packed.
///
/// # Errors
/// As [`read_study`].
pub fn read_study_and(
    study: &Study,
    tools: ReadingTools<'_>,
    before: Vec<StageTiming>,
    look: impl FnOnce(&StudyImages, &Reading),
) -> Result<Bundle, PipelineError> {
    let watch = Stopwatch::new(tools.observer, before);
    watch.stage(STAGE_PIXELS);
    let images = study.images()?;
    watch.stage(STAGE_DIGESTS);
    let (instances, source_series) = sources(study)?;
    let means = ReadingMeans {
        networks: tools.networks,
        threads: tools.threads,
        alpha: Alpha::of_percent(tools.alpha_percent),
        pixels: study,
    };
    let reading = study::read(&images, means, &watch)?;
    look(&images, &reading);
    let bundle = Bundle::from_reading(BundleInput {
        images: &images,
        reading: &reading,
        identity: study.identity.clone(),
        instances,
        source_series,
        key: tools.key,
        produced_at: tools.produced_at.to_owned(),
        clock_synced: tools.clock_synced,
        timings: watch.finish(),
        analysis_version: ANALYSIS_VERSION.to_owned(),
        device: tools.networks.device().name().to_owned(),
        settings: vec![
            ("alpha-percent".to_owned(), tools.alpha_percent.to_string()),
            ("calibration".to_owned(), tools.networks.calibration_sha256()),
        ],
    })?;
    Ok(bundle)
}

/// Each frame of the study with its instance's UID and pixel digest, as slices number their sources, and their series.
fn sources(study: &Study) -> Result<(Vec<SourceInstance>, Vec<SourceSeries>), DicomError> {
    let mut series: Vec<SourceSeries> = Vec::new();
    let mut instances = Vec::with_capacity(study.instances.len());
    for (instance, digest) in study.instances.iter().zip(study.pixel_digests()?) {
        let of = SourceSeries {
            series_instance_uid: instance.series_instance_uid.clone(),
            sop_class_uid: instance.sop_class_uid.clone(),
            frame_of_reference_uid: instance.frame_of_reference_uid.clone(),
        };
        let place = series.iter().position(|known| *known == of).unwrap_or_else(|| {
            series.push(of);
            series.len() - 1
        });
        instances.push(SourceInstance {
            series: Some(place),
            frame_number: (instance.frames > 1).then(|| u32::try_from(instance.frame + 1).unwrap_or(u32::MAX)),
            ..SourceInstance::new(&instance.sop_instance_uid, &digest)
        });
    }
    Ok((instances, series))
}

/// Keeps the time of each stage, and passes on what it hears.
struct Stopwatch<'a> {
    observer: &'a dyn Progress,
    running: Mutex<Running>,
}

struct Running {
    finished: Vec<StageTiming>,
    current: Option<(&'static str, Instant)>,
}

impl Running {
    fn end_stage(&mut self) {
        if let Some((stage, since)) = self.current.take() {
            self.finished.push(StageTiming { stage, wall_ms: since.elapsed().as_secs_f64() * 1e3 });
        }
    }
}

impl<'a> Stopwatch<'a> {
    fn new(observer: &'a dyn Progress, before: Vec<StageTiming>) -> Self {
        Self { observer, running: Mutex::new(Running { finished: before, current: None }) }
    }

    fn finish(self) -> Vec<StageTiming> {
        let mut running = self.running.into_inner().unwrap_or_else(PoisonError::into_inner);
        running.end_stage();
        running.finished
    }
}

impl Progress for Stopwatch<'_> {
    fn stage(&self, stage: &'static str) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.end_stage();
        running.current = Some((stage, Instant::now()));
        drop(running);
        self.observer.stage(stage);
    }

    fn slices_segmented(&self, done: usize, total: usize) {
        self.observer.slices_segmented(done, total);
    }
}
