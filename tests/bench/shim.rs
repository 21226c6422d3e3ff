//! Faults between the supervisor and its files: `shim.c`, compiled here and preloaded.
//!
//! A simulated power cut keeps what was made durable by an fsync of its file, or of its folder, and of
//! everything newer any part: names that came or went, single sectors, a shorter file. It is made from
//! the shadow that the shim keeps, after the process was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use super::random::Random;
use super::site::Site;

/// Bytes that a disk writes as one.
const SECTOR_BYTES: usize = 512;

/// The compiled shim; `None` where there is no C compiler.
pub(crate) fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    LIBRARY.get_or_init(|| compile("shim")).as_deref()
}

/// Compiles `tests/bench/NAME.c` as something to be preloaded; `None` where there is no C compiler.
pub(crate) fn compile(name: &str) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/bench/{name}.c"));
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{name}-{}.so", std::process::id()));
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).args(["-ldl", "-lpthread"]);
    let output = command.output().ok()?;
    assert!(output.status.success(), "{name}.c does not compile:\n{}", String::from_utf8_lossy(&output.stderr));
    Some(library)
}

/// What goes wrong in one life of the supervisor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fault {
    /// `KIND:PART:N:before` or `after`: where it is killed.
    pub(crate) kill: Option<String>,
    /// Error, first and last failing call (0: for good); it goes on while [`flag`] is there.
    pub(crate) fail: Option<(&'static str, usize, usize)>,
    /// Whether what is durable is kept apart, for a power cut.
    pub(crate) shadow: bool,
    /// Whether calls are traced.
    pub(crate) trace: bool,
}

/// The file that keeps errors coming.
pub(crate) fn flag(site: &Site) -> PathBuf {
    site.path().join("fault")
}

fn shadow_dir(site: &Site) -> PathBuf {
    site.path().join("shadow")
}

fn trace_file(site: &Site) -> PathBuf {
    site.path().join("trace")
}

impl Fault {
    /// The environment that makes it happen at `site`; what is on disk there counts as durable.
    pub(crate) fn environment(&self, site: &Site) -> Vec<(String, String)> {
        let library = library().expect("asked for before");
        let mut all = vec![
            ("LD_PRELOAD", library.display().to_string()),
            ("BENCH_ROOTS", format!("{}:{}", site.state_dir().display(), site.out_dir().display())),
        ];
        if let Some(kill) = &self.kill {
            all.push(("BENCH_KILL", kill.clone()));
        }
        if let Some((error, first, last)) = self.fail {
            std::fs::write(flag(site), "").expect("the test's folder can be written");
            all.push(("BENCH_FAIL", format!("{error}:{first}:{last}:{}", flag(site).display())));
        }
        if self.trace {
            all.push(("BENCH_TRACE", trace_file(site).display().to_string()));
        }
        if self.shadow {
            let shadow = shadow_dir(site);
            let _ = std::fs::remove_dir_all(&shadow);
            std::fs::create_dir(&shadow).expect("the test's folder can be written");
            make_durable(&site.state_dir(), &shadow);
            all.push(("BENCH_SHADOW", shadow.display().to_string()));
        }
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The calls that were traced: kind, and path below the site.
pub(crate) fn traced(site: &Site) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(trace_file(site)).unwrap_or_default();
    let below = format!("{}/", site.path().display());
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(kind, path)| (kind.to_owned(), path.strip_prefix(&below).unwrap_or(path).to_owned()))
        .collect()
}

/// A file's name in the shadow: an inode is used again, so its birth belongs to it.
fn key(path: &Path) -> Option<String> {
    let about = std::fs::symlink_metadata(path).ok()?;
    let birth = about.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Some(format!("{}-{}{:09}", about.ino(), birth.as_secs(), birth.subsec_nanos()))
}

fn names(folder: &Path) -> BTreeMap<String, String> {
    let listing = std::fs::read_dir(folder).map(|l| l.flatten().collect::<Vec<_>>()).unwrap_or_default();
    let named = listing.iter().filter_map(|e| Some((e.file_name().to_string_lossy().into_owned(), key(&e.path())?)));
    named.collect()
}

fn make_durable(folder: &Path, shadow: &Path) {
    let listing = names(folder);
    let lines: String = listing.iter().map(|(name, key)| format!("{key} {name}\n")).collect();
    let own = key(folder).expect("the folder is there");
    std::fs::write(shadow.join(format!("dir-{own}")), lines).expect("the test's folder can be written");
    for (name, key) in listing {
        let path = folder.join(name);
        if path.is_dir() {
            make_durable(&path, shadow);
        } else {
            std::fs::copy(&path, shadow.join(key)).expect("the test's folder can be written");
        }
    }
}

