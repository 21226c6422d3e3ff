//! A mosquitto of the test's own, as Debian packages it, ended with its owner.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::until;

/// Where the broker may be.
const PROGRAMS: [&str; 2] = ["mosquitto", "/usr/sbin/mosquitto"];
/// Ports that are tried: one that was free a moment ago may be somebody's by now.
const PORTS_TRIED: usize = 5;

/// How a broker is set up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    /// Access rules, as they stand in an access list; none: everything is allowed.
    pub(crate) acl: Option<String>,
    /// User and password of those who may connect; none: anybody.
    pub(crate) user: Option<(String, String)>,
    /// PEM files of TLS: authority, certificate, key; and whether clients must have a certificate.
    pub(crate) tls: Option<(PathBuf, PathBuf, PathBuf, bool)>,
    /// Other lines of its configuration.
    pub(crate) lines: Vec<String>,
}

/// A running (or stopped) broker.
pub(crate) struct Mosquitto {
    process: Option<Child>,
    dir: TempDir,
    /// Its port on loopback, the same after every restart.
    pub(crate) port: u16,
    /// Another port of it, without rules, passwords or TLS, for the ledger.
    pub(crate) ledger_port: u16,
    setup: Setup,
}

/// Whether there is one.
pub(crate) fn is_installed() -> bool {
    PROGRAMS.iter().any(|p| Command::new(p).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok())
}

impl Mosquitto {
    /// Starts one on a free port of loopback; `None` where it is not installed.
    pub(crate) fn start(setup: Setup) -> Option<Self> {
        if !is_installed() {
            return None;
        }
        let dir = tempfile::tempdir().expect("a folder");
        let mut broker = Self { process: None, dir, port: 0, ledger_port: 0, setup };
        for _ in 0..PORTS_TRIED {
            (broker.port, broker.ledger_port) = (free_port(), free_port());
            if broker.start_again() {
                return Some(broker);
            }
        }
        panic!("mosquitto found no port in {PORTS_TRIED} tries:\n{}", broker.log());
    }

    /// Starts it again on its port, remembering nothing; whether it listens.
    pub(crate) fn start_again(&mut self) -> bool {
        self.kill();
        self.write_files();
        let log = File::options().create(true).append(true).open(self.path("log")).expect("the test's folder");
        let process = PROGRAMS.iter().find_map(|program| {
            let log = log.try_clone().expect("a handle");
            Command::new(program).arg("-c").arg(self.path("conf")).stdout(Stdio::null()).stderr(log).spawn().ok()
        });
        let mut process = process.expect("it was there before");
        let mut gone = false;
        until("mosquitto listens or gives up", || {
            gone = process.try_wait().expect("it is our child").is_some();
            gone || [self.port, self.ledger_port]
                .iter()
                .all(|p| std::net::TcpStream::connect(("127.0.0.1", *p)).is_ok())
        });
        // Whoever answers on the port of a broker that gave up is another.
        let works = !gone && process.try_wait().expect("it is our child").is_none();
        self.process = Some(process);
        works
    }

    /// Other rules from the next start on, or, of access and passwords, from [`Mosquitto::reload`] on.
    pub(crate) fn setup(&mut self) -> &mut Setup {
        &mut self.setup
    }

    /// Has it read its access list and passwords again.
    pub(crate) fn reload(&self) {
        self.write_files();
        let process = self.process.as_ref().expect("it runs");
        kill_process(Pid::from_child(process), Signal::HUP).expect("it is our child");
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write_files(&self) {
        let mut lines = vec!["per_listener_settings true".to_owned(), "log_dest stderr".to_owned()];
        if geteuid().is_root() {
            // Its own user could not read the test's folder.
            lines.push("user root".to_owned());
        }
        lines.extend_from_slice(&self.setup.lines);
        lines.push(format!("listener {} 127.0.0.1", self.port));
        match &self.setup.user {
            Some((user, password)) => {
                lines
                    .extend(["allow_anonymous false".to_owned(), format!("password_file {}", self.shown("passwords"))]);
                write_password(&self.path("passwords"), user, password);
            }
            None => lines.push("allow_anonymous true".to_owned()),
        }
        if let Some(acl) = &self.setup.acl {
            std::fs::write(self.path("acl"), acl).expect("the test's folder can be written");
            lines.push(format!("acl_file {}", self.shown("acl")));
        }
        if let Some((authority, certificate, key, clients)) = &self.setup.tls {
            lines.extend([
                format!("cafile {}", authority.display()),
                format!("certfile {}", certificate.display()),
                format!("keyfile {}", key.display()),
                format!("require_certificate {clients}"),
            ]);
        }
        lines.extend([format!("listener {} 127.0.0.1", self.ledger_port), "allow_anonymous true".to_owned()]);
        std::fs::write(self.path("conf"), lines.join("\n") + "\n").expect("the test's folder can be written");
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(2000);
            eprintln!("-- the broker said:\n{}", String::from_utf8_lossy(&log.as_bytes()[from..]));
        }
    }
}

fn write_password(file: &Path, user: &str, password: &str) {
    let status = Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(file).args([user, password]).status();
    assert!(status.is_ok_and(|s| s.success()), "mosquitto_passwd comes with mosquitto");
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}
