//! The work inside the children. Identity is at hand here, and leaves only in a bundle.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::pipeline::{self, PipelineError, ReadingTools};
use super::protocol::{
    ExportReply, ExportRequest, FileOutcome, ReadOutcome, ReadRequest, SelfTestRequest, StudySummary,
};
use crate::analysis::grading;
use crate::analysis::study::Progress;
use crate::appliance::clock;
use crate::appliance::self_test::{self, Check, SelfTestError};
use crate::dicom::{self, DicomError, InstanceHeader, Reason, Study};
use crate::export::{self, Bundle, DeviceKey, Language};
use crate::inference::{Device, InferenceError, ModelSet, ModelSource, Networks};
use crate::spine::Role;

/// The roles that decide whether a study is complete.
const DECIDING_ROLES: [Role; 3] = [Role::SagittalT2, Role::SagittalT1, Role::AxialT2];

/// Bytes of a file that are digested at a time.
const DIGEST_CHUNK_BYTES: usize = 64 * 1024;

/// Why there is no bundle. The messages hold no path of a study, and no identity.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// No file of the study can be read any more.
    #[error("no file of the study can be read; the first {0}")]
    Unreadable(Reason),
    /// The files are of no study, or of several.
    #[error("the files are of {0} studies, not of one; they changed meanwhile")]
    NotOneStudy(usize),
    /// The models can't be used.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The study can't be read.
    #[error("{0}")]
    Pipeline(String),
    /// The self-test could not be done.
    #[error(transparent)]
    SelfTest(#[from] SelfTestError),
    /// The bundle can't be written.
    #[error("the bundle can't be written: {0}")]
    Spool(#[from] io::Error),
}

impl From<PipelineError> for WorkError {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Dicom(DicomError { reason, .. }) => Self::Pipeline(format!("a file {reason}")),
            other => Self::Pipeline(other.to_string()),
        }
    }
}

/// Looks at files, one outcome each.
#[must_use]
pub fn scan_batch(paths: &[PathBuf]) -> Vec<FileOutcome> {
    paths.iter().map(|path| scan_one(path)).collect()
}

fn scan_one(path: &Path) -> FileOutcome {
    let header = match dicom::scan(path) {
        Ok(header) => header,
        Err(DicomError { reason: reason @ Reason::Truncated(_), .. }) => {
            return FileOutcome::Incomplete { reason: reason.to_string() };
        }
        Err(DicomError { reason, .. }) => return FileOutcome::Refused { reason: reason.to_string() },
    };
    if !header.complete {
        return FileOutcome::Incomplete { reason: "its pixel data are not all there".to_owned() };
    }
    if header.identity.study_instance_uid.is_empty() {
        return FileOutcome::Refused { reason: "belongs to no study: it has no Study Instance UID".to_owned() };
    }
    match (digest(path), serde_json::to_string(&header)) {
        (Ok(digest), Ok(text)) => FileOutcome::Instance {
            study_uid: header.identity.study_instance_uid,
            series_uid: header.series_instance_uid,
            instance_uid: header.sop_instance_uid,
            digest,
            header: text,
        },
        (Err(error), _) => FileOutcome::Refused { reason: error.to_string() },
        (_, Err(error)) => FileOutcome::Refused { reason: error.to_string() },
    }
}

