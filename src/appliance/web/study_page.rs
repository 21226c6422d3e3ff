//! The page of one study, as far as it is known without whose it is.

use std::path::Path;

use super::html::{
    Frame, act, badge, document, english, moment, moment_of, pairs, section, short, sign_of_state, table,
};
use super::live::shape_of_study;
use super::look::SeenStudy;
use super::words::Words;
use crate::appliance::config::Settings;
use crate::appliance::journal::{ReportLook, StudyState};
use crate::export::PAGE_FILE;
use crate::export::html::escaped;

/// States out of which a study is given its attempts back.
const RETRIED: [StudyState; 2] = [StudyState::Quarantined, StudyState::Failed];

/// The page.
pub(super) fn page(seen: &SeenStudy, reports: &[ReportLook], settings: &Settings, words: &Words) -> String {
    let key = &seen.study.study_key;
    let frame = Frame {
        words,
        title: words.filled("study-title", &[short(key), &settings.device_id]),
        study: key,
        shape: shape_of_study(seen),
        acts: settings.web.token_file.is_some(),
        show_identity: settings.web.show_identity,
    };
    let header = format!(
        "<div><p><a href=\"/\">← {}</a></p><h1>{}</h1></div>\
         <p class=\"health\" role=\"status\">{} <span id=\"liveness\" class=\"quiet\"></span></p>",
        escaped(words.get("back")),
        escaped(&words.filled("study", &[short(key)])),
        badge(&seen.study.state, sign_of_state(&seen.study.state), words.of_kind("state", &seen.study.state)),
    );
    let mut main = section("state", "wide", words.get("state"), &state(seen, &frame));
    main += &section("reports", "wide", words.get("report-list"), &report_list(key, reports, settings, words));
    main += &section("picture", "wide", words.get("picture"), &picture(seen, words));
    document(&frame, &header, &main)
}

fn state(seen: &SeenStudy, frame: &Frame<'_>) -> String {
    let (study, words) = (&seen.study, frame.words);
    let mut rows = vec![
        ("study-key", format!("<code class=\"whole\">{}</code>", escaped(&study.study_key))),
        ("state", badge(&study.state, sign_of_state(&study.state), words.of_kind("state", &study.state))),
        ("changed", moment_of(study.changed_at)),
        ("files", study.files.to_string()),
        ("attempts", study.attempts.to_string()),
    ];
    rows.extend(study.reason.as_ref().map(|reason| ("reason", english(reason))));
    let rows: Vec<(String, String)> = rows.into_iter().map(|(key, html)| (words.get(key).to_owned(), html)).collect();
    let mut body = pairs(&rows);
    if frame.acts && RETRIED.iter().any(|state| state.name() == study.state) {
        body += &act(&format!("/study/{}/retry", study.study_key), "retry", words);
    }
    body
}

fn report_list(key: &str, reports: &[ReportLook], settings: &Settings, words: &Words) -> String {
    if reports.is_empty() {
        return format!("<p>{}</p>\n", escaped(words.get("no-reports")));
    }
    let show_identity = settings.web.show_identity;
    let newest = reports.iter().map(|report| report.revision).max();
    let rows: Vec<Vec<String>> = reports
        .iter()
        .rev()
        .map(|report| {
            let is_open = show_identity
                && Some(report.revision) == newest
                && has_page(&settings.storage.out_dir, &report.report_id);
            let page = if is_open {
                format!("<a href=\"/study/{}/page\">{}</a>", escaped(key), escaped(words.get("page-open")))
            } else {
                "–".to_owned()
            };
            vec![
                report.revision.to_string(),
                format!("<code class=\"whole\">{}</code>", escaped(&report.report_id)),
                moment(&report.produced_at),
                escaped(words.get(if report.delivered { "yes" } else { "no" })),
                page,
            ]
        })
        .collect();
    let heads = ["revision", "report", "produced", "is-delivered", "page"].map(|key| words.get(key));
    let mut body = table(words.get("report-list"), &heads, &rows);
    if !show_identity {
        body += &format!("<p class=\"quiet\">{}</p>\n", escaped(words.get("page-closed")));
    }
    body
}

fn has_page(out_dir: &Path, report_id: &str) -> bool {
    out_dir.join(report_id).join(PAGE_FILE).is_file()
}

fn picture(seen: &SeenStudy, words: &Words) -> String {
    if !seen.has_picture {
        return format!("<p>{}</p>\n", escaped(words.get("picture-why-not")));
    }
    let key = escaped(&seen.study.study_key);
    format!(
        "<a href=\"/study/{key}/overlay.png\"><img class=\"overview\" src=\"/study/{key}/overlay.png?r={}\" alt=\"{}\"></a>\n",
        seen.study.revision,
        escaped(&words.filled("picture-of", &[short(&seen.study.study_key)]))
    )
}
