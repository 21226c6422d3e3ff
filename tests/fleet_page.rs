//! The fleet as pages and as metrics: the broken ones first, drawn at once however many there are, nothing of a message
//! is markup, and everything that the dashboard and the alert rules ask for is there.
#![cfg(feature = "fleet")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod fleet_bench;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use bench::mosquitto::{Mosquitto, Setup, free_port};
use bench::{figure, turn, until};
use deepspine::fleet::collector::Pulse;
use deepspine::fleet::roll::Roll;
use deepspine::fleet::wire::Root;
use deepspine::fleet::{metrics, page};
use fleet_bench::{collector, simulation};
use yaml_rust2::YamlLoader;

const NOW_MS: i64 = 1_800_000_000_000;

fn hear(roll: &mut Roll, topic: &str, payload: &str) {
    let root = Root::parse("deepspine/+").expect("a root");
    roll.hear(&root, (topic, payload.as_bytes()), false, NOW_MS);
}

/// A fleet in which number 1234 is gone, number 7 has an alarm, and all have numbers.
fn roll(count: usize) -> Roll {
    let mut roll = Roll::default();
    for number in 0..count {
        let root = format!("deepspine/mr-{number:05}");
        let status = if number == 1234 { "down" } else { "up" };
        let time = "2027-01-15T08:00:00Z";
        let health =
            format!(r#"{{"status":"{status}","session":"s","interval_s":60,"time":"{time}","clock_synced":true}}"#);
        hear(&mut roll, &format!("{root}/status/health"), &health);
        let identity =
            r#"{"session":"s","version":"0.7.0","board":"a board","architecture":"aarch64","commands":["health"]}"#;
        hear(&mut roll, &format!("{root}/twin/identity"), identity);
        let models = r#"{"models":[{"name":"segmentation","version":"3"},{"name":"grading","version":"2"}]}"#;
        hear(&mut roll, &format!("{root}/twin/models"), models);
        let queue = format!(r#"{{"time":"{time}","live":{{"depth":3,"oldest_s":40}},"backlog":{{"depth":0}}}}"#);
        hear(&mut roll, &format!("{root}/m/queue"), &queue);
        let system = format!(r#"{{"time":"{time}","temperature_celsius":{{"cpu":50.5,"soc":61}}}}"#);
        hear(&mut roll, &format!("{root}/m/system"), &system);
    }
    let alarm = r#"{"severity":"major","text":"<script>alert(\"x\")</script>","time":"2027-01-15T08:00:00Z"}"#;
    hear(&mut roll, "deepspine/mr-00007/a/disk", alarm);
    roll
}

#[test]
fn two_thousand_appliances_are_a_page_of_the_worst_ones() {
    let roll = roll(2000);
    let beat = Pulse::default().beat();
    let begun = Instant::now();
    let html = page::fleet(&roll, &beat, "", NOW_MS);
    figure(
        "page of 2,000 appliances: made within, size",
        &format!("{:.1?}, {} KiB", begun.elapsed(), html.len() / 1024),
    );
    let places: Vec<usize> =
        ["mr-01234", "mr-00007", "mr-00000"].iter().map(|name| html.find(name).expect("it is there")).collect();
    assert!(places.is_sorted(), "the broken ones come first: {places:?}");
    assert_eq!(html.matches("<tr").count(), 1 + page::ROWS_MAX);
    assert!(html.contains("2000 appliances: 1 lost, 1999 up") && html.contains("The worst 100 of 2000"));
    assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert"));
    assert!(!html.contains("style=") && !html.contains("onclick"), "the policy allows nothing within the page");
    let found = page::fleet(&roll, &beat, "LOST", NOW_MS);
    assert_eq!(found.matches("<tr").count(), 2);
    let one = page::appliance(&roll, "mr-00007", NOW_MS).expect("it is known");
    assert!(one.contains("&lt;script&gt;alert") && one.contains("61 °C") && one.contains("segmentation 3"));
    assert!(page::appliance(&roll, "nobody", NOW_MS).is_none());
}

/// Every name of a metric in `text`.
fn names(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_name(c));
    words.filter(|word| word.starts_with("deepspine_")).map(str::to_owned).collect()
}

#[test]
fn what_the_dashboard_and_the_rules_ask_for_is_there() {
    let mut roll = roll(20);
    let drift = deepspine::fleet::store::Drift {
        models: "m 1".to_owned(),
        finding: "disc-bulge".into(),
        baseline: vec![1, 1],
        recent: vec![1, 3],
        psi: Some(0.3),
        verdict: deepspine::fleet::drift::Verdict::Drifted,
    };
    roll.drift([("mr-00003".into(), vec![drift])].into());
    let text = metrics::text(&roll, &Pulse::default().beat(), true, NOW_MS);
    assert!(text.ends_with("# EOF\n"));
    assert!(text.contains("deepspine_fleet_drifted 1\n"));
    let known: BTreeSet<String> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| names(line.split(['{', ' ']).next().unwrap_or_default()))
        .collect();

    let dashboard = include_str!("../docs/fleet/grafana-dashboard.json");
    let parsed: serde_json::Value = serde_json::from_str(dashboard).expect("it is JSON");
    let mut asked = BTreeSet::new();
    for panel in parsed["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().expect("targets") {
            asked.extend(names(target["expr"].as_str().expect("an expression")));
        }
    }
    let rules = YamlLoader::load_from_str(include_str!("../docs/fleet/alerts.yaml")).expect("it is YAML").remove(0);
    for rule in rules["groups"][0]["rules"].as_vec().expect("rules") {
        assert!(rule["alert"].as_str().is_some() && rule["annotations"]["summary"].as_str().is_some(), "{rule:?}");
        asked.extend(names(rule["expr"].as_str().expect("an expression")));
    }
    assert!(asked.len() > 15, "{asked:?}");
    let absent: Vec<_> = asked.difference(&known).collect();
    assert!(absent.is_empty(), "asked for and not given: {absent:?}");
    let plain = names(&metrics::text(&roll, &Pulse::default().beat(), false, NOW_MS));
    assert!(!plain.iter().any(|name| name.starts_with("deepspine_appliance")), "only where they are asked for");
}

