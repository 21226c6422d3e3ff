//! What supervisor and child say to each other, each message in a [`frame`](crate::appliance::frame).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::appliance::self_test::Check;

/// Most paths in one scan request.
pub const SCAN_PATHS_MAX: usize = 64;
/// Most files that one study may have.
pub const STUDY_FILES_MAX: usize = 8192;

/// Asked of a child that scans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum ScanRequest {
    /// Look at these files; the answer is [`ScanReply::Files`], in the same order.
    Files {
        /// At most [`SCAN_PATHS_MAX`].
        #[serde(with = "super::path_bytes")]
        paths: Vec<PathBuf>,
        /// Folders that the child may read, with everything below.
        readable: Vec<PathBuf>,
    },
    /// Say what a study made of these headers has; the answer is [`ScanReply::Study`].
    Study {
        /// Headers as [`FileOutcome::Instance`] gave them.
        headers: Vec<String>,
        /// Folders that the child may read, with everything below.
        readable: Vec<PathBuf>,
    },
}

/// Answered by a child that scans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum ScanReply {
    /// One outcome a path, in their order.
    Files {
        /// The outcomes.
        outcomes: Vec<FileOutcome>,
    },
    /// What the study has.
    Study(StudySummary),
}

/// What looking at one file told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum FileOutcome {
    /// An image instance with all of its pixels.
    Instance {
        /// StudyInstanceUID (0020,000D).
        study_uid: String,
        /// SeriesInstanceUID (0020,000E); some exports repeat SOP Instance UIDs from series to series.
        series_uid: String,
        /// SOPInstanceUID (0008,0018).
        instance_uid: String,
        /// SHA-256 of the file, hex.
        digest: String,
        /// The header, serialised; opaque to the supervisor.
        header: String,
    },
    /// An instance whose PixelData is not all there yet.
    Incomplete {
        /// Why, without identity.
        reason: String,
    },
    /// Nothing for us.
    Refused {
        /// Why, without identity.
        reason: String,
    },
}

/// What decides whether a study is complete.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StudySummary {
    /// Names of the roles (see [`crate::spine::Role::name`]) that a series without inner gaps takes.
    pub whole_roles: Vec<String>,
    /// Names of the roles that are taken only by series with gaps inside.
    pub gapped_roles: Vec<String>,
}

/// Asked of a child that reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRequest {
    /// The study's files.
    #[serde(with = "super::path_bytes")]
    pub paths: Vec<PathBuf>,
    /// Folders that the child may read, with everything below: exports and models.
    pub readable: Vec<PathBuf>,
    /// Where the bundle goes: the one folder that the child may write into.
    pub spool_dir: PathBuf,
    /// Folder of the models, where one was named.
    pub models_dir: Option<PathBuf>,
    /// Threads of the reading; 0: as many as cores, which the child finds out.
    pub threads: usize,
    /// Error rate of prediction sets, %.
    pub alpha_percent: u8,
}

/// Answered by a child that reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum ReadReply {
    /// The bundle is durable in the spool folder.
    Done(ReadOutcome),
    /// There is no reading.
    Failed {
        /// Why, without identity.
        reason: String,
    },
}

/// Asked of a child that tests the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTestRequest {
    /// Folders that the child may read, with everything below: models.
    pub readable: Vec<PathBuf>,
    /// Folder of the models, where one was named.
    pub models_dir: Option<PathBuf>,
    /// Threads of the reading; 0: as many as cores.
    pub threads: usize,
    /// Whether the phantom is read; else the networks are only tried out.
    pub phantom: bool,
}

/// Answered by a child that tests the installation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum SelfTestReply {
    /// What was held against the truth.
    Done {
        /// The checks.
        checks: Vec<Check>,
    },
    /// There was no reading to hold against it.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Asked of a child that makes the clinic's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRequest {
    /// The bundle: the one file that the child may read.
    pub bundle: PathBuf,
    /// Where the files go: the one folder that the child may write into.
    pub out_dir: PathBuf,
    /// Tag of the page's language.
    pub language: String,
}

