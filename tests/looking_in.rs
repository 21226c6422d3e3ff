//! `status`, `studies` and `outbox` look into a running and into a stopped appliance alike.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use bench::mosquitto::free_port;
use bench::service::Service;
use bench::site::Site;
use bench::until;
use deepspine::appliance::journal::{Claim, Journal};
use serde_json::Value;

fn deepspine(site: &Site, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deepspine"));
    command.args(arguments).arg("--config").arg(site.config()).output().expect("the binary runs")
}

/// What it says, where it ends well.
fn said(site: &Site, arguments: &[&str]) -> String {
    let output = deepspine(site, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn json(site: &Site, arguments: &[&str]) -> Value {
    serde_json::from_str(&said(site, &[arguments, &["--format", "json"]].concat())).expect("JSON")
}

/// A site whose broker is away, with one study that is to be read.
fn site_without_broker() -> Site {
    let broker = format!("mqtt://127.0.0.1:{}", free_port());
    let mut site = Site::new("look", &broker, &[("storage.headroom-mib", "0")]);
    site.study_arrives(1);
    site
}

/// What a running appliance says of itself; it may still be starting.
fn of_running(site: &Site) -> Option<Value> {
    let output = deepspine(site, &["status", "--format", "json"]);
    serde_json::from_slice::<Value>(&output.stdout).ok().filter(|status| status["running"] == true)
}

fn waits(site: &Site) -> bool {
    of_running(site).is_some_and(|status| status["outbox"]["live"]["waiting"] == 2)
}

#[test]
fn a_running_appliance_is_looked_into_and_its_outbox_carried_by_hand() {
    let site = site_without_broker();
    let service = Service::start(&site, &[]);
    until("the report waits for the broker", || waits(&site));
    let status = json(&site, &["status"]);
    assert_eq!((&status["running"], &status["connected"]), (&Value::from(true), &Value::from(false)));
    assert!(status["alarms"].as_array().is_some_and(|alarms| alarms.iter().any(|a| a["alarm"] == "broker")));
    assert!(said(&site, &["status"]).contains("NOT connected"));

    let listed = json(&site, &["studies", "list"]);
    let key = listed["studies"][0]["study_key"].as_str().expect("a study").to_owned();
    assert_eq!(site.study_keys(), std::slice::from_ref(&key));
    let shown = json(&site, &["studies", "show", &key[..8]]);
    assert_eq!((&shown["reports"][0]["delivered"], &shown["identity"]), (&Value::from(false), &Value::Null));
    let resolved = json(&site, &["studies", "resolve", &key]);
    assert_eq!(resolved["study_instance_uid"], site.studies[0].as_str());
    assert!(resolved["paths"][0].as_str().is_some_and(|path| path.ends_with("000001.dcm")));
    let audit = std::fs::read_to_string(site.state_dir().join("audit.log")).expect("it is audited");
    assert!(audit.contains(&key) && audit.contains("resolve"), "{audit}");

    assert_eq!(said(&site, &["outbox", "list"]).lines().count(), 2);
    let stick = tempfile::tempdir().expect("a folder");
    let folder = stick.path().to_str().expect("a path in ASCII");
    said(&site, &["outbox", "export", folder]);
    let file = stick.path().join("deepspine-outbox.jsonl");
    let exported = std::fs::read_to_string(&file).expect("it was exported");
    let report: Value = serde_json::from_str(exported.lines().next().expect("a line")).expect("JSON");
    assert_eq!(report["topic"], "deepspine/look/e/report");
    assert_eq!(
        (&report["payload"]["study_key"], &report["payload"]["seq"]),
        (&Value::from(key.as_str()), &report["seq"])
    );
    let foreign = stick.path().join("foreign.jsonl");
    std::fs::write(&foreign, "{\"seq\": 1, \"msg_id\": \"of another device\"}\n").expect("the test's folder");
    said(&site, &["outbox", "import-acks", foreign.to_str().expect("ASCII")]);
    assert_eq!(said(&site, &["outbox", "list"]).lines().count(), 2, "an id that is not ours takes nothing out");
    said(&site, &["outbox", "import-acks", file.to_str().expect("ASCII")]);
    assert_eq!(said(&site, &["outbox", "list"]), "nothing waits\n");
    let shown = json(&site, &["studies", "show", &key]);
    assert_eq!(shown["reports"][0]["delivered"], true);
    service.stop().expect("it ends in order");
}

#[test]
fn a_stopped_appliance_is_looked_into_and_not_while_it_runs_unseen() {
    let site = site_without_broker();
    let service = Service::start(&site, &[]);
    until("the report waits for the broker", || waits(&site));
    service.stop().expect("it ends in order");
    let status = json(&site, &["status"]);
    assert_eq!((&status["running"], &status["outbox"]["live"]["waiting"]), (&Value::from(false), &Value::from(2)));
    assert!(said(&site, &["status"]).contains("stopped"));
    assert!(said(&site, &["studies", "list"]).contains("done"));
    assert_eq!(said(&site, &["outbox", "list"]).lines().count(), 2);

    let service = Service::start(&site, &[]);
    until("the control socket answers", || of_running(&site).is_some());
    std::fs::remove_file(site.path().join("run/control.sock")).expect("it was there");
    let output = deepspine(&site, &["status"]);
    assert_eq!(output.status.code(), Some(75), "no second hand on the journal of a running appliance");
    service.stop().expect("it ends in order");
}

#[test]
fn a_quarantined_study_is_retried_or_discarded() {
    let site = Site::new("look", "mqtt://127.0.0.1:9", &[("storage.headroom-mib", "0")]);
    let journal = Journal::open(&site.state_dir()).expect("a journal");
    for key in ["aa11", "aa22", "bb33"] {
        journal.study_arrives(key).expect("the journal works");
        let claim = journal.claim(key, "input", 1, |_| Vec::new()).expect("the journal works");
        assert_eq!(claim, Claim::Attempt { attempt: 1 });
        journal.attempt_failed(key, "it ended its child", 1, |_| Vec::new()).expect("the journal works");
    }
    drop(journal);
    assert_eq!(said(&site, &["studies", "list", "--state", "quarantined"]).lines().count(), 3);
    assert_eq!(deepspine(&site, &["studies", "retry", "aa"]).status.code(), Some(66), "two begin so");
    said(&site, &["studies", "retry", "aa1"]);
    said(&site, &["studies", "discard", "bb33"]);
    assert_eq!(deepspine(&site, &["studies", "retry", "bb33"]).status.code(), Some(66), "it is discarded");
    let states: Vec<(String, String)> = json(&site, &["studies", "list"])["studies"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|study| (study["study_key"].to_string(), study["state"].to_string()))
        .collect();
    let expected = [("\"aa11\"", "\"arriving\""), ("\"aa22\"", "\"quarantined\""), ("\"bb33\"", "\"discarded\"")];
    for (key, state) in expected {
        assert!(states.contains(&(key.to_owned(), state.to_owned())), "{key} is not {state} in {states:?}");
    }
}

#[test]
fn whoever_is_not_of_the_group_is_refused() {
    const NAME: &str = "whoever_is_not_of_the_group_is_refused";
    if !rustix::process::geteuid().is_root() || !Path::new("/usr/bin/setpriv").exists() {
        return common::skipped(NAME, "only root can become somebody else");
    }
    let site = site_without_broker();
    let service = Service::start(&site, &[]);
    until("the control socket answers", || of_running(&site).is_some());
    // The folder can be entered, so that it is the socket that refuses.
    for folder in [site.path().to_owned(), site.path().join("run")] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("the test's folder");
    }
    let output = Command::new("/usr/bin/setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(env!("CARGO_BIN_EXE_deepspine"))
        .args(["status", "--config"])
        .arg(site.config())
        .output()
        .expect("setpriv runs");
    // Where the binary itself lies out of the other's reach, nothing can be said.
    if output.status.code() == Some(127) || output.status.code() == Some(126) {
        return common::skipped(NAME, "the binary is out of another user's reach");
    }
    assert_eq!(output.status.code(), Some(77), "{}", String::from_utf8_lossy(&output.stderr));
    service.stop().expect("it ends in order");
}
