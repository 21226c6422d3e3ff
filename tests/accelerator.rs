//! A GPU makes readings faster or not at all: where it is not built in, not there, or fails, the processor reads.
//!
//! Without a GPU, with the feature `cuda` and without it: `cargo test --test accelerator`, `cargo test --features cuda --test accelerator`.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod wire;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use deepspine::appliance::alarms::Alarm;
use deepspine::appliance::mqtt::loopback::{Loopback, Verdict};
use deepspine::appliance::mqtt::subscriber::Subscriber;
use deepspine::appliance::reader::child::Program;
use deepspine::appliance::reading::{Programs, Starter};
use deepspine::appliance::supervisor::{Appliance, Options};
use deepspine::inference::{Device, DeviceChoice, ModelSource};
use serde_json::Value;
use wire::{DEADLINE, ROOT, settings, small_study};

/// Answers a frame with `$1`; the request is read first.
const ANSWER: &str = r#"
answer() { printf "$(printf '\\%03o\\%03o\\000\\000' $((${#1} % 256)) $((${#1} / 256)))%s" "$1"; }
"#;
/// A child that finds in every file the same instance of one whole study.
const SCANS: &str = r#"
request=$(tail -c +5)
case $request in
*'"ask":"files"'*)
  answer '{"answer":"files","outcomes":[{"outcome":"instance","study_uid":"1.2","series_uid":"1.2.3","instance_uid":"1.2.3.4","digest":"d","header":"h"}]}' ;;
*) answer '{"answer":"study","whole_roles":["sag-t2","sag-t1","ax-t2"],"gapped_roles":[]}' ;;
esac
"#;
/// A self-test that passes.
const PASSES: &str = r#"cat >/dev/null; answer '{"answer":"done","checks":[{"name":"n","value":0.0,"max":1.0}]}'"#;
/// A reading that is refused.
const REFUSES: &str = r#"cat >/dev/null; answer '{"answer":"failed","reason":"no"}'"#;

fn deepspine(arguments: &[&str]) -> (Option<i32>, String) {
    let output: Output =
        Command::new(env!("CARGO_BIN_EXE_deepspine")).args(arguments).output().expect("the binary runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

/// Whether this machine can say something about being without a GPU; else the test `name` is skipped.
fn is_without_gpu(name: &str) -> bool {
    if Device::Cuda.has_driver() {
        common::skipped(name, "this machine has a GPU");
    }
    !Device::Cuda.has_driver()
}

#[test]
fn a_gpu_that_is_not_built_in_can_not_be_configured() {
    const NAME: &str = "a_gpu_that_is_not_built_in_can_not_be_configured";
    let (code, said) = deepspine(&["check-config", "/dev/null", "--set", "reader.device=cuda"]);
    if Device::Cuda.is_built_in() {
        assert_eq!(code, Some(0), "{said}");
        if is_without_gpu(NAME) {
            assert!(said.contains("! the GPU's driver is not there"), "{said}");
        }
        return;
    }
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("`reader.device` is \"cuda\", but this program was built without cuda"), "{said}");
    let (code, said) = deepspine(&["analyze", "--device", "cuda", "/nowhere"]);
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("built without cuda"), "{said}");
}