/// Answered by a child that makes the clinic's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum ExportReply {
    /// Every file is whole and durable.
    Done,
    /// The bundle can't be read.
    Unreadable {
        /// Why, without identity.
        reason: String,
    },
    /// A file can't be written.
    Unwritable {
        /// Why, without identity.
        reason: String,
    },
}

/// Asked of a child that sends objects to the clinic's archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendRequest {
    /// The bundle: the one file that the child may read.
    pub bundle: PathBuf,
    /// Names of the objects ([`crate::export::ViewerObject::name`]), to be sent in this order.
    pub objects: Vec<String>,
    /// Host name or address of the archive.
    pub host: String,
    /// Its port: the one that the child may connect to.
    pub port: u16,
    /// Its application entity title.
    pub called_ae_title: String,
    /// Ours.
    pub calling_ae_title: String,
    /// How long it may take for each answer, seconds.
    pub patience_secs: u64,
}

/// Answered by a child that sends objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum SendReply {
    /// There was an association.
    Done {
        /// What the archive said of each object until then.
        sent: Vec<SentObject>,
        /// The object at which the association broke off, and why.
        broken: Option<(String, String)>,
    },
    /// There was none.
    Unreachable {
        /// Objects that need none.
        sent: Vec<SentObject>,
        /// Why, without identity.
        reason: String,
    },
    /// The objects can't be made.
    Unreadable {
        /// Why, without identity.
        reason: String,
    },
}

/// An object, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentObject {
    /// Its name.
    pub object: String,
    /// What became of it.
    pub verdict: ObjectVerdict,
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum ObjectVerdict {
    /// The archive has it.
    Taken {
        /// Its status; other than 0 a warning (DICOM PS3.4 B.2.3).
        status: u16,
    },
    /// The archive has no room for it, for now.
    NotNow {
        /// Its status.
        status: u16,
    },
    /// The archive does not want it.
    Refused {
        /// Why, without identity.
        reason: String,
    },
    /// The reading has nothing for it.
    Absent,
}

/// Asked of a child that reads one study of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveRequest {
    /// The study: a folder, a file or a zip archive. The child may read it, and what lies below.
    #[serde(with = "super::path_bytes")]
    pub paths: Vec<PathBuf>,
    /// The one folder that the child may write into; in it lie [`RESULT_FOLDER`] and [`SCRATCH_FOLDER`].
    pub room: PathBuf,
    /// Folders of the models, which the child may read.
    pub model_folders: Vec<PathBuf>,
    /// Folder of the model set.
    pub models_dir: Option<PathBuf>,
    /// Threads of the reading; 0: as many as cores.
    pub threads: usize,
    /// Error rate of prediction sets, %.
    pub alpha_percent: u8,
    /// When the archive is read, RFC 3339: the same for all of its studies.
    pub produced_at: String,
    /// Whether the clock was known to be right then.
    pub clock_synced: Option<bool>,
    /// Whether the report is the only file that is wanted.
    pub report_only: bool,
}

/// Where the child leaves the files of the study.
pub const RESULT_FOLDER: &str = "result";
/// Where the child unpacks zip archives.
pub const SCRATCH_FOLDER: &str = "unpacked";

/// Answered by a child that reads one study of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum ArchiveReply {
    /// The files of the study are whole and durable.
    Done,
    /// There is no reading.
    Failed {
        /// Whose fault it is.
        refusal: Refusal,
    },
    /// A file can't be written.
    Unwritable {
        /// Why, without identity.
        reason: String,
    },
    /// The models can't be used.
    Unusable {
        /// Why.
        reason: String,
    },
}

/// Why a study of an archive has no reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// What kind of reason it is.
    pub code: RefusalCode,
    /// One sentence, without identity.
    pub text: String,
}

/// Kinds of reasons why a study of an archive has no reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// It is not there.
    NotFound,
    /// It may not be read.
    NotPermitted,
    /// It is no study, or more than one, or can't be decoded.
    BadInput,
    /// The program failed on it.
    Fault,
    /// Its child ended without an answer: of a crash, or of a limit.
    Died,
    /// Its child took longer than allowed.
    TimedOut,
}

/// A reading that is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOutcome {
    /// The bundle's file in the spool folder.
    pub bundle: PathBuf,
}