/// Each family has its type before its samples, no sample comes twice, and every line is one of the format's.
#[test]
fn the_metrics_are_openmetrics() {
    let text = metrics::text(&roll(50), &Pulse::default().beat(), true, NOW_MS);
    let mut family = String::new();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().expect("a name").to_owned();
            assert!(seen.insert(format!("# {family}")), "{family} comes twice");
        } else if !line.starts_with('#') {
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            assert!(sample.starts_with(&family), "{sample} is not of {family}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(seen.insert(sample.to_owned()), "{sample} comes twice");
        }
    }
}

fn get(port: u16, path: &str) -> Option<(String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let host = format!("Host: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("GET {path} HTTP/1.1\r\n{host}").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.to_owned(), body.to_owned()))
}

/// A page in Debian's Chromium without a window, as it is in the end; `None` where it is not installed. `time` is how the
/// browser's clock runs: with a budget it runs ahead, and tells nothing of how long something takes.
fn chromium(page: &Path, time: &str) -> Option<String> {
    let profile = tempfile::tempdir().expect("a folder");
    let out = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--dump-dom"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(time)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&out.stdout).into_owned())
}

#[test]
fn a_collector_serves_its_pages_and_metrics() {
    const NAME: &str = "a_collector_serves_its_pages_and_metrics";
    let _turn = turn();
    let Some(broker) = Mosquitto::start(Setup::default()) else {
        return common::skipped(NAME, "mosquitto is not installed");
    };
    let dir = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let store = dir.path().join("fleet.db").display().to_string();
    let collecting = collector(broker.port, &store, "one", &["--listen", &listen, "--metrics-per-appliance"]);
    simulation(broker.port, &["--appliances", "300", "--rate-hz", "0.2", "--secs", "2"]).end();
    until("it is well and knows all", || {
        let is_well = get(port, "/healthz").is_some_and(|(head, _)| head.starts_with("HTTP/1.1 200"));
        is_well && get(port, "/").is_some_and(|(_, body)| body.contains("300 appliances"))
    });
    let (head, _) = get(port, "/").expect("an answer");
    assert!(head.contains("Content-Security-Policy: default-src 'none'"), "{head}");
    let (head, text) = get(port, "/metrics").expect("an answer");
    assert!(head.contains("application/openmetrics-text"), "{head}");
    assert!(text.contains("deepspine_fleet_appliances{standing=\"up\"} 300"), "{text}");
    assert!(text.contains("deepspine_appliance_standing{device=\"sim-00299\""));
    assert!(get(port, "/appliance/sim-00042").is_some_and(|(_, body)| body.contains("grading sim-1")));
    assert!(get(port, "/appliance/nobody").is_some_and(|(head, _)| head.starts_with("HTTP/1.1 404")));
    drop(collecting);
}

/// A copy of a page with its style and `script` within it.
fn copied(html: &str, script: &str, folder: &Path) -> PathBuf {
    let copy = html
        .replace("<link rel=\"stylesheet\" href=\"/style.css\">", &format!("<style>{}</style>", page::STYLE))
        .replace("<script src=\"/app.js\" defer></script>", "")
        .replace("</body>", &format!("{script}</body>"));
    let path = folder.join("copy.html");
    std::fs::write(&path, copy).expect("the test's folder can be written");
    path
}

#[test]
fn a_browser_draws_the_table_again_as_the_script_does() {
    const NAME: &str = "a_browser_draws_the_table_again_as_the_script_does";
    let dir = tempfile::tempdir().expect("a folder");
    let html = page::fleet(&roll(2000), &Pulse::default().beat(), "", NOW_MS);
    let script = "<script>const fleet=document.getElementById('fleet'),html=fleet.innerHTML,ms=[];\
                  for(let i=0;i<21;i++){const begun=performance.now();fleet.innerHTML=html;fleet.getBoundingClientRect();\
                  ms.push(performance.now()-begun)}ms.sort((a,b)=>a-b);\
                  document.body.dataset.redrawMs=ms[10].toFixed(1)+' / '+ms[20].toFixed(1)</script>";
    let Some(dom) = chromium(&copied(&html, script, dir.path()), "--timeout=20000") else {
        return common::skipped(NAME, "chromium is not installed");
    };
    let ms = dom.split("data-redraw-ms=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("it drew again");
    figure("page of 2,000 appliances in Chromium: drawn again, median / longest of 21", &format!("{ms} ms"));
    assert_eq!(dom.matches("<tr").count(), 1 + page::ROWS_MAX);
}

/// axe-core's source; `None` where no Python has brought it.
fn axe() -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("DEEPSPINE_TRAINING_PYTHON").map(PathBuf::from);
    let known = [root.join("target/training-python/bin/python"), PathBuf::from("python3")];
    let find = "import importlib.util as u; print(u.find_spec('axe_core_python').submodule_search_locations[0])";
    let found = named.into_iter().chain(known).find_map(|python| {
        let out = Command::new(python).args(["-c", find]).output().ok()?;
        out.status.success().then(|| PathBuf::from(String::from_utf8_lossy(&out.stdout).trim()))
    })?;
    std::fs::read_to_string(found.join("axe.min.js")).ok()
}

#[test]
fn axe_core_finds_no_fault_in_the_fleets_pages() {
    const NAME: &str = "axe_core_finds_no_fault_in_the_fleets_pages";
    let Some(axe) = axe() else { return common::skipped(NAME, "no Python has axe-core-python") };
    let roll = roll(2000);
    let beat = Pulse::default().beat();
    let pages =
        [page::fleet(&roll, &beat, "", NOW_MS), page::appliance(&roll, "mr-00007", NOW_MS).expect("it is known")];
    let dir = tempfile::tempdir().expect("a folder");
    for html in pages {
        let asked = "axe.run().then(r=>{document.body.innerText='AXE'+JSON.stringify(r.violations.map(v=>[v.impact,v.id,\
                     v.nodes[0].html]))+'EXA'+r.passes.length})";
        let path = copied(&html, &format!("<script>{axe}</script><script>{asked}</script>"), dir.path());
        let Some(dom) = chromium(&path, "--virtual-time-budget=20000") else {
            return common::skipped(NAME, "chromium is not installed");
        };
        let answer =
            dom.rsplit_once("AXE[").and_then(|(_, rest)| rest.split_once("]EXA")).expect("an answer of axe-core");
        assert_eq!(answer.0, "");
    }
}
