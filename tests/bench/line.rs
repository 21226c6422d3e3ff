//! A broker that comes and goes, the way to it, and the ledger behind it.

use super::ledger::Ledger;
use super::mosquitto::{Mosquitto, Setup};
use super::proxy::{Mode, Proxy};

/// Broker, way and ledger.
pub(crate) struct Line {
    pub(crate) broker: Mosquitto,
    pub(crate) proxy: Proxy,
    pub(crate) ledger: Ledger,
    /// Whether the broker can be reached.
    pub(crate) is_up: bool,
    /// How often it went away.
    pub(crate) outages: usize,
}

impl Line {
    /// One that is up; `None` where there is no mosquitto.
    pub(crate) fn start() -> Option<Self> {
        let broker = Mosquitto::start(Setup { lines: vec!["max_queued_messages 0".to_owned()], ..Setup::default() })?;
        let proxy = Proxy::start(broker.port);
        let ledger = Ledger::default();
        ledger.listen(broker.ledger_port);
        Some(Self { broker, proxy, ledger, is_up: true, outages: 0 })
    }

    /// Takes the broker away, once the ledger has what it acknowledged, or brings it back with nothing remembered.
    pub(crate) fn toggle(&mut self) {
        if self.is_up {
            self.proxy.set(Mode::DropOnConnect);
            self.proxy.sever();
            self.ledger.catch_up(self.broker.ledger_port);
            self.broker.kill();
            self.outages += 1;
        } else {
            assert!(self.broker.start_again(), "mosquitto starts again on its port");
            self.ledger.listen(self.broker.ledger_port);
            self.proxy.set(Mode::Pass);
        }
        self.is_up = !self.is_up;
    }
}
