//! Late slices make a new revision, the same study copied again makes none, and no message names the patient.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod wire;

use std::path::{Path, PathBuf};
use std::time::Duration;

use deepspine::appliance::journal::Journal;
use deepspine::appliance::mqtt::loopback::{Loopback, Verdict};
use deepspine::appliance::mqtt::subscriber::{Received, Subscriber};
use deepspine::appliance::reading::Programs;
use deepspine::appliance::supervisor::{Appliance, Options};
use deepspine::dicom;
use deepspine::inference::ModelSource;
use serde_json::Value;
use wire::{DEADLINE, child, settings, small_study, until};

fn copy(files: &[PathBuf], to: &Path) {
    std::fs::create_dir_all(to).expect("the test's folder can be written");
    for file in files {
        let name = file.file_name().expect("a file has a name");
        std::fs::copy(file, to.join(name)).expect("the test's folder can be written");
    }
}

/// The next report; every message on the way goes to `all`.
fn next_report(subscriber: &Subscriber, all: &mut Vec<Received>) -> Value {
    loop {
        let message = subscriber.next(DEADLINE * 3).expect("the broker is there").expect("a message in time");
        all.push(message.clone());
        if message.topic.ends_with("e/report") {
            return serde_json::from_slice(&message.payload).expect("a payload is JSON");
        }
    }
}

#[test]
fn late_slices_make_a_revision_and_copies_make_none() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = small_study(&dir.path().join("staging"));
    let (late, early) = files.split_last().expect("a study has files");
    let identity = dicom::scan(late).expect("we wrote it").identity;
    let folder = dir.path().join("in");
    copy(early, &folder.join("a"));
    let broker = Loopback::start(Box::new(|_| Verdict::Accept)).expect("a broker");
    let subscriber = Subscriber::connect("127.0.0.1", broker.port(), "listener", "#", DEADLINE).expect("granted");
    let overrides =
        [format!("mqtt.broker={}", broker.url()), "ingest.quiet-secs=0".to_owned(), "ingest.wanted=[]".to_owned()];
    let appliance = Appliance::start(Options {
        settings: settings(dir.path(), &overrides),
        models: ModelSource::Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("models")),
        rescan_period: Duration::from_millis(100),
        programs: Programs {
            scan: child("child-scan"),
            read: child("child-read"),
            self_test: None,
            export: child("child-export"),
        },
    })
    .expect("the appliance starts");
    let mut all = Vec::new();
    let first = next_report(&subscriber, &mut all);
    copy(std::slice::from_ref(late), &folder.join("a"));
    let second = next_report(&subscriber, &mut all);
    assert_eq!((&first["revision"], &second["revision"]), (&Value::from(1), &Value::from(2)));
    assert_eq!(first["study_key"], second["study_key"]);
    assert_ne!(first["report_id"], second["report_id"]);

    let journal = Journal::open(&dir.path().join("state")).expect("a second look into the journal");
    copy(&files, &folder.join("again"));
    until("the copies are looked at and found to be nothing new", || {
        journal.known_files_after(Path::new(""), 100).expect("the journal works").len() == 2 * files.len()
            && journal.open_studies().expect("the journal works").is_empty()
    });
    let study_key = second["study_key"].as_str().expect("a key is text");
    assert_eq!(journal.next_revision(study_key).expect("the journal works"), 3);
    until("the clinic's files are there", || {
        let report_id = second["report_id"].as_str().expect("an id is text");
        dir.path().join("out").join(report_id).join("report.json").is_file()
    });
    appliance.stop();
    while let Ok(Some(message)) = subscriber.next(Duration::from_millis(100)) {
        assert!(!message.topic.ends_with("e/report"), "a third report");
        all.push(message);
    }
    for secret in [identity.study_instance_uid, identity.patient_name, identity.patient_id] {
        let told = |m: &Received| m.topic.contains(&secret) || String::from_utf8_lossy(&m.payload).contains(&secret);
        assert!(!secret.is_empty() && !all.iter().any(told), "identity leaves the device");
    }
}
