//! How to reach the broker: the keys of `[mqtt]`.

use std::path::PathBuf;
use std::time::Duration;

use super::settings::Validator;

/// Topics and broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mqtt {
    /// The broker; `None`: results wait in the journal.
    pub broker: Option<Broker>,
    /// Version of the protocol.
    pub protocol: Protocol,
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

/// Version of the MQTT protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// MQTT 5, whose broker says when it refuses a publish.
    V5,
    /// MQTT 3.1.1, whose broker acknowledges a publish that its access list refuses: a weaker promise.
    V311,
}

impl Protocol {
    const ALL: [Self; 2] = [Self::V5, Self::V311];

    /// `5` or `3.1.1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V5 => "5",
            Self::V311 => "3.1.1",
        }
    }
}

impl Broker {
    /// The broker at `mqtt://host`, `mqtts://host`, either with `:port`, without the device's configuration.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn at(url: &str, tls: Option<Tls>) -> Result<Self, String> {
        let (secure, address) = match url.split_once("://") {
            Some(("mqtt", address)) => (false, address),
            Some(("mqtts", address)) => (true, address),
            _ => return Err(format!("a broker begins with mqtt:// or mqtts://, not {url:?}")),
        };
        let (host, port) = host_and_port(address, if secure { 8883 } else { 1883 })
            .ok_or_else(|| format!("a broker is mqtt://host or mqtt://host:port, not {url:?}"))?;
        if secure != tls.is_some() {
            return Err("mqtts:// and the certificates that may sign the broker's are needed together".to_owned());
        }
        Ok(Self { host, port, username: None, password_file: None, tls })
    }
}

impl Validator<'_> {
    pub(super) fn mqtt(&mut self, device_id: &str) -> Mqtt {
        Mqtt {
            broker: self.broker(),
            protocol: self.protocol(),
            root: self.root(device_id),
            keep_alive: self.secs("mqtt.keep-alive-secs", 30),
        }
    }

    fn protocol(&mut self) -> Protocol {
        let name = self.text("mqtt.protocol").unwrap_or(Protocol::V5.name()).to_owned();
        Protocol::ALL.into_iter().find(|p| p.name() == name).unwrap_or_else(|| {
            self.complain("mqtt.protocol", format!("knows \"5\" and \"3.1.1\", not {name:?}"));
            Protocol::V5
        })
    }

    fn broker(&mut self) -> Option<Broker> {
        let password_file = self.secret_file("mqtt.password-file");
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
        let ca_file = self.secret_file("mqtt.ca-file");
        let certificate = self.secret_file("mqtt.client-cert-file");
        let key = self.secret_file("mqtt.client-key-file");
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

pub(super) fn host_and_port(address: &str, default_port: u16) -> Option<(String, u16)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_read_with_and_without_port() {
        assert_eq!(host_and_port("broker.example:8883", 1), Some(("broker.example".to_owned(), 8883)));
        assert_eq!(host_and_port("[::1]:1884", 1), Some(("[::1]".to_owned(), 1884)));
        assert_eq!(host_and_port("[::1]", 1883), Some(("[::1]".to_owned(), 1883)));
        assert_eq!(host_and_port("host:port", 1), None);
        assert_eq!(host_and_port("", 1), None);
    }
}
