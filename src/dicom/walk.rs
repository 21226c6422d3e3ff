//! Walks over the elements of a data set without believing it: every declared length is held
//! against the bytes that are there before anything is allocated or handed to a parser.
//!
//! Knows the structure of DICOM PS3.5 7 (elements, sequences, items, fragments) and no meaning.

use std::io::{BufReader, Read, Seek, SeekFrom};

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

use super::error::{Limit, Reason};
use super::limits::{ELEMENTS_MAX, FRAGMENTS_MAX, NESTING_MAX};
use super::syntax::Encoding;

pub(super) const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_DELIMITER: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_DELIMITER: Tag = Tag(0xFFFE, 0xE0DD);
const UNDEFINED_LENGTH: u32 = u32::MAX;
/// Bytes read ahead; elements of a header are small.
const BUFFER_BYTES: usize = 16 << 10;

/// Where bytes come from: a file, or an inflated data set in memory.
pub(super) trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// The header of an element: what it is called and how long it says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) tag: Tag,
    /// The value representation where the encoding names it.
    pub(super) vr: Option<VR>,
    /// Bytes of the value; `None` where they are delimited instead.
    pub(super) length: Option<u32>,
    /// Offset of the element.
    pub(super) start: u64,
}

/// Where the fragments of encapsulated pixel data lie (DICOM PS3.5 A.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fragments {
    /// The basic offset table, relative to the first fragment's item.
    pub(super) offset_table: Vec<u32>,
    /// Offset and length of each fragment's value.
    pub(super) spans: Vec<(u64, u32)>,
    /// Whether the sequence delimiter was there: all fragments are.
    pub(super) delimited: bool,
}

/// A place in a source, and the end that nothing may reach past.
pub(super) struct Walker {
    source: BufReader<Box<dyn Source>>,
    position: u64,
    end: u64,
    pub(super) encoding: Encoding,
    elements: usize,
}

