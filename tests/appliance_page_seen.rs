//! The appliance's own page as a browser sees it: without complaint, without a fault that keeps anybody out, and following what happens.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod browser;
mod common;

use bench::page::{self, TOKEN, read_with_a_picture, site_with_page, started, token_file};
use browser::tab::Tab;
use deepspine::appliance::journal::Journal;

#[test]
fn a_browser_opens_the_pages_without_complaint() {
    let test = "a_browser_opens_the_pages_without_complaint";
    let (mut site, port) = site_with_page(&[]);
    let service = started(&site, port);
    site.study_arrives(1);
    let key = read_with_a_picture(&site, port);
    let folder = tempfile::tempdir().expect("a folder");
    for (name, path, ids) in [
        (
            "overview",
            "/".to_owned(),
            vec!["alarms", "studies", "delivery", "readings", "machine", "self-test", "models", "configuration"],
        ),
        ("study", format!("/study/{key}"), vec!["state", "reports", "picture"]),
    ] {
        let address = format!("http://127.0.0.1:{port}{path}");
        let png = folder.path().join(format!("{name}.png"));
        let shot = format!("--screenshot={}", png.display());
        let Some((_, said)) = browser::chromium(&["--timeout=4000", "--window-size=1280,1600", &shot], &address) else {
            return common::skipped(test, "chromium is not installed");
        };
        assert!(browser::complaints(&said).is_empty(), "{said}");
        let (size, pixels) = browser::picture(&png);
        assert_eq!(size, (1280, 1600));
        assert!(pixels.iter().filter(|p| **p < 60).count() > 2000, "there is text on it");
        let (dom, said) = browser::chromium(&["--timeout=4000", "--dump-dom"], &address).expect("it ran before");
        assert!(browser::complaints(&said).is_empty(), "{said}");
        for id in ids {
            assert!(dom.contains(&format!("<section id=\"{id}\"")), "{id} is not in {dom}");
        }
    }
    service.stop().expect("it ends in order");
}

#[test]
fn an_open_page_follows_and_sends_what_its_reader_wants_done() {
    let (mut site, port) = site_with_page(&[]);
    let settings = [
        ("web.listen", format!("\"127.0.0.1:{port}\"")),
        ("web.token-file", token_file(&site)),
        ("storage.headroom-mib", "0".to_owned()),
    ];
    site.configure("mqtt://127.0.0.1:9", &settings.each_ref().map(|(key, value)| (*key, value.as_str())));
    let service = started(&site, port);
    let Some(mut tab) = Tab::open(&format!("http://127.0.0.1:{port}/")) else {
        return common::skipped(
            "an_open_page_follows_and_sends_what_its_reader_wants_done",
            "chromium is not installed",
        );
    };
    tab.until("document.getElementById('liveness').textContent === 'live'");
    site.study_arrives(1);
    tab.until("document.querySelector('[data-live=count-done]').textContent === '1'");
    tab.until("document.querySelector('#studies li .badge.done') !== null && document.querySelectorAll('.studies li').length === 1");
    let send = |token: &str| {
        format!(
            "(() => {{ const form = document.querySelector('form.act'); form.elements.token.value = '{token}'; \
             form.querySelector('button').click(); return !form.hidden; }})()"
        )
    };
    assert_eq!(tab.value(&send("a-wrong-one-that-is-long-enough")), true);
    tab.until("document.querySelector('form.act output').textContent.startsWith('Refused: This is not the token')");
    assert_eq!(tab.value(&send(TOKEN)), true);
    tab.until("document.querySelector('#self-test').textContent.includes('1 are kept, 0 of them not passed')");
    assert_eq!(tab.value("document.querySelector('form.act').elements.token.value"), "");
    drop(tab);
    service.stop().expect("it ends in order");
}

/// The page as a file of its own that allows scripts, in light or in dark colours.
fn copied(port: u16, path: &str, dark: bool) -> String {
    let style = page::get(port, "/page.css").text();
    let style = if dark { style.replace("@media(prefers-color-scheme:dark)", "@media all") } else { style };
    let text = page::get(port, path).text();
    let text = text.replace("<link rel=\"stylesheet\" href=\"/page.css\">", &format!("<style>{style}</style>"));
    text.replace("<script src=\"/app.js\" defer></script>", "").replace(" hidden>", ">")
}

#[test]
fn axe_core_finds_no_fault_in_light_or_dark() {
    let test = "axe_core_finds_no_fault_in_light_or_dark";
    let Some(axe) = browser::axe() else { return common::skipped(test, "no Python has axe-core-python") };
    let (mut site, port) = site_with_page(&[]);
    let settings = [
        ("web.listen", format!("\"127.0.0.1:{port}\"")),
        ("web.token-file", token_file(&site)),
        ("storage.headroom-mib", "0".to_owned()),
    ];
    site.configure("mqtt://127.0.0.1:9", &settings.each_ref().map(|(key, value)| (*key, value.as_str())));
    let journal = Journal::open(&site.state_dir()).expect("a journal");
    journal.study_arrives("bb22").expect("the journal works");
    journal.claim("bb22", "input", 1, |_| Vec::new()).expect("the journal works");
    journal.attempt_failed("bb22", "it ended its child", 1, |_| Vec::new()).expect("the journal works");
    drop(journal);
    let service = started(&site, port);
    site.study_arrives(1);
    let key = read_with_a_picture(&site, port);
    for path in ["/".to_owned(), format!("/study/{key}"), "/study/bb22".to_owned()] {
        for dark in [false, true] {
            let Some((faults, passed)) = browser::judged(&axe, &copied(port, &path, dark)) else {
                return common::skipped(test, "chromium is not installed");
            };
            assert_eq!(faults, "", "{path}, dark: {dark}");
            assert!(passed > 15, "{passed} rules were looked at");
        }
    }
    service.stop().expect("it ends in order");
}
