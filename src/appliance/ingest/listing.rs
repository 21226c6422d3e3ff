//! What lies in the export folder, told entry by entry: nothing of a listing is kept here.
//!
//! Links are not followed, so no loop of them is walked; FIFOs, sockets and devices are passed by;
//! names that begin with a dot are left out, because copying tools write there before they rename.

use std::fs::{DirEntry, Metadata, ReadDir};
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::appliance::journal::Fingerprint;

/// Deepest folder below the export folder that is looked into.
pub const DEPTH_MAX: usize = 12;
/// Most entries of any kind that one listing looks at.
pub const ENTRIES_MAX: u64 = 2_000_000;
/// Most unreadable folders of one listing that are kept by name; beyond that it counts as cut short.
const UNREADABLE_MAX: usize = 64;

/// One regular file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// How it looks.
    pub print: Fingerprint,
    /// When it last changed in content, name or owner, ns since the epoch by the clock of its file system.
    /// Copying tools can't set it back, as they can `mtime`.
    pub changed_ns: i64,
}

/// What a listing comes upon.
#[derive(Debug)]
pub enum Entry<'a> {
    /// A folder, before it is read.
    Folder {
        /// Where it is.
        path: &'a Path,
        /// The file system that it is on.
        device: u64,
    },
    /// A regular file.
    File(Found),
}

/// What can be said of a whole listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Files told.
    pub files: u64,
    /// It ended before everything was looked at: what it did not tell may still be there.
    pub cut_short: bool,
    /// Folders of which something could not be read: what lies below may still be there.
    pub unreadable: Vec<PathBuf>,
    /// Folders lie deeper than [`DEPTH_MAX`] and were not looked into.
    pub too_deep: bool,
    /// File system and inode of the folder itself: others where something else was mounted in its place.
    pub root: (u64, u64),
}

impl Walked {
    fn unreadable(&mut self, folder: &Path) {
        if self.unreadable.iter().any(|known| folder.starts_with(known)) {
            return;
        }
        if self.unreadable.len() < UNREADABLE_MAX {
            self.unreadable.push(folder.to_owned());
        } else {
            self.cut_short = true;
        }
    }
}

/// Tells `visit` of every folder and regular file below `folder`, until it breaks off. Memory does not
/// grow with the number of files or folders.
///
/// # Errors
/// Where `folder` itself can't be read; one below it that can't is noted in [`Walked::unreadable`].
pub fn walk(folder: &Path, visit: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>) -> io::Result<Walked> {
    let root = std::fs::metadata(folder)?;
    let device = root.dev();
    let mut walked = Walked { root: (device, root.ino()), ..Walked::default() };
    let mut looked_at = 0;
    let mut open = Vec::new();
    if visit(Entry::Folder { path: folder, device }).is_break() {
        return Ok(Walked { cut_short: true, ..walked });
    }
    open.push((folder.to_owned(), std::fs::read_dir(folder)?));
    while let Some((dir, entries)) = open.last_mut() {
        looked_at += 1;
        let next = match entries.next() {
            None => None,
            Some(Ok(entry)) => Some(entry),
            Some(Err(error)) if dir == folder => return Err(error),
            Some(Err(_)) => {
                walked.unreadable(dir);
                None
            }
        };
        let Some(entry) = next else {
            open.pop();
            continue;
        };
        if looked_at > ENTRIES_MAX {
            walked.cut_short = true;
            break;
        }
        let deeper = open.len() <= DEPTH_MAX;
        match look(&entry, &mut walked, deeper) {
            Some(Thing::Folder(path, device)) => {
                if visit(Entry::Folder { path: &path, device }).is_break() {
                    walked.cut_short = true;
                    break;
                }
                open.extend(opened(path, &mut walked));
            }
            Some(Thing::File(found)) => {
                walked.files += 1;
                if visit(Entry::File(found)).is_break() {
                    walked.cut_short = true;
                    break;
                }
            }
            None => {}
        }
    }
    Ok(walked)
}

enum Thing {
    Folder(PathBuf, u64),
    File(Found),
}

