//! A wall clock that the test sets while the appliance runs: `clock.c`, compiled here and preloaded.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::shim;
use super::site::Site;

/// Where a site's wall clock and the word of its time service lie.
pub(crate) struct Clock {
    file: File,
    folder: PathBuf,
}

/// The compiled clock; `None` where there is no C compiler.
pub(crate) fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    LIBRARY.get_or_init(|| shim::compile("clock")).as_deref()
}

impl Clock {
    /// One for `site` that shows the right time, and nobody says whether it is set.
    pub(crate) fn new(site: &Site) -> Self {
        let folder = site.path().join("clock");
        std::fs::create_dir(&folder).expect("the test's folder can be written");
        let file = File::create(folder.join("offset")).expect("the test's folder can be written");
        let clock = Self { file, folder };
        clock.set_ahead(0);
        clock
    }

    /// The environment under which an appliance goes by it.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let library = library().expect("asked for before");
        let entries = [
            ("LD_PRELOAD", library.to_owned()),
            ("BENCH_CLOCK", self.offset_file()),
            ("BENCH_TIMESYNC", self.timesync()),
        ];
        entries.into_iter().map(|(name, path)| (name.to_owned(), path.display().to_string())).collect()
    }

    /// Makes it show `unix_secs` now.
    pub(crate) fn set(&self, unix_secs: i64) {
        self.set_ahead(unix_secs - true_unix_secs());
    }

    /// Makes it so many seconds fast.
    pub(crate) fn set_ahead(&self, secs: i64) {
        self.file.write_all_at(&secs.to_ne_bytes(), 0).expect("the test's folder can be written");
    }

    /// What systemd-timesyncd says from now on: whether the clock is set; `None`: there is no such service.
    pub(crate) fn says_synced(&self, synced: Option<bool>) {
        let _ = std::fs::remove_dir_all(self.timesync());
        if let Some(synced) = synced {
            std::fs::create_dir(self.timesync()).expect("the test's folder can be written");
            if synced {
                File::create(self.timesync().join("synchronized")).expect("the test's folder can be written");
            }
        }
    }

    fn offset_file(&self) -> PathBuf {
        self.folder.join("offset")
    }

    fn timesync(&self) -> PathBuf {
        self.folder.join("timesync")
    }
}

/// What an honest clock shows, seconds since the epoch.
pub(crate) fn true_unix_secs() -> i64 {
    jiff::Timestamp::now().as_second()
}
