//! Why a file was not read: a path, and a [`Reason`] that can be told to anybody.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::limits;

/// A file that could not be read, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct DicomError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub reason: Reason,
}

/// Why something could not be read. The messages hold no path, name, UID of an object or text of
/// its header, so that they may be reported.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The operating system refused.
    #[error("can't be read: {0}; check that it exists and its permissions")]
    Io(#[from] std::io::Error),
    /// Not a DICOM object.
    #[error("is not a DICOM object")]
    NotDicom,
    /// A DICOM object without pixels: a directory, a report, a presentation state.
    #[error("is a DICOM object without an image")]
    NotAnImage,
    /// A DICOM object that holds no text of a report.
    #[error("holds no text of a report: {0}")]
    NoReport(&'static str),
    /// Ends too early.
    #[error("is cut off: {0} reaches past the end of the file; export it again")]
    Truncated(&'static str),
    /// Its structure contradicts itself.
    #[error("is malformed: {0}")]
    Malformed(&'static str),
    /// dicom-rs can't make sense of its header. What it says may quote the header and is not repeated.
    #[error("has a header that can't be parsed; export it again")]
    Parse,
    /// Its transfer syntax is not supported.
    #[error("is in transfer syntax {0}, which is not supported; export it as JPEG 2000, RLE or uncompressed")]
    TransferSyntax(String),
    /// Its pixels are of a kind that is not read.
    #[error("has pixels that are not read: {0}")]
    PixelFormat(String),
    /// The pixels can't be decoded.
    #[error("has pixels that can't be decoded: {0}")]
    Decode(String),
    /// Reached a limit.
    #[error(transparent)]
    Limit(#[from] Limit),
    /// A zip archive that can't be read.
    #[error("is not a readable zip archive: {0}")]
    Zip(String),
}

/// A limit of [`limits`] that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant is its documentation")]
pub enum Limit {
    #[error("has {0} bytes, more than the {max} that are read", max = limits::FILE_BYTES_MAX)]
    FileBytes(u64),
    #[error("has a header of more than {max} bytes", max = limits::HEADER_BYTES_MAX)]
    HeaderBytes,
    #[error("inflates to more than {max} bytes", max = limits::INFLATED_BYTES_MAX)]
    InflatedBytes,
    #[error("has more than {max} data elements", max = limits::ELEMENTS_MAX)]
    Elements,
    #[error("nests sequences deeper than {max}", max = limits::NESTING_MAX)]
    Nesting,
    #[error("has {0} frames, more than the {max} that are read", max = limits::FRAMES_MAX)]
    Frames(u64),
    #[error("has more than {max} fragments of pixel data", max = limits::FRAGMENTS_MAX)]
    Fragments,
    #[error("has {0} rows, more than the {max} that are read", max = limits::SIDE_PIXELS_MAX)]
    Rows(u64),
    #[error("has {0} columns, more than the {max} that are read", max = limits::SIDE_PIXELS_MAX)]
    Columns(u64),
    #[error("has an encoded frame of {0} bytes, more than the {max} that are read", max = limits::ENCODED_FRAME_BYTES_MAX)]
    EncodedFrameBytes(u64),
    #[error("has a codestream of {0} tiles, more than the {max} that are read", max = limits::TILES_MAX)]
    Tiles(u64),
    #[error("would need {0} bytes of decoded pixels, more than the {max} that are held", max = limits::DECODED_BYTES_MAX)]
    DecodedBytes(u64),
    #[error("holds more than {max} files", max = limits::FILES_MAX)]
    Files,
    #[error("nests folders deeper than {max}", max = limits::FOLDER_DEPTH_MAX)]
    FolderDepth,
    #[error("has {0} entries, more than the {max} that are read", max = limits::ZIP_ENTRIES_MAX)]
    ZipEntries(u64),
    #[error("inflates to more than {max} bytes", max = limits::ZIP_BYTES_MAX)]
    ZipBytes,
}

impl Reason {
    /// A stable name of the reason, for reports and counters.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "io",
            Self::NotDicom => "not-dicom",
            Self::NoReport(_) => "no-report",
            Self::NotAnImage => "not-an-image",
            Self::Truncated(_) => "truncated",
            Self::Malformed(_) => "malformed",
            Self::Parse => "parse",
            Self::TransferSyntax(_) => "transfer-syntax",
            Self::PixelFormat(_) => "pixel-format",
            Self::Decode(_) => "decode",
            Self::Limit(_) => "limit",
            Self::Zip(_) => "zip",
        }
    }

    /// Whether this is junk between a study's files, which is skipped and counted, not reported.
    #[must_use]
    pub const fn is_junk(&self) -> bool {
        matches!(self, Self::NotDicom | Self::NotAnImage)
    }

    pub(super) fn at(self, path: &Path) -> DicomError {
        DicomError { path: path.to_owned(), reason: self }
    }
}

/// A file of a study that is not part of its images, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedFile {
    /// The file; stays on the device.
    pub path: PathBuf,
    /// [`Reason::code`].
    pub code: String,
    /// [`Reason`]'s message, without identity.
    pub text: String,
}

impl From<DicomError> for RefusedFile {
    fn from(error: DicomError) -> Self {
        Self { path: error.path, code: error.reason.code().to_owned(), text: error.reason.to_string() }
    }
}
