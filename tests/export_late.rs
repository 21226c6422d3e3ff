//! The clinic's files may come late, and come: what fails at them costs no report, and no other report its files.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod wire;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deepspine::appliance::mqtt::loopback::{Loopback, Verdict};
use deepspine::appliance::mqtt::subscriber::Subscriber;
use deepspine::appliance::reader::child::Program;
use deepspine::appliance::reading::{Programs, Starter};
use deepspine::appliance::supervisor::{Appliance, Options};
use deepspine::inference::ModelSource;
use serde_json::Value;
use wire::{DEADLINE, child, program, settings, small_study, until};

/// A child that dies the first time, and does its work from then on.
fn dies_once(verb: &'static str, runs: &Arc<AtomicUsize>) -> Starter {
    let runs = Arc::clone(runs);
    Box::new(move |memory_mib, cpu_secs| match runs.fetch_add(1, Ordering::SeqCst) {
        0 => Program { path: "/bin/false".into(), arguments: Vec::new() },
        _ => program(verb, memory_mib, cpu_secs),
    })
}

/// A child that finds its bundle put elsewhere, as when a broker took the report a moment before.
fn finds_it_moved(verb: &'static str, state_dir: &Path, runs: &Arc<AtomicUsize>) -> Starter {
    let (kept, runs) = (state_dir.join("bundles"), Arc::clone(runs));
    Box::new(move |memory_mib, cpu_secs| {
        if runs.fetch_add(1, Ordering::SeqCst) == 0 {
            for entry in std::fs::read_dir(&kept).expect("bundles are kept there").flatten() {
                if entry.path().is_file() {
                    std::fs::rename(entry.path(), kept.join("delivered").join(entry.file_name()))
                        .expect("it can be moved");
                }
            }
        }
        program(verb, memory_mib, cpu_secs)
    })
}

/// An appliance that finds one small study in its folder, and makes the clinic's files by `export`.
fn start(dir: &Path, broker: Option<String>, export: Starter) -> Appliance {
    small_study(&dir.join("in"));
    let mut overrides = vec!["ingest.quiet-secs=0".to_owned(), "ingest.wanted=[]".to_owned()];
    overrides.extend(broker.map(|url| format!("mqtt.broker={url}")));
    Appliance::start(Options {
        settings: settings(dir, &overrides),
        models: ModelSource::Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("models")),
        rescan_period: Duration::from_millis(100),
        programs: Programs { scan: child("child-scan"), read: child("child-read"), self_test: None, export },
    })
    .expect("the appliance starts")
}

#[test]
fn files_that_can_t_be_made_are_alarmed_and_made_later() {
    let dir = tempfile::tempdir().expect("a folder");
    let broker = Loopback::start(Box::new(|_| Verdict::Accept)).expect("a broker");
    let subscriber = Subscriber::connect("127.0.0.1", broker.port(), "listener", "#", DEADLINE).expect("granted");
    let runs = Arc::new(AtomicUsize::new(0));
    let appliance = start(dir.path(), Some(broker.url()), dies_once("child-export", &runs));
    let (mut report_id, mut alarmed) = (None, false);
    while report_id.is_none() || !alarmed {
        let message = subscriber.next(DEADLINE * 3).expect("the broker is there").expect("a message in time");
        let content: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
        if message.topic.ends_with("e/report") {
            report_id = content["report_id"].as_str().map(str::to_owned);
        }
        alarmed |= message.topic.ends_with("a/out-folder") && content["text"].is_string();
    }
    let out_dir = dir.path().join("out").join(report_id.expect("it came"));
    until("the clinic's files are made", || {
        out_dir.join("overlay.png").is_file() && out_dir.join("report.json").is_file()
    });
    loop {
        let message = subscriber.next(DEADLINE * 3).expect("the broker is there").expect("the alarm ends in time");
        if message.topic.ends_with("a/out-folder") && message.payload.is_empty() {
            break;
        }
    }
    assert_eq!(runs.load(Ordering::SeqCst), 2, "the one that died, and the one that made them");
    appliance.check().expect("every thread goes on");
    appliance.stop();
}

#[test]
fn a_bundle_that_is_delivered_meanwhile_is_found_where_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let runs = Arc::new(AtomicUsize::new(0));
    let export = finds_it_moved("child-export", &dir.path().join("state"), &runs);
    let appliance = start(dir.path(), None, export);
    until("the clinic's files are made", || {
        let folders = std::fs::read_dir(dir.path().join("out")).into_iter().flatten().flatten();
        folders.into_iter().any(|folder| folder.path().join("overlay.png").is_file())
    });
    assert_eq!(runs.load(Ordering::SeqCst), 2, "once where it was, once where it is, without a rest between");
    appliance.stop();
}
