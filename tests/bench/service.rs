//! `deepspine run` at a site: started, waited for, and ended by any signal, its children with it.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::site::Site;
use super::{DEADLINE, studies, within};

/// How long an orderly end may take.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Name of the self-test's kept result in a state folder.
const SELF_TEST: &str = "self-test.json";

/// A running appliance.
pub(crate) struct Service {
    process: Child,
    heard: Arc<Heard>,
}

/// What the service told its manager; it is listened to until the service is gone.
#[derive(Default)]
struct Heard {
    ready: AtomicBool,
    over: AtomicBool,
}

impl Heard {
    fn listen(socket: UnixDatagram) -> Arc<Self> {
        let heard = Arc::new(Self::default());
        let shared = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut buffer = [0; 256];
            while !shared.over.load(Ordering::SeqCst) {
                if socket.recv(&mut buffer).is_ok_and(|length| buffer[..length].starts_with(b"READY=1")) {
                    shared.ready.store(true, Ordering::SeqCst);
                }
            }
        });
        heard
    }
}

impl Service {
    /// Starts the appliance of `site`, with `environment` on top.
    pub(crate) fn start(site: &Site, environment: &[(String, String)]) -> Self {
        install_self_test(&site.state_dir());
        Self::start_untested(site, environment)
    }

    fn start_untested(site: &Site, environment: &[(String, String)]) -> Self {
        let socket = site.path().join("notify");
        let _ = std::fs::remove_file(&socket);
        let heard = UnixDatagram::bind(&socket).expect("a socket");
        heard.set_read_timeout(Some(Duration::from_millis(100))).expect("a limit");
        let log = File::options().create(true).append(true).open(site.log_file()).expect("the test's folder");
        let process = Command::new(binary())
            .args(["run", "--config"])
            .arg(site.config())
            .arg("--models")
            .arg(models_dir())
            .env("NOTIFY_SOCKET", &socket)
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the binary runs");
        Self { process, heard: Heard::listen(heard) }
    }

    /// Whether it said that it is ready before it ended.
    pub(crate) fn is_ready(&mut self) -> bool {
        within(DEADLINE, || self.heard.ready.load(Ordering::SeqCst) || self.ended().is_some()) && self.ended().is_none()
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("the service is our child");
    }

    /// How it ended, where it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("it is our child")
    }

    /// How it ended by itself within `limit`.
    pub(crate) fn ends_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let mut status = None;
        within(limit, || {
            status = self.ended();
            status.is_some()
        });
        status
    }

    /// Asks it to end; how long it took, `None` where it was longer than [`STOP_LIMIT`].
    pub(crate) fn stop(mut self) -> Option<Duration> {
        if self.ended().is_none() {
            self.signal(Signal::TERM);
        }
        let begun = Instant::now();
        self.ends_within(STOP_LIMIT).map(|_| begun.elapsed())
    }

    /// Ends it as a power cut or the kernel does.
    pub(crate) fn kill(mut self) {
        self.end_at_once();
    }

    /// The same where its place is still needed.
    pub(crate) fn end_at_once(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Its children now.
    pub(crate) fn children(&self) -> Vec<i32> {
        processes(|stat, _| parent_of(stat) == Some(self.process.id()))
    }

    /// Resident memory, KiB.
    pub(crate) fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        line.and_then(|l| l.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.heard.over.store(true, Ordering::SeqCst);
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Ends process `id` at once; whether it was there.
pub(crate) fn kill_hard(id: i32) -> bool {
    Pid::from_raw(id).is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok())
}

/// Children that outlived supervisor `id`.
pub(crate) fn orphans_of(id: u32) -> Vec<i32> {
    let mark = format!("--supervisor={id}");
    processes(|stat, command| !stat.contains(") Z ") && command.split('\0').any(|a| a == mark))
}

/// Processes whose `stat` and command line `wanted` likes.
fn processes(wanted: impl Fn(&str, &str) -> bool) -> Vec<i32> {
    let Ok(listing) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = listing.flatten().filter_map(|e| e.file_name().to_string_lossy().parse::<i32>().ok());
    ids.filter(|id| {
        let read = |name: &str| std::fs::read(format!("/proc/{id}/{name}")).unwrap_or_default();
        let (stat, command) = (read("stat"), read("cmdline"));
        wanted(&String::from_utf8_lossy(&stat), &String::from_utf8_lossy(&command))
    })
    .collect()
}

/// The parent in a line of `/proc/ID/stat`: the second field after the name in brackets.
fn parent_of(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// What `deepspine status` prints of `site`; empty where it fails.
pub(crate) fn status(site: &Site) -> String {
    let output = Command::new(binary()).args(["status", "--config"]).arg(site.config()).output();
    output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default()
}

/// The same as JSON; null where it fails.
pub(crate) fn status_json(site: &Site) -> serde_json::Value {
    let mut command = Command::new(binary());
    let output = command.args(["status", "--format", "json", "--config"]).arg(site.config()).output();
    output.ok().and_then(|o| serde_json::from_slice(&o.stdout).ok()).unwrap_or_default()
}

/// The binary under test: this build's, or `DEEPSPINE_BENCH_BINARY`, such as one that is to be shipped.
fn binary() -> PathBuf {
    std::env::var_os("DEEPSPINE_BENCH_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_deepspine").into(), PathBuf::from)
}

pub(crate) fn models_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

/// Puts the self-test's result into a state folder that has none. The appliance did that test itself, once
/// for this binary: a bench that starts it a thousand times can't wait for it each time.
pub(crate) fn install_self_test(state_dir: &Path) {
    let to = state_dir.join(SELF_TEST);
    if !to.exists() {
        std::fs::write(to, tested_once()).expect("the test's folder can be written");
    }
}

fn tested_once() -> Vec<u8> {
    static TESTED: Mutex<Option<Vec<u8>>> = Mutex::new(None);
    let mut tested = TESTED.lock().expect("nobody panicked with it");
    if let Some(result) = tested.as_ref() {
        return result.clone();
    }
    let about = std::fs::metadata(binary()).expect("the binary is there");
    let name = format!("bench-self-test-{}-{}-{}.json", about.len(), about.mtime(), about.mtime_nsec());
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let result = std::fs::read(&kept).unwrap_or_else(|_| test_now(&kept));
    *tested = Some(result.clone());
    result
}

/// Has an appliance of its own test itself, and keeps the result for the other tests of this binary.
fn test_now(kept: &Path) -> Vec<u8> {
    let site = Site::new("tested", "mqtt://127.0.0.1:1", &[]);
    studies::write(&site.in_dir(), 0);
    let _service = Service::start_untested(&site, &[]);
    let result = site.state_dir().join(SELF_TEST);
    assert!(within(DEADLINE * 2, || result.exists()), "the appliance does not test itself:\n{}", site.evidence());
    let result = std::fs::read(result).expect("it is there");
    let mut temporary = kept.to_owned();
    temporary.set_extension(std::process::id().to_string());
    std::fs::write(&temporary, &result).expect("the build's folder can be written");
    std::fs::rename(&temporary, kept).expect("the build's folder can be written");
    result
}
