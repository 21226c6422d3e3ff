//! Third stage of the configuration: merged entries to validated [`Settings`].

use std::path::PathBuf;
use std::time::Duration;

use super::keys::KEYS;
use super::source::{Entry, Merged, Origin, Value};
use super::{ConfigError, InForce};
use crate::spine::Role;

/// Longest device id; it is also the MQTT client id and a level of every topic.
const DEVICE_ID_CHARS_MAX: usize = 64;
/// Longest topic root after the device id is put in, bytes.
const ROOT_BYTES_MAX: usize = 200;
/// Stands for the device id inside `mqtt.root`.
const DEVICE_PLACEHOLDER: &str = "{device}";

/// What the appliance runs with. Durations and sizes are within the bounds of their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name of this device in topics, and the MQTT client id.
    pub device_id: String,
    /// The export folder and when a study in it is complete.
    pub ingest: Ingest,
    /// Where things are kept.
    pub storage: Storage,
    /// Topics and broker.
    pub mqtt: Mqtt,
    /// Limits of the reading child.
    pub reader: Reader,
}

/// The export folder and when a study in it is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingest {
    /// The folder that the scanner exports to; never written.
    pub folder: PathBuf,
    /// Roles without which a study waits for `force_after`.
    pub required: Vec<Role>,
    /// Roles for which a study waits `wanted_wait`.
    pub wanted: Vec<Role>,
    /// Time without a new file of a study after which it may be complete.
    pub quiet: Duration,
    /// Time since a study's last file after which wanted roles are given up.
    pub wanted_wait: Duration,
    /// Time since a study's first file after which it is read with what is there.
    pub force_after: Duration,
}

/// Where things are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Journal, bundles, keys.
    pub state_dir: PathBuf,
    /// The clinic's files, one folder a report.
    pub out_dir: PathBuf,
}

/// Topics and broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mqtt {
    /// The broker; `None`: results wait in the journal.
    pub broker: Option<Broker>,
    /// Root of all topics, the device's level included.
    pub root: String,
    /// Keep-alive of the connection.
    pub keep_alive: Duration,
}

/// How to reach the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address, an IPv6 one in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name, where the broker wants one.
    pub username: Option<String>,
    /// File whose first line is the password.
    pub password_file: Option<PathBuf>,
    /// TLS, for `mqtts://`.
    pub tls: Option<Tls>,
}

/// Files of a TLS connection, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Certificates that may sign the broker's.
    pub ca_file: PathBuf,
    /// Our own certificate chain and its key, for mutual TLS.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// Limits of the reading child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Threads of a reading; 0: as many as cores.
    pub threads: usize,
    /// Memory of a child, MiB.
    pub memory_mib: u64,
    /// Wall time of one reading.
    pub time_limit: Duration,
    /// Attempts after which a study is quarantined.
    pub max_attempts: u32,
}

impl Reader {
    /// CPU time of one reading: its wall time on every core.
    #[must_use]
    pub fn cpu_secs(&self) -> u64 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.time_limit.as_secs().saturating_mul(cores as u64)
    }
}

/// Reads entries with their defaults and gathers what is wrong with them.
struct Validator<'a> {
    merged: &'a Merged,
    errors: &'a mut Vec<ConfigError>,
}

