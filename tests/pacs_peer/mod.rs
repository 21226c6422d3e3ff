//! An archive of the test's own: keeps what it is sent in memory, and behaves as the test wants.
#![allow(dead_code, clippy::expect_used, clippy::allow_attributes, reason = "each promise uses its part of this")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTable, InMemDicomObject};
use dicom_transfer_syntax_registry::entries::IMPLICIT_VR_LITTLE_ENDIAN;
use dicom_ul::ServerAssociation;
use dicom_ul::association::ServerAssociationOptions;
use dicom_ul::pdu::{PDataValue, PDataValueType, Pdu};
use flate2::read::DeflateDecoder;

/// The SOP Instance UID of a file of ours, and its data set as explicit VR little endian.
pub(crate) fn read_object(path: &Path) -> (String, Vec<u8>) {
    let bytes = std::fs::read(path).expect("the file is there");
    let mut rest = bytes.get(128..).expect("a preamble");
    let meta = FileMetaTable::from_reader(&mut rest).expect("we wrote it");
    let uid = meta.media_storage_sop_instance_uid().trim_end_matches('\0').to_owned();
    let mut data_set = Vec::new();
    if meta.transfer_syntax() == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
        DeflateDecoder::new(rest).read_to_end(&mut data_set).expect("it can be inflated");
    } else {
        data_set.extend_from_slice(rest);
    }
    (uid, data_set)
}

/// SOP class of segmentations.
pub(crate) const SEGMENTATION: &str = "1.2.840.10008.5.1.4.1.1.66.4";
/// SOP class of the structured report.
pub(crate) const REPORT: &str = "1.2.840.10008.5.1.4.1.1.88.34";
/// SOP class of secondary captures.
pub(crate) const CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";

