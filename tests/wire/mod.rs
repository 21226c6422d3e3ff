//! Delivery as it runs in the appliance, on a journal of its own and a broker of the test's choice.
#![allow(dead_code, clippy::expect_used, clippy::allow_attributes, reason = "each promise uses its part of this")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use deepspine::appliance::actions::Actions;
use deepspine::appliance::config::{Settings, Sources};
use deepspine::appliance::health::Heartbeats;
use deepspine::appliance::identity::DeviceKey;
use deepspine::appliance::journal::{Journal, OutboxMessage};
use deepspine::appliance::mqtt::delivery::Delivery;
use deepspine::appliance::mqtt::payload;
use deepspine::appliance::mqtt::session::{LinkEvent, Session};
use deepspine::appliance::reader::child::Program;
use deepspine::appliance::reading::Starter;
use deepspine::appliance::shared::Shared;
use deepspine::phantom::{Parameters, Phantom, SeriesKind, Stack, StudyPlan, write_study};
use serde_json::Value;

/// How long anything may take before a test gives it up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// The root of the device's topics.
pub(crate) const ROOT: &str = "deepspine/t";

/// Delivery, its connection and its outbox.
pub(crate) struct Wire {
    pub(crate) journal: Journal,
    pub(crate) key: DeviceKey,
    pub(crate) shared: Arc<Shared>,
    wake: SyncSender<LinkEvent>,
    hurry: SyncSender<()>,
    threads: Vec<JoinHandle<()>>,
}

/// Settings for a device called `t` with its state in `dir`, and `overrides` on top.
pub(crate) fn settings(dir: &Path, overrides: &[String]) -> Settings {
    let mut all = vec![
        "device.id=t".to_owned(),
        format!("storage.state-dir={}", dir.join("state").display()),
        format!("storage.out-dir={}", dir.join("out").display()),
        format!("storage.runtime-dir={}", dir.join("run").display()),
        "storage.headroom-mib=0".to_owned(),
        format!("ingest.folder={}", dir.join("in").display()),
    ];
    all.extend_from_slice(overrides);
    let empty = dir.join("empty.toml");
    std::fs::write(&empty, "").expect("the test's folder can be written");
    Sources { file: Some(empty), overrides: all }.load().expect("the test's settings are right").0
}

/// The binary under test in a hidden role, as a child of this process.
pub(crate) fn program(verb: &str, memory_mib: u64, cpu_secs: u64) -> Program {
    let limits = [
        verb.to_owned(),
        format!("--memory-mib={memory_mib}"),
        format!("--cpu-secs={cpu_secs}"),
        format!("--supervisor={}", std::process::id()),
    ];
    Program { path: env!("CARGO_BIN_EXE_deepspine").into(), arguments: limits.map(Into::into).to_vec() }
}

/// Starts [`program`].
pub(crate) fn child(verb: &'static str) -> Starter {
    Box::new(move |memory_mib, cpu_secs| program(verb, memory_mib, cpu_secs))
}

/// The usual phantom as one small sagittal series in `dir`; its files.
pub(crate) fn small_study(dir: &Path) -> Vec<PathBuf> {
    let plan = StudyPlan {
        series: vec![SeriesKind::SagittalT2],
        sagittal: Stack { fov_mm: 270.0, matrix: 192, slices: 7, thickness_mm: 4.0, spacing_mm: 4.4 },
        ..StudyPlan::default()
    };
    let phantom = Phantom::new(&Parameters::default()).expect("the usual phantom");
    write_study(&phantom, &plan, dir).expect("the test's folder can be written").files
}

impl Wire {
    pub(crate) fn start(dir: &Path, broker: &str) -> Self {
        let settings = settings(dir, &[format!("mqtt.broker={broker}")]);
        std::fs::create_dir_all(&settings.storage.state_dir).expect("the test's folder can be written");
        let journal = Journal::open(&settings.storage.state_dir).expect("a journal opens");
        let key = DeviceKey::new([1; DeviceKey::BYTES]);
        let shared = Arc::new(Shared::new(settings, Duration::from_millis(100)));
        let heartbeats = Arc::new(Heartbeats::default());
        let (wake, events) = sync_channel(64);
        let (hurry, hurried) = sync_channel(1);
        let session = Session { shared: Arc::clone(&shared), key: key.clone(), events: wake.clone(), hurry: hurried };
        let actions =
            Actions { shared: Arc::clone(&shared), journal: journal.clone(), key: key.clone(), threads: None };
        let delivery = Delivery { actions, events };
        let beats = Arc::clone(&heartbeats);
        let threads = vec![
            std::thread::spawn(move || session.run(&heartbeats)),
            std::thread::spawn(move || delivery.run(&beats).expect("the journal works")),
        ];
        Self { journal, key, shared, wake, hurry, threads }
    }

    /// Puts a report into the outbox, as a commit does.
    pub(crate) fn report(&self, report_id: &str, content: Value) {
        let message = payload::report_message(&self.key, "study", report_id, "2026-01-01T00:00:00.000Z", content);
        self.enqueue(message);
    }

    pub(crate) fn enqueue(&self, message: OutboxMessage) {
        self.journal.enqueue(message).expect("the journal works");
        let _ = self.wake.try_send(LinkEvent::Wake);
    }

    /// Messages that wait, and messages set aside.
    pub(crate) fn depth(&self) -> (u64, u64) {
        let depth = self.journal.outbox_depth().expect("the journal works");
        (depth.live.waiting + depth.backlog.waiting, depth.set_aside)
    }

    /// Tells delivery something.
    pub(crate) fn tell(&self, event: LinkEvent) {
        self.wake.send(event).expect("delivery listens");
    }

    pub(crate) fn hurry(&self) {
        let _ = self.hurry.try_send(());
    }

    pub(crate) fn stop(self) {
        self.shared.stop();
        let _ = self.wake.try_send(LinkEvent::Wake);
        self.hurry();
        for thread in self.threads {
            thread.join().expect("a thread of the test ends well");
        }
    }
}

/// Looks until `done` or the deadline.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < DEADLINE, "gave up waiting until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}
