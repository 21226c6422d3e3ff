//! The configuration in force, key by key, as `check-config` and the appliance's page show it.

use super::InForce;
use super::keys::KEYS;
use super::settings::{Settings, validate};
use super::source::{Merged, Origin};
use crate::export::ViewerObject;
use crate::spine::Role;

/// Every key as it is in force, in the order of [`KEYS`].
pub(super) fn in_force(merged: &Merged) -> Vec<InForce> {
    let settings = validate(merged, &mut Vec::new());
    KEYS.iter()
        .map(|key| match merged.0.get(key.name) {
            Some(entry) => InForce { key: key.name, value: entry.value.to_string(), origin: entry.origin.clone() },
            None => InForce { key: key.name, value: default_shown(key.name, &settings), origin: Origin::Default },
        })
        .collect()
}

/// Every key with what it is in `settings`, without a secret and without where secrets lie, in the order of [`KEYS`].
#[must_use]
pub fn in_words(settings: &Settings) -> Vec<(&'static str, String)> {
    KEYS.iter()
        .map(|key| (key.name, given(key.name, settings).unwrap_or_else(|| default_shown(key.name, settings))))
        .collect()
}

/// What only a configuration can say; `None` where it does not.
fn given(key: &str, settings: &Settings) -> Option<String> {
    let is_set = || "set".to_owned();
    let broker = settings.mqtt.broker.as_ref();
    let tls = broker.and_then(|broker| broker.tls.as_ref());
    match key {
        "device.study-key-file" => settings.study_key_file.as_ref().map(|_| is_set()),
        "ingest.sentinel" => settings.ingest.sentinel.as_ref().map(|name| format!("{name:?}")),
        "exports.language" => Some(format!("{:?}", settings.exports.language.tag())),
        "mqtt.broker" => {
            broker.map(|b| format!("\"{}://{}:{}\"", if b.tls.is_some() { "mqtts" } else { "mqtt" }, b.host, b.port))
        }
        "mqtt.root" => Some(format!("{:?}", settings.mqtt.root)),
        "mqtt.username" => broker.and_then(|b| b.username.as_ref()).map(|_| is_set()),
        "mqtt.password-file" => broker.and_then(|b| b.password_file.as_ref()).map(|_| is_set()),
        "mqtt.ca-file" => tls.map(|_| is_set()),
        "mqtt.client-cert-file" | "mqtt.client-key-file" => tls.and_then(|tls| tls.client.as_ref()).map(|_| is_set()),
        "commands.allow" => Some(format!("{:?}", settings.commands.iter().map(|c| c.name()).collect::<Vec<_>>())),
        "web.token-file" => settings.web.token_file.as_ref().map(|_| is_set()),
        _ => None,
    }
}

/// A default as it would be written. Only keys that no entry sets come here, so `settings` holds their defaults.
fn default_shown(key: &str, settings: &Settings) -> String {
    let quoted = |text: &dyn std::fmt::Display| format!("\"{text}\"");
    let names = |roles: &[Role]| format!("{:?}", roles.iter().map(|r| r.name()).collect::<Vec<_>>());
    match key {
        "device.id" => quoted(&settings.device_id),
        "ingest.folder" => quoted(&settings.ingest.folder.display()),
        "ingest.required" => names(&settings.ingest.required),
        "ingest.wanted" => names(&settings.ingest.wanted),
        "ingest.quiet-secs" => settings.ingest.quiet.as_secs().to_string(),
        "ingest.wanted-wait-secs" => settings.ingest.wanted_wait.as_secs().to_string(),
        "ingest.force-after-secs" => settings.ingest.force_after.as_secs().to_string(),
        "storage.state-dir" => quoted(&settings.storage.state_dir.display()),
        "storage.out-dir" => quoted(&settings.storage.out_dir.display()),
        "storage.runtime-dir" => quoted(&settings.storage.runtime_dir.display()),
        "storage.quota-mib" => (settings.storage.quota_bytes >> 20).to_string(),
        "storage.quota-rows" => settings.storage.quota_rows.to_string(),
        "storage.headroom-mib" => (settings.storage.headroom_bytes >> 20).to_string(),
        "exports.keep-days" => settings.exports.keep_days.to_string(),
        "exports.max-mib" => (settings.exports.bytes_max >> 20).to_string(),
        "exports.language" => quoted(&settings.exports.language.tag()),
        "pacs.address" => "not set: objects are written into the reports' folders alone".to_owned(),
        "pacs.calling-ae-title" => "\"DEEPSPINE\"".to_owned(),
        "pacs.objects" => format!("{:?}", ViewerObject::ALL.map(ViewerObject::name)),
        "mqtt.protocol" => quoted(&settings.mqtt.protocol.name()),
        "telemetry.interval-secs" => settings.telemetry_interval.as_secs().to_string(),
        "commands.allow" => "[]".to_owned(),
        "mqtt.broker" => "not set: results wait in the journal".to_owned(),
        "mqtt.root" => "\"deepspine\"".to_owned(),
        "mqtt.keep-alive-secs" => settings.mqtt.keep_alive.as_secs().to_string(),
        "web.listen" => settings.web.listen.map_or_else(|| "not set: there is no page".to_owned(), |a| quoted(&a)),
        "web.allow-beyond-loopback" => settings.web.is_beyond_loopback().to_string(),
        "web.show-identity" => settings.web.show_identity.to_string(),
        "reader.device" => quoted(&settings.reader.device.name()),
        "reader.threads" => settings.reader.threads.to_string(),
        "reader.memory-mib" => settings.reader.memory_mib.to_string(),
        "reader.time-limit-secs" => settings.reader.time_limit.as_secs().to_string(),
        "reader.max-attempts" => settings.reader.max_attempts.to_string(),
        "reader.alpha-percent" => settings.reader.alpha_percent.to_string(),
        _ => "not set".to_owned(),
    }
}
