//! Third stage of the configuration: merged entries to validated [`Settings`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ConfigError;
use super::broker::Mqtt;
use super::commands::CommandKind;
use super::pacs::Pacs;
use super::source::{Merged, Origin, Value};
use super::web::Web;
use crate::export::Language;
use crate::inference::DeviceChoice;
use crate::spine::Role;

/// Begins the value of a key that names a systemd credential instead of a file.
const CREDENTIAL_PREFIX: &str = "credential:";
/// Where systemd puts credentials, told to the service in this variable (systemd.exec(5)).
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";
/// Where they are for whoever looks from outside the service.
const CREDENTIALS_DIR: &str = "/run/credentials/deepspine.service";
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
    /// How long what was delivered is kept.
    pub exports: Exports,
    /// The clinic's archive; `None`: objects are written into the reports' folders alone.
    pub pacs: Option<Pacs>,
    /// Topics and broker.
    pub mqtt: Mqtt,
    /// How often numbers are published.
    pub telemetry_interval: Duration,
    /// Commands over MQTT that are obeyed.
    pub commands: Vec<CommandKind>,
    /// The appliance's own page.
    pub web: Web,
    /// The site's own key for keyed hashes; `None`: one is made at the first start.
    pub study_key_file: Option<PathBuf>,
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
    /// Name of a file that says of its folder that the studies in it and below are complete.
    pub sentinel: Option<String>,
}

/// Where things are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Journal, bundles, keys.
    pub state_dir: PathBuf,
    /// The clinic's files, one folder a report.
    pub out_dir: PathBuf,
    /// Where the control socket is; gone with a reboot.
    pub runtime_dir: PathBuf,
    /// Size of the journal from which on intake stops, bytes.
    pub quota_bytes: u64,
    /// Messages in the outbox from which on intake stops.
    pub quota_rows: u64,
    /// Disk space that is left to others; with less of it intake stops. Bytes.
    pub headroom_bytes: u64,
}

/// How long bundles and the clinic's files are kept once their report was delivered (others always are), and in what language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exports {
    /// Age from which on they are removed, days.
    pub keep_days: u64,
    /// Size of all of them above which the oldest are removed, bytes.
    pub bytes_max: u64,
    /// The language of a study's page.
    pub language: Language,
}

/// Limits of the reading child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// What the networks run on.
    pub device: DeviceChoice,
    /// Threads of a reading; 0: as many as cores.
    pub threads: usize,
    /// Memory of a child, MiB.
    pub memory_mib: u64,
    /// Wall time of one reading.
    pub time_limit: Duration,
    /// Attempts after which a study is quarantined.
    pub max_attempts: u32,
    /// Error rate of prediction sets, %.
    pub alpha_percent: u8,
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
pub(super) struct Validator<'a> {
    merged: &'a Merged,
    errors: &'a mut Vec<ConfigError>,
}

