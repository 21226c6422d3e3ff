//! The page of the whole appliance.

use std::fmt::Write as _;

use serde_json::Value;

use super::html::{Frame, act, badge, document, english, moment, pairs, section, short, sign_of_state, table};
use super::live::{Texts, shape};
use super::look::{Look, STUDIES_SHOWN, SeenStudy};
use super::trend;
use super::words::Words;
use crate::appliance::config;
use crate::appliance::journal::StudyState;
use crate::appliance::mqtt::payload::Health;
use crate::appliance::self_test_trend::Tested;
use crate::export::html::escaped;

/// Digits of a model's hash that are shown.
const HASH_DIGITS: usize = 16;

/// What the page is made of, beside [`Look`].
pub(super) struct More {
    /// The self-tests that are kept, the oldest first.
    pub(super) tests: Vec<Tested>,
    /// How many there have been since the start.
    pub(super) self_tests: u64,
    /// The models as `twin/models` tells them.
    pub(super) models: Value,
}

/// The page.
pub(super) fn page(look: &Look, more: &More, words: &Words) -> String {
    let texts = Texts::of(look, words);
    let web = &look.settings.web;
    let frame = Frame {
        words,
        title: words.filled("title", &[&look.overview.device]),
        study: "",
        shape: shape(look, more.self_tests),
        acts: web.token_file.is_some(),
        show_identity: web.show_identity,
    };
    let mut main = alarms(look, words);
    main += &studies(look, &texts, words);
    main += "<div class=\"cards\">\n";
    for (id, rows) in [
        ("delivery", delivery(look, &texts, words)),
        ("readings", readings(&texts, words)),
        ("machine", machine(look, &texts, words)),
    ] {
        main += &section(id, "card", words.get(id), &pairs(&rows));
    }
    main += "</div>\n";
    main += &self_test(more, &frame);
    main += &section("models", "wide", words.get("models"), &models(&more.models, words));
    main += &section("errors", "wide", words.get("errors"), &errors(look, words));
    main += &configuration(look, words);
    document(&frame, &header(look, &texts, words), &main)
}

fn header(look: &Look, texts: &Texts, words: &Words) -> String {
    let (class, sign) = if look.health == Health::Up { ("good", "✓") } else { ("bad", "▲") };
    format!(
        "<div><h1>deepspine <span class=\"device\">{}</span></h1><p class=\"activity\" lang=\"en\">{}</p></div>\
         <p id=\"health\" class=\"health\" role=\"status\">{} <span id=\"liveness\" class=\"quiet\"></span></p>",
        escaped(&look.overview.device),
        texts.span("activity"),
        badge(class, sign, words.get(look.health.name())),
    )
}

fn alarms(look: &Look, words: &Words) -> String {
    let mut body = String::new();
    for alarm in &look.overview.alarms {
        let (name, severity) = (escaped(&alarm.alarm), alarm.severity.as_str());
        let _ = writeln!(
            body,
            "<li class=\"alarm {}\">{} <strong lang=\"en\">{name}</strong> {} <span class=\"quiet\">{}</span></li>",
            escaped(severity),
            badge(severity, "▲", words.of_kind("severity", severity)),
            english(&alarm.text),
            escaped(words.get("since")).replace("{0}", &moment(&alarm.since)),
        );
    }
    let body = if body.is_empty() {
        format!("<p class=\"good\"><span aria-hidden=\"true\">✓</span> {}</p>\n", escaped(words.get("no-alarm")))
    } else {
        format!("<ul class=\"alarms\">\n{body}</ul>\n")
    };
    section("alarms", "wide", words.get("alarms"), &body)
}

fn studies(look: &Look, texts: &Texts, words: &Words) -> String {
    let mut body = "<ul class=\"counts\">\n".to_owned();
    for state in StudyState::ALL {
        let (name, word) = (state.name(), words.of_kind("state", state.name()));
        let count = texts.span(&format!("count-{name}"));
        let _ = writeln!(body, "<li><b>{count}</b> {}</li>", badge(name, sign_of_state(name), word));
    }
    body += "</ul>\n";
    if look.studies.is_empty() {
        let _ = writeln!(body, "<p>{}</p>", escaped(words.get("no-studies")));
        return section("studies", "wide", words.get("studies"), &body);
    }
    body += "<ul class=\"studies\">\n";
    for seen in &look.studies {
        body += &study(seen, texts, words);
    }
    body += "</ul>\n";
    if look.studies.len() == STUDIES_SHOWN {
        let more = words.filled("studies-more", &[&STUDIES_SHOWN.to_string()]);
        let _ = writeln!(body, "<p class=\"quiet\">{}</p>", escaped(&more));
    }
    section("studies", "wide", words.get("studies"), &body)
}

