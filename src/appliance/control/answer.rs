//! What is answered to each request, from the journal.

use std::path::PathBuf;

use serde_json::Value;

use super::words::{Identity, LIST_MAX, MESSAGES_MAX, QuarantinedFile, Reply, Request, WholeMessage, Why};
use crate::appliance::actions::{ActionError, Actions};
use crate::appliance::audit::{self, By};
use crate::appliance::bundles;
use crate::appliance::identity::FILE;
use crate::appliance::journal::{Durable, JournalError, ReportLook, StudyLook, StudyState};
use crate::appliance::mqtt::{payload, topics};
use crate::appliance::overview;
use crate::dicom::InstanceHeader;
use crate::export::Bundle;

/// Paths that are told of a study.
const PATHS_MAX: usize = 20;
/// What stands for the session of a message that no connection carries.
const EXPORTED: &str = "exported";

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// User id.
    pub uid: u32,
    /// Process id.
    pub pid: i32,
    /// Whether it may learn identities: root, or the appliance's own user.
    pub trusted: bool,
}

/// Answers `request`.
#[must_use]
pub fn answer(actions: &Actions, request: &Request, caller: Caller) -> Reply {
    let answered = match request {
        Request::Status => overview::look(&actions.shared, &actions.journal, actions.threads.is_some())
            .map(|overview| Reply::Status(Box::new(overview)))
            .map_err(ActionError::from),
        Request::Studies { state } => return studies(actions, state.as_deref()),
        Request::Study { key } => found(actions, key).map(|(study, reports)| Reply::Study { study, reports }),
        Request::Retry { key } => actions.retry(key).map(|key| done(format!("study {key} is read again"))),
        Request::Discard { key } => {
            actions.discard(key).map(|key| done(format!("study {key} is not read unless new files come")))
        }
        Request::Resolve { key } => return resolve(actions, key, caller),
        Request::Outbox { after_seq } => actions
            .journal
            .look_at_outbox(*after_seq, LIST_MAX)
            .map(|messages| Reply::Outbox { messages })
            .map_err(ActionError::from),
        Request::Messages { after_seq } => messages(actions, *after_seq).map_err(ActionError::from),
        Request::Acknowledge { messages } => acknowledge(actions, messages).map_err(ActionError::from),
        Request::PutBack => put_back(actions),
        Request::Objects { after } => actions
            .journal
            .look_at_sendings(after.clone(), LIST_MAX)
            .map(|objects| Reply::Objects { objects })
            .map_err(ActionError::from),
        Request::Send { key } => {
            actions.send_objects(key).map(|key| done(format!("the objects of study {key} go to the archive")))
        }
    };
    answered.unwrap_or_else(|error| refused(&error))
}

fn put_back(actions: &Actions) -> Result<Reply, ActionError> {
    let (messages, objects) = (actions.put_back("")?, actions.put_objects_back()?);
    Ok(done(format!("{messages} messages and {objects} objects are sent again")))
}

fn done(text: String) -> Reply {
    Reply::Done { text }
}

fn refused(error: &ActionError) -> Reply {
    let why = match error {
        ActionError::NoSuchStudy(_)
        | ActionError::WrongState(..)
        | ActionError::NothingKept
        | ActionError::NoArchive => Why::Request,
        ActionError::Busy | ActionError::Journal(_) => Why::Later,
    };
    Reply::Refused { why, text: error.to_string() }
}

fn studies(actions: &Actions, state: Option<&str>) -> Reply {
    let wanted = state.map(|name| StudyState::ALL.into_iter().find(|known| known.name() == name));
    if wanted == Some(None) {
        let known = StudyState::ALL.map(StudyState::name).join(", ");
        return Reply::Refused { why: Why::Request, text: format!("a study's state is one of {known}") };
    }
    let listed = || -> Result<Reply, JournalError> {
        let studies = actions.journal.look_at_studies(wanted.flatten(), LIST_MAX)?;
        let files = quarantined_files(actions)?.into_iter().map(|(_, file)| file).collect();
        Ok(Reply::Studies { studies, files })
    };
    listed().unwrap_or_else(|error| refused(&error.into()))
}

/// Paths as bytes, beside what may be told of them.
fn quarantined_files(actions: &Actions) -> Result<Vec<(Vec<u8>, QuarantinedFile)>, JournalError> {
    let key_of = |path: &[u8]| actions.key.keyed_hash(FILE, &path.escape_ascii().to_string());
    let files = actions.journal.quarantined_files(LIST_MAX)?;
    Ok(files
        .into_iter()
        .map(|(path, reason)| {
            let file_key = key_of(&path);
            (path, QuarantinedFile { file_key, reason })
        })
        .collect())
}

fn found(actions: &Actions, key: &str) -> Result<(StudyLook, Vec<ReportLook>), ActionError> {
    let found = actions.journal.look_at_study(key)?.filter(|_| !key.is_empty());
    found.ok_or_else(|| ActionError::NoSuchStudy(key.chars().take(64).collect()))
}

