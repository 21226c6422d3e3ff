//! `deepspine run` as a service manager sees it: ready, reload, stop.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod wire;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use deepspine::appliance::mqtt::loopback::{Loopback, Verdict};
use deepspine::appliance::mqtt::subscriber::Subscriber;
use rustix::process::{Pid, Signal, kill_process};

use wire::{DEADLINE, until};

struct Service {
    process: Child,
    heard: UnixDatagram,
}

impl Service {
    fn start(dir: &Path, config: &Path) -> Self {
        let socket = dir.join("notify");
        let _ = std::fs::remove_file(&socket);
        let heard = UnixDatagram::bind(&socket).expect("a socket");
        heard.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        let process = Command::new(env!("CARGO_BIN_EXE_deepspine"))
            .args(["run", "--config"])
            .arg(config)
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "400000")
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        Self { process, heard }
    }

    fn wait_for(&self, message: &str) {
        let mut buffer = [0; 256];
        loop {
            let length = self.heard.recv(&mut buffer).expect("a word in time");
            if buffer[..length].starts_with(message.as_bytes()) {
                return;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("the service is our child");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn config(dir: &Path, broken: bool) -> String {
    let key = if broken { "no-such-key = 1\n" } else { "" };
    format!(
        "{key}[ingest]\nfolder = \"{0}/in\"\n[storage]\nstate-dir = \"{0}/state\"\nout-dir = \"{0}/out\"\nruntime-dir = \"{0}/run\"\n",
        dir.display()
    )
}

#[test]
fn a_service_is_ready_watched_reloaded_and_stopped_in_order() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("in")).expect("the test's folder can be written");
    let file = dir.path().join("config.toml");
    std::fs::write(&file, config(dir.path(), false)).expect("the test's folder can be written");
    let mut service = Service::start(dir.path(), &file);
    service.wait_for("READY=1");
    service.wait_for("WATCHDOG=1");

    std::fs::write(&file, config(dir.path(), true)).expect("the test's folder can be written");
    service.signal(Signal::HUP);
    service.wait_for("RELOADING=1\nMONOTONIC_USEC=");
    service.wait_for("READY=1");
    service.wait_for("WATCHDOG=1");

    service.signal(Signal::TERM);
    service.wait_for("STOPPING=1");
    let mut status = None;
    until("the service ends", || {
        status = service.process.try_wait().expect("it is our child");
        status.is_some()
    });
    assert_eq!(status.and_then(|s| s.code()), Some(0));
}

#[test]
fn a_configuration_broken_before_a_start_gives_way_to_the_last_that_worked() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("in")).expect("the test's folder can be written");
    let file = dir.path().join("config.toml");
    let broker = Loopback::start(Box::new(|_| Verdict::Accept)).expect("a broker");
    let good = format!("{}[mqtt]\nbroker = \"{}\"\n", config(dir.path(), false), broker.url());
    std::fs::write(&file, &good).expect("the test's folder can be written");
    let mut service = Service::start(dir.path(), &file);
    service.wait_for("READY=1");
    service.signal(Signal::TERM);
    service.wait_for("STOPPING=1");
    until("the service ends", || service.process.try_wait().expect("it is our child").is_some());
    drop(service);

    // The keys of the state folder are still there: only so is the last good configuration found without systemd.
    std::fs::write(&file, format!("no-such-key = 1\n{good}")).expect("the test's folder can be written");
    let subscriber = Subscriber::connect("127.0.0.1", broker.port(), "listener", "#", DEADLINE).expect("granted");
    let alarm = |wanted: &dyn Fn(&[u8]) -> bool| {
        loop {
            let message = subscriber.next(DEADLINE).expect("the broker is there").expect("a message in time");
            if message.topic.ends_with("/a/configuration") && wanted(&message.payload) {
                return;
            }
        }
    };
    let service = Service::start(dir.path(), &file);
    service.wait_for("READY=1");
    alarm(&|payload| String::from_utf8_lossy(payload).contains("config.toml:1: `no-such-key`"));
    std::fs::write(&file, &good).expect("the test's folder can be written");
    service.signal(Signal::HUP);
    alarm(&<[u8]>::is_empty);
    service.signal(Signal::TERM);
    service.wait_for("STOPPING=1");
}

#[test]
fn a_wrong_configuration_ends_the_start_for_good() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("config.toml");
    std::fs::write(&file, config(dir.path(), true)).expect("the test's folder can be written");
    let output = Command::new(env!("CARGO_BIN_EXE_deepspine")).args(["run", "--config"]).arg(&file).output();
    let output = output.expect("the binary runs");
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("config.toml:1: `no-such-key`"));
}
