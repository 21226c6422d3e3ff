//! systemd: notification and watchdog (sd_notify(3)), and the log (journald or standard error).

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log::LevelFilter;

/// The environment variable that sets what is logged, in the form that `env_logger` reads.
const LOG_VARIABLE: &str = "DEEPSPINE_LOG";
/// Beginnings of the names of libraries that tell at `info` what only matters to somebody who debugs.
const QUIET_MODULES: [&str; 2] = ["rumqtt", "tract"];

/// The service manager, where this process runs under one.
#[derive(Debug)]
pub struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
    /// Whether it did not listen the last time.
    deaf: AtomicBool,
}

impl Notifier {
    /// From `$NOTIFY_SOCKET` and `$WATCHDOG_USEC`; silent where there is no service manager.
    #[must_use]
    pub fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|name| {
            let address = match name.as_bytes() {
                [b'@', abstract_name @ ..] => SocketAddr::from_abstract_name(abstract_name),
                _ => SocketAddr::from_pathname(&name),
            };
            address
                .and_then(|address| {
                    let socket = UnixDatagram::unbound()?;
                    // A manager that does not listen must not hold up a signal.
                    socket.set_nonblocking(true)?;
                    Ok((socket, address))
                })
                .ok()
        });
        let usec = std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
        Self {
            socket,
            deaf: AtomicBool::new(false),
            watchdog: usec.filter(|usec| *usec > 0).map(Duration::from_micros),
        }
    }

    /// How often the watchdog wants to hear of us: half of its patience.
    #[must_use]
    pub fn watchdog_period(&self) -> Option<Duration> {
        self.watchdog.map(|patience| patience / 2)
    }

    /// Start-up is finished.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// Every thread is alive.
    pub fn watchdog(&self) {
        self.send("WATCHDOG=1");
    }

    /// Shutting down.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// The configuration is being read again; [`Notifier::ready`] ends that.
    pub fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let usec = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000);
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={usec}"));
    }

    /// How things are, in words.
    pub fn status(&self, words: &str) {
        self.send(&format!("STATUS={words}"));
    }

    fn send(&self, message: &str) {
        let Some((socket, address)) = &self.socket else { return };
        match socket.send_to_addr(message.as_bytes(), address) {
            Ok(_) => self.deaf.store(false, Ordering::Relaxed),
            // Once, not at every ping of the watchdog.
            Err(error) if !self.deaf.swap(true, Ordering::Relaxed) => {
                log::warn!("the service manager can't be told {message:?}: {error}");
            }
            Err(_) => {}
        }
    }
}

/// Starts the log: to journald where this process is connected to it, else to standard error.
///
/// # Errors
/// Where a log was started before, or journald can't be reached.
pub fn start_log() -> io::Result<()> {
    let filter = std::env::var(LOG_VARIABLE).unwrap_or_else(|_| {
        QUIET_MODULES.iter().fold("info".to_owned(), |filter, module| format!("{filter},{module}=warn"))
    });
    let mut builder = env_logger::Builder::new();
    builder.parse_filters(&filter);
    if systemd_journal_logger::connected_to_journal() {
        systemd_journal_logger::JournalLog::new()?
            .with_syslog_identifier("deepspine".to_owned())
            .install()
            .map_err(io::Error::other)?;
        log::set_max_level(builder.build().filter().min(LevelFilter::Debug));
        return Ok(());
    }
    builder.format_target(false).try_init().map_err(io::Error::other)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_service_manager_hears_what_it_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier {
            socket: Some((UnixDatagram::unbound().unwrap(), SocketAddr::from_pathname(&path).unwrap())),
            watchdog: Some(Duration::from_secs(30)),
            deaf: AtomicBool::new(false),
        };
        notifier.ready();
        notifier.watchdog();
        let mut heard = [0; 64];
        let length = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1");
        let length = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"WATCHDOG=1");
        assert_eq!(notifier.watchdog_period(), Some(Duration::from_secs(15)));
    }

    #[test]
    fn without_a_service_manager_nothing_is_said() {
        Notifier { socket: None, watchdog: None, deaf: AtomicBool::new(false) }.ready();
    }
}
