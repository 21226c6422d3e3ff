//! Identities planted wherever a study or an export can hold text are found nowhere outside of the device.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bench::mosquitto::free_port;
use bench::page::{self, Events};
use bench::service::Service;
use bench::site::Site;
use bench::{studies, until};
use deepspine::appliance::mqtt::loopback::{Loopback, Verdict};
use deepspine::appliance::mqtt::subscriber::{Received, Subscriber};
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_object::{DefaultDicomObject, open_file};

/// What every planted text begins with, in whatever case; a UID can only hold digits.
const PLANTED: &str = "ZQXPLANTED";
/// What every planted UID ends with.
const PLANTED_DIGITS: &str = "71828182845904";
const DEADLINE: Duration = Duration::from_secs(120);

/// Text elements of many kinds that exports carry: patient, order, people, places, free text, private ones.
const TEXTS: [(u16, u16, VR); 44] = [
    (0x0008, 0x0050, VR::SH),
    (0x0008, 0x0080, VR::LO),
    (0x0008, 0x0081, VR::ST),
    (0x0008, 0x0090, VR::PN),
    (0x0008, 0x0094, VR::SH),
    (0x0008, 0x1010, VR::SH),
    (0x0008, 0x1030, VR::LO),
    (0x0008, 0x103e, VR::LO),
    (0x0008, 0x1040, VR::LO),
    (0x0008, 0x1048, VR::PN),
    (0x0008, 0x1050, VR::PN),
    (0x0008, 0x1060, VR::PN),
    (0x0008, 0x1070, VR::PN),
    (0x0008, 0x1080, VR::LO),
    (0x0008, 0x1090, VR::LO),
    (0x0010, 0x0010, VR::PN),
    (0x0010, 0x0020, VR::LO),
    (0x0010, 0x0021, VR::LO),
    (0x0010, 0x1000, VR::LO),
    (0x0010, 0x1001, VR::PN),
    (0x0010, 0x1005, VR::PN),
    (0x0010, 0x1040, VR::LO),
    (0x0010, 0x1060, VR::PN),
    (0x0010, 0x1090, VR::LO),
    (0x0010, 0x2000, VR::LO),
    (0x0010, 0x2110, VR::LO),
    (0x0010, 0x2154, VR::SH),
    (0x0010, 0x2160, VR::SH),
    (0x0010, 0x2180, VR::SH),
    (0x0010, 0x21b0, VR::LT),
    (0x0010, 0x4000, VR::LT),
    (0x0018, 0x0015, VR::CS),
    (0x0018, 0x1000, VR::LO),
    (0x0018, 0x1020, VR::LO),
    (0x0018, 0x1030, VR::LO),
    (0x0020, 0x0010, VR::SH),
    (0x0020, 0x4000, VR::LT),
    (0x0032, 0x1060, VR::LO),
    (0x0038, 0x0010, VR::LO),
    (0x0040, 0x0254, VR::LO),
    (0x0040, 0x1001, VR::SH),
    (0x0040, 0x2016, VR::LO),
    (0x0040, 0xa160, VR::UT),
    (0x0009, 0x1001, VR::LO),
];

/// Puts a planted text into every element of [`TEXTS`] and planted digits at the end of every UID of the instance.
fn plant(file: &Path, to: &Path) {
    let mut object: DefaultDicomObject = open_file(file).expect("we wrote it");
    for (n, (group, element, vr)) in TEXTS.into_iter().enumerate() {
        let text = if vr == VR::PN { format!("{PLANTED}{n}^Erika") } else { format!("{PLANTED}{n}") };
        object.put(DataElement::new(Tag(group, element), vr, PrimitiveValue::from(text)));
    }
    for tag in [Tag(0x0020, 0x000d), Tag(0x0020, 0x000e), Tag(0x0008, 0x0018), Tag(0x0020, 0x0052)] {
        let uid = format!("1.2.826.0.1.{}.{PLANTED_DIGITS}", u32::from(tag.0) * 65_536 + u32::from(tag.1));
        object.put(DataElement::new(tag, VR::UI, PrimitiveValue::from(uid)));
    }
    object.write_to_file(to).expect("the test's folder can be written");
}

