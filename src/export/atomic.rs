//! Files that are either whole or absent.
//!
//! A file is written beside its place under a temporary name, made durable, renamed, and the
//! folder made durable: after a power cut there is the old file or the new one, never a part.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Mode of a file for the clinic: its group may read it.
pub(super) const CLINIC_FILE_MODE: u32 = 0o640;
/// Mode of a file that only the appliance reads: it holds identity.
pub(super) const PRIVATE_FILE_MODE: u32 = 0o600;

/// How the name of a file that is being written begins and ends.
const HALF_WRITTEN: [&str; 2] = [".deepspine-", ".part"];

/// Removes what a writer that was killed left in `folder`. Nobody may be writing there: a file that is being written is
/// known by its name alone.
pub fn clear_half_written(folder: &Path) {
    let [prefix, suffix] = HALF_WRITTEN;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(prefix)
            && name.ends_with(suffix)
            && let Err(error) = std::fs::remove_file(entry.path())
        {
            log::warn!("a half-written file stays in {}: {error}", folder.display());
        }
    }
}

/// Writes `path` through `fill`, whole or not at all; an older file of that name is replaced.
///
/// # Errors
/// Whatever the file system or `fill` says; the temporary file is then removed.
pub(super) fn write(path: &Path, mode: u32, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let [prefix, suffix] = HALF_WRITTEN;
    let file = tempfile::Builder::new()
        .prefix(prefix)
        .suffix(suffix)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    let mut writer = BufWriter::new(file);
    fill(&mut writer)?;
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    File::open(folder)?.sync_all()
}

/// Replaces the file at `path` by `bytes`, whole or not at all, and keeps its mode.
///
/// # Errors
/// Whatever the file system says; the temporary file is then removed.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mode = std::fs::metadata(path).map_or(CLINIC_FILE_MODE, |m| m.permissions().mode());
    write(path, mode, |out| out.write_all(bytes))
}

/// Replaces the file at `path` by `bytes`, whole or not at all, for its owner alone.
///
/// # Errors
/// Whatever the file system says; the temporary file is then removed.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, PRIVATE_FILE_MODE, |out| out.write_all(bytes))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        write(&path, CLINIC_FILE_MODE, |w| w.write_all(b"old")).unwrap();
        let failed = write(&path, CLINIC_FILE_MODE, |w| {
            w.write_all(b"half of the n")?;
            Err(io::Error::other("power cut"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_what_is_half_written_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".deepspine-a1B2.part", "report.json", "scan.part"] {
            std::fs::write(folder.path().join(name), b"x").unwrap();
        }
        clear_half_written(folder.path());
        clear_half_written(&folder.path().join("absent"));
        let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["report.json", "scan.part"]);
    }

    #[test]
    fn a_file_with_identity_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bundle");
        write(&path, PRIVATE_FILE_MODE, |w| w.write_all(b"x")).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
