//! A PostgreSQL of the test's own, as Debian packages it, ended with its owner.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::geteuid;
use tempfile::TempDir;

use crate::bench::mosquitto::free_port;
use crate::bench::until;

/// Who the database runs as where the test runs as root, which it refuses.
const USER: &str = "nobody";
const USER_ID: u32 = 65534;

/// A running database.
pub(crate) struct Postgresql {
    process: Option<Child>,
    dir: TempDir,
    programs: PathBuf,
    port: u16,
}

/// Where its programs are; the newest version that is installed.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions.flatten().map(|e| e.path().join("bin")).filter(|p| p.is_dir()).collect();
    found.sort();
    found.pop()
}

impl Postgresql {
    /// Starts one on a free port of loopback; `None` where it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let programs = programs()?;
        let dir = tempfile::tempdir().expect("a folder");
        if geteuid().is_root() {
            chown(dir.path(), Some(USER_ID), Some(USER_ID)).expect("root may");
        }
        let mut postgresql = Self { process: None, dir, programs, port: free_port() };
        let made = postgresql
            .command("initdb")
            .args(["--no-sync", "--auth=trust", "--username=fleet", "-E", "UTF8", "--locale=C", "-D"])
            .arg(postgresql.data())
            .stdout(Stdio::null())
            .status();
        assert!(made.is_ok_and(|status| status.success()), "initdb makes a database");
        postgresql.start_again();
        Some(postgresql)
    }

    /// Starts it, again.
    pub(crate) fn start_again(&mut self) {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "unix_socket_directories="]).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().expect("it is installed"));
        until("PostgreSQL answers", || {
            self.command("pg_isready")
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .is_ok_and(|status| status.success())
        });
    }

    /// Its address, as `--store` wants it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://fleet@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends it at once; what was committed is there at the next start.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Its children end with it; alone it could not be started again on the same files.
            let _ = self.command("pg_ctl").args(["stop", "-m", "immediate", "-D"]).arg(self.data()).output();
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let path: &Path = &self.programs.join(program);
        if !geteuid().is_root() {
            return Command::new(path);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", USER, "--regid", &USER_ID.to_string(), "--clear-groups"]).arg(path);
        command
    }
}

impl Drop for Postgresql {
    fn drop(&mut self) {
        self.kill();
    }
}
