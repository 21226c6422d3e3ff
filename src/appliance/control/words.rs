//! What is said on the control socket: one request and one reply a connection, in frames of bounded length.

use serde::{Deserialize, Serialize};

use crate::appliance::journal::{OutboxLook, ReportLook, SendingLook, StudyLook};
use crate::appliance::overview::Overview;

/// Longest request, bytes.
pub const REQUEST_BYTES_MAX: u64 = 64 * 1024;
/// Most entries of a list in one reply.
pub const LIST_MAX: usize = 1000;
/// Most messages in one request or reply that carries whole messages or their ids.
pub const MESSAGES_MAX: usize = 256;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, tag = "ask")]
pub enum Request {
    /// How everything is.
    Status,
    /// The studies, those in one state alone where it is named, the last changed first.
    Studies {
        /// [`crate::appliance::journal::StudyState::name`].
        state: Option<String>,
    },
    /// One study and its reports.
    Study {
        /// Its key, or the beginning of it.
        key: String,
    },
    /// Give a study its attempts back.
    Retry {
        /// Its key, or the beginning of it.
        key: String,
    },
    /// Have a study not be read.
    Discard {
        /// Its key, or the beginning of it.
        key: String,
    },
    /// Whose study, or which file, a key stands for. To root alone; audited.
    Resolve {
        /// A study's key or a file's, or the beginning of it.
        key: String,
    },
    /// The messages that wait after one of them.
    Outbox {
        /// Sequence number; 0 for all.
        after_seq: i64,
    },
    /// The same messages whole, as they would be published.
    Messages {
        /// Sequence number; 0 for all.
        after_seq: i64,
    },
    /// These messages arrived by another way.
    Acknowledge {
        /// Sequence number and message id of each; at most [`MESSAGES_MAX`].
        messages: Vec<(i64, String)>,
    },
    /// Send again what the broker refused, and what the archive refused.
    PutBack,
    /// The objects that wait for the archive, after one of them.
    Objects {
        /// Report id and name of the last that was told; `None` for all.
        after: Option<(String, String)>,
    },
    /// Send the objects of a study's last report to the archive, again where it has them.
    Send {
        /// Its key, or the beginning of it.
        key: String,
    },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Reply {
    /// To [`Request::Status`].
    Status(Box<Overview>),
    /// To [`Request::Studies`].
    Studies {
        /// The studies; at most [`LIST_MAX`].
        studies: Vec<StudyLook>,
        /// Files that ended the child that looked at them as often as they may.
        files: Vec<QuarantinedFile>,
    },
    /// To [`Request::Study`].
    Study {
        /// The study.
        study: StudyLook,
        /// Its reports, the first one first.
        reports: Vec<ReportLook>,
    },
    /// To [`Request::Resolve`].
    Identity(Box<Identity>),
    /// To [`Request::Outbox`].
    Outbox {
        /// The messages; at most [`LIST_MAX`].
        messages: Vec<OutboxLook>,
    },
    /// To [`Request::Objects`].
    Objects {
        /// The objects; at most [`LIST_MAX`].
        objects: Vec<SendingLook>,
    },
    /// To [`Request::Messages`].
    Messages {
        /// The messages; at most [`MESSAGES_MAX`].
        messages: Vec<WholeMessage>,
        /// The last of those looked at, a damaged one too; none where there is none left.
        last_seq: Option<i64>,
    },
    /// It was done.
    Done {
        /// What, in words.
        text: String,
    },
    /// It was not done.
    Refused {
        /// Why.
        why: Why,
        /// In words.
        text: String,
    },
}

/// Why something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The request is wrong, or about something that is not there.
    Request,
    /// The caller may not ask that.
    Permission,
    /// The appliance can't do it now.
    Later,
}

/// A file that is not looked at any more. Its name may name a patient, so it is known by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedFile {
    /// Keyed hash of its path.
    pub file_key: String,
    /// What it did to the children that looked at it.
    pub reason: String,
}

/// A message as it would be published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WholeMessage {
    /// Its place in the order of commits.
    pub seq: i64,
    /// The whole topic.
    pub topic: String,
    /// The payload.
    pub payload: serde_json::Value,
}

/// Whose study, or which file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// The whole key.
    pub key: String,
    /// StudyInstanceUID (0020,000D).
    pub study_instance_uid: String,
    /// AccessionNumber (0008,0050).
    pub accession_number: String,
    /// PatientID (0010,0020).
    pub patient_id: String,
    /// PatientName (0010,0010).
    pub patient_name: String,
    /// PatientBirthDate (0010,0030).
    pub patient_birth_date: String,
    /// StudyDate (0008,0020).
    pub study_date: String,
    /// StudyDescription (0008,1030).
    pub study_description: String,
    /// Files in the export folder; the first few.
    pub paths: Vec<String>,
}