/// How it behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Takes everything.
    Takes,
    /// Answers objects of one class with a status.
    Answers(&'static str, u16),
    /// Aborts the association when an object of this class comes.
    AbortsAt(&'static str),
    /// Takes connections and says nothing.
    Silent,
    /// Says something that is no DICOM.
    NoDicom,
    /// Accepts associations only with messages that nothing fits into.
    TinyMessages,
}

/// The data sets that came under each SOP Instance UID, in the order in which they came.
type Kept = BTreeMap<String, Vec<Vec<u8>>>;

/// A running archive; gone with its owner.
pub(crate) struct Peer {
    pub(crate) port: u16,
    manner: Arc<Mutex<Manner>>,
    kept: Arc<Mutex<Kept>>,
    over: Arc<AtomicBool>,
    associations: Arc<AtomicU64>,
}

impl Peer {
    pub(crate) fn start(port: u16, manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let peer = Self {
            port: listener.local_addr().expect("it has an address").port(),
            manner: Arc::new(Mutex::new(manner)),
            kept: Arc::default(),
            over: Arc::default(),
            associations: Arc::default(),
        };
        let (manner, kept) = (Arc::clone(&peer.manner), Arc::clone(&peer.kept));
        let (over, associations) = (Arc::clone(&peer.over), Arc::clone(&peer.associations));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                associations.fetch_add(1, Ordering::SeqCst);
                let (manner, kept) = (Arc::clone(&manner), Arc::clone(&kept));
                // What a connection that is cut off leaves behind is nobody's fault.
                std::thread::spawn(move || serve(stream, &manner, &kept));
            }
        });
        peer
    }

    pub(crate) fn becomes(&self, manner: Manner) {
        *self.manner.lock().expect("nobody panics with it") = manner;
    }

    pub(crate) fn kept(&self) -> Kept {
        self.kept.lock().expect("nobody panics with it").clone()
    }

    /// Connections so far.
    pub(crate) fn associations(&self) -> u64 {
        self.associations.load(Ordering::SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(mut stream: TcpStream, manner: &Mutex<Manner>, kept: &Mutex<Kept>) -> Option<()> {
    let manners = manner.lock().ok()?.clone();
    let options = ServerAssociationOptions::new().accept_any().ae_title("ARCHIVE").promiscuous(true);
    match manners {
        Manner::Silent => {
            std::thread::sleep(Duration::from_secs(120));
            return None;
        }
        Manner::NoDicom => {
            let _ = stream.read(&mut [0; 512]);
            return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
        }
        Manner::TinyMessages => return accept_with_tiny_messages(&mut stream),
        _ => {}
    }
    let mut association = options.establish(stream).ok()?;
    loop {
        let (context, command) = next_command(&mut association)?;
        let number = |tag| command.element(tag).ok()?.to_int::<u16>().ok();
        let text = |tag| Some(command.element(tag).ok()?.to_str().ok()?.trim_end_matches('\0').to_owned());
        let mut status = 0;
        let mut response = 0x8030;
        if number(tags::COMMAND_FIELD)? == 1 {
            response = 0x8001;
            let class = text(tags::AFFECTED_SOP_CLASS_UID)?;
            let manners = manner.lock().ok()?.clone();
            if manners == Manner::AbortsAt(SEGMENTATION) && class == SEGMENTATION {
                return association.abort().ok();
            }
            let data_set = all_data(&mut association)?;
            match manners {
                Manner::Answers(of, answer) if of == class => status = answer,
                _ => {
                    let uid = text(tags::AFFECTED_SOP_INSTANCE_UID)?;
                    kept.lock().ok()?.entry(uid).or_default().push(data_set);
                }
            }
        }
        answer(&mut association, context, response, number(tags::MESSAGE_ID)?, status)?;
    }
}

/// Accepts whatever association is asked for, in messages of at most 16 bytes (DICOM PS3.8 9.3.3), and waits for its end.
fn accept_with_tiny_messages(stream: &mut TcpStream) -> Option<()> {
    let mut head = [0; 6];
    stream.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes([head[2], head[3], head[4], head[5]]);
    let mut asked = vec![0; length as usize];
    stream.read_exact(&mut asked).ok()?;
    let item = |kind: u8, body: &[u8]| [&[kind, 0], (body.len() as u16).to_be_bytes().as_slice(), body].concat();
    let context = [[1, 0, 0, 0].as_slice(), &item(0x40, b"1.2.840.10008.1.2.1")].concat();
    let user = [item(0x51, &16_u32.to_be_bytes()), item(0x52, b"2.25.1")].concat();
    let body = [
        [0, 1, 0, 0].to_vec(),
        asked.get(4..68)?.to_vec(),
        item(0x10, b"1.2.840.10008.3.1.1.1"),
        item(0x21, &context),
        item(0x50, &user),
    ]
    .concat();
    let accept = [[2, 0].as_slice(), &(body.len() as u32).to_be_bytes(), &body].concat();
    stream.write_all(&accept).ok()?;
    let _ = stream.read(&mut [0; 64]);
    Some(())
}

/// The next command and its presentation context; `None` at the end of the association.
fn next_command(association: &mut ServerAssociation<TcpStream>) -> Option<(u8, InMemDicomObject)> {
    match association.receive().ok()? {
        Pdu::PData { data } => {
            let value = data.first().filter(|value| value.value_type == PDataValueType::Command)?;
            let syntax = IMPLICIT_VR_LITTLE_ENDIAN.erased();
            let command = InMemDicomObject::read_dataset_with_ts(value.data.as_slice(), &syntax).ok()?;
            Some((value.presentation_context_id, command))
        }
        Pdu::ReleaseRQ => {
            let _ = association.send(&Pdu::ReleaseRP);
            None
        }
        _ => None,
    }
}

fn all_data(association: &mut ServerAssociation<TcpStream>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    association.receive_pdata().read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn answer(
    association: &mut ServerAssociation<TcpStream>,
    context: u8,
    response: u16,
    message: u16,
    status: u16,
) -> Option<()> {
    let mut command = InMemDicomObject::new_empty();
    for (tag, value) in [
        (tags::COMMAND_FIELD, response),
        (tags::MESSAGE_ID_BEING_RESPONDED_TO, message),
        (tags::COMMAND_DATA_SET_TYPE, 0x0101),
        (tags::STATUS, status),
    ] {
        command.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }
    // Words that must not leave the child that hears them.
    command.put_str(tags::ERROR_COMMENT, VR::LO, "no place for DOE^JANE");
    let mut data = Vec::new();
    command.write_dataset_with_ts(&mut data, &IMPLICIT_VR_LITTLE_ENDIAN.erased()).ok()?;
    let value_type = PDataValueType::Command;
    let value = PDataValue { presentation_context_id: context, value_type, is_last: true, data };
    association.send(&Pdu::PData { data: vec![value] }).ok()
}
