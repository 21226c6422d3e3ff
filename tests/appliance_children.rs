//! Whatever a file or a study does to its child, it costs attempts, and the appliance goes on.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod wire;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deepspine::appliance::journal::{FileState, Journal};
use deepspine::appliance::mqtt::loopback::{Loopback, Verdict};
use deepspine::appliance::mqtt::subscriber::Subscriber;
use deepspine::appliance::reader::child::Program;
use deepspine::appliance::reading::{Programs, Starter};
use deepspine::appliance::supervisor::{Appliance, Options};
use deepspine::inference::ModelSource;
use serde_json::Value;
use wire::{DEADLINE, ROOT, settings, until};

/// Answers a frame with `$body`.
const ANSWER: &str = r#"
answer() {
  printf "$(printf '\\%03o\\%03o\\000\\000' $((${#1} % 256)) $((${#1} / 256)))%s" "$1"
}
request=$(tail -c +5)
"#;

/// A child that finds in every file the same instance of one whole study.
const SCANS: &str = r#"
case $request in
*'"ask":"files"'*)
  answer '{"answer":"files","outcomes":[{"outcome":"instance","study_uid":"1.2","series_uid":"1.2.3","instance_uid":"1.2.3.4","digest":"d","header":"h"}]}' ;;
*) answer '{"answer":"study","whole_roles":["sag-t2","sag-t1","ax-t2"],"gapped_roles":[]}' ;;
esac
"#;

fn shell(script: String) -> Starter {
    Box::new(move |_, _| Program {
        path: "/bin/sh".into(),
        arguments: vec![OsString::from("-c"), OsString::from(format!("{ANSWER}{script}"))],
    })
}

fn start(dir: &Path, overrides: &[&str], programs: Programs) -> Appliance {
    std::fs::create_dir(dir.join("in")).expect("the test's folder can be written");
    let mut all = vec!["ingest.quiet-secs=0".to_owned(), "reader.max-attempts=2".to_owned()];
    all.extend(overrides.iter().map(|o| (*o).to_owned()));
    Appliance::start(Options {
        settings: settings(dir, &all),
        models: ModelSource::Folder(dir.join("no models")),
        rescan_period: Duration::from_millis(50),
        programs,
    })
    .expect("the appliance starts")
}

/// The reason for which the one study is quarantined when its reading child runs `script`.
fn quarantined_because(script: &str) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    let broker = Loopback::start(Box::new(|_| Verdict::Accept)).expect("a broker");
    let topic = format!("{ROOT}/e/study");
    let subscriber = Subscriber::connect("127.0.0.1", broker.port(), "listener", &topic, DEADLINE).expect("granted");
    let runs = dir.path().join("runs");
    let counted = format!("echo run >>'{}'\n{script}", runs.display());
    let programs =
        Programs { scan: shell(SCANS.to_owned()), read: shell(counted), self_test: None, ..Programs::default() };
    let broker_url = format!("mqtt.broker={}", broker.url());
    let appliance = start(dir.path(), &[&broker_url, "reader.time-limit-secs=1"], programs);
    std::fs::write(dir.path().join("in/1.dcm"), "x").expect("the test's folder can be written");
    let last = loop {
        let message = subscriber.next(DEADLINE).expect("the broker is there").expect("a message in time");
        let content: Value = serde_json::from_slice(&message.payload).expect("a payload is JSON");
        if content["state"] == "quarantined" {
            break content;
        }
    };
    assert_eq!(last["attempt"], 2);
    appliance.check().expect("every thread goes on");
    appliance.stop();
    let attempts = std::fs::read_to_string(runs).expect("the child ran").lines().count();
    assert_eq!(attempts, 2, "as many as allowed, and no more");
    last["reason"].as_str().expect("a reason").to_owned()
}

#[test]
fn a_study_whose_child_dies_is_quarantined_after_its_attempts() {
    let reason = quarantined_because("kill -9 $$");
    assert!(reason.contains("ended without an answer"), "{reason}");
}

#[test]
fn a_study_whose_child_hangs_is_quarantined_after_its_attempts() {
    let reason = quarantined_because("exec sleep 600");
    assert!(reason.contains("killed after 1 s"), "{reason}");
}

#[test]
fn a_study_whose_child_floods_is_quarantined_after_its_attempts() {
    let reason = quarantined_because("exec tr '\\0' '\\377' </dev/zero");
    assert!(reason.contains("frame of"), "{reason}");
}

#[test]
fn a_study_that_its_child_refuses_tells_why() {
    let reason = quarantined_because(r#"answer '{"answer":"failed","reason":"no file can be read"}'"#);
    assert_eq!(reason, "no file can be read");
}

#[test]
fn the_file_that_ends_its_child_is_found_among_the_others() {
    let dir = tempfile::tempdir().expect("a folder");
    let script = r#"
case $request in *bad.dcm*) kill -9 $$ ;; esac
one='{"outcome":"refused","reason":"is not a DICOM object"}'
all=$one
for _ in $(printf %s "$request" | grep -o '\.dcm"' | tail -n +2); do all="$all,$one"; done
answer '{"answer":"files","outcomes":['"$all"']}'
"#;
    let programs = Programs {
        scan: shell(script.to_owned()),
        read: shell("exit 1".to_owned()),
        self_test: None,
        ..Programs::default()
    };
    let appliance = start(dir.path(), &[], programs);
    for name in ["a", "b", "bad", "c", "d", "e", "f"] {
        let path = dir.path().join("in").join(format!("{name}.dcm"));
        std::fs::write(path, "x").expect("the test's folder can be written");
    }
    let journal = Journal::open(&dir.path().join("state")).expect("a second look into the journal");
    let known = || journal.known_files_after(Path::new(""), 100).expect("the journal works");
    until("every file is settled", || {
        let files = known();
        files.len() == 7 && files.iter().all(|(_, _, state)| *state == FileState::Refused)
    });
    appliance.check().expect("every thread goes on");
    appliance.stop();
    let bad: Vec<PathBuf> = known().into_iter().map(|(path, _, _)| path).filter(|p| p.ends_with("bad.dcm")).collect();
    assert_eq!(bad.len(), 1);
}

#[test]
fn two_supervisors_do_not_share_a_state_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let appliance = start(dir.path(), &[], Programs::default());
    let second = Appliance::start(Options {
        settings: settings(dir.path(), &[]),
        models: ModelSource::Standard,
        rescan_period: Duration::from_secs(1),
        programs: Programs::default(),
    });
    assert!(second.is_err_and(|error| error.to_string().contains("in use")));
    appliance.stop();
}
