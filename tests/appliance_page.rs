//! The appliance's own page: what it shows, to whom, what may be done from it, and what it costs.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod browser;
mod common;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bench::mosquitto::free_port;
use bench::page::{self, Events, TOKEN, read_with_a_picture, site_with_page, started, token_file};
use bench::service::Service;
use bench::site::Site;
use bench::{figure, until};
use deepspine::appliance::journal::{Claim, Journal};
use rustix::process::Signal;
use serde_json::Value;

/// What the page may add to the appliance's memory, KiB.
const MEMORY_KIB_MAX: u64 = 1024;

fn post(port: u16, path: &str, token: &str) -> u16 {
    let headers = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    page::ask(port, "POST", path, &headers).expect("the page answers").status
}

#[test]
fn without_an_address_in_the_configuration_nobody_listens() {
    let site = Site::new("page", "mqtt://127.0.0.1:9", &[("storage.headroom-mib", "0")]);
    let mut service = Service::start(&site, &[]);
    assert!(service.is_ready());
    let sockets =
        |family: &str| std::fs::read_to_string(format!("/proc/{}/net/{family}", service.id())).unwrap_or_default();
    let inodes: Vec<String> = std::fs::read_dir(format!("/proc/{}/fd", service.id()))
        .expect("it runs")
        .flatten()
        .filter_map(|fd| {
            std::fs::read_link(fd.path()).ok()?.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned)
        })
        .collect();
    // State 0A is LISTEN (proc(5)).
    let listens = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(3) == Some(&"0A") && fields.get(9).is_some_and(|inode| inodes.iter().any(|own| own == inode))
    };
    assert!(!sockets("tcp").lines().chain(sockets("tcp6").lines()).any(listens), "something listens");
    service.stop().expect("it ends in order");
}