impl Validator<'_> {
    fn text(&self, key: &'static str) -> Option<&str> {
        match self.merged.0.get(key) {
            Some(Entry { value: Value::Text(text), .. }) => Some(text),
            _ => None,
        }
    }

    fn complain(&mut self, key: &'static str, problem: impl Into<String>) {
        let origin = self.merged.0.get(key).map_or(Origin::Default, |e| e.origin.clone());
        self.errors.push(ConfigError::at(origin, key, problem));
    }

    fn path(&mut self, key: &'static str, default: &str) -> PathBuf {
        let path = PathBuf::from(self.text(key).unwrap_or(default));
        if path.as_os_str().is_empty() {
            self.complain(key, "must name a path, not an empty string");
        }
        path
    }

    fn optional_path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.text(key).is_some().then(|| self.path(key, ""))
    }

    fn whole(&self, key: &'static str, default: u64) -> u64 {
        match self.merged.0.get(key) {
            Some(Entry { value: Value::Whole(number), .. }) => *number,
            _ => default,
        }
    }

    fn secs(&self, key: &'static str, default: u64) -> Duration {
        Duration::from_secs(self.whole(key, default))
    }

    fn roles(&mut self, key: &'static str, default: &[Role]) -> Vec<Role> {
        let Some(Entry { value: Value::Texts(names), .. }) = self.merged.0.get(key) else { return default.to_vec() };
        let mut roles = Vec::new();
        for name in names {
            match Role::from_name(name) {
                Some(role @ (Role::SagittalT2 | Role::SagittalT1 | Role::AxialT2)) if !roles.contains(&role) => {
                    roles.push(role);
                }
                Some(Role::SagittalT2 | Role::SagittalT1 | Role::AxialT2) => {
                    self.complain(key, format!("names {name:?} twice"));
                }
                _ => self.complain(key, format!("knows sag-t2, sag-t1 and ax-t2, not {name:?}")),
            }
        }
        roles
    }

    fn device_id(&mut self) -> String {
        let id = self.text("device.id").map_or_else(default_device_id, str::to_owned);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if id.is_empty() || id.len() > DEVICE_ID_CHARS_MAX || !id.chars().all(allowed) {
            self.complain(
                "device.id",
                format!("must be 1 to {DEVICE_ID_CHARS_MAX} of A-Z a-z 0-9 . _ -, as it is part of every topic"),
            );
        }
        id
    }

    fn root(&mut self, device_id: &str) -> String {
        let pattern = self.text("mqtt.root").unwrap_or("deepspine").to_owned();
        let root = if pattern.contains(DEVICE_PLACEHOLDER) {
            pattern.replace(DEVICE_PLACEHOLDER, device_id)
        } else {
            format!("{pattern}/{device_id}")
        };
        let bad_level = root.split('/').any(str::is_empty);
        if bad_level || root.contains(['+', '#', '\0']) || root.starts_with('$') || root.len() > ROOT_BYTES_MAX {
            self.complain(
                "mqtt.root",
                format!("must be topic levels without +, #, leading $ or empty levels, at most {ROOT_BYTES_MAX} bytes"),
            );
        }
        root
    }

    fn broker(&mut self) -> Option<Broker> {
        let password_file = self.optional_path("mqtt.password-file");
        let username = self.text("mqtt.username").map(str::to_owned);
        if password_file.is_some() && username.is_none() {
            self.complain("mqtt.password-file", "needs mqtt.username beside it");
        }
        let url = self.text("mqtt.broker")?.to_owned();
        let (secure, address) = match url.split_once("://") {
            Some(("mqtt", address)) => (false, address),
            Some(("mqtts", address)) => (true, address),
            _ => {
                self.complain("mqtt.broker", format!("must begin with mqtt:// or mqtts://, not {url:?}"));
                return None;
            }
        };
        let Some((host, port)) = host_and_port(address, if secure { 8883 } else { 1883 }) else {
            self.complain("mqtt.broker", format!("must be mqtt://host or mqtt://host:port, not {url:?}"));
            return None;
        };
        let tls = if secure { self.tls() } else { None };
        Some(Broker { host, port, username, password_file, tls })
    }

    fn tls(&mut self) -> Option<Tls> {
        let ca_file = self.optional_path("mqtt.ca-file");
        let certificate = self.optional_path("mqtt.client-cert-file");
        let key = self.optional_path("mqtt.client-key-file");
        if certificate.is_some() != key.is_some() {
            self.complain("mqtt.client-cert-file", "and mqtt.client-key-file are needed together");
        }
        let Some(ca_file) = ca_file else {
            self.complain(
                "mqtt.broker",
                "is mqtts:// and needs mqtt.ca-file, the certificates that may sign the broker's",
            );
            return None;
        };
        Some(Tls { ca_file, client: certificate.zip(key) })
    }
}