/// What `entry` is, where it is one for us. What vanished meanwhile is nothing.
fn look(entry: &DirEntry, walked: &mut Walked, deeper: bool) -> Option<Thing> {
    if entry.file_name().as_encoded_bytes().starts_with(b".") {
        return None;
    }
    let metadata = entry
        .file_type()
        .and_then(|kind| if kind.is_dir() || kind.is_file() { entry.metadata().map(Some) } else { Ok(None) });
    match metadata {
        Ok(Some(metadata)) if metadata.is_file() => Some(Thing::File(Found {
            path: entry.path(),
            print: fingerprint(&metadata),
            changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        })),
        Ok(Some(metadata)) if metadata.is_dir() && deeper => Some(Thing::Folder(entry.path(), metadata.dev())),
        Ok(Some(metadata)) if metadata.is_dir() => {
            walked.too_deep = true;
            None
        }
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        // A folder may be listed and yet not be entered.
        Err(_) => {
            if let Some(dir) = entry.path().parent() {
                walked.unreadable(dir);
            }
            None
        }
    }
}

fn opened(path: PathBuf, walked: &mut Walked) -> Option<(PathBuf, ReadDir)> {
    match std::fs::read_dir(&path) {
        Ok(entries) => Some((path, entries)),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(_) => {
            walked.unreadable(&path);
            None
        }
    }
}

/// How the file at `path` looks now; `None` where there is no regular file that can be looked at.
#[must_use]
pub fn fingerprint_of(path: &Path) -> Option<Fingerprint> {
    std::fs::symlink_metadata(path).ok().filter(Metadata::is_file).map(|metadata| fingerprint(&metadata))
}

/// When the regular file at `path` last changed, ns since the epoch; `None` where there is none.
#[must_use]
pub fn changed_ns_of(path: &Path) -> Option<i64> {
    let metadata = std::fs::symlink_metadata(path).ok().filter(Metadata::is_file)?;
    Some(nanoseconds(metadata.ctime(), metadata.ctime_nsec()))
}

fn fingerprint(metadata: &Metadata) -> Fingerprint {
    Fingerprint {
        size: metadata.len(),
        mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        inode: metadata.ino(),
    }
}

fn nanoseconds(secs: i64, nanos: i64) -> i64 {
    secs.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn files(folder: &Path) -> (Vec<PathBuf>, Walked) {
        let mut files = Vec::new();
        let walked = walk(folder, &mut |entry| {
            if let Entry::File(found) = entry {
                files.push(found.path);
            }
            ControlFlow::Continue(())
        });
        files.sort();
        (files, walked.unwrap())
    }

    #[test]
    fn hidden_files_links_and_pipes_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("series")).unwrap();
        std::fs::write(dir.path().join("series/1.dcm"), b"x").unwrap();
        std::fs::write(dir.path().join(".1.dcm.part"), b"x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("series/loop")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        let (found, walked) = files(dir.path());
        assert_eq!(found, vec![dir.path().join("series/1.dcm")]);
        assert_eq!(walked, Walked { files: 1, root: walked.root, ..Walked::default() });
    }

    #[test]
    fn what_lies_too_deep_is_noted_and_the_rest_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let deep = (0..DEPTH_MAX + 1).fold(dir.path().to_owned(), |path, level| path.join(level.to_string()));
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("lost.dcm"), b"x").unwrap();
        let reached = deep.parent().unwrap().join("found.dcm");
        std::fs::write(&reached, b"x").unwrap();
        let (found, walked) = files(dir.path());
        assert_eq!(found, vec![reached]);
        assert!(walked.too_deep);
    }

    #[test]
    fn a_listing_that_is_broken_off_says_so() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("1"), b"x").unwrap();
        let walked = walk(dir.path(), &mut |entry| match entry {
            Entry::File(_) => ControlFlow::Break(()),
            Entry::Folder { .. } => ControlFlow::Continue(()),
        });
        assert!(walked.unwrap().cut_short);
        assert!(walk(&dir.path().join("absent"), &mut |_| ControlFlow::Continue(())).is_err());
    }

    #[test]
    fn a_folder_below_an_unreadable_one_is_not_named_again() {
        let mut walked = Walked::default();
        walked.unreadable(Path::new("/in/a"));
        walked.unreadable(Path::new("/in/a/b"));
        assert_eq!(walked.unreadable, vec![PathBuf::from("/in/a")]);
    }
}
