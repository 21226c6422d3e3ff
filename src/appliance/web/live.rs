//! What moves: the texts that change while a page is open. The page holds them in elements marked `data-live`, an event brings new ones.
//!
//! Whatever is more than a text, such as a study that came in, changes the page's *shape*: its script then fetches the page anew and takes
//! over the sections that differ.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::look::{Look, SeenStudy};
use super::words::Words;
use crate::appliance::clock;
use crate::appliance::journal::StudyState;
use crate::export::html::escaped;

/// Bytes of a shape's hash that are told.
const SHAPE_BYTES: usize = 8;

/// The texts that move, by their names.
pub(super) struct Texts(BTreeMap<String, String>);

impl Texts {
    /// Those of `look`.
    pub(super) fn of(look: &Look, words: &Words) -> Self {
        let mut texts = BTreeMap::new();
        let mut say = |name: &str, text: String| texts.insert(name.to_owned(), text);
        let overview = &look.overview;
        say("activity", look.activity.clone());
        say("broker", broker(look, words));
        say("outbox-live", overview.outbox.live.waiting.to_string());
        say("outbox-backlog", overview.outbox.backlog.waiting.to_string());
        say("outbox-set-aside", overview.outbox.set_aside.to_string());
        let sendings = overview.sendings.unwrap_or_default();
        say("archive-waiting", sendings.waiting.to_string());
        say("archive-set-aside", sendings.set_aside.to_string());
        say("oldest", overview.oldest_s.map_or_else(|| "–".to_owned(), |age| words.duration(age)));
        say("delivered", overview.delivered.to_string());
        say("connections", overview.connections.to_string());
        say("reports", overview.reports.to_string());
        say("failed-attempts", overview.failed_attempts.to_string());
        let reading = &look.reading;
        let took = |ms: u64| if reading.count == 0 { words.get("none-yet").to_owned() } else { words.millis(ms) };
        say("median", took(reading.quantile_ms(0.5)));
        say("slowest", took(reading.max_ms));
        say("last", took(reading.last_ms));
        for state in StudyState::ALL {
            say(&format!("count-{}", state.name()), look.count(state.name()).to_string());
        }
        for seen in &look.studies {
            let age = clock::age_secs(seen.study.changed_at);
            let text = age.map_or_else(|| words.get("unknown").to_owned(), |age| words.ago(age));
            say(&format!("age-{}", seen.study.study_key), text);
        }
        of_machine(look, words, &mut say);
        Self(texts)
    }

    /// The text called `name` as an element that the script keeps up to date.
    pub(super) fn span(&self, name: &str) -> String {
        let text = self.0.get(name).map_or("", String::as_str);
        format!("<span data-live=\"{}\">{}</span>", escaped(name), escaped(text))
    }
}

fn of_machine(look: &Look, words: &Words, say: &mut impl FnMut(&str, String) -> Option<String>) {
    let overview = &look.overview;
    say("uptime", words.whole_minutes(overview.uptime_s));
    let intake = if overview.intake_open { "intake-open" } else { "intake-closed" };
    say("intake", words.get(intake).to_owned());
    let clock = match overview.clock_synced {
        Some(true) => "clock-yes",
        Some(false) => "clock-no",
        None => "clock-unknown",
    };
    say("clock", words.get(clock).to_owned());
    for (kind, zone) in &look.zones {
        say(&format!("zone-{kind}"), words.filled("celsius", &[&words.number(zone.celsius, 0)]));
    }
    say("slowed", words.get(if look.slowing.is_active() { "yes" } else { "no" }).to_owned());
    say("memory", words.bytes(look.memory.resident_kib << 10));
    say("available", words.bytes(look.memory.available_kib << 10));
    say("disk", look.room.map_or_else(|| words.get("unknown").to_owned(), |room| words.bytes(room.free_bytes)));
    say("journal", words.bytes(overview.journal_used_bytes));
    say("load", look.load.map_or_else(|| words.get("unknown").to_owned(), |load| words.number(load, 1)));
}

fn broker(look: &Look, words: &Words) -> String {
    match (&look.overview.broker, look.overview.connected) {
        (None, _) => words.get("no-broker").to_owned(),
        (Some(broker), true) => words.filled("connected", &[broker]),
        (Some(broker), false) => words.filled("not-connected", &[broker]),
    }
}

/// The shape of the overview. `self_tests`: how many there have been.
pub(super) fn shape(look: &Look, self_tests: u64) -> String {
    let studies: Vec<String> =
        look.studies.iter().map(|seen| format!("{} {}", seen.study.study_key, shape_of_study(seen))).collect();
    let alarms: Vec<String> =
        look.overview.alarms.iter().map(|alarm| format!("{} {} {}", alarm.alarm, alarm.severity, alarm.text)).collect();
    let zones: Vec<&str> = look.zones.keys().map(String::as_str).collect();
    let errors = &look.overview.last_errors;
    let whole = format!(
        "{} {studies:?} {alarms:?} {zones:?} {errors:?} {self_tests} {} {:?}",
        look.health.name(),
        look.model_changes,
        look.settings
    );
    Sha256::digest(whole).iter().take(SHAPE_BYTES).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The shape of a study's page.
pub(super) fn shape_of_study(seen: &SeenStudy) -> String {
    let study = &seen.study;
    let picture = if seen.has_picture { "picture" } else { "none" };
    format!("{}/{}/{}/{}/{picture}", study.state, study.attempts, study.revision, study.files)
}

/// What listeners are told.
pub(super) fn event(look: &Look, words: &Words, self_tests: u64) -> Value {
    let studies: Vec<Value> = look
        .studies
        .iter()
        .map(|seen| {
            let study = &seen.study;
            json!({
                "study_key": study.study_key,
                "state": study.state,
                "attempts": study.attempts,
                "revision": study.revision,
                "changed_at": study.changed_at,
                "shape": shape_of_study(seen),
            })
        })
        .collect();
    json!({
        "status": look.health.name(),
        "alarms": look.overview.alarms.iter().map(|alarm| &alarm.alarm).collect::<Vec<_>>(),
        "studies": studies,
        "texts": Texts::of(look, words).0,
        "shape": shape(look, self_tests),
    })
}