impl Walker {
    /// A walker at the start of `source`, which has `end` bytes.
    pub(super) fn new(source: Box<dyn Source>, end: u64) -> Self {
        let source = BufReader::with_capacity(BUFFER_BYTES, source);
        Self { source, position: 0, end, encoding: Encoding::EXPLICIT_LITTLE, elements: 0 }
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    pub(super) const fn remaining(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }

    /// Goes to an absolute offset.
    pub(super) fn seek(&mut self, offset: u64) -> Result<(), Reason> {
        if offset > self.end {
            return Err(Reason::Truncated("a value"));
        }
        let by = i64::try_from(i128::from(offset) - i128::from(self.position))
            .map_err(|_| Reason::Malformed("an offset overflows"))?;
        self.source.seek_relative(by)?;
        self.position = offset;
        Ok(())
    }

    /// The next `count` bytes, which are there.
    pub(super) fn bytes(&mut self, count: u64) -> Result<Vec<u8>, Reason> {
        if count > self.remaining() {
            return Err(Reason::Truncated("a value"));
        }
        let mut bytes = vec![0; usize::try_from(count).map_err(|_| Reason::Malformed("a length overflows"))?];
        self.source.read_exact(&mut bytes)?;
        self.position += count;
        Ok(bytes)
    }

    /// Gives up the buffered source, standing at its position.
    pub(super) fn into_rest(mut self) -> Result<impl Read, Reason> {
        self.source.seek(SeekFrom::Start(self.position))?;
        Ok(self.source)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        if N as u64 > self.remaining() {
            return Err(Reason::Truncated("an element"));
        }
        let mut bytes = [0; N];
        self.source.read_exact(&mut bytes)?;
        self.position += N as u64;
        Ok(bytes)
    }

    fn u16(&mut self) -> Result<u16, Reason> {
        let bytes = self.array()?;
        Ok(if self.encoding.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&mut self) -> Result<u32, Reason> {
        let bytes = self.array()?;
        Ok(if self.encoding.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The next element's header; `None` at the end.
    pub(super) fn element(&mut self) -> Result<Option<Element>, Reason> {
        if self.remaining() == 0 {
            return Ok(None);
        }
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(Limit::Elements.into());
        }
        let start = self.position;
        let tag = Tag(self.u16()?, self.u16()?);
        let (vr, length) = if tag.group() == ITEM.group() || !self.encoding.explicit_vr {
            (None, self.u32()?)
        } else {
            let name = self.array()?;
            let vr = VR::from_binary(name).ok_or(Reason::Malformed("an element has no value representation"))?;
            (Some(vr), self.explicit_length(vr)?)
        };
        Ok(Some(Element { tag, vr, length: (length != UNDEFINED_LENGTH).then_some(length), start }))
    }

    fn explicit_length(&mut self, vr: VR) -> Result<u32, Reason> {
        let long = matches!(
            vr,
            VR::OB
                | VR::OD
                | VR::OF
                | VR::OL
                | VR::OV
                | VR::OW
                | VR::SQ
                | VR::SV
                | VR::UC
                | VR::UN
                | VR::UR
                | VR::UT
                | VR::UV
        );
        if !long {
            return Ok(u32::from(self.u16()?));
        }
        let _reserved: [u8; 2] = self.array()?;
        self.u32()
    }

    /// Goes past the value of `element`. With `inside`, sequences of a defined length are walked
    /// too: only what is handed to a parser needs that.
    pub(super) fn pass(&mut self, element: Element, inside: bool) -> Result<(), Reason> {
        self.pass_at_depth(element, inside, 0)
    }

    fn pass_at_depth(&mut self, element: Element, inside: bool, depth: usize) -> Result<(), Reason> {
        match (element.length, element.vr) {
            (None, Some(VR::OB | VR::OW | VR::OD | VR::OF | VR::OL | VR::OV)) => {
                let fragments = self.fragments()?;
                if fragments.delimited { Ok(()) } else { Err(Reason::Truncated("encapsulated data")) }
            }
            (None, Some(VR::UN)) => {
                let outer = std::mem::replace(&mut self.encoding, Encoding::IMPLICIT_LITTLE);
                let result = self.sequence(None, inside, depth);
                self.encoding = outer;
                result
            }
            (None, Some(VR::SQ) | None) => self.sequence(None, inside, depth),
            (None, Some(_)) => Err(Reason::Malformed("a value that is no sequence has no length")),
            (Some(length), _) if inside && is_sequence(element) => self.sequence(Some(length), inside, depth),
            (Some(length), _) => self.seek(self.position + u64::from(length)),
        }
    }

    /// Runs `walk` with the end drawn in to `length` bytes from here.
    fn within(
        &mut self,
        length: Option<u32>,
        walk: impl FnOnce(&mut Self) -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        let outer = self.end;
        if let Some(length) = length {
            let end = self.position + u64::from(length);
            if end > outer {
                return Err(Reason::Truncated("a sequence"));
            }
            self.end = end;
        }
        let result = walk(self);
        self.end = outer;
        result
    }

    fn sequence(&mut self, length: Option<u32>, inside: bool, depth: usize) -> Result<(), Reason> {
        if depth >= NESTING_MAX {
            return Err(Limit::Nesting.into());
        }
        self.within(length, |walker| {
            loop {
                match walker.element()? {
                    None if length.is_some() => return Ok(()),
                    None => return Err(Reason::Truncated("a sequence")),
                    Some(e) if e.tag == SEQUENCE_DELIMITER => return Ok(()),
                    Some(e) if e.tag == ITEM => walker.item(e.length, inside, depth)?,
                    Some(_) => return Err(Reason::Malformed("a sequence holds something that is no item")),
                }
            }
        })
    }

    fn item(&mut self, length: Option<u32>, inside: bool, depth: usize) -> Result<(), Reason> {
        self.within(length, |walker| {
            loop {
                match walker.element()? {
                    None if length.is_some() => return Ok(()),
                    None => return Err(Reason::Truncated("an item")),
                    Some(e) if e.tag == ITEM_DELIMITER => return Ok(()),
                    Some(e) => walker.pass_at_depth(e, inside, depth + 1)?,
                }
            }
        })
    }

    /// The fragments of encapsulated pixel data, up to the delimiter or to where the file ends.
    pub(super) fn fragments(&mut self) -> Result<Fragments, Reason> {
        let mut found = Fragments::default();
        let mut offset_table_seen = false;
        while self.remaining() >= 8 {
            let Some(item) = self.element()? else { break };
            if item.tag == SEQUENCE_DELIMITER {
                found.delimited = true;
                break;
            }
            let (ITEM, Some(length)) = (item.tag, item.length) else {
                return Err(Reason::Malformed("pixel data hold something that is no fragment"));
            };
            if u64::from(length) > self.remaining() {
                break;
            }
            if offset_table_seen {
                found.spans.push((self.position, length));
                self.seek(self.position + u64::from(length))?;
            } else {
                offset_table_seen = true;
                found.offset_table = self.offset_table(length)?;
            }
            if found.spans.len() > FRAGMENTS_MAX {
                return Err(Limit::Fragments.into());
            }
        }
        Ok(found)
    }

    fn offset_table(&mut self, length: u32) -> Result<Vec<u32>, Reason> {
        if length as usize / 4 > FRAGMENTS_MAX {
            return Err(Limit::Fragments.into());
        }
        let bytes = self.bytes(u64::from(length))?;
        let (words, _) = bytes.as_chunks::<4>();
        Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }
}

/// Whether the value is a sequence: because it says so or, in an implicit encoding, the dictionary.
pub(super) fn is_sequence(element: Element) -> bool {
    element.vr.map_or_else(
        || StandardDataDictionary.by_tag(element.tag).is_some_and(|entry| entry.vr().relaxed() == VR::SQ),
        |vr| vr == VR::SQ,
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn walker(bytes: &[u8], encoding: Encoding) -> Walker {
        let mut walker = Walker::new(Box::new(Cursor::new(bytes.to_vec())), bytes.len() as u64);
        walker.encoding = encoding;
        walker
    }

    fn walk_all(bytes: &[u8], encoding: Encoding) -> Result<usize, Reason> {
        let mut walker = walker(bytes, encoding);
        let mut count = 0;
        while let Some(element) = walker.element()? {
            walker.pass(element, true)?;
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn a_length_past_the_end_is_refused_before_anything_is_allocated() {
        let bytes = [0x28, 0, 0x10, 0, b'O', b'B', 0, 0, 0xFE, 0xFF, 0xFF, 0x7F, 1, 2];
        assert!(matches!(walk_all(&bytes, Encoding::EXPLICIT_LITTLE), Err(Reason::Truncated(_))));
    }

    #[test]
    fn nested_sequences_of_undefined_length_are_walked_to_their_delimiters() {
        let item = [0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF];
        let end_item = [0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0];
        let end = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];
        let open = [0x40, 0, 0x75, 0x02, 0xFF, 0xFF, 0xFF, 0xFF];
        let bytes = [&open[..], &item, &open, &item, &end_item, &end, &end_item, &end].concat();
        assert_eq!(walk_all(&bytes, Encoding::IMPLICIT_LITTLE).unwrap(), 1);
        assert!(matches!(walk_all(&bytes[..bytes.len() - 1], Encoding::IMPLICIT_LITTLE), Err(Reason::Truncated(_))));
    }

    #[test]
    fn nesting_ends_at_its_limit() {
        let open = [0x40, 0, 0x75, 0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF];
        let bytes = open.repeat(1000);
        assert!(matches!(walk_all(&bytes, Encoding::IMPLICIT_LITTLE), Err(Reason::Limit(Limit::Nesting))));
    }

    #[test]
    fn an_item_longer_than_its_sequence_is_refused() {
        let bytes =
            [0x40, 0, 0x75, 0x02, 8, 0, 0, 0, 0xFE, 0xFF, 0x00, 0xE0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(matches!(walk_all(&bytes, Encoding::IMPLICIT_LITTLE), Err(Reason::Truncated(_))));
    }

    #[test]
    fn fragments_without_their_delimiter_are_known_to_be_incomplete() {
        let table = [0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0];
        let fragment = [0xFE, 0xFF, 0x00, 0xE0, 2, 0, 0, 0, 7, 7];
        let end = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];
        let whole = [&table[..], &fragment, &end].concat();
        let found = walker(&whole, Encoding::EXPLICIT_LITTLE).fragments().unwrap();
        assert_eq!((found.spans.len(), found.delimited), (1, true));
        let cut = walker(&whole[..whole.len() - 8], Encoding::EXPLICIT_LITTLE).fragments().unwrap();
        assert_eq!((cut.spans.len(), cut.delimited), (1, false));
    }
}