#[test]
fn the_page_shows_what_status_says_and_is_whole_without_its_script() {
    let (mut site, port) = site_with_page(&[("exports.language", "\"de\"")]);
    let service = started(&site, port);
    site.study_arrives(1);
    until("the study is read", || page::get(port, "/").text().contains("</span> gelesen</span></p>"));
    let key = site.study_keys().remove(0);
    let text = page::get(port, "/").text();
    for wanted in [
        "<html lang=\"de\">",
        "<span class=\"device\">page</span>",
        &format!("<a href=\"/study/{key}\">{}</a>", &key[..8]),
        "<span data-live=\"count-done\">1</span>",
        "<strong lang=\"en\">broker</strong>",
        "nicht verbunden",
        "<code>ingest.quiet-secs</code>",
        "segmentation",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
    assert!(
        !text.contains("style=") && !text.contains("<style") && !text.contains("onclick"),
        "its look and script are files"
    );
    let study = page::get(port, &format!("/study/{key}")).text();
    assert!(study.contains(&key) && study.contains("web.show-identity"), "{study}");
    for (path, status) in [
        ("/page.css".to_owned(), 200),
        ("/app.js".to_owned(), 200),
        ("/nothing".to_owned(), 404),
        (format!("/study/{}", &key[..8]), 404),
        ("/study/../../etc/passwd".to_owned(), 404),
        (format!("/study/{key}/overlay.png"), 404),
        (format!("/study/{key}/page"), 403),
        (format!("/study/{key}/retry"), 405),
    ] {
        assert_eq!(page::get(port, &path).status, status, "{path}");
    }
    service.stop().expect("it ends in order");
}

#[test]
fn an_open_page_is_told_of_a_new_study() {
    let (mut site, port) = site_with_page(&[]);
    let service = started(&site, port);
    let mut events = Events::listen(port);
    let first: Value = serde_json::from_str(&events.next()).expect("JSON");
    assert_eq!((&first["status"], &first["studies"]), (&Value::from("up"), &Value::Array(Vec::new())));
    site.study_arrives(1);
    let begun = Instant::now();
    let told = loop {
        let event: Value = serde_json::from_str(&events.next()).expect("JSON");
        if event["studies"][0]["state"] == "done" {
            break event;
        }
        assert!(begun.elapsed() < bench::DEADLINE, "{event}");
    };
    assert_eq!(told["studies"][0]["study_key"], site.study_keys()[0]);
    assert_eq!(told["texts"]["count-done"], "1");
    assert_ne!(told["shape"], first["shape"]);
    service.stop().expect("it ends in order");
}

#[test]
fn names_of_elsewhere_are_not_answered() {
    let (site, port) = site_with_page(&[]);
    let service = started(&site, port);
    for (host, status) in
        [("localhost", 200), ("127.0.0.1:1", 200), ("evil.example", 421), ("localhost.evil.example", 421)]
    {
        let reply = page::ask(port, "GET", "/", &format!("Host: {host}\r\n")).expect("an answer");
        assert_eq!(reply.status, status, "{host}");
    }
    service.stop().expect("it ends in order");
}

#[test]
fn only_whoever_has_the_token_has_something_done_and_that_is_written_down() {
    let (site, port) = site_with_page(&[]);
    let settings = [
        ("web.listen", format!("\"127.0.0.1:{port}\"")),
        ("web.token-file", token_file(&site)),
        ("storage.headroom-mib", "0".to_owned()),
        // Files of a study that is looked for find none, and the study waits.
        ("ingest.force-after-secs", "600".to_owned()),
    ];
    site.configure("mqtt://127.0.0.1:9", &settings.each_ref().map(|(key, value)| (*key, value.as_str())));
    let journal = Journal::open(&site.state_dir()).expect("a journal");
    journal.study_arrives("aa11").expect("the journal works");
    assert_eq!(journal.claim("aa11", "input", 1, |_| Vec::new()).expect("it works"), Claim::Attempt { attempt: 1 });
    journal.attempt_failed("aa11", "it ended its child", 1, |_| Vec::new()).expect("the journal works");
    drop(journal);
    let service = started(&site, port);
    let study = page::get(port, "/study/aa11").text();
    assert!(study.contains("data-act=\"/study/aa11/retry\"") && study.contains("it ended its child"), "{study}");
    assert_eq!(post(port, "/study/aa11/retry", ""), 401);
    assert_eq!(post(port, "/study/aa11/retry", "a-wrong-one-that-is-long-enough"), 403);
    assert!(page::get(port, "/study/aa11").text().contains("badge quarantined"));
    assert_eq!(post(port, "/study/aa/retry", TOKEN), 404, "the beginning of a key is none");
    assert_eq!(post(port, "/study/aa11/retry", TOKEN), 200);
    assert!(page::get(port, "/study/aa11").text().contains("badge arriving"));
    assert_eq!(post(port, "/study/aa11/retry", TOKEN), 409, "it waits already");
    assert_eq!(post(port, "/self-test", TOKEN), 202);
    until("the self-test is among those that are kept", || {
        page::get(port, "/").text().contains("1 are kept, 0 of them")
    });
    assert!(page::get(port, "/").text().contains("<polyline"));
    let audit = std::fs::read_to_string(site.state_dir().join("audit.log")).expect("it is audited");
    let whats: Vec<String> = audit
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|line| format!("{} {} {}", line["what"], line["key"], line["by"]))
        .collect();
    assert!(whats.contains(&"\"retry\" \"aa11\" \"the page\"".to_owned()), "{whats:?}");
    assert!(whats.contains(&"\"self-test\" \"\" \"the page\"".to_owned()), "{whats:?}");
    let statuses: Vec<u16> = (0..20).map(|n| post(port, "/self-test", &format!("guess-number-{n:020}"))).collect();
    assert!(statuses.contains(&403) && statuses.ends_with(&[429]), "{statuses:?}");
    assert_eq!(post(port, "/self-test", TOKEN), 429, "guessing is slow");
    assert!(!site.log().contains(TOKEN));
    service.stop().expect("it ends in order");
}

