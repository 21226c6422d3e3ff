//! The thread `main` around an appliance: signals, the service manager, the configuration.
//!
//! [`run`] starts the appliance, says that it is ready, looks after its threads, and ends everything in
//! order.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::alarms::{Alarm, Severity};
use super::config::{ConfigErrors, Sources};
use super::reader::sandbox;
use super::supervisor::{Appliance, ApplianceError, NOTHING_MORE, Options};
use super::systemd::Notifier;

/// How often `main` looks after the others.
const ROUND: Duration = Duration::from_secs(10);

/// Runs the appliance until SIGTERM or SIGINT; SIGHUP reads the configuration again. With `fallen_back`
/// the settings are those that worked last, and that is what was wrong with the present ones.
///
/// # Errors
/// See [`ApplianceError`].
pub fn run(
    sources: &Sources,
    options: Options,
    fallen_back: Option<ConfigErrors>,
    signals: &Receiver<i32>,
) -> Result<(), ApplianceError> {
    let notifier = Notifier::from_environment();
    let appliance = Appliance::start(options)?;
    log::info!("deepspine {} runs as {}", env!("CARGO_PKG_VERSION"), appliance.shared.settings().device_id);
    match fallen_back {
        Some(errors) => appliance.configuration_is_wrong(&errors),
        None => appliance.keep_configuration(sources),
    }
    log::info!("children are shut in: {}", sandbox::available());
    notifier.ready();
    let result = look_after(&appliance, sources, &notifier, signals);
    notifier.stopping();
    log::info!("deepspine ends");
    appliance.stop();
    result
}

impl Appliance {
    fn configuration_is_wrong(&self, errors: &ConfigErrors) {
        let count = errors.0.len();
        let first = errors.0.first().map(ToString::to_string).unwrap_or_default();
        log::error!("the configuration is not used, the one that worked last stays:\n{errors}");
        let text = format!(
            "the configuration that worked last is in force; {count} mistakes in the present one, the first: {first}"
        );
        self.shared.alarms.raise(Alarm::Configuration, Severity::Major, &text);
    }

    fn keep_configuration(&self, sources: &Sources) {
        self.shared.alarms.clear(Alarm::Configuration);
        if let Err(error) = sources.keep_as_last_good(&self.shared.settings().storage.state_dir) {
            log::warn!("the configuration can't be kept as the last that worked: {error}");
        }
    }

    fn read_configuration_again(&self, sources: &Sources) {
        match sources.load() {
            Ok((settings, _)) => {
                self.reload(settings);
                self.keep_configuration(sources);
                log::info!("the configuration was read again");
            }
            Err(errors) => self.configuration_is_wrong(&errors),
        }
    }

    /// How things are, in words, for whoever asks the service manager.
    fn in_words(&self) -> String {
        let alarms: Vec<&str> = self.shared.alarms.standing().iter().map(|(alarm, _)| alarm.name()).collect();
        let broker = match (self.shared.settings().mqtt.broker.is_some(), self.shared.connected()) {
            (false, _) => "no broker",
            (true, true) => "connected",
            (true, false) => "not connected",
        };
        let intake = if self.shared.intake_open() { self.shared.activity() } else { "intake closed".to_owned() };
        let alarms = if alarms.is_empty() { "no alarm".to_owned() } else { format!("alarms: {}", alarms.join(", ")) };
        format!("{intake}; {broker}; {alarms}")
    }
}

fn look_after(
    appliance: &Appliance,
    sources: &Sources,
    notifier: &Notifier,
    signals: &Receiver<i32>,
) -> Result<(), ApplianceError> {
    let round = notifier.watchdog_period().map_or(ROUND, |period| period.min(ROUND));
    let mut said = String::new();
    loop {
        match signals.recv_timeout(round) {
            Ok(SIGHUP) => {
                notifier.reloading();
                appliance.read_configuration_again(sources);
                notifier.ready();
            }
            Ok(_) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(ApplianceError::Ended("signals", NOTHING_MORE.to_owned()));
            }
        }
        appliance.check()?;
        let stale = appliance.stale();
        if stale.is_empty() {
            appliance.shared.alarms.clear(Alarm::Stalled);
            notifier.watchdog();
        } else {
            let names: Vec<&str> = stale.iter().map(|s| s.name()).collect();
            let text =
                format!("not heard of for too long: {}; the service manager restarts deepspine", names.join(", "));
            appliance.shared.alarms.raise(Alarm::Stalled, Severity::Critical, &text);
        }
        let words = appliance.in_words();
        if words != said {
            notifier.status(&words);
            said = words;
        }
    }
}

/// Takes up SIGTERM, SIGINT and SIGHUP, from now on: to be called first, because a signal that comes before
/// ends the process.
///
/// # Errors
/// Where the operating system gives no thread or no signal.
pub fn listen_to_signals() -> io::Result<Receiver<i32>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let (tell, told) = sync_channel(8);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if tell.send(signal).is_err() {
                return;
            }
        }
    })?;
    Ok(told)
}