impl Validator<'_> {
    pub(super) fn text(&self, key: &'static str) -> Option<&str> {
        self.merged.text(key)
    }

    pub(super) fn value(&self, key: &'static str) -> Option<&Value> {
        self.merged.0.get(key).map(|entry| &entry.value)
    }

    pub(super) fn complain(&mut self, key: &'static str, problem: impl Into<String>) {
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

    /// A file of secrets: `credential:NAME` is the systemd credential of that name.
    pub(super) fn secret_file(&mut self, key: &'static str) -> Option<PathBuf> {
        let text = self.text(key)?.to_owned();
        let Some(name) = text.strip_prefix(CREDENTIAL_PREFIX) else { return Some(self.path(key, "")) };
        if name.is_empty() || name.contains('/') {
            self.complain(key, format!("must be a path or {CREDENTIAL_PREFIX}NAME, not {text:?}"));
        }
        Some(credentials_dir().join(name))
    }

    fn whole(&self, key: &'static str, default: u64) -> u64 {
        if let Some(Value::Whole(number)) = self.value(key) { *number } else { default }
    }

    pub(super) fn secs(&self, key: &'static str, default: u64) -> Duration {
        Duration::from_secs(self.whole(key, default))
    }

    fn roles(&mut self, key: &'static str, default: &[Role]) -> Vec<Role> {
        let Some(Value::Texts(names)) = self.value(key).cloned() else { return default.to_vec() };
        let mut roles = Vec::new();
        for name in names {
            match Role::from_name(&name) {
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

    fn device(&mut self) -> DeviceChoice {
        let Some(name) = self.text("reader.device").map(str::to_owned) else { return DeviceChoice::Auto };
        DeviceChoice::from_name(&name).unwrap_or_else(|problem| {
            self.complain("reader.device", problem);
            DeviceChoice::Auto
        })
    }

    fn language(&mut self) -> Language {
        let Some(tag) = self.text("exports.language").map(str::to_owned) else { return Language::default() };
        Language::from_tag(&tag).unwrap_or_else(|| {
            let known = Language::ALL.map(Language::tag).join(" or ");
            self.complain("exports.language", format!("is {tag:?}; there is {known}"));
            Language::default()
        })
    }

    fn sentinel(&mut self) -> Option<String> {
        let name = self.text("ingest.sentinel")?.to_owned();
        if name.is_empty() || name.contains(['/', '\0']) || name == "." || name == ".." {
            self.complain("ingest.sentinel", "must be the name of a file, without a folder");
        }
        Some(name)
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

    pub(super) fn root(&mut self, device_id: &str) -> String {
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

    fn ingest(&mut self) -> Ingest {
        let ingest = Ingest {
            folder: self.path("ingest.folder", "/srv/deepspine/in"),
            required: self.roles("ingest.required", &[Role::SagittalT2]),
            wanted: self.roles("ingest.wanted", &[Role::AxialT2, Role::SagittalT1]),
            quiet: self.secs("ingest.quiet-secs", 15),
            wanted_wait: self.secs("ingest.wanted-wait-secs", 1800),
            force_after: self.secs("ingest.force-after-secs", 5400),
            sentinel: self.sentinel(),
        };
        if ingest.quiet > ingest.wanted_wait {
            self.complain("ingest.quiet-secs", "must not be longer than ingest.wanted-wait-secs");
        }
        if ingest.quiet > ingest.force_after {
            self.complain("ingest.quiet-secs", "must not be longer than ingest.force-after-secs");
        }
        ingest
    }

    fn storage(&mut self, export_folder: &Path) -> Storage {
        let storage = Storage {
            state_dir: self.path("storage.state-dir", "/var/lib/deepspine"),
            out_dir: self.path("storage.out-dir", "/srv/deepspine/out"),
            runtime_dir: self.path("storage.runtime-dir", "/run/deepspine"),
            quota_bytes: self.whole("storage.quota-mib", 512) << 20,
            quota_rows: self.whole("storage.quota-rows", 100_000),
            headroom_bytes: self.whole("storage.headroom-mib", 256) << 20,
        };
        for (key, dir) in [("storage.state-dir", &storage.state_dir), ("storage.out-dir", &storage.out_dir)] {
            if dir.starts_with(export_folder) {
                self.complain(key, "must not lie inside ingest.folder, which is never written");
            }
        }
        storage
    }

    fn reader(&mut self) -> Reader {
        Reader {
            device: self.device(),
            threads: usize::try_from(self.whole("reader.threads", 0)).unwrap_or(0),
            memory_mib: self.whole("reader.memory-mib", 512),
            time_limit: self.secs("reader.time-limit-secs", 300),
            max_attempts: u32::try_from(self.whole("reader.max-attempts", 3)).unwrap_or(3),
            alpha_percent: u8::try_from(self.whole("reader.alpha-percent", 10)).unwrap_or(10),
        }
    }
}

fn credentials_dir() -> PathBuf {
    std::env::var_os(CREDENTIALS_VARIABLE).map_or_else(|| PathBuf::from(CREDENTIALS_DIR), PathBuf::from)
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
    let ingest = v.ingest();
    let storage = v.storage(&ingest.folder);
    let exports = Exports {
        keep_days: v.whole("exports.keep-days", 365),
        bytes_max: v.whole("exports.max-mib", 4096) << 20,
        language: v.language(),
    };
    let pacs = v.pacs();
    let mqtt = v.mqtt(&device_id);
    let telemetry_interval = v.secs("telemetry.interval-secs", 60);
    let commands = v.commands();
    let web = v.web();
    let study_key_file = v.secret_file("device.study-key-file");
    let reader = v.reader();
    Settings {
        device_id,
        ingest,
        storage,
        exports,
        pacs,
        mqtt,
        telemetry_interval,
        commands,
        web,
        study_key_file,
        reader,
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
