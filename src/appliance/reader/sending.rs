//! What a child does that sends objects to the clinic's archive: makes them from the bundle, and sends one after the other.
//!
//! Everything that the archive says is taken here, shut in, and never in the supervisor.

use std::net::SocketAddr;
use std::time::Duration;

use super::protocol::{ObjectVerdict, SendReply, SendRequest, SentObject};
use crate::dicom::store::{Archive, Association, Sendable, StoreError, Verdict};
use crate::dicom::write::Packing;
use crate::export::{Bundle, ViewerObject};

/// Sends what was asked for to one of `addresses`.
#[must_use]
pub fn send(request: &SendRequest, addresses: &[SocketAddr]) -> SendReply {
    let objects = match made(request) {
        Ok(objects) => objects,
        Err(reason) => return SendReply::Unreadable { reason },
    };
    let mut sent = Vec::new();
    let mut to_send = Vec::new();
    for (object, sendable) in objects {
        match sendable {
            Some(sendable) => to_send.push((object, sendable)),
            None => sent.push(SentObject { object, verdict: ObjectVerdict::Absent }),
        }
    }
    if to_send.is_empty() {
        return SendReply::Done { sent, broken: None };
    }
    let mut sop_classes: Vec<&str> = to_send.iter().map(|(_, sendable)| sendable.sop_class_uid()).collect();
    sop_classes.sort_unstable();
    sop_classes.dedup();
    let archive = Archive {
        addresses,
        called_ae_title: &request.called_ae_title,
        calling_ae_title: &request.calling_ae_title,
        patience: Duration::from_secs(request.patience_secs),
    };
    let mut association = match Association::request(archive, &sop_classes) {
        Ok(association) => association,
        Err(StoreError::TakesNothing) => return none_taken(sent, to_send),
        Err(error) => return SendReply::Unreachable { sent, reason: error.to_string() },
    };
    for (object, sendable) in to_send {
        match association.store(&sendable) {
            Ok(verdict) => sent.push(SentObject { object, verdict: verdict.into() }),
            Err(error) => return SendReply::Done { sent, broken: Some((object, error.to_string())) },
        }
    }
    association.release();
    SendReply::Done { sent, broken: None }
}

/// The objects that were asked for; `None` for one that the reading has nothing for.
fn made(request: &SendRequest) -> Result<Vec<(String, Option<Sendable>)>, String> {
    let bundle = Bundle::read(&request.bundle).map_err(|error| error.to_string())?;
    let of = |name: &String| {
        let object = ViewerObject::from_name(name).ok_or_else(|| format!("there is no object {name:?}"))?;
        let file = object.encode(&bundle, Packing::Plain)?;
        Ok((name.clone(), file.map(|bytes| Sendable::of_file(&bytes)).transpose()?))
    };
    request.objects.iter().map(of).collect()
}

/// The archive speaks DICOM, and wants no kind of object that there is to send.
fn none_taken(mut sent: Vec<SentObject>, to_send: Vec<(String, Sendable)>) -> SendReply {
    let reason = StoreError::TakesNothing.to_string();
    let refused = |object| SentObject { object, verdict: ObjectVerdict::Refused { reason: reason.clone() } };
    sent.extend(to_send.into_iter().map(|(object, _)| refused(object)));
    SendReply::Done { sent, broken: None }
}

impl From<Verdict> for ObjectVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Taken(status) => Self::Taken { status },
            Verdict::NotNow(status) => Self::NotNow { status },
            Verdict::Refused(reason) => Self::Refused { reason },
        }
    }
}
