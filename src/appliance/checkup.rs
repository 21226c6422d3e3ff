//! What the machine has and lacks: the list that `check-config` prints.
//!
//! Nothing here changes anything: a folder is judged by its permissions, the broker by whether its port
//! answers, the DICOM receiver and the clinic's archive by whether they take an association.

mod archive;
mod receiver;

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Access, access};

use super::alarms::Severity;
use super::clock;
use super::config::{Broker, Settings, Tls, Web};
use super::health::machine::{self, Machine};
use super::mqtt::{certificate, tls};
use super::reader::sandbox::{self, SandboxLevel};
use super::web::read_token;
use crate::inference::{Device, ModelSet, ModelSource};

/// How long the broker may take to answer.
const BROKER_PATIENCE: Duration = Duration::from_secs(3);

/// Where the units of the machine are enabled.
const ETC: &str = "/etc";

/// How one line of the list is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// As it should be.
    Good,
    /// Works, but a person should know.
    Attention,
    /// Lacking.
    Lacking,
}

impl Mark {
    /// √, ! or ✗.
    #[must_use]
    pub const fn symbol(self) -> char {
        match self {
            Self::Good => '√',
            Self::Attention => '!',
            Self::Lacking => '✗',
        }
    }
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its mark.
    pub mark: Mark,
    /// What was found, and what to do where something lacks.
    pub text: String,
}

fn line(mark: Mark, text: impl Into<String>) -> Check {
    Check { mark, text: text.into() }
}

/// Looks the machine over.
#[must_use]
pub fn look_over(settings: &Settings, models: &ModelSource) -> Vec<Check> {
    let mut checks = vec![
        export_folder(&settings.ingest.folder),
        writable("state folder", &settings.storage.state_dir),
        writable("folder for the clinic's files", &settings.storage.out_dir),
        headroom(&settings.storage.state_dir, settings.storage.headroom_bytes >> 20),
        clock_line(clock::clock_synced()),
        sandbox_line(sandbox::available()),
    ];
    checks.extend(receiver::look(Path::new(ETC)));
    checks.extend(settings.pacs.as_ref().map(archive::look));
    match &settings.mqtt.broker {
        Some(broker) => {
            checks.push(broker_line(broker));
            checks.extend(broker.tls.iter().flat_map(|files| certificate_lines(files, clock::now_unix_secs())));
        }
        None => {
            checks.push(line(Mark::Attention, "no broker is named: results wait in the journal (mqtt.broker)"));
        }
    }
    checks.extend(page_lines(&settings.web));
    checks.push(device_line(settings));
    checks.extend(board_lines(&Machine::default()));
    checks.extend(models_lines(models));
    checks
}

fn export_folder(folder: &Path) -> Check {
    match std::fs::read_dir(folder) {
        Ok(_) => line(Mark::Good, format!("export folder {} can be read", folder.display())),
        Err(error) => line(Mark::Lacking, format!("export folder {}: {error} (ingest.folder)", folder.display())),
    }
}

/// A folder that is not there yet is made at the start, where its nearest ancestor allows it.
fn writable(what: &str, folder: &Path) -> Check {
    let nearest = folder.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    match access(nearest, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) if nearest == folder => line(Mark::Good, format!("{what} {} can be written", folder.display())),
        Ok(()) => line(Mark::Good, format!("{what} {} will be made", folder.display())),
        Err(error) => line(Mark::Lacking, format!("{what} {}: {}: {error}", folder.display(), nearest.display())),
    }
}

fn headroom(folder: &Path, headroom_mib: u64) -> Check {
    match machine::room(folder) {
        Ok(room) => {
            let free_mib = room.free_bytes >> 20;
            let mark = if free_mib >= headroom_mib { Mark::Good } else { Mark::Lacking };
            line(
                mark,
                format!("{free_mib} MiB free for the state folder ({headroom_mib} stay free, storage.headroom-mib)"),
            )
        }
        Err(error) => line(Mark::Lacking, format!("free space of {}: {error}", folder.display())),
    }
}

fn sandbox_line(level: SandboxLevel) -> Check {
    let mark = if level.name() == "full" { Mark::Good } else { Mark::Attention };
    line(mark, format!("children that open DICOM files are shut in: {level}"))
}

/// What the networks would run on; whether a GPU answers rightly is the self-test's question.
fn device_line(settings: &Settings) -> Check {
    let choice = settings.reader.device;
    match choice.device() {
        Device::Cuda if !Device::Cuda.has_driver() => {
            line(Mark::Attention, "the GPU's driver is not there: readings are made on the processor (reader.device)")
        }
        device => line(Mark::Good, format!("networks run on {device} (reader.device = {:?})", choice.name())),
    }
}

/// What a board says of its power mode, and of being slowed down.
fn board_lines(machine: &Machine) -> Vec<Check> {
    let mode = machine.power_mode().map(|mode| {
        let name = mode.name.map_or_else(String::new, |name| format!(", {name}"));
        line(Mark::Good, format!("power mode {}{name} (nvpmodel)", mode.number))
    });
    let slowing = machine.slowing();
    let slowed = slowing.is_active().then(|| {
        let cause = if slowing.lacks_power() { "its voltage is too low" } else { "it is too hot or limited" };
        line(Mark::Attention, format!("the board is slowed down right now: {cause}"))
    });
    mode.into_iter().chain(slowed).collect()
}

