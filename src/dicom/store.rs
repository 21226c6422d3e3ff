//! Sends objects to an archive: the storage service class (DICOM PS3.4 Annex B) over an association (PS3.8).
//!
//! One object after the other, each answered before the next is sent. What the archive says of an object is a
//! [`Verdict`]; what goes wrong with the association is a [`StoreError`], and says nothing about the object. The archive's
//! own words are never passed on: they may quote the patient's name.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::TransferSyntaxIndex;
use dicom_object::{DefaultDicomObject, InMemDicomObject};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use dicom_transfer_syntax_registry::entries::IMPLICIT_VR_LITTLE_ENDIAN;
use dicom_ul::ClientAssociation;
use dicom_ul::association::Error as UpperLayerError;
use dicom_ul::association::client::ClientAssociationOptions;
use dicom_ul::pdu::{PDataValue, PDataValueType, Pdu};

/// Longest command set that is taken of an archive, bytes: an answer has a dozen short elements (PS3.7 9.3.1.2).
const COMMAND_BYTES_MAX: usize = 16 << 10;
/// Longest PDU that is taken of an archive, bytes.
const PDU_BYTES_MAX: u32 = 16 << 10;
/// An archive that takes only shorter PDUs than this can't be spoken to, bytes.
const PEER_PDU_BYTES_MIN: u32 = 512;
/// How an object may be encoded on its way; the archive chooses (PS3.5 10.1 asks for the first of all).
const TRANSFER_SYNTAXES: [&str; 2] = [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN];
/// Command fields (PS3.7 Annex E.1).
const STORE_REQUEST: u16 = 0x0001;
const STORE_RESPONSE: u16 = 0x8001;
const ECHO_REQUEST: u16 = 0x0030;
const ECHO_RESPONSE: u16 = 0x8030;
/// Command Data Set Type: a data set follows, and none does (PS3.7 E.1).
const WITH_DATA_SET: u16 = 0x0000;
const WITHOUT_DATA_SET: u16 = 0x0101;
/// Priority: medium.
const MEDIUM: u16 = 0x0000;

/// The archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive<'a> {
    /// Where it may be.
    pub addresses: &'a [SocketAddr],
    /// Its application entity title.
    pub called_ae_title: &'a str,
    /// Ours.
    pub calling_ae_title: &'a str,
    /// How long it may take to take a connection, and for each answer.
    pub patience: Duration,
}

/// What the archive says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It has it; a status other than 0 is a warning.
    Taken(u16),
    /// It has no room for it, for now.
    NotNow(u16),
    /// It does not want it: why, in our words.
    Refused(String),
}

/// What went wrong with the association.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is none.
    #[error("the archive can't be reached: {0}")]
    Unreachable(String),
    /// It was turned down.
    #[error("the archive rejects the association: {0}; check both application entity titles")]
    Rejected(String),
    /// It takes nothing of what is offered.
    #[error("the archive takes none of the objects that are offered")]
    TakesNothing,
    /// It broke off.
    #[error("the connection broke off: {0}")]
    Broken(String),
    /// The archive does not keep to the protocol.
    #[error("the archive answers with {0}")]
    Nonsense(&'static str),
}

/// An object on its way: whole, with what the archive must know of it before.
#[derive(Debug, Clone)]
pub struct Sendable {
    object: DefaultDicomObject,
    sop_class_uid: String,
    sop_instance_uid: String,
}

impl Sendable {
    /// The object in a Part 10 file of ours.
    ///
    /// # Errors
    /// What the decoder says.
    pub fn of_file(bytes: &[u8]) -> Result<Self, String> {
        let object = dicom_object::from_reader(bytes).map_err(|e| e.to_string())?;
        let trimmed = |uid: &str| uid.trim_end_matches(['\0', ' ']).to_owned();
        let sop_class_uid = trimmed(object.meta().media_storage_sop_class_uid());
        let sop_instance_uid = trimmed(object.meta().media_storage_sop_instance_uid());
        Ok(Self { object, sop_class_uid, sop_instance_uid })
    }

    /// Its SOP Class UID.
    #[must_use]
    pub fn sop_class_uid(&self) -> &str {
        &self.sop_class_uid
    }

    /// The data set as the archive wants it encoded; `None` where nobody here knows how.
    fn encoded(&self, transfer_syntax_uid: &str) -> Option<Vec<u8>> {
        let syntax = TransferSyntaxRegistry.get(transfer_syntax_uid.trim_end_matches('\0'))?;
        let mut bytes = Vec::new();
        self.object.write_dataset_with_ts(&mut bytes, syntax).ok()?;
        Some(bytes)
    }
}

/// Whether the archive takes an association and says that it is there.
///
/// # Errors
/// See [`StoreError`].
pub fn is_there(archive: Archive<'_>) -> Result<(), StoreError> {
    let mut association = Association::request(archive, &[uids::VERIFICATION])?;
    let status = association.echo()?;
    association.release();
    if status == 0 { Ok(()) } else { Err(StoreError::Nonsense("a failure, asked whether it is there")) }
}

