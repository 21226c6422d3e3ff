//! inotify: rings when something happens in the export folder, so that the next rescan comes early.
//!
//! Nothing is concluded from an event but that it is worth looking. The thread `inotify` sleeps until
//! one comes, rings once, and sleeps until it is armed again: however fast a scanner writes, it costs
//! one wake-up a rescan. Where not every folder can be watched, or a file system does not tell what
//! others write to it, [`Bell::hears_everything`] says no, and rescans do not get rarer.

use std::collections::HashSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::asks::Told;

/// Most folders that are watched; the kernel keeps about a kilobyte for each.
pub const FOLDERS_MAX: usize = 8192;
/// Most events taken out of the queue at a time.
const EVENTS_MAX: usize = 65_536;
/// Room for the events of one read, bytes.
const EVENT_BYTES: usize = 4096;

/// File systems of this machine alone, by the magic number of statfs(2): there every change goes through this
/// kernel. ext2 to ext4, XFS, Btrfs, F2FS, tmpfs, overlayfs, ZFS, FAT, exFAT, NTFS, bcachefs.
const LOCAL: [u32; 11] = [
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0xF2F5_2010,
    0x0102_1994,
    0x794C_7630,
    0x2FC1_2FC1,
    0x4D44,
    0x2011_BAB0,
    0x7366_746E,
    0xCA45_1A4E,
];

/// A watch on a folder and what lies below.
pub struct Bell {
    folder: PathBuf,
    inotify: OwnedFd,
    quit: Arc<OwnedFd>,
    arm: SyncSender<()>,
    rang: Arc<AtomicBool>,
    watches: HashSet<i32>,
    device: Option<u64>,
    /// Something of the present listing is not watched.
    deaf: bool,
}

impl Bell {
    /// A bell for `folder` that rings by `wake`, with the thread that listens; not yet armed.
    ///
    /// # Errors
    /// Where the system gives no inotify, or no thread.
    pub fn hang(folder: &Path, wake: SyncSender<Told>) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let quit = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let rang = Arc::new(AtomicBool::new(true));
        let (arm, armed) = sync_channel(1);
        let listener =
            Listener { inotify: inotify.try_clone()?, quit: Arc::clone(&quit), armed, rang: Arc::clone(&rang), wake };
        std::thread::Builder::new().name("inotify".to_owned()).spawn(move || listener.listen())?;
        let folder = folder.to_owned();
        Ok(Self { folder, inotify, quit, arm, rang, watches: HashSet::new(), device: None, deaf: false })
    }

    /// The folder that it was hung for.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it rang since it was last armed.
    #[must_use]
    pub fn rang(&self) -> bool {
        self.rang.load(Ordering::Acquire)
    }

    /// A listing begins: what was rung for is forgotten, what comes from now on rings again.
    pub fn listing_begins(&mut self) {
        self.device = None;
        self.deaf = false;
        if self.rang() {
            self.empty_queue();
            self.rang.store(false, Ordering::Release);
            // The listener waits for this one word, so there is room for it.
            let _ = self.arm.try_send(());
        }
    }

    /// Watches a folder that the listing is about to read.
    pub fn watch(&mut self, folder: &Path, device: u64) {
        if self.device.is_none() {
            self.device = Some(device);
            self.deaf |= !is_local(folder);
        }
        self.deaf |= self.device != Some(device);
        if self.watches.len() >= FOLDERS_MAX {
            self.deaf = true;
            return;
        }
        let events = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::ONLYDIR
            | WatchFlags::ATTRIB;
        match inotify::add_watch(&self.inotify, folder, events) {
            Ok(watch) => {
                self.watches.insert(watch);
            }
            // What is gone needs no watch.
            Err(Errno::NOENT) => {}
            Err(_) => self.deaf = true,
        }
    }

    /// Whether every change in the folders of the last listing rings.
    #[must_use]
    pub fn hears_everything(&self) -> bool {
        !self.deaf
    }

    fn empty_queue(&mut self) {
        let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
        let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
        for _ in 0..EVENTS_MAX {
            let Ok(event) = events.next() else { return };
            if event.events().contains(ReadFlags::IGNORED) {
                self.watches.remove(&event.wd());
            }
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        // Cannot fail: the counter is far from full. The listener ends by this or by the end of `arm`.
        let _ = rustix::io::write(&*self.quit, &1_u64.to_ne_bytes());
    }
}

struct Listener {
    inotify: OwnedFd,
    quit: Arc<OwnedFd>,
    armed: Receiver<()>,
    rang: Arc<AtomicBool>,
    wake: SyncSender<Told>,
}

impl Listener {
    fn listen(self) {
        while self.armed.recv().is_ok() && self.waits_for_an_event() {
            self.rang.store(true, Ordering::Release);
            // A full channel means that `ingest` is about to look anyway, and there it asks whether it rang.
            let _ = self.wake.try_send(Told::Wake);
        }
    }

    /// Whether there is one; where not, all is over.
    fn waits_for_an_event(&self) -> bool {
        loop {
            let mut fds = [PollFd::new(&self.inotify, PollFlags::IN), PollFd::new(&*self.quit, PollFlags::IN)];
            match poll(&mut fds, None) {
                Err(Errno::INTR) => {}
                Err(_) => return false,
                Ok(_) => return fds[1].revents().is_empty(),
            }
        }
    }
}

fn is_local(folder: &Path) -> bool {
    // The number has 32 bits; some architectures keep it in more.
    rustix::fs::statfs(folder).is_ok_and(|fs| LOCAL.contains(&(fs.f_type as u32)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn it_rings_once_until_it_is_armed_again_and_its_thread_ends_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let device = std::fs::metadata(dir.path()).unwrap().dev();
        let (wake, woken) = sync_channel(8);
        let mut bell = Bell::hang(dir.path(), wake).unwrap();
        bell.listing_begins();
        bell.watch(dir.path(), device);
        for name in ["a", "b", "c"] {
            std::fs::write(dir.path().join(name), b"x").unwrap();
        }
        assert_eq!(woken.recv_timeout(LONG).unwrap(), Told::Wake);
        assert!(bell.rang());
        assert!(woken.try_recv().is_err());
        bell.listing_begins();
        assert!(!bell.rang());
        std::fs::write(dir.path().join("d"), b"x").unwrap();
        assert_eq!(woken.recv_timeout(LONG).unwrap(), Told::Wake);
        bell.listing_begins();
        drop(bell);
        // The listener held the last sender.
        assert!(matches!(woken.recv_timeout(LONG), Err(std::sync::mpsc::RecvTimeoutError::Disconnected)));
    }

    #[test]
    fn a_second_file_system_below_the_folder_is_not_relied_on() {
        let dir = tempfile::tempdir().unwrap();
        let (wake, _woken) = sync_channel(1);
        let mut bell = Bell::hang(dir.path(), wake).unwrap();
        bell.listing_begins();
        bell.watch(dir.path(), 1);
        bell.watch(dir.path(), 2);
        assert!(!bell.hears_everything());
    }
}