/// SHA-256 of a whole file, hex.
fn digest(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut chunk = vec![0; DIGEST_CHUNK_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => hasher.update(chunk.get(..read).unwrap_or_default()),
        }
    }
    Ok(hasher.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

/// Which roles the series of a study take, from its headers; pixels are looked at where those do not tell.
#[must_use]
pub fn summarise(headers: &[String]) -> StudySummary {
    let headers: Vec<InstanceHeader> = headers.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    let Some(mut study) = dicom::assemble(headers).into_iter().next() else { return StudySummary::default() };
    study.settle_roles();
    let (whole, rest): (Vec<Role>, Vec<Role>) = DECIDING_ROLES.into_iter().partition(|role| study.has_whole(*role));
    let names = |roles: Vec<Role>| roles.into_iter().map(|role| role.name().to_owned()).collect();
    let gapped = rest.into_iter().filter(|role| !study.in_role(*role).is_empty()).collect();
    StudySummary { whole_roles: names(whole), gapped_roles: names(gapped) }
}

/// Reads one study on `device` and leaves its bundle in the spool folder, under a key that is nobody's: the
/// supervisor puts its own ids into it.
///
/// # Errors
/// See [`WorkError`].
pub fn read_study(request: &ReadRequest, device: Device) -> Result<ReadOutcome, WorkError> {
    let study = the_study(&request.paths)?;
    let networks = load_networks(request.models_dir.clone(), device)?;
    let tools = ReadingTools {
        networks: &networks,
        alpha_percent: request.alpha_percent,
        threads: threads(request.threads),
        key: &DeviceKey::PUBLIC,
        clock_synced: clock::clock_synced(),
        produced_at: &clock::now_rfc3339(),
        observer: &Unobserved,
    };
    let bundle = pipeline::read_study(&study, tools, Vec::new())?;
    Ok(ReadOutcome { bundle: bundle.write_atomically(&request.spool_dir)? })
}

/// Tries the networks out on `device` and, where that is asked for, holds a reading of the phantom against its truth; on another device
/// than the processor also against the processor's.
///
/// # Errors
/// See [`WorkError`].
pub fn test_installation(request: &SelfTestRequest, device: Device) -> Result<Vec<Check>, WorkError> {
    let networks = load_networks(request.models_dir.clone(), device)?;
    networks.segmentation.try_out()?;
    grading::try_out(&networks)?;
    if !request.phantom {
        return Ok(Vec::new());
    }
    if device == Device::Cpu {
        return Ok(self_test::perform(&networks, threads(request.threads), &Unobserved)?);
    }
    let processor = load_networks(request.models_dir.clone(), Device::Cpu)?;
    Ok(self_test::perform_beside(&networks, &processor, threads(request.threads), &Unobserved)?)
}

/// Makes the clinic's files of a bundle.
#[must_use]
pub fn export_bundle(request: &ExportRequest) -> ExportReply {
    let bundle = match Bundle::read(&request.bundle) {
        Ok(bundle) => bundle,
        Err(error) => return ExportReply::Unreadable { reason: error.to_string() },
    };
    let language = Language::from_tag(&request.language).unwrap_or_default();
    // Its folder is nobody else's: what is half-written there is of a child that was killed.
    export::clear_half_written(&request.out_dir);
    match export::write_all(&bundle, &request.out_dir, language) {
        Ok(_) => ExportReply::Done,
        // It would be so in every folder.
        Err(error) if error.source.kind() == io::ErrorKind::InvalidData => {
            ExportReply::Unreadable { reason: error.to_string() }
        }
        Err(error) => ExportReply::Unwritable { reason: error.to_string() },
    }
}

pub(super) fn load_networks(models_dir: Option<PathBuf>, device: Device) -> Result<Networks, InferenceError> {
    let source = models_dir.map_or(ModelSource::Standard, ModelSource::Folder);
    Networks::load_on(&ModelSet::open(&source)?, device)
}

pub(super) fn threads(asked: usize) -> NonZeroUsize {
    NonZeroUsize::new(asked).unwrap_or(NonZeroUsize::MIN)
}

/// The one study that `paths` are of. Single files that can't be read any more are left out.
fn the_study(paths: &[PathBuf]) -> Result<Study, WorkError> {
    let mut headers = Vec::with_capacity(paths.len());
    let mut first_problem = None;
    for path in paths {
        match dicom::scan(path) {
            Ok(header) => headers.push(header),
            Err(error) => {
                first_problem.get_or_insert(error.reason);
            }
        }
    }
    if headers.is_empty()
        && let Some(reason) = first_problem
    {
        return Err(WorkError::Unreadable(reason));
    }
    let mut studies = dicom::assemble(headers);
    match (studies.pop(), studies.len()) {
        (Some(mut study), 0) => {
            study.settle_roles();
            Ok(study)
        }
        (last, others) => Err(WorkError::NotOneStudy(others + usize::from(last.is_some()))),
    }
}

/// Nobody waits beside a child.
pub(super) struct Unobserved;

impl Progress for Unobserved {
    fn stage(&self, _stage: &'static str) {}

    fn slices_segmented(&self, _done: usize, _total: usize) {}
}