#[test]
fn without_a_token_nothing_is_offered() {
    let (site, port) = site_with_page(&[]);
    let service = started(&site, port);
    assert!(!page::get(port, "/").text().contains("data-act="));
    assert_eq!(post(port, "/self-test", TOKEN), 403);
    service.stop().expect("it ends in order");
}

#[test]
fn a_page_that_names_the_patient_is_given_out_only_where_that_is_set_and_that_is_written_down() {
    let (mut site, port) = site_with_page(&[("web.show-identity", "true")]);
    let service = started(&site, port);
    site.study_arrives(1);
    let key = read_with_a_picture(&site, port);
    let study = page::get(port, &format!("/study/{key}")).text();
    assert!(study.contains(&format!("href=\"/study/{key}/page\"")), "{study}");
    assert!(!study.contains(&site.studies[0]), "a UID is no part of it");
    let reply = page::get(port, &format!("/study/{key}/page"));
    assert_eq!(reply.status, 200);
    assert!(
        reply.head.contains("style-src 'unsafe-inline'; img-src data:") && !reply.head.contains("script-src"),
        "{}",
        reply.head
    );
    assert!(reply.text().contains("<dl class=\"who\">"));
    let audit = std::fs::read_to_string(site.state_dir().join("audit.log")).expect("it is audited");
    assert!(audit.contains(&key) && audit.contains("\"page\""), "{audit}");
    assert_eq!(page::get(port, &format!("/study/{key}/overlay.png")).body[..4], *b"\x89PNG");
    service.stop().expect("it ends in order");
}

#[test]
fn health_says_503_with_the_reasons_while_something_does_not_work() {
    let (site, port) = site_with_page(&[]);
    let service = started(&site, port);
    let healthy = page::get(port, "/healthz");
    assert_eq!((healthy.status, healthy.text().as_str()), (200, "up\n"));
    let good = std::fs::read_to_string(site.config()).expect("it is there");
    std::fs::write(site.config(), format!("{good}\nno-such-key = 1\n")).expect("the test's folder can be written");
    service.signal(Signal::HUP);
    until("it is degraded", || page::get(port, "/healthz").status == 503);
    let text = page::get(port, "/healthz").text();
    assert!(text.starts_with("degraded\n") && text.contains("configuration: major"), "{text}");
    assert!(page::get(port, "/").text().contains("Needs attention"));
    std::fs::write(site.config(), good).expect("the test's folder can be written");
    service.signal(Signal::HUP);
    until("it is up again", || page::get(port, "/healthz").status == 200);
    service.stop().expect("it ends in order");
}

#[test]
fn the_page_follows_its_address_without_a_restart() {
    let (site, port) = site_with_page(&[]);
    let service = started(&site, port);
    let mut events = Events::listen(port);
    events.next();
    let other = free_port();
    let listen = format!("\"127.0.0.1:{other}\"");
    site.configure("mqtt://127.0.0.1:9", &[("web.listen", &listen), ("storage.headroom-mib", "0")]);
    service.signal(Signal::HUP);
    assert!(page::answers(other), "it does not answer at its new address");
    assert!(page::ask(port, "GET", "/healthz", "").is_none(), "it still answers at the old one");
    site.configure("mqtt://127.0.0.1:9", &[("storage.headroom-mib", "0")]);
    service.signal(Signal::HUP);
    until("it is closed", || page::ask(other, "GET", "/healthz", "").is_none());
    service.stop().expect("it ends in order");
}

