//! TLS to the broker: rustls with ring, certificates from PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::session::SessionError;
use crate::appliance::config::Tls;

/// The client's side of TLS 1.2 and 1.3 as `files` say; read anew for every connection, so that renewed
/// certificates are taken up.
///
/// # Errors
/// [`SessionError::Tls`] naming the file.
pub(in crate::appliance) fn client_config(files: &Tls) -> Result<Arc<ClientConfig>, SessionError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca_file)? {
        roots.add(certificate).map_err(|e| SessionError::tls(&files.ca_file, e))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| SessionError::tls(&files.ca_file, e))?
        .with_root_certificates(roots);
    let config = match &files.client {
        Some((certificate_file, key_file)) => {
            let key = PrivateKeyDer::from_pem_file(key_file).map_err(|e| SessionError::tls(key_file, e))?;
            let chain = certificates(certificate_file)?;
            builder.with_client_auth_cert(chain, key).map_err(|e| SessionError::tls(certificate_file, e))?
        }
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, SessionError> {
    let read = |e| SessionError::tls(file, e);
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(file).map_err(read)?.collect::<Result<_, _>>().map_err(read)?;
    if certificates.is_empty() {
        return Err(SessionError::tls(file, "holds no certificate"));
    }
    Ok(certificates)
}
