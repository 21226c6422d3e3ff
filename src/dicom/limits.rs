//! Limits on what is read: whatever a file declares, no more than this is believed.
//!
//! They are generous for a lumbar study and mean to a hostile file. Reaching one is a refusal with
//! its own message ([`super::Reason`]), never a shorter result.

/// Bytes of one file.
pub const FILE_BYTES_MAX: u64 = 1 << 30;
/// Bytes of the header elements that are kept of one object, pixel data apart.
pub const HEADER_BYTES_MAX: u64 = 16 << 20;
/// Bytes of a deflated data set once inflated.
pub const INFLATED_BYTES_MAX: u64 = 96 << 20;
/// Data elements and sequence items walked over in one object.
pub const ELEMENTS_MAX: usize = 200_000;
/// Depth to which sequences may nest.
pub const NESTING_MAX: usize = 12;
/// Frames of one object.
pub const FRAMES_MAX: usize = 4096;
/// Fragments of encapsulated pixel data.
pub const FRAGMENTS_MAX: usize = 65_536;
/// Rows or columns of an image.
pub const SIDE_PIXELS_MAX: usize = 2048;
/// Bytes of one encoded frame.
pub const ENCODED_FRAME_BYTES_MAX: u64 = 32 << 20;
/// Tiles of a JPEG 2000 codestream.
pub const TILES_MAX: u64 = 1024;
/// Bytes of decoded pixels held for one study at a time.
pub const DECODED_BYTES_MAX: usize = 160 << 20;
/// Characters kept of a text value.
pub const TEXT_CHARS_MAX: usize = 256;
/// Values kept of a multi-valued text, such as Image Type.
pub const TEXT_VALUES_MAX: usize = 16;
/// Files looked at below the paths that were given.
pub const FILES_MAX: usize = 20_000;
/// Depth to which folders are followed.
pub const FOLDER_DEPTH_MAX: usize = 12;
/// Entries of a zip archive.
pub const ZIP_ENTRIES_MAX: usize = 20_000;
/// Bytes of all entries of a zip archive once inflated.
pub const ZIP_BYTES_MAX: u64 = 2 << 30;
/// Instances put together into studies at a time.
pub const INSTANCES_MAX: usize = FILES_MAX;

const _: () = assert!(SIDE_PIXELS_MAX * SIDE_PIXELS_MAX * 2 <= DECODED_BYTES_MAX, "one frame must fit");
const _: () = assert!(INFLATED_BYTES_MAX <= FILE_BYTES_MAX);