#[test]
fn prometheus_understands_the_metrics() {
    let test = "prometheus_understands_the_metrics";
    let check = "import sys\nfrom prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
                 for family in parse(sys.stdin.read()):\n  print(family.name, family.type, family.unit, len(family.samples))";
    let Some((python, _)) = browser::python("import prometheus_client.openmetrics.parser") else {
        return common::skipped(test, "no Python has prometheus-client");
    };
    let (mut site, port) = site_with_page(&[]);
    let service = started(&site, port);
    site.study_arrives(1);
    until("the study is read", || page::get(port, "/metrics").text().contains("deepspine_reports_total 1\n"));
    let reply = page::get(port, "/metrics");
    assert!(reply.head.contains("application/openmetrics-text; version=1.0.0; charset=utf-8"), "{}", reply.head);
    assert!(reply.text().ends_with("\n# EOF\n"));
    let mut parser = Command::new(python)
        .args(["-c", check])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it ran before");
    parser.stdin.take().expect("a pipe").write_all(&reply.body).expect("it reads");
    let output = parser.wait_with_output().expect("it ends");
    let families = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", reply.text());
    for wanted in [
        "deepspine_build info  1",
        "deepspine_reports counter  1",
        "deepspine_reading_seconds histogram seconds 20",
        "deepspine_studies gauge  6",
        "deepspine_outbox_messages gauge  3",
        "deepspine_alarm gauge  19",
        "deepspine_disk_free_bytes gauge bytes 1",
    ] {
        assert!(families.lines().any(|line| line == wanted), "{wanted} is not in {families}");
    }
    service.stop().expect("it ends in order");
}

/// How often the thread `web` of process `id` has gone to sleep.
fn sleeps_of_web(id: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).expect("it runs").flatten();
    let is_web =
        |task: &std::path::PathBuf| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "web");
    let web = tasks.map(|task| task.path()).find(is_web).expect("a thread for the page");
    let status = std::fs::read_to_string(web.join("status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("Linux counts it");
    line.trim().parse().expect("a number")
}

#[test]
fn nobody_is_woken_up_while_nobody_looks() {
    let (site, port) = site_with_page(&[]);
    let service = started(&site, port);
    let mut events = Events::listen(port);
    events.next();
    drop(events);
    // Once the last visitor's leaving was noticed, the count stands still.
    let (mut count, mut since) = (sleeps_of_web(service.id()), Instant::now());
    until("the page's thread sleeps for three seconds", || {
        let now = sleeps_of_web(service.id());
        if now != count {
            (count, since) = (now, Instant::now());
        }
        since.elapsed() > Duration::from_secs(3)
    });
    figure("wake-ups of the page's thread in 3 s while nobody looks", "0");
    service.stop().expect("it ends in order");
}

/// Memory of an appliance at rest, KiB, after a study was read and its page looked at where there is one: the smallest of what is seen.
fn memory_kib(site: &mut Site, port: Option<u16>) -> u64 {
    let mut service = Service::start(site, &[("MALLOC_ARENA_MAX".to_owned(), "1".to_owned())]);
    assert!(service.is_ready());
    site.study_arrives(1);
    until("the study is read", || !site.committed().is_empty());
    if let Some(port) = port {
        for path in ["/", "/metrics", "/healthz"].repeat(20) {
            page::get(port, path);
        }
    }
    let begun = Instant::now();
    let mut least = u64::MAX;
    until("it has come to rest", || {
        least = least.min(service.rss_kib());
        begun.elapsed() > Duration::from_secs(8)
    });
    service.stop().expect("it ends in order");
    least
}

#[test]
#[ignore = "measures memory for half a minute"]
fn the_page_costs_little_memory() {
    let mut without = Site::new("page", "mqtt://127.0.0.1:9", &[("storage.headroom-mib", "0")]);
    let (mut with, port) = site_with_page(&[]);
    let (without, with) = (memory_kib(&mut without, None), memory_kib(&mut with, Some(port)));
    figure("memory at rest without the page, KiB", &without.to_string());
    figure("memory at rest with the page, after 60 looks, KiB", &with.to_string());
    assert!(with.saturating_sub(without) <= MEMORY_KIB_MAX, "{without} KiB without, {with} KiB with it");
}
