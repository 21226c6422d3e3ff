//! How the verbs of a fleet find the broker.

use std::path::PathBuf;

use crate::appliance::config::{Broker, Tls};
use crate::cli::exit::{CliError, Exit};
use crate::fleet::wire::Root;

/// Where the appliances publish.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct BrokerArgs {
    /// The broker, mqtt://host:port or mqtts://host:port
    #[arg(long, default_value = "mqtt://localhost", value_name = "URL")]
    broker: String,
    /// Root of the topics, with + for the device
    #[arg(long, default_value = "deepspine/+", value_name = "PATTERN")]
    root: String,
    /// User name, where the broker wants one
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// File whose first line is the password
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Certificates that may sign the broker's, PEM; for mqtts://
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Our own certificate chain, PEM, for mutual TLS
    #[arg(long, value_name = "FILE", requires = "client_key_file", requires = "ca_file")]
    client_cert_file: Option<PathBuf>,
    /// The key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "client_cert_file")]
    client_key_file: Option<PathBuf>,
}

impl BrokerArgs {
    /// The broker.
    pub(super) fn broker(&self) -> Result<Broker, CliError> {
        let client = self.client_cert_file.clone().zip(self.client_key_file.clone());
        let tls = self.ca_file.clone().map(|ca_file| Tls { ca_file, client });
        let broker = Broker::at(&self.broker, tls).map_err(|error| CliError::new(Exit::Usage, error))?;
        Ok(Broker { username: self.username.clone(), password_file: self.password_file.clone(), ..broker })
    }

    /// The root of the topics.
    pub(super) fn root(&self) -> Result<Root, CliError> {
        Root::parse(&self.root).map_err(|error| CliError::new(Exit::Usage, error))
    }
}