/// An association with an archive.
pub struct Association {
    inner: ClientAssociation<TcpStream>,
    messages: u16,
}

impl Association {
    /// Asks for an association that may carry objects of `sop_classes`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn request(archive: Archive<'_>, sop_classes: &[&str]) -> Result<Self, StoreError> {
        let mut options = ClientAssociationOptions::new()
            .calling_ae_title(archive.calling_ae_title)
            .called_ae_title(archive.called_ae_title)
            .max_pdu_length(PDU_BYTES_MAX)
            .connection_timeout(archive.patience)
            .read_timeout(archive.patience)
            .write_timeout(archive.patience);
        for sop_class in sop_classes {
            options = options.with_presentation_context(*sop_class, TRANSFER_SYNTAXES.to_vec());
        }
        let inner = options.establish(archive.addresses).map_err(not_established)?;
        if inner.acceptor_max_pdu_length() < PEER_PDU_BYTES_MIN {
            return Err(StoreError::Nonsense("a length of messages that nothing fits into"));
        }
        Ok(Self { inner, messages: 0 })
    }

    /// Sends one object, and waits for what the archive says of it (PS3.7 9.1.1).
    ///
    /// # Errors
    /// See [`StoreError`]; whether the archive has the object is not known then.
    pub fn store(&mut self, sendable: &Sendable) -> Result<Verdict, StoreError> {
        let Sendable { sop_class_uid, sop_instance_uid, .. } = sendable;
        let Some((context, transfer_syntax)) = self.context_of(sop_class_uid) else {
            return Ok(Verdict::Refused("it takes no objects of this kind".to_owned()));
        };
        let Some(data_set) = sendable.encoded(&transfer_syntax) else {
            return Ok(Verdict::Refused("it wants an encoding that was not offered".to_owned()));
        };
        let status = self.exchange(context, STORE_RESPONSE, Some(&data_set), |command| {
            command.put_str(tags::AFFECTED_SOP_CLASS_UID, VR::UI, &**sop_class_uid);
            put_number(command, tags::COMMAND_FIELD, STORE_REQUEST);
            put_number(command, tags::PRIORITY, MEDIUM);
            put_number(command, tags::COMMAND_DATA_SET_TYPE, WITH_DATA_SET);
            command.put_str(tags::AFFECTED_SOP_INSTANCE_UID, VR::UI, &**sop_instance_uid);
        })?;
        Ok(verdict(status))
    }

    /// Asks whether the archive is there (PS3.7 9.1.5); its status, 0 where all is well.
    fn echo(&mut self) -> Result<u16, StoreError> {
        let (context, _) = self.context_of(uids::VERIFICATION).ok_or(StoreError::TakesNothing)?;
        self.exchange(context, ECHO_RESPONSE, None, |command| {
            command.put_str(tags::AFFECTED_SOP_CLASS_UID, VR::UI, uids::VERIFICATION);
            put_number(command, tags::COMMAND_FIELD, ECHO_REQUEST);
            put_number(command, tags::COMMAND_DATA_SET_TYPE, WITHOUT_DATA_SET);
        })
    }

    /// Ends it. What was answered before stands, however this ends.
    pub fn release(self) {
        let _ = self.inner.release();
    }

    /// Number and transfer syntax of the presentation context that the archive accepted for `sop_class`.
    fn context_of(&self, sop_class: &str) -> Option<(u8, String)> {
        let mut accepted = self.inner.presentation_contexts().iter();
        let context = accepted.find(|context| context.abstract_syntax.trim_end_matches('\0') == sop_class)?;
        Some((context.id, context.transfer_syntax.clone()))
    }

    /// Sends a command and its data set; the status of the answer.
    fn exchange(
        &mut self,
        context: u8,
        response: u16,
        data_set: Option<&[u8]>,
        fill: impl FnOnce(&mut InMemDicomObject),
    ) -> Result<u16, StoreError> {
        self.messages = self.messages.wrapping_add(1);
        let command = command_set(self.messages, fill)?;
        let value = PDataValue {
            presentation_context_id: context,
            value_type: PDataValueType::Command,
            is_last: true,
            data: command,
        };
        self.inner.send(&Pdu::PData { data: vec![value] }).map_err(broken)?;
        if let Some(data_set) = data_set {
            let mut to = self.inner.send_pdata(context);
            to.write_all(data_set).and_then(|()| to.finish()).map_err(broken)?;
        }
        let answer = self.answer()?;
        let number = |tag| answer.element(tag).ok().and_then(|element| element.to_int::<u16>().ok());
        if number(tags::COMMAND_FIELD) != Some(response)
            || number(tags::MESSAGE_ID_BEING_RESPONDED_TO) != Some(self.messages)
        {
            return Err(StoreError::Nonsense("something that was not asked"));
        }
        number(tags::STATUS).ok_or(StoreError::Nonsense("no status"))
    }

    /// The next command of the archive.
    fn answer(&mut self) -> Result<InMemDicomObject, StoreError> {
        let mut bytes = Vec::new();
        loop {
            let values = match self.inner.receive().map_err(broken)? {
                Pdu::PData { data } => data,
                Pdu::AbortRQ { .. } => return Err(StoreError::Broken("the archive aborted it".to_owned())),
                Pdu::ReleaseRQ => return Err(StoreError::Broken("the archive ended it".to_owned())),
                _ => return Err(StoreError::Nonsense("a message that has no place there")),
            };
            for value in values {
                if value.value_type != PDataValueType::Command {
                    return Err(StoreError::Nonsense("data where its status was due"));
                }
                bytes.extend(value.data);
                if bytes.len() > COMMAND_BYTES_MAX {
                    return Err(StoreError::Nonsense("a command without an end"));
                }
                if value.is_last {
                    return InMemDicomObject::read_dataset_with_ts(
                        bytes.as_slice(),
                        &IMPLICIT_VR_LITTLE_ENDIAN.erased(),
                    )
                    .map_err(|_| StoreError::Nonsense("a command that can't be read"));
                }
            }
        }
    }
}

