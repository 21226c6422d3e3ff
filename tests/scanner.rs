//! What a console pushes reaches the broker: dcmtk's storescp as the shipped unit starts it, and the appliance behind it.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod wire;

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bench::mosquitto::{Mosquitto, Setup};
use bench::service::Service;
use bench::site::Site;
use bench::{DEADLINE, turn, until};
use deepspine::appliance::mqtt::subscriber::Subscriber;
use deepspine::dicom;
use serde_json::Value;

/// What `systemd-analyze security` may say of the receiver's unit as shipped.
const EXPOSURE_MAX: f64 = 1.1;
/// Bytes after which a way to the receiver ends: inside of the first object's pixels.
const CUT_BYTES: u64 = 40_000;
/// How the unit names its folder.
const UNIT_FOLDER: &str = "/srv/deepspine/in";

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)
}

fn unit() -> String {
    fs::read_to_string(shipped("deepspine-storescp.service")).expect("the unit is there")
}

/// A storescp started as the unit starts it, on another port and folder; ended with its owner.
struct Receiver {
    process: Child,
    port: u16,
}

impl Receiver {
    /// `None` where dcmtk is not installed.
    fn start(folder: &Path, log: &Path) -> Option<Self> {
        let port = wire::free_port();
        let unit = unit();
        let line = unit.lines().find_map(|l| l.strip_prefix("ExecStart=")).expect("a command");
        let line = line.replace("${AE_TITLE}", "SPINE").replace("${PORT}", &port.to_string());
        let line = line.replace(UNIT_FOLDER, &folder.display().to_string());
        let mut words = line.split_whitespace();
        let log = File::create(log).expect("the test's folder can be written");
        let process = Command::new(words.next().expect("a program"))
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        let receiver = Self { process: process.ok()?, port };
        until("the receiver listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(receiver)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends `files` to `port` as a console does; whether all was taken.
fn sent(files: &[PathBuf], port: u16) -> bool {
    let mut command = Command::new("storescu");
    command.args(["-aec", "SPINE", "127.0.0.1", &port.to_string()]).args(files);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("dcmtk has it").success()
}

/// A port from which one connection leads to `port`, and ends after so many bytes from there.
fn cut_way_to(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let here = listener.local_addr().expect("it has an address").port();
    std::thread::spawn(move || -> io::Result<()> {
        let (mut sender, _) = listener.accept()?;
        let mut receiver = TcpStream::connect(("127.0.0.1", port))?;
        let (mut answers, mut back) = (receiver.try_clone()?, sender.try_clone()?);
        std::thread::spawn(move || io::copy(&mut answers, &mut back));
        io::copy(&mut Read::by_ref(&mut sender).take(CUT_BYTES), &mut receiver)?;
        receiver.shutdown(std::net::Shutdown::Both)?;
        sender.shutdown(std::net::Shutdown::Both)
    });
    here
}

#[test]
fn a_study_that_is_pushed_is_reported_once_however_often_it_is_sent() {
    const NAME: &str = "a_study_that_is_pushed_is_reported_once_however_often_it_is_sent";
    let _turn = turn();
    let Some(broker) = Mosquitto::start(Setup::default()) else {
        return common::skipped(NAME, "mosquitto is not installed");
    };
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let mut site = Site::new("scanner", &url, &[("ingest.quiet-secs", "3"), ("ingest.force-after-secs", "600")]);
    let Some(receiver) = Receiver::start(&site.in_dir(), &site.path().join("storescp.log")) else {
        return common::skipped(NAME, "dcmtk is not installed");
    };
    let subscriber = Subscriber::connect("127.0.0.1", broker.port, "listener", "deepspine/scanner/e/report", DEADLINE)
        .expect("a subscription");
    let mut service = Service::start(&site, &[]);
    assert!(service.is_ready());
    let study = tempfile::tempdir().expect("a folder");
    let files = wire::small_study(study.path());
    site.studies.push(dicom::scan(&files[0]).expect("we wrote it").identity.study_instance_uid);

    assert!(!sent(&files, cut_way_to(receiver.port)), "its way was cut");
    let there = || dicom::find_files(&[site.in_dir()]).expect("the folder is readable").files;
    assert_eq!(there(), Vec::<PathBuf>::new(), "half an object is none");

    assert!(sent(&files, receiver.port));
    assert_eq!(there().len(), files.len());
    let message = subscriber.next(DEADLINE).expect("the broker is there").expect("a message in time");
    let report: Value = serde_json::from_slice(&message.payload).expect("a payload is JSON");
    let known = site.study_keys();
    assert!(report.to_string().contains(&known[0]), "{report:#}");

    assert!(sent(&files, receiver.port));
    assert_eq!(there().len(), 2 * files.len(), "no object is written over another");
    until("the appliance has seen it", || site.log().contains("nothing new in it"));
    service.stop();
    assert_eq!(site.committed().len(), 1, "one report");
    assert!(
        subscriber.next(std::time::Duration::from_secs(1)).expect("the broker is there").is_none(),
        "no second message"
    );
}

#[test]
fn what_the_receiver_writes_is_the_groups_to_read_in_a_folder_a_study() {
    const NAME: &str = "what_the_receiver_writes_is_the_groups_to_read_in_a_folder_a_study";
    let _turn = turn();
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("in");
    fs::create_dir(&folder).expect("the test's folder can be written");
    let Some(receiver) = Receiver::start(&folder, &dir.path().join("log")) else {
        return common::skipped(NAME, "dcmtk is not installed");
    };
    for number in [1, 2] {
        bench::studies::write(&dir.path().join("studies"), number);
    }
    let files = dicom::find_files(&[dir.path().join("studies")]).expect("the folder is readable").files;
    assert!(sent(&files, receiver.port));
    let folders: Vec<PathBuf> =
        fs::read_dir(&folder).expect("it is there").map(|e| e.expect("an entry").path()).collect();
    assert_eq!(folders.len(), 2, "{folders:?}");
    for folder in folders {
        let uid = folder.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(uid.starts_with("study_"), "{uid}");
        let file = fs::read_dir(folder).expect("a folder").next().expect("a file").expect("an entry").path();
        assert!(dicom::scan(&file).is_ok_and(|header| header.complete), "{}", file.display());
    }
}

#[test]
fn the_receivers_unit_is_little_exposed_and_verified_without_a_word() {
    const NAME: &str = "the_receivers_unit_is_little_exposed_and_verified_without_a_word";
    let path = shipped("deepspine-storescp.service").display().to_string();
    let told = |arguments: &[&str]| {
        Command::new("systemd-analyze").args(arguments).arg(&path).env("SYSTEMD_COLORS", "0").output()
    };
    let Ok(security) = told(&["security", "--offline=true", "--no-pager"]) else {
        return common::skipped(NAME, "no systemd-analyze");
    };
    let verdict = String::from_utf8_lossy(&security.stdout).into_owned();
    let Some((_, level)) = verdict.split_once("Overall exposure level for deepspine-storescp.service: ") else {
        return common::skipped(NAME, "this systemd-analyze can't judge a unit that does not run");
    };
    let level: f64 = level.split_whitespace().next().and_then(|l| l.parse().ok()).expect("a number");
    eprintln!("exposure {level}");
    assert!(level <= EXPOSURE_MAX, "{verdict}");
    if !Path::new("/usr/bin/storescp").exists() {
        return common::skipped(NAME, "dcmtk is not installed");
    }
    let verified = told(&["verify", "--man=no", "--recursive-errors=no"]).expect("it ran before");
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && said.is_empty(), "{said}");
}

#[test]
fn its_defaults_are_said_alike_wherever_they_stand() {
    let environment = fs::read_to_string(shipped("storescp.env")).expect("it is there");
    let unit = unit();
    let set = unit.lines().find_map(|l| l.strip_prefix("Environment=")).expect("defaults");
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scanner.md")).expect("it is there");
    for default in set.split_whitespace() {
        assert!(environment.contains(&format!("# {default}\n")), "{default}");
        let (_, value) = default.split_once('=').expect("a key and a value");
        assert!(page.contains(value), "{default}");
    }
    assert!(unit.contains(&format!("ReadWritePaths={UNIT_FOLDER}\n")));
}