fn resolve(actions: &Actions, key: &str, caller: Caller) -> Reply {
    if !caller.trusted {
        let text = "identities are told to root alone, on the device".to_owned();
        return Reply::Refused { why: Why::Permission, text };
    }
    let identity = match found(actions, key) {
        Ok((study, reports)) => identity_of(actions, &study, &reports),
        Err(ActionError::NoSuchStudy(_)) => match file_of(actions, key) {
            Ok(Some(identity)) => Ok(identity),
            Ok(None) => Err(ActionError::NoSuchStudy(key.chars().take(64).collect())),
            Err(error) => Err(error.into()),
        },
        Err(error) => Err(error),
    };
    match identity {
        Ok(identity) => {
            // No identity is told that is not written down as told.
            let by = By::User { uid: caller.uid, pid: caller.pid };
            match audit::write(&actions.shared.settings().storage.state_dir, "resolve", &identity.key, by) {
                Ok(()) => Reply::Identity(Box::new(identity)),
                Err(error) => {
                    Reply::Refused { why: Why::Later, text: format!("the audit log can't be written: {error}") }
                }
            }
        }
        Err(error) => refused(&error),
    }
}

/// From the last bundle that is still there, else from a header that a child told.
fn identity_of(actions: &Actions, study: &StudyLook, reports: &[ReportLook]) -> Result<Identity, ActionError> {
    let files = actions.journal.files_of(&study.study_key)?;
    let state_dir = actions.shared.settings().storage.state_dir.clone();
    let bundles = reports.iter().rev().filter_map(|report| report.bundle.as_deref());
    let mut bundled = bundles.filter_map(|file| Bundle::read(&bundles::find(&state_dir, file)).ok());
    let headers = files.iter().filter_map(|file| file.header.as_deref());
    let mut headers = headers.filter_map(|text| serde_json::from_slice::<InstanceHeader>(text).ok());
    let known = bundled.next().map(|bundle| bundle.identity);
    let known = known.or_else(|| headers.next().map(|header| header.identity));
    let known = known.unwrap_or_default();
    Ok(Identity {
        key: study.study_key.clone(),
        study_instance_uid: known.study_instance_uid,
        accession_number: known.accession_number,
        patient_id: known.patient_id,
        patient_name: known.patient_name,
        patient_birth_date: known.patient_birth_date,
        study_date: known.study_date,
        study_description: known.study_description,
        paths: files.iter().take(PATHS_MAX).map(|file| file.path.display().to_string()).collect(),
    })
}

fn file_of(actions: &Actions, key: &str) -> Result<Option<Identity>, JournalError> {
    use std::os::unix::ffi::OsStringExt;
    let mut fitting = quarantined_files(actions)?.into_iter().filter(|(_, file)| file.file_key.starts_with(key));
    let (Some((path, file)), None, false) = (fitting.next(), fitting.next(), key.is_empty()) else { return Ok(None) };
    let path = PathBuf::from(std::ffi::OsString::from_vec(path)).display().to_string();
    Ok(Some(Identity { key: file.file_key, paths: vec![path], ..Identity::default() }))
}

/// Messages as they would be published, those that the broker refused too. They may arrive by this way, so from now on they are repeats.
fn messages(actions: &Actions, after_seq: i64) -> Result<Reply, JournalError> {
    let root = actions.shared.settings().mqtt.root.clone();
    let rows = actions.journal.outbox_whole_after(after_seq, MESSAGES_MAX)?;
    let last_seq = rows.last().map(|row| row.seq);
    actions.journal.outbox_attempted(rows.iter().map(|row| row.seq).collect())?;
    let whole = rows.iter().filter_map(|row| {
        let payload: Value = serde_json::from_slice(&payload::completed(row, EXPORTED)?).ok()?;
        Some(WholeMessage { seq: row.seq, topic: topics::below(&root, &row.topic), payload })
    });
    Ok(Reply::Messages { messages: whole.collect(), last_seq })
}

/// Takes out the messages whose id is the one named; a number alone could be another device's.
fn acknowledge(actions: &Actions, named: &[(i64, String)]) -> Result<Reply, JournalError> {
    let mut known = Vec::new();
    for (seq, msg_id) in named.iter().take(MESSAGES_MAX) {
        let rows = actions.journal.outbox_whole_after(seq.saturating_sub(1), 1)?;
        let is_it = |row: &crate::appliance::journal::OutboxRow| {
            let content: Value = serde_json::from_slice(&row.payload).unwrap_or_default();
            row.seq == *seq && content.get("msg_id").and_then(Value::as_str) == Some(msg_id)
        };
        known.extend(rows.iter().filter(|row| is_it(row)).map(|row| row.seq));
    }
    let count = known.len();
    actions.delivered(known, Durable::Now)?;
    log::info!("{count} messages arrived by another way");
    Ok(done(format!("{count} of {} messages are delivered; the others were not waiting here", named.len())))
}