/// One study of the list.
fn study(seen: &SeenStudy, texts: &Texts, words: &Words) -> String {
    let study = &seen.study;
    let (key, state) = (escaped(&study.study_key), study.state.as_str());
    let picture = if seen.has_picture {
        format!(
            "<img src=\"/study/{key}/overlay.png?r={}\" alt=\"{}\" width=\"96\" height=\"96\" loading=\"lazy\">",
            study.revision,
            escaped(&words.filled("picture-of", &[short(&study.study_key)]))
        )
    } else {
        format!("<span class=\"empty quiet\">{}</span>", escaped(words.get("no-picture")))
    };
    let mut out = format!(
        "<li>{picture}<div><h3><a href=\"/study/{key}\">{}</a></h3><p>{}</p><p class=\"quiet\">{}, {}",
        escaped(short(&study.study_key)),
        badge(state, sign_of_state(state), words.of_kind("state", state)),
        texts.span(&format!("age-{}", study.study_key)),
        escaped(&words.filled("reports-of", &[&study.revision.to_string()])),
    );
    if study.attempts > 1 {
        let _ = write!(out, ", {}", escaped(&words.filled("attempts-of", &[&study.attempts.to_string()])));
    }
    out += "</p>";
    if let Some(reason) = &study.reason {
        let _ = write!(out, "<p class=\"reason\">{}</p>", english(reason));
    }
    out + "</div></li>\n"
}

/// Rows whose names are words and whose values move.
fn moving(names: &[(&str, &str)], texts: &Texts, words: &Words) -> Vec<(String, String)> {
    names.iter().map(|(word, live)| (words.get(word).to_owned(), texts.span(live))).collect()
}

fn delivery(look: &Look, texts: &Texts, words: &Words) -> Vec<(String, String)> {
    let names = ["broker", "outbox-live", "outbox-backlog", "outbox-set-aside", "oldest", "delivered", "connections"];
    let of_archive =
        if look.overview.sendings.is_some() { ["archive-waiting", "archive-set-aside"].as_slice() } else { &[] };
    let names: Vec<(&str, &str)> = names.iter().chain(of_archive).map(|name| (*name, *name)).collect();
    moving(&names, texts, words)
}

fn readings(texts: &Texts, words: &Words) -> Vec<(String, String)> {
    let names = ["reports", "failed-attempts", "median", "slowest", "last"];
    moving(&names.map(|name| (name, name)), texts, words)
}

fn machine(look: &Look, texts: &Texts, words: &Words) -> Vec<(String, String)> {
    let mut rows = moving(&["uptime", "intake", "clock"].map(|name| (name, name)), texts, words);
    for kind in look.zones.keys() {
        rows.push((words.filled("temperature", &[kind]), texts.span(&format!("zone-{kind}"))));
    }
    let names = ["slowed", "memory", "available", "disk", "journal", "load"];
    rows.extend(moving(&names.map(|name| (name, name)), texts, words));
    for (disk, percent) in &look.wear_percent {
        rows.push((words.filled("wear", &[disk]), format!("{percent} %")));
    }
    rows
}

fn self_test(more: &More, frame: &Frame<'_>) -> String {
    let words = frame.words;
    let mut body = trend::body(&more.tests, words);
    if frame.acts {
        body += &act("/self-test", "self-test-now", words);
    }
    section("self-test", "wide", words.get("self-test"), &body)
}

fn models(models: &Value, words: &Words) -> String {
    let text = |model: &Value, key: &str| model.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let rows: Vec<Vec<String>> = models
        .as_array()
        .into_iter()
        .flatten()
        .map(|model| {
            let hash = text(model, "sha256");
            vec![
                escaped(&format!("{} {}", text(model, "name"), text(model, "version"))),
                english(&text(model, "terms")),
                format!("<code class=\"hash\">{}…</code>", escaped(hash.get(..HASH_DIGITS).unwrap_or(&hash))),
            ]
        })
        .collect();
    if rows.is_empty() {
        return format!("<p>{}</p>\n", escaped(words.get("no-models")));
    }
    table(words.get("models"), &[words.get("model"), words.get("terms"), "SHA-256"], &rows)
}

fn errors(look: &Look, words: &Words) -> String {
    let errors = &look.overview.last_errors;
    if errors.is_empty() {
        return format!("<p>{}</p>\n", escaped(words.get("no-errors")));
    }
    let items: String =
        errors.iter().rev().map(|(time, text)| format!("<li>{} {}</li>\n", moment(time), english(text))).collect();
    format!("<ul class=\"errors\">\n{items}</ul>\n")
}

fn configuration(look: &Look, words: &Words) -> String {
    let rows: Vec<Vec<String>> = config::in_words(&look.settings)
        .into_iter()
        .map(|(key, value)| vec![format!("<code>{}</code>", escaped(key)), format!("<code>{}</code>", escaped(&value))])
        .collect();
    let listed = table(words.get("configuration"), &[words.get("key"), words.get("value")], &rows);
    let body =
        format!("<details><summary>{}</summary>\n{listed}</details>\n", escaped(words.get("configuration-show")));
    section("configuration", "wide", words.get("configuration"), &body)
}