/// A command set (PS3.7 6.3.1): implicit VR little endian, its length first.
fn command_set(message_id: u16, fill: impl FnOnce(&mut InMemDicomObject)) -> Result<Vec<u8>, StoreError> {
    let mut command = InMemDicomObject::new_empty();
    put_number(&mut command, tags::MESSAGE_ID, message_id);
    fill(&mut command);
    let encoded = |command: &InMemDicomObject| {
        let mut bytes = Vec::new();
        command
            .write_dataset_with_ts(&mut bytes, &IMPLICIT_VR_LITTLE_ENDIAN.erased())
            .map(|()| bytes)
            .map_err(|e| StoreError::Broken(e.to_string()))
    };
    let length = u32::try_from(encoded(&command)?.len()).map_err(|e| StoreError::Broken(e.to_string()))?;
    command.put(DataElement::new(tags::COMMAND_GROUP_LENGTH, VR::UL, PrimitiveValue::from(length)));
    encoded(&command)
}

fn put_number(command: &mut InMemDicomObject, tag: dicom_core::Tag, value: u16) {
    command.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
}

/// What a status means (PS3.4 B.2.3, PS3.7 Annex C).
fn verdict(status: u16) -> Verdict {
    match status {
        // 0111H: it has an object of this UID, which only the same object has.
        0x0000 | 0x0001 | 0x0107 | 0x0111 | 0x0116 | 0xB000..=0xBFFF => Verdict::Taken(status),
        0xA700..=0xA7FF => Verdict::NotNow(status),
        other => Verdict::Refused(format!("status {other:04X}H: {}", meaning(other))),
    }
}

const fn meaning(status: u16) -> &'static str {
    match status {
        0x0110 => "processing failure",
        0x0117 => "it does not like the UID",
        0x0122 => "it takes no objects of this kind",
        0x0124 => "not authorised",
        0x0210..=0x0212 => "it does not understand the request",
        0xA900..=0xA9FF => "the object does not fit its kind, it says",
        0xC000..=0xCFFF => "it does not understand the object",
        _ => "a failure",
    }
}

fn not_established(error: UpperLayerError) -> StoreError {
    match error {
        UpperLayerError::Rejected { association_rj, .. } => {
            StoreError::Rejected(format!("{:?}", association_rj.source).to_lowercase())
        }
        UpperLayerError::NoAcceptedPresentationContexts { .. } => StoreError::TakesNothing,
        other => StoreError::Unreachable(words(&other)),
    }
}

fn broken(error: impl std::error::Error + 'static) -> StoreError {
    StoreError::Broken(words(&error))
}

/// What the system said, where it said something; never what the archive said.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return match error.kind() {
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => "no answer in time".to_owned(),
                _ => error.to_string(),
            };
        }
        if let Some(UpperLayerError::ConnectionClosed { .. }) = error.downcast_ref() {
            return "the archive closed it".to_owned();
        }
        cause = error.source();
    }
    "the archive does not keep to the protocol".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_taken_for_what_the_standard_says() {
        assert_eq!(verdict(0), Verdict::Taken(0));
        assert_eq!(verdict(0xB007), Verdict::Taken(0xB007));
        assert_eq!(verdict(0xA700), Verdict::NotNow(0xA700));
        for refused in [0x0110, 0x0122, 0xA900, 0xC123, 0xFE00] {
            assert!(matches!(verdict(refused), Verdict::Refused(_)), "{refused:04x}");
        }
    }

    #[test]
    fn a_command_begins_with_its_length() {
        let bytes = command_set(7, |command| put_number(command, tags::COMMAND_FIELD, ECHO_REQUEST));
        assert!(bytes.is_ok_and(|bytes| bytes.len() == 12 + 2 * 10
            && bytes.get(..12) == Some([0, 0, 0, 0, 4, 0, 0, 0, 20, 0, 0, 0].as_slice())));
    }
}