fn host_and_port(address: &str, default_port: u16) -> Option<(String, u16)> {
    let address = address.trim_end_matches('/');
    let (host, port) = match address.rsplit_once(':') {
        // An IPv6 address stands in brackets, whose colons are no port.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (address, default_port),
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
    let shown = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
    (!bare.is_empty() && bare.chars().all(allowed) && port > 0).then_some((shown, port))
}

/// The machine id must not be shown (machine-id(5)), so its hash stands for it.
fn default_device_id() -> String {
    use sha2::{Digest, Sha256};
    let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let digest = Sha256::new().chain_update("deepspine device id\0").chain_update(machine.trim()).finalize();
    digest.iter().take(6).fold("ds-".to_owned(), |id, byte| format!("{id}{byte:02x}"))
}

/// Settings from merged entries; complaints go to `errors`, and with any of them the result is not to be used.
pub(super) fn validate(merged: &Merged, errors: &mut Vec<ConfigError>) -> Settings {
    let mut v = Validator { merged, errors };
    let device_id = v.device_id();
    let ingest = Ingest {
        folder: v.path("ingest.folder", "/srv/deepspine/in"),
        required: v.roles("ingest.required", &[Role::SagittalT2]),
        wanted: v.roles("ingest.wanted", &[Role::AxialT2, Role::SagittalT1]),
        quiet: v.secs("ingest.quiet-secs", 15),
        wanted_wait: v.secs("ingest.wanted-wait-secs", 1800),
        force_after: v.secs("ingest.force-after-secs", 5400),
    };
    if ingest.quiet > ingest.wanted_wait {
        v.complain("ingest.quiet-secs", "must not be longer than ingest.wanted-wait-secs");
    }
    if ingest.quiet > ingest.force_after {
        v.complain("ingest.quiet-secs", "must not be longer than ingest.force-after-secs");
    }
    let storage = Storage {
        state_dir: v.path("storage.state-dir", "/var/lib/deepspine"),
        out_dir: v.path("storage.out-dir", "/srv/deepspine/out"),
    };
    for (key, dir) in [("storage.state-dir", &storage.state_dir), ("storage.out-dir", &storage.out_dir)] {
        if dir.starts_with(&ingest.folder) {
            v.complain(key, "must not lie inside ingest.folder, which is never written");
        }
    }
    let mqtt = Mqtt { broker: v.broker(), root: v.root(&device_id), keep_alive: v.secs("mqtt.keep-alive-secs", 30) };
    let reader = Reader {
        threads: usize::try_from(v.whole("reader.threads", 0)).unwrap_or(0),
        memory_mib: v.whole("reader.memory-mib", 512),
        time_limit: v.secs("reader.time-limit-secs", 300),
        max_attempts: u32::try_from(v.whole("reader.max-attempts", 3)).unwrap_or(3),
    };
    Settings { device_id, ingest, storage, mqtt, reader }
}

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
        "mqtt.broker" => "not set: results wait in the journal".to_owned(),
        "mqtt.root" => "\"deepspine\"".to_owned(),
        "mqtt.keep-alive-secs" => settings.mqtt.keep_alive.as_secs().to_string(),
        "reader.threads" => settings.reader.threads.to_string(),
        "reader.memory-mib" => settings.reader.memory_mib.to_string(),
        "reader.time-limit-secs" => settings.reader.time_limit.as_secs().to_string(),
        "reader.max-attempts" => settings.reader.max_attempts.to_string(),
        _ => "not set".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validated(overrides: &[&str]) -> Result<Settings, Vec<String>> {
        let (mut merged, mut errors) = (Merged::default(), Vec::new());
        for text in overrides {
            merged.add_override(text, &mut errors);
        }
        let settings = validate(&merged, &mut errors);
        if errors.is_empty() { Ok(settings) } else { Err(errors.iter().map(ToString::to_string).collect()) }
    }

    #[test]
    fn an_empty_configuration_is_a_working_appliance() {
        let settings = validated(&[]);
        assert!(settings.as_ref().is_ok_and(|s| s.mqtt.broker.is_none()));
        assert!(settings.is_ok_and(|s| s.mqtt.root == format!("deepspine/{}", s.device_id)));
    }

    #[test]
    fn the_device_takes_its_place_in_a_root_of_another_system() {
        let settings = validated(&["device.id=mr1", "mqtt.root=te/device/{device}/service/deepspine"]);
        assert!(settings.is_ok_and(|s| s.mqtt.root == "te/device/mr1/service/deepspine"));
    }

    #[test]
    fn brokers_are_read_with_and_without_port() {
        assert_eq!(host_and_port("broker.example:8883", 1), Some(("broker.example".to_owned(), 8883)));
        assert_eq!(host_and_port("[::1]:1884", 1), Some(("[::1]".to_owned(), 1884)));
        assert_eq!(host_and_port("[::1]", 1883), Some(("[::1]".to_owned(), 1883)));
        assert_eq!(host_and_port("host:port", 1), None);
        assert_eq!(host_and_port("", 1), None);
    }

    #[test]
    fn tls_needs_its_authority() {
        let errors = validated(&["mqtt.broker=mqtts://broker.example"]);
        assert!(errors.is_err_and(|e| e.iter().any(|line| line.contains("mqtt.ca-file"))));
    }

    #[test]
    fn what_we_write_must_not_lie_in_the_export_folder() {
        let errors = validated(&["ingest.folder=/in", "storage.out-dir=/in/out"]);
        assert!(errors.is_err_and(|e| e.iter().any(|line| line.contains("never written"))));
    }

    #[test]
    fn unknown_roles_are_named() {
        let errors = validated(&["ingest.required=[\"sag-t3\"]"]);
        assert!(errors.is_err_and(|e| e.iter().any(|line| line.contains("sag-t3"))));
    }
}