/// Leaves in the state folder of `site` what a power cut may leave, drawn from `random`; what was lost, in words.
pub(crate) fn cut_power(site: &Site, random: &mut Random) -> Vec<String> {
    let (state, shadow, after) = (site.state_dir(), shadow_dir(site), site.path().join("after"));
    let mut cut = PowerCut { shadow, random, lost: Vec::new() };
    cut.folder(Some(&state), &key(&state).expect("it is there"), &after, "state");
    let lost = cut.lost;
    std::fs::remove_dir_all(&state).expect("the test's folder can be written");
    std::fs::rename(after, state).expect("the test's folder can be written");
    lost
}

struct PowerCut<'a> {
    shadow: PathBuf,
    random: &'a mut Random,
    lost: Vec<String>,
}

impl PowerCut<'_> {
    /// Makes at `to` the folder that is at `now` (if it still is) and known in the shadow as `key`.
    fn folder(&mut self, now: Option<&Path>, key: &str, to: &Path, shown: &str) {
        std::fs::create_dir(to).expect("the test's folder can be written");
        let current = now.map(names).unwrap_or_default();
        let durable = self.durable_names(key);
        let mut result: BTreeMap<String, String> = BTreeMap::new();
        // A rename is one change: both its names go one way.
        let mut kept: BTreeMap<String, bool> = BTreeMap::new();
        let all: BTreeSet<&String> = current.keys().chain(durable.keys()).collect();
        for name in all {
            let (is, was) = (current.get(name), durable.get(name));
            if is == was {
                result.extend(is.map(|key| (name.clone(), key.clone())));
                continue;
            }
            let about =
                was.filter(|key| current.values().any(|k| k == *key)).or(is).or(was).cloned().unwrap_or_default();
            let keeps = *kept.entry(about).or_insert_with(|| self.random.once_in(2));
            if !keeps {
                self.lost.push(format!("{shown}/{name}: its change of name"));
            }
            let chosen = if keeps { is } else { was };
            result.extend(chosen.map(|key| (name.clone(), key.clone())));
        }
        for (name, key) in result {
            let from = now.and_then(|folder| current.iter().find(|(_, k)| **k == key).map(|(n, _)| folder.join(n)));
            let (to, shown) = (to.join(&name), format!("{shown}/{name}"));
            if from.as_ref().is_some_and(|f| f.is_dir()) || self.shadow.join(format!("dir-{key}")).exists() {
                self.folder(from.as_deref(), &key, &to, &shown);
            } else {
                self.file(from.as_deref(), &key, &to, &shown);
            }
        }
    }

    fn durable_names(&self, key: &str) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.shadow.join(format!("dir-{key}"))).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.map(|(key, name)| (name.to_owned(), key.to_owned())).collect()
    }

    fn file(&mut self, now: Option<&Path>, key: &str, to: &Path, shown: &str) {
        let durable = std::fs::read(self.shadow.join(key)).unwrap_or_default();
        let current = now.and_then(|path| std::fs::read(path).ok()).unwrap_or_else(|| durable.clone());
        let bytes = if durable == current { current } else { self.mixed(&durable, &current, shown) };
        std::fs::write(to, bytes).expect("the test's folder can be written");
        let mode = now.and_then(|path| std::fs::metadata(path).ok()).map(|m| m.permissions());
        if let Some(mode) = mode {
            std::fs::set_permissions(to, mode).expect("the test's folder can be written");
        }
    }

    /// Nothing, everything, or any sectors of what came after the last fsync, and any length between.
    fn mixed(&mut self, durable: &[u8], current: &[u8], shown: &str) -> Vec<u8> {
        match self.random.below(4) {
            0 => {
                self.lost.push(format!("{shown}: everything since its last fsync"));
                return durable.to_vec();
            }
            1 => return current.to_vec(),
            _ => {}
        }
        let (short, long) = (durable.len().min(current.len()), durable.len().max(current.len()));
        let length = match self.random.below(3) {
            0 => current.len(),
            1 => durable.len(),
            _ => short + self.random.below(long - short + 1),
        };
        let mut bytes = vec![0; length];
        let mut sectors = 0;
        for (at, sector) in bytes.chunks_mut(SECTOR_BYTES).enumerate() {
            let from = if self.random.once_in(2) { current } else { durable };
            sectors += usize::from(std::ptr::eq(from, durable));
            let begin = (at * SECTOR_BYTES).min(from.len());
            let end = (begin + sector.len()).min(from.len());
            sector[..end - begin].copy_from_slice(&from[begin..end]);
        }
        self.lost.push(format!("{shown}: {sectors} sectors, {} bytes instead of {}", length, current.len()));
        bytes
    }
}