fn clock_line(synced: Option<bool>) -> Check {
    match synced {
        Some(true) => line(Mark::Good, "the clock is synchronised"),
        Some(false) => line(Mark::Attention, "the clock is not synchronised: times in reports are marked so"),
        None => line(Mark::Attention, "nobody says whether the clock is synchronised (systemd-timesyncd does not run)"),
    }
}

fn broker_line(broker: &Broker) -> Check {
    let name = format!("broker {}:{}", broker.host, broker.port);
    if let Some(files) = &broker.tls
        && let Err(error) = tls::client_config(files)
    {
        return line(Mark::Lacking, format!("{name}: {error}"));
    }
    let addresses = match format!("{}:{}", broker.host, broker.port).to_socket_addrs() {
        Ok(addresses) => addresses,
        Err(error) => return line(Mark::Lacking, format!("{name}: {error}")),
    };
    let mut problem = "its name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, BROKER_PATIENCE) {
            Ok(_) => return line(Mark::Good, format!("{name} answers")),
            Err(error) => problem = error.to_string(),
        }
    }
    line(Mark::Lacking, format!("{name}: {problem}; results wait in the journal meanwhile"))
}

/// Who sees the appliance's page, what it gives out, and whether its token can be used.
fn page_lines(web: &Web) -> Vec<Check> {
    let Some(address) = web.listen else { return Vec::new() };
    let mut lines = vec![if web.is_beyond_loopback() {
        let text = format!("the page is shown to whoever reaches http://{address}, without encryption (web.listen)");
        line(Mark::Attention, text)
    } else {
        line(Mark::Good, format!("the page is shown to this machine alone, at http://{address}"))
    }];
    if web.show_identity {
        lines.push(line(Mark::Attention, "the page gives out what names patients (web.show-identity)"));
    }
    if let Some(file) = &web.token_file {
        lines.push(match read_token(file) {
            Ok(_) => line(Mark::Good, "whoever has the page's token may retry studies and start self-tests"),
            Err(error) => line(Mark::Lacking, format!("the page's token {}: {error} (web.token-file)", file.display())),
        });
    }
    lines
}

/// When each certificate expires; reading studies never depends on one, delivering does.
fn certificate_lines(files: &Tls, now_unix_secs: i64) -> Vec<Check> {
    if let Some((severity, text)) = certificate::worst(files, now_unix_secs) {
        let mark = if severity == Severity::Warning { Mark::Attention } else { Mark::Lacking };
        return vec![line(mark, text)];
    }
    let client = files.client.iter().map(|(certificate, _)| certificate);
    std::iter::once(&files.ca_file)
        .chain(client)
        .filter_map(|file| {
            let end = clock::rfc3339_of(certificate::expires_at(file).ok()?)?;
            Some(line(Mark::Good, format!("{} is valid until {end}", file.display())))
        })
        .collect()
}

fn models_lines(source: &ModelSource) -> Vec<Check> {
    let set = match ModelSet::open(source) {
        Ok(set) => set,
        Err(error) => return vec![line(Mark::Lacking, error.to_string())],
    };
    let names: Vec<String> = set.manifest().model.iter().map(|m| m.model_use().name).collect();
    names
        .iter()
        .map(|name| match set.load_verified(name) {
            Ok((entry, _)) => {
                let model = entry.model_use();
                line(
                    Mark::Good,
                    format!("model {} {} is the one of its manifest; {}", model.name, model.version, model.terms),
                )
            }
            Err(error) => line(Mark::Lacking, error.to_string()),
        })
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_lacking_and_what_can_be_made_is_not() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(export_folder(&dir.path().join("absent")).mark, Mark::Lacking);
        assert_eq!(export_folder(dir.path()).mark, Mark::Good);
        assert_eq!(writable("state folder", &dir.path().join("a/b")).mark, Mark::Good);
    }

    #[test]
    fn a_broker_that_does_not_answer_is_lacking() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let broker = Broker { host: "127.0.0.1".into(), port, username: None, password_file: None, tls: None };
        assert_eq!(broker_line(&broker).mark, Mark::Good);
        drop(listener);
        assert_eq!(broker_line(&broker).mark, Mark::Lacking);
    }

    #[test]
    fn whoever_opens_the_page_to_others_or_forgets_its_token_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let token = dir.path().join("token");
        let marks = |listen: &str, token_file, show_identity| -> Vec<Mark> {
            let web = Web { listen: listen.parse().ok(), token_file, show_identity };
            page_lines(&web).iter().map(|check| check.mark).collect()
        };
        assert_eq!(marks("", None, true), Vec::new());
        assert_eq!(marks("127.0.0.1:8080", None, false), [Mark::Good]);
        assert_eq!(marks("0.0.0.0:8080", None, true), [Mark::Attention, Mark::Attention]);
        assert_eq!(marks("[::1]:8080", Some(token.clone()), false), [Mark::Good, Mark::Lacking]);
        std::fs::write(&token, "0123456789abcdef\n").unwrap();
        assert_eq!(marks("[::1]:8080", Some(token), false), [Mark::Good, Mark::Good]);
    }
}