/// A folder and files named after the patient: a study, one of its objects cut off, junk, and an object whose
/// pixels are no codestream although it says so.
fn export(to: &Path, scratch: &Path) {
    let folder = to.join(format!("{PLANTED}^Erika_19570312"));
    std::fs::create_dir_all(&folder).expect("the test's folder can be written");
    studies::write(scratch, 1);
    let whole = folder.join(format!("{PLANTED}-1.dcm"));
    plant(&scratch.join("000001.dcm"), &whole);
    let bytes = std::fs::read(&whole).expect("it was written");
    std::fs::write(folder.join(format!("{PLANTED}-cut.dcm")), &bytes[..bytes.len() - 200]).expect("the test's folder");
    std::fs::write(folder.join(format!("{PLANTED}-junk.dcm")), format!("{PLANTED} is no DICOM"))
        .expect("the test's folder");
    let mut lying = bytes;
    // The transfer syntax becomes one that nobody knows, with planted digits.
    let (from, by) = (b"1.2.840.10008.1.2.1\0".as_slice(), b"1.2.7182818284590488".as_slice());
    let at = lying.windows(from.len()).position(|w| w == from).expect("explicit little endian");
    lying[at..at + by.len()].copy_from_slice(by);
    std::fs::write(folder.join(format!("{PLANTED}-lying.dcm")), lying).expect("the test's folder can be written");
}

fn said(site: &Site, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .args(arguments)
        .arg("--config")
        .arg(site.config())
        .output()
        .expect("the binary runs");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn leaks(what: &str, text: &str) -> Vec<String> {
    let text = text.to_uppercase();
    let planted: BTreeSet<&str> = ["ZQXPLANT", "71828182", "ERIKA", "19570312"].into();
    planted.into_iter().filter(|p| text.contains(*p)).map(|p| format!("{p} in {what}")).collect()
}

#[test]
fn planted_identities_are_found_nowhere_outside_of_the_device() {
    let broker = Loopback::start(Box::new(|_| Verdict::Accept)).expect("a broker");
    let subscriber = Subscriber::connect("127.0.0.1", broker.port(), "listener", "#", DEADLINE).expect("granted");
    let port = free_port();
    let listen = format!("\"127.0.0.1:{port}\"");
    let settings = [
        ("storage.headroom-mib", "0"),
        ("ingest.force-after-secs", "2"),
        ("commands.allow", "[\"health\"]"),
        ("web.listen", &listen),
    ];
    let site = Site::new("private", &broker.url(), &settings);
    let scratch = tempfile::tempdir().expect("a folder");
    export(&site.in_dir(), scratch.path());
    let service = Service::start(&site, &[]);
    let mut messages: Vec<Received> = Vec::new();
    let begun = Instant::now();
    while !messages.iter().any(|m| m.topic.ends_with("e/report"))
        || !messages.iter().any(|m| m.topic.ends_with("m/queue"))
    {
        assert!(begun.elapsed() < DEADLINE, "no report:\n{}", site.evidence());
        messages.extend(subscriber.next(Duration::from_millis(200)).expect("the broker is there"));
    }
    until("every file is looked at", || {
        bench::site::query(&site.state_dir(), "SELECT state FROM files").is_some_and(|files| files.len() == 4)
    });

    let mut found = Vec::new();
    for message in &messages {
        found
            .extend(leaks(&message.topic, &format!("{} {}", message.topic, String::from_utf8_lossy(&message.payload))));
    }
    let key = site_key(&site);
    for arguments in [
        vec!["status"],
        vec!["status", "--format", "json"],
        vec!["studies", "list"],
        vec!["studies", "list", "--format", "json"],
        vec!["studies", "show", &key, "--format", "json"],
        vec!["outbox", "list"],
    ] {
        found.extend(leaks(&arguments.join(" "), &said(&site, &arguments)));
    }
    for path in ["/", &format!("/study/{key}"), &format!("/study/{key}/page"), "/metrics", "/healthz"] {
        let reply = page::get(port, path);
        found.extend(leaks(&format!("the page {path}"), &format!("{}{}", reply.head, reply.text())));
    }
    found.extend(leaks("an event", &Events::listen(port).next()));
    found.extend(leaks("the log", &site.log()));
    let stick = tempfile::tempdir().expect("a folder");
    said(&site, &["outbox", "export", stick.path().to_str().expect("ASCII")]);
    let exported = std::fs::read_to_string(stick.path().join("deepspine-outbox.jsonl")).expect("it was exported");
    found.extend(leaks("the export", &exported));
    for file in files_below(&site.out_dir()) {
        let text = format!("{} {}", file.display(), String::from_utf8_lossy(&std::fs::read(&file).expect("a file")));
        found.extend(leaks(&format!("{}", file.display()), &text));
    }
    assert!(found.is_empty(), "identity leaves the device: {found:#?}");

    let resolved = said(&site, &["studies", "resolve", &key]);
    assert!(resolved.contains(PLANTED) && resolved.contains(PLANTED_DIGITS), "root is told: {resolved}");
    service.stop().expect("it ends in order");
}

fn site_key(site: &Site) -> String {
    let keys = bench::site::query(&site.state_dir(), "SELECT study_key FROM studies").expect("the journal can be read");
    keys.first().expect("a study").trim_matches('"').to_owned()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(listing) = std::fs::read_dir(folder) else { return Vec::new() };
    listing
        .flatten()
        .flat_map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { vec![entry.path()] })
        .collect()
}
