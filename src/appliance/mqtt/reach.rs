//! How a client of the fleet reaches its broker: address, credentials and TLS, read anew for every connection.

use rumqttc::v5::MqttOptions;
use rumqttc::{NetworkOptions, TlsConfiguration, Transport};

use super::{session, tls};
use crate::appliance::config::Broker;

/// How long connecting may take, TLS included, seconds.
const CONNECT_TIMEOUT_S: u64 = 10;

/// The options that every connection to `broker` shares.
///
/// # Errors
/// Where a certificate or the password can't be read.
pub(super) fn options(broker: &Broker, client_id: &str) -> Result<MqttOptions, String> {
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_TIMEOUT_S);
    let mut options = MqttOptions::new(client_id, &broker.host, broker.port);
    options.set_connection_timeout(CONNECT_TIMEOUT_S).set_network_options(network);
    if let Some(username) = &broker.username {
        let password = session::password(broker.password_file.as_deref()).map_err(|error| error.to_string())?;
        options.set_credentials(username, password);
    }
    if let Some(files) = &broker.tls {
        let config = tls::client_config(files).map_err(|error| error.to_string())?;
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
    }
    Ok(options)
}

/// Even over all of `u32`; without randomness the longest wait is the safe one.
pub(super) fn random() -> u32 {
    let mut bytes = [0xff; 4];
    let _ = getrandom::fill(&mut bytes);
    u32::from_ne_bytes(bytes)
}
