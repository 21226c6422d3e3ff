//! A real archive, Orthanc, takes what the appliance sends, and gives it back as it was.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod pacs_peer;
mod wire;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bench::service::Service;
use bench::site::Site;
use bench::{turn, until};
use deepspine::phantom::{Parameters, Phantom, StudyPlan, write_study};
use dicom_object::DefaultDicomObject;
use pacs_peer::read_object;
use serde_json::{Value, json};

/// Debian's package puts it there, where no user's path leads.
const ORTHANC: &str = "/usr/sbin/Orthanc";

/// A running Orthanc in a folder of its own; ended with its owner.
struct Orthanc {
    process: Child,
    dicom_port: u16,
    http_port: u16,
}

impl Orthanc {
    /// `None` where it is not installed.
    fn start(folder: &Path) -> Option<Self> {
        let (dicom_port, http_port) = (wire::free_port(), wire::free_port());
        let configuration = json!({
            "Name": "archive", "StorageDirectory": folder.join("storage"), "IndexDirectory": folder.join("index"),
            "DicomAet": "ARCHIVE", "DicomPort": dicom_port, "DicomCheckCalledAet": true, "HttpPort": http_port,
            "RemoteAccessAllowed": false, "AuthenticationEnabled": false, "Plugins": [],
        });
        fs::write(folder.join("orthanc.json"), configuration.to_string()).expect("the test's folder can be written");
        let log = fs::File::create(folder.join("log")).expect("the test's folder can be written");
        let process = Command::new(ORTHANC)
            .arg(folder.join("orthanc.json"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .ok()?;
        let orthanc = Self { process, dicom_port, http_port };
        until("Orthanc listens", || {
            [http_port, dicom_port].iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
        });
        Some(orthanc)
    }

    /// The body of what it answers to `GET path`.
    fn get(&self, path: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http_port)).expect("it listens");
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").expect("it listens");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
        assert!(answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.0 200"), "{path}");
        answer.split_off(end + 4)
    }

    fn list(&self, path: &str) -> Vec<String> {
        serde_json::from_slice(&self.get(path)).expect("a list")
    }

    fn tags(&self, instance: &str) -> Value {
        serde_json::from_slice(&self.get(&format!("/instances/{instance}/simplified-tags"))).expect("tags")
    }
}

impl Drop for Orthanc {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The objects in the folder of the site's one report.
fn objects(site: &Site) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for report in fs::read_dir(site.out_dir()).expect("a folder").flatten() {
        let files = fs::read_dir(report.path()).expect("a folder").flatten().map(|e| e.path());
        found.extend(files.filter(|path| path.extension().is_some_and(|e| e == "dcm")));
    }
    found
}

/// Its elements, whatever way the lengths of its sequences were written.
fn data_set(object: &DefaultDicomObject) -> Vec<u8> {
    let mut bytes = Vec::new();
    object.write_dataset(&mut bytes).expect("it can be written");
    bytes
}

#[test]
fn orthanc_takes_the_objects_of_a_study_and_gives_them_back_as_they_were() {
    const NAME: &str = "orthanc_takes_the_objects_of_a_study_and_gives_them_back_as_they_were";
    let _turn = turn();
    let place = tempfile::tempdir().expect("a folder");
    let Some(orthanc) = Orthanc::start(place.path()) else { return common::skipped(NAME, "Orthanc is not installed") };
    let address = format!("\"127.0.0.1:{}\"", orthanc.dicom_port);
    let settings = [("pacs.address", &*address), ("pacs.ae-title", "\"ARCHIVE\""), ("ingest.quiet-secs", "1")];
    let site = Site::new("p", "mqtt://127.0.0.1:1", &settings);
    let phantom = Phantom::new(&Parameters::default()).expect("the usual phantom");
    write_study(&phantom, &StudyPlan::default(), &site.in_dir()).expect("the test's folder can be written");
    let mut service = Service::start(&site, &[]);
    assert!(service.is_ready());
    until("the archive has all three", || orthanc.list("/instances").len() == 3);
    until("they are written too", || objects(&site).len() == 3);
    service.stop();

    assert_eq!(orthanc.list("/studies").len(), 1, "they join one study");
    let mut given_back = Vec::new();
    for instance in orthanc.list("/instances") {
        let uid = orthanc.tags(&instance)["SOPInstanceUID"].as_str().expect("a UID").to_owned();
        given_back.push((uid, orthanc.get(&format!("/instances/{instance}/file"))));
    }
    for path in objects(&site) {
        let (uid, ours) = read_object(&path);
        let (_, theirs) = given_back.iter().find(|(of, _)| *of == uid).expect("the archive knows it by its UID");
        let theirs = dicom_object::from_reader(theirs.as_slice()).expect("it gives DICOM");
        assert!(data_set(&theirs) == ours, "{} came back as something else", path.display());
    }
}

/// It is the archive that says who may send, and that is told apart from an archive that is away.
#[test]
fn a_title_that_the_archive_does_not_know_is_said_to_be_one() {
    const NAME: &str = "a_title_that_the_archive_does_not_know_is_said_to_be_one";
    let _turn = turn();
    let place = tempfile::tempdir().expect("a folder");
    let Some(orthanc) = Orthanc::start(place.path()) else { return common::skipped(NAME, "Orthanc is not installed") };
    let address = format!("\"127.0.0.1:{}\"", orthanc.dicom_port);
    for (title, said) in [("\"ARCHIVE\"", "√ archive ARCHIVE"), ("\"OTHER\"", "rejects the association")] {
        let settings = [("pacs.address", &*address), ("pacs.ae-title", title)];
        let site = Site::new("p", "mqtt://127.0.0.1:1", &settings);
        let checked = Command::new(env!("CARGO_BIN_EXE_deepspine")).arg("check-config").arg(site.config()).output();
        let checked = String::from_utf8_lossy(&checked.expect("the binary runs").stdout).into_owned();
        assert!(checked.contains(said), "{checked}");
    }
}