#[test]
fn a_device_that_nobody_knows_is_named() {
    let (code, said) = deepspine(&["check-config", "/dev/null", "--set", "reader.device=tpu"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("`reader.device` knows auto, cpu and cuda, not \"tpu\""), "{said}");
}

#[test]
fn auto_is_the_processor_where_there_is_no_gpu() {
    if !is_without_gpu("auto_is_the_processor_where_there_is_no_gpu") {
        return;
    }
    assert_eq!(DeviceChoice::Auto.device(), Device::Cpu);
    let (code, said) = deepspine(&["check-config", "/dev/null"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("√ networks run on cpu (reader.device = \"auto\")"), "{said}");
}

#[test]
fn a_gpu_that_is_asked_for_by_name_and_does_not_answer_is_an_error() {
    if !Device::Cuda.is_built_in() || !is_without_gpu("a_gpu_that_is_asked_for_by_name_and_does_not_answer_is_an_error")
    {
        return;
    }
    let models = models().display().to_string();
    let (code, said) = deepspine(&["self-test", "--device", "cuda", "--models", &models]);
    assert_eq!(code, Some(69), "{said}");
    assert!(said.contains("cuda can't be used"), "{said}");
}

/// A child that runs `script`, whose `$0` is the device that it was started for, or `cpu`. `$me` is this binary.
fn shell(script: &str) -> Starter {
    let script = script.to_owned();
    Box::new(move |memory_mib, cpu_secs| {
        let limits = format!("--memory-mib={memory_mib} --cpu-secs={cpu_secs} --supervisor={}", std::process::id());
        let me = env!("CARGO_BIN_EXE_deepspine");
        // What is appended to the arguments comes after the name, and so is $1.
        let begin = format!("me={me}; limits='{limits}'; device=${{1:-cpu}}\n{ANSWER}\n{script}");
        let arguments = ["-c", &begin, "child"].map(OsString::from).to_vec();
        Program { path: "/bin/sh".into(), arguments }
    })
}

fn start(dir: &Path, broker: &str, overrides: &[&str], programs: Programs) -> Appliance {
    let mut all =
        vec!["ingest.quiet-secs=0".to_owned(), "ingest.wanted=[]".to_owned(), "reader.max-attempts=2".to_owned()];
    all.push(format!("mqtt.broker={broker}"));
    all.extend(overrides.iter().map(|o| (*o).to_owned()));
    let mut settings = settings(dir, &all);
    // What a program that was built without it refuses.
    settings.reader.device = DeviceChoice::Only(Device::Cuda);
    Appliance::start(Options {
        settings,
        models: ModelSource::Folder(models()),
        rescan_period: Duration::from_millis(50),
        programs,
    })
    .expect("the appliance starts")
}

/// What comes on `suffix` first that fits.
fn first(subscriber: &Subscriber, suffix: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let topic = format!("{ROOT}/{suffix}");
    loop {
        let message = subscriber.next(DEADLINE * 3).expect("the broker is there").expect("a message in time");
        let content: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
        if message.topic == topic && fits(&content) {
            return content;
        }
    }
}

fn listen(broker: &Loopback) -> Subscriber {
    Subscriber::connect("127.0.0.1", broker.port(), "listener", &format!("{ROOT}/#"), DEADLINE).expect("granted")
}

#[test]
fn a_gpu_that_fails_its_self_test_leaves_readings_to_the_processor() {
    if Device::Cuda.is_built_in() && !is_without_gpu("a_gpu_that_fails_its_self_test_leaves_readings_to_the_processor")
    {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("in")).expect("the test's folder can be written");
    let broker = Loopback::start(Box::new(|_| Verdict::Accept)).expect("a broker");
    let subscriber = listen(&broker);
    let devices = dir.path().join("devices");
    let programs = Programs {
        scan: shell(SCANS),
        read: shell(&format!("echo $device >>'{}'\n{REFUSES}", devices.display())),
        // On the GPU the real one, shut in as in the field.
        self_test: Some(shell(&format!(
            "if [ $device != cpu ]; then exec $me child-self-test $limits $device; fi\n{PASSES}"
        ))),
        ..Programs::default()
    };
    let appliance = start(dir.path(), &broker.url(), &[], programs);
    std::fs::write(dir.path().join("in/1.dcm"), "x").expect("the test's folder can be written");
    let alarm = first(&subscriber, &format!("a/{}", Alarm::Accelerator.name()), |_| true);
    let text = alarm["text"].as_str().expect("an alarm has a text");
    assert!(
        text.starts_with("readings are made on the processor: the self-test on cuda could not be done: cuda"),
        "{text}"
    );
    first(&subscriber, "e/study", |study| study["state"] == "quarantined");
    appliance.check().expect("every thread goes on");
    appliance.stop();
    assert_eq!(std::fs::read_to_string(devices).expect("the child ran"), "cpu\ncpu\n");
}

#[test]
fn a_study_whose_gpu_hangs_is_tried_again_on_the_processor() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("in")).expect("the test's folder can be written");
    let broker = Loopback::start(Box::new(|_| Verdict::Accept)).expect("a broker");
    let subscriber = listen(&broker);
    let devices = dir.path().join("devices");
    let read =
        format!("echo $device >>'{}'\nif [ $device != cpu ]; then exec sleep 600; fi\n{REFUSES}", devices.display());
    let programs =
        Programs { scan: shell(SCANS), read: shell(&read), self_test: Some(shell(PASSES)), ..Programs::default() };
    let appliance = start(dir.path(), &broker.url(), &["reader.time-limit-secs=2"], programs);
    std::fs::write(dir.path().join("in/1.dcm"), "x").expect("the test's folder can be written");
    let failed = first(&subscriber, "e/study", |study| study["state"] == "failed");
    assert!(failed["reason"].as_str().is_some_and(|reason| reason.contains("killed after 2 s")), "{failed}");
    first(&subscriber, "e/study", |study| study["state"] == "quarantined");
    appliance.stop();
    assert_eq!(std::fs::read_to_string(devices).expect("the child ran"), "--device=cuda\ncpu\n");
}

#[test]
fn a_study_whose_gpu_dies_is_read_on_the_processor_and_says_so() {
    let dir = tempfile::tempdir().expect("a folder");
    small_study(&dir.path().join("in"));
    let broker = Loopback::start(Box::new(|_| Verdict::Accept)).expect("a broker");
    let subscriber = listen(&broker);
    let read = "if [ $device != cpu ]; then kill -9 $$; fi\nexec $me child-read $limits";
    let programs = Programs {
        scan: wire::child("child-scan"),
        read: shell(read),
        self_test: Some(shell(PASSES)),
        export: wire::child("child-export"),
    };
    let appliance = start(dir.path(), &broker.url(), &[], programs);
    let report = first(&subscriber, "e/report", |_| true);
    appliance.stop();
    assert_eq!(report["device"], "cpu", "{report:#}");
}
