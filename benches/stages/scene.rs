//! The study that all benches share: a small phantom, written once into a temporary folder, loaded and read once.

use deepspine::analysis::confidence::Alpha;
use deepspine::analysis::grading::{LoadedOnly, SlicePixels};
use deepspine::analysis::study::{Progress, Reading, ReadingMeans, StudyImages, read};
use deepspine::analysis::volume::{SemanticMask, Volume};
use deepspine::dicom::{self, Study, StudyIdentity};
use deepspine::export::{Bundle, BundleInput, DeviceKey, SourceInstance};
use deepspine::inference::{Device, ModelSet, ModelSource, Networks};
use deepspine::phantom::{Parameters, Phantom, SeriesKind, Stack, StudyPlan, write_study};
use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::OnceLock;
use tempfile::TempDir;

/// The model set that reads and grades all there is.
pub(crate) const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/research");
/// Error rate of prediction sets, %.
const ALPHA_PERCENT: u8 = 10;

/// Everything before, in and after one reading.
pub(crate) struct Scene {
    /// Where the study lies.
    pub(crate) folder: TempDir,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) study: Study,
    pub(crate) images: StudyImages,
    pub(crate) networks: Networks,
    /// What a perfect network would segment: the phantom's own truth.
    pub(crate) mask: SemanticMask,
    pub(crate) reading: Reading,
    pub(crate) bundle: Bundle,
}

impl Scene {
    /// The one scene.
    #[expect(clippy::expect_used, reason = "a bench without its scene can only end")]
    pub(crate) fn get() -> &'static Self {
        static SCENE: OnceLock<Scene> = OnceLock::new();
        SCENE.get_or_init(|| Self::new().expect("the phantom, and the models in models/research"))
    }

    fn new() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let phantom = Phantom::new(&Parameters::default())?;
        let plan = plan();
        let files = write_study(&phantom, &plan, folder.path())?.files;
        let mut studies = dicom::read_studies(&[folder.path().to_owned()])?.studies;
        let study = studies.pop().ok_or("no study was written")?;
        let images = study.images()?;
        let field = plan.blocks(&phantom, SeriesKind::SagittalT2).pop().ok_or("no sagittal block")?;
        let networks = Networks::load(&ModelSet::open(&ModelSource::Folder(MODELS.into()))?)?;
        let reading = read(&images, means(&networks, &study), &Silent)?;
        let bundle = bundle(&images, &reading, &study)?;
        Ok(Self { folder, files, study, images, networks, mask: phantom.mask(&field), reading, bundle })
    }

    /// How the whole study is read.
    pub(crate) fn means(&self) -> ReadingMeans<'_> {
        means(&self.networks, &self.study)
    }

    /// The sagittal volume that is segmented, with its pixels.
    #[expect(clippy::expect_used, reason = "the scene was read")]
    pub(crate) fn volume(&self) -> &Volume {
        let series = self.images.segmentation_series().and_then(|s| self.images.series.get(s));
        series.and_then(|s| s.blocks.first()).expect("a sagittal series")
    }
}

/// Nine slices of 256 x 256, and three axial ones a disc: what a bench may take.
fn plan() -> StudyPlan {
    StudyPlan {
        sagittal: Stack { matrix: 256, slices: 9, ..StudyPlan::default().sagittal },
        axial: Stack { matrix: 192, slices: 3, ..StudyPlan::default().axial },
        ..StudyPlan::default()
    }
}

fn means<'a>(networks: &'a Networks, study: &'a Study) -> ReadingMeans<'a> {
    ReadingMeans { networks, threads: NonZeroUsize::MIN, alpha: Alpha::of_percent(ALPHA_PERCENT), pixels: study }
}

fn bundle(images: &StudyImages, reading: &Reading, study: &Study) -> Result<Bundle, Box<dyn Error>> {
    let digests = study.pixel_digests()?;
    let instance = |(i, digest): (&dicom::SourceInstance, &[u8; 32])| SourceInstance::new(&i.sop_instance_uid, digest);
    Ok(Bundle::from_reading(BundleInput {
        images,
        reading,
        identity: StudyIdentity::default(),
        instances: study.instances.iter().zip(&digests).map(instance).collect(),
        source_series: Vec::new(),
        key: &DeviceKey::new([0; DeviceKey::BYTES]),
        produced_at: "2026-01-01T00:00:00Z".to_owned(),
        clock_synced: None,
        timings: Vec::new(),
        analysis_version: "bench".to_owned(),
        device: Device::Cpu.name().to_owned(),
        settings: Vec::new(),
    })?)
}

/// Nobody hears how far a bench is.
pub(crate) struct Silent;

impl Progress for Silent {
    fn stage(&self, _stage: &'static str) {}

    fn slices_segmented(&self, _done: usize, _total: usize) {}
}

/// Pixels that are loaded already.
pub(crate) const LOADED: &dyn SlicePixels = &LoadedOnly;
