//! Whether the clinic's archive answers: it is asked for an association, and whether it is there (C-ECHO).
//!
//! Many archives know no verification for those who may only store; that they take the association is enough.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use super::{Check, Mark, line};
use crate::appliance::config::Pacs;
use crate::dicom::store::{Archive, StoreError, is_there};

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The line of the list.
pub(super) fn look(pacs: &Pacs) -> Check {
    let name = format!("archive {} at {}:{}", pacs.called_ae_title, pacs.host, pacs.port);
    let addresses = match (pacs.host.trim_matches(['[', ']']), pacs.port).to_socket_addrs() {
        Ok(addresses) => addresses.collect::<Vec<SocketAddr>>(),
        Err(error) => return line(Mark::Lacking, format!("{name}: the name leads nowhere: {error} (pacs.address)")),
    };
    let archive = Archive {
        addresses: &addresses,
        called_ae_title: &pacs.called_ae_title,
        calling_ae_title: &pacs.calling_ae_title,
        patience: PATIENCE,
    };
    match is_there(archive) {
        Ok(()) => line(Mark::Good, format!("{name} answers to {}", pacs.calling_ae_title)),
        Err(error @ StoreError::TakesNothing) => line(Mark::Attention, format!("{name} takes associations; {error}")),
        Err(error) => line(Mark::Lacking, format!("{name}: {error} (pacs.address, pacs.ae-title)")),
    }
}
