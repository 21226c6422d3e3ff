//! Opens a file as a DICOM object: finds its encoding, keeps the header elements that are needed,
//! and notes where the pixels lie (DICOM PS3.10 7, and bare data sets).
//!
//! The header's bytes are copied element by element, only those of the tags in [`is_kept`], so that
//! what a vendor put into private groups never reaches the parser.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use flate2::read::DeflateDecoder;
use sha2::{Digest, Sha256};

use super::error::{Limit, Reason};
use super::limits::{FILE_BYTES_MAX, HEADER_BYTES_MAX, INFLATED_BYTES_MAX};
use super::syntax::{self, Encoding};
use super::walk::{Element, Fragments, Walker, is_sequence};

const PREAMBLE_BYTES: u64 = 128;
const MAGIC: [u8; 4] = *b"DICM";
/// Bytes hashed at a time.
const DIGEST_CHUNK_BYTES: u64 = 64 << 10;
/// Longest single value that is kept, sequences apart.
const VALUE_BYTES_MAX: u32 = 16 << 10;

/// Where the pixels of an object lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PixelPlace {
    /// As they are, `length` bytes from `offset` on; `present` of them are in the file.
    Native { offset: u64, length: u64, present: u64 },
    /// Encapsulated in fragments.
    Encapsulated(Fragments),
}

/// An open object.
pub(super) struct Object {
    walker: Walker,
    /// Transfer Syntax UID, as declared or guessed.
    pub(super) syntax_uid: String,
    /// How the data set is encoded.
    pub(super) encoding: Encoding,
    /// The kept elements, in that encoding.
    pub(super) header: Vec<u8>,
    /// The pixels, where there are any.
    pub(super) pixels: Option<PixelPlace>,
    /// Whether this is a media directory rather than an object of a study.
    pub(super) is_directory: bool,
    /// Media Storage SOP Class UID of the file meta information; empty where there is none.
    pub(super) media_class_uid: String,
}

impl Object {
    /// Opens the file at `path`; its header has what describes an image.
    pub(super) fn open(path: &Path) -> Result<Self, Reason> {
        Self::open_keeping(path, is_kept)
    }

    /// Opens the file at `path`; its header has the elements that `keep` says.
    pub(super) fn open_keeping(path: &Path, keep: fn(Element) -> bool) -> Result<Self, Reason> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        if bytes > FILE_BYTES_MAX {
            return Err(Limit::FileBytes(bytes).into());
        }
        Self::from_walker(Walker::new(Box::new(file), bytes), keep)
    }

    fn from_walker(mut walker: Walker, keep: fn(Element) -> bool) -> Result<Self, Reason> {
        let has_magic = skip_preamble(&mut walker)?;
        let meta = read_meta(&mut walker)?;
        if !has_magic && !meta.found && !looks_bare(&mut walker)? {
            return Err(Reason::NotDicom);
        }
        let declared = meta.syntax_uid.filter(|uid| !uid.is_empty());
        if declared.as_deref().is_some_and(syntax::is_deflated) {
            walker = inflate(walker)?;
        }
        let guess = guess_encoding(&mut walker)?;
        let encoding = match declared.as_deref().map(syntax::encoding) {
            // an implicit and an explicit data set can't be taken for each other, so the bytes are believed
            Some(declared) if declared.big_endian == guess.big_endian && declared.explicit_vr == guess.explicit_vr => {
                declared
            }
            _ => guess,
        };
        let syntax_uid = declared.unwrap_or_else(|| encoding.uid().to_owned());
        walker.encoding = encoding;
        let (header, pixels) = read_data_set(&mut walker, keep)?;
        let is_directory = meta.class_uid == dicom_dictionary_std::uids::MEDIA_STORAGE_DIRECTORY_STORAGE;
        Ok(Self { walker, syntax_uid, encoding, header, pixels, is_directory, media_class_uid: meta.class_uid })
    }

    /// `length` bytes of the object from `offset` on.
    pub(super) fn bytes(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, Reason> {
        self.walker.seek(offset)?;
        self.walker.bytes(length)
    }

    /// SHA-256 of the pixel data as they are in the file: the native bytes, or all fragments in a row.
    pub(super) fn pixel_digest(&mut self) -> Result<[u8; 32], Reason> {
        let spans = match &self.pixels {
            None => return Err(Reason::NotAnImage),
            Some(PixelPlace::Native { offset, present, .. }) => vec![(*offset, *present)],
            Some(PixelPlace::Encapsulated(fragments)) => {
                fragments.spans.iter().map(|(offset, length)| (*offset, u64::from(*length))).collect()
            }
        };
        let mut hasher = Sha256::new();
        for (offset, length) in spans {
            let mut done = 0;
            while done < length {
                let count = (length - done).min(DIGEST_CHUNK_BYTES);
                hasher.update(self.bytes(offset + done, count)?);
                done += count;
            }
        }
        Ok(hasher.finalize().into())
    }
}

