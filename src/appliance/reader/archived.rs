//! What a child does with one study of an archive: finds its files, reads it, and makes the files of its result.
//!
//! The result is a function of the study, the models and the request alone: no clock, no timings.

use std::io::ErrorKind;

use super::pipeline::{self, PipelineError, ReadingTools};
use super::protocol::{ArchiveReply, ArchiveRequest, RESULT_FOLDER, Refusal, RefusalCode, SCRATCH_FOLDER};
use super::work::{self, Unobserved};
use crate::dicom::{self, DicomError, Intake, Reason};
use crate::export::{self, DeviceKey};
use crate::inference::Device;

/// Why there is no result.
enum Unread {
    Refused(Refusal),
    Unwritable(String),
    Unusable(String),
}

/// Reads the study into [`RESULT_FOLDER`].
#[must_use]
pub fn read_study(request: &ArchiveRequest) -> ArchiveReply {
    read(request).map_or_else(ArchiveReply::from, |()| ArchiveReply::Done)
}

fn read(request: &ArchiveRequest) -> Result<(), Unread> {
    let scratch = request.room.join(SCRATCH_FOLDER);
    let intake = dicom::read_studies_unpacked_into(&request.paths, &scratch).map_err(Unread::from)?;
    let study = match intake.studies.as_slice() {
        [study] => study,
        others => return Err(bad_input(not_one(others.len(), &intake))),
    };
    // Only for a study: most of what is none is told at once.
    let networks = work::load_networks(request.models_dir.clone(), Device::Cpu)
        .map_err(|error| Unread::Unusable(error.to_string()))?;
    let tools = ReadingTools {
        networks: &networks,
        alpha_percent: request.alpha_percent,
        threads: work::threads(request.threads),
        key: &DeviceKey::PUBLIC,
        clock_synced: request.clock_synced,
        produced_at: &request.produced_at,
        observer: &Unobserved,
    };
    let mut bundle = pipeline::read_study(study, tools, Vec::new()).map_err(Unread::from)?;
    // How long it took is told beside the result, which is the same whenever it is made.
    bundle.report.timings.clear();
    let result = request.room.join(RESULT_FOLDER);
    let written = if request.report_only {
        export::write_report(&bundle, &result).map(drop)
    } else {
        export::write_nameless(&bundle, &result).map(drop)
    };
    written.map_err(|error| Unread::Unwritable(error.source.to_string()))
}

fn not_one(studies: usize, intake: &Intake) -> String {
    if studies > 0 {
        return format!("holds {studies} studies, where one is read: list each by itself");
    }
    let refused = intake.refused.first().map_or_else(String::new, |file| {
        format!("; of {} unreadable files the first {}", intake.refused.len(), file.text)
    });
    format!("holds no DICOM images ({} other files skipped{refused})", intake.skipped)
}

fn bad_input(text: String) -> Unread {
    Unread::Refused(Refusal { code: RefusalCode::BadInput, text })
}

impl From<DicomError> for Unread {
    fn from(error: DicomError) -> Self {
        let text = error.reason.to_string();
        match error.reason {
            // Only unpacking writes.
            Reason::Io(io) if matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                Self::Unwritable(io.to_string())
            }
            Reason::Io(io) => Self::Refused(Refusal { code: code_of(io.kind()), text }),
            _ => bad_input(text),
        }
    }
}

fn code_of(kind: ErrorKind) -> RefusalCode {
    match kind {
        ErrorKind::NotFound => RefusalCode::NotFound,
        ErrorKind::PermissionDenied => RefusalCode::NotPermitted,
        _ => RefusalCode::BadInput,
    }
}

impl From<PipelineError> for Unread {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Dicom(error) => error.into(),
            PipelineError::Inference(error) => {
                Self::Refused(Refusal { code: RefusalCode::Fault, text: error.to_string() })
            }
            PipelineError::Bundle(error) => {
                Self::Refused(Refusal { code: RefusalCode::Fault, text: error.to_string() })
            }
        }
    }
}

impl From<Unread> for ArchiveReply {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Refused(refusal) => Self::Failed { refusal },
            Unread::Unwritable(reason) => Self::Unwritable { reason },
            Unread::Unusable(reason) => Self::Unusable { reason },
        }
    }
}