/// Goes past the preamble, if there is one, and says whether there was.
fn skip_preamble(walker: &mut Walker) -> Result<bool, Reason> {
    if walker.remaining() >= PREAMBLE_BYTES + 4 {
        walker.seek(PREAMBLE_BYTES)?;
        if walker.array::<4>()? == MAGIC {
            return Ok(true);
        }
        walker.seek(0)?;
    }
    Ok(false)
}

#[derive(Default)]
struct Meta {
    found: bool,
    syntax_uid: Option<String>,
    class_uid: String,
}

/// Reads the file meta information, if there is any: all elements of group 0002, whatever its
/// group length says, and leaves the walker at the data set.
fn read_meta(walker: &mut Walker) -> Result<Meta, Reason> {
    let mut meta = Meta::default();
    while walker.remaining() >= 8 {
        let start = walker.position();
        let first: [u8; 6] = walker.array()?;
        walker.seek(start)?;
        if first[..2] != [2, 0] {
            break;
        }
        walker.encoding = Encoding::guess(first);
        let Some(element) = walker.element()? else { break };
        meta.found = true;
        let uid = matches!(element.tag, tags::TRANSFER_SYNTAX_UID | tags::MEDIA_STORAGE_SOP_CLASS_UID);
        match element.length {
            Some(length) if uid && length <= VALUE_BYTES_MAX => {
                let text = trimmed(&walker.bytes(u64::from(length))?);
                if element.tag == tags::TRANSFER_SYNTAX_UID {
                    meta.syntax_uid = Some(text);
                } else {
                    meta.class_uid = text;
                }
            }
            _ => walker.pass(element, false)?,
        }
    }
    Ok(meta)
}

fn trimmed(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_matches(['\0', ' ']).to_owned()
}

/// Whether a file without preamble and meta information starts like a data set: with a low,
/// even group and a value that fits.
fn looks_bare(walker: &mut Walker) -> Result<bool, Reason> {
    if walker.remaining() < 8 {
        return Ok(false);
    }
    let start = walker.position();
    let first: [u8; 6] = walker.array()?;
    walker.seek(start)?;
    walker.encoding = Encoding::guess(first);
    let fits = match walker.element() {
        Ok(Some(element)) => {
            matches!(element.tag.group(), 0x0008 | 0x0010)
                && element.length.is_some_and(|length| u64::from(length) <= walker.remaining())
        }
        _ => false,
    };
    walker.seek(start)?;
    Ok(fits)
}

fn guess_encoding(walker: &mut Walker) -> Result<Encoding, Reason> {
    if walker.remaining() == 0 {
        return Err(Reason::Truncated("the data set"));
    }
    let start = walker.position();
    let first: [u8; 6] = walker.array()?;
    walker.seek(start)?;
    Ok(Encoding::guess(first))
}

fn inflate(walker: Walker) -> Result<Walker, Reason> {
    let mut bytes = Vec::new();
    DeflateDecoder::new(walker.into_rest()?)
        .take(INFLATED_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| Reason::Truncated("the deflated data set"))?;
    if bytes.len() as u64 > INFLATED_BYTES_MAX {
        return Err(Limit::InflatedBytes.into());
    }
    let length = bytes.len() as u64;
    Ok(Walker::new(Box::new(Cursor::new(bytes)), length))
}

/// Collects the kept elements up to the pixel data, and where those lie.
fn read_data_set(walker: &mut Walker, keep: fn(Element) -> bool) -> Result<(Vec<u8>, Option<PixelPlace>), Reason> {
    let mut header = Vec::new();
    while let Some(element) = walker.element()? {
        if element.tag == tags::PIXEL_DATA {
            return Ok((header, Some(pixel_place(walker, element)?)));
        }
        if matches!(element.tag, tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA) {
            return Err(Reason::PixelFormat("they are floating point numbers".to_owned()));
        }
        let kept = keep(element);
        walker.pass(element, kept)?;
        if kept {
            let end = walker.position();
            if header.len() as u64 + (end - element.start) > HEADER_BYTES_MAX {
                return Err(Limit::HeaderBytes.into());
            }
            walker.seek(element.start)?;
            header.append(&mut walker.bytes(end - element.start)?);
        }
    }
    Ok((header, None))
}

/// Whether an element is kept for the parser: values of the standard groups that describe an
/// image, and the functional groups of enhanced objects.
fn is_kept(element: Element) -> bool {
    let Tag(group, _) = element.tag;
    if matches!(element.tag, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE | tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE) {
        return true;
    }
    matches!(group, 0x0008 | 0x0010 | 0x0018 | 0x0020 | 0x0028)
        && element.length.is_some_and(|length| length <= VALUE_BYTES_MAX)
        && !is_sequence(element)
}

fn pixel_place(walker: &mut Walker, element: Element) -> Result<PixelPlace, Reason> {
    match element.length {
        None => Ok(PixelPlace::Encapsulated(walker.fragments()?)),
        Some(length) => {
            let length = u64::from(length);
            Ok(PixelPlace::Native { offset: walker.position(), length, present: length.min(walker.remaining()) })
        }
    }
}
