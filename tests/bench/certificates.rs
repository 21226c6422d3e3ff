//! A certificate authority of the test's own, with good and bad certificates, as PEM files.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// An authority that writes into a folder.
pub(crate) struct Authority {
    folder: PathBuf,
    name: String,
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) file: PathBuf,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    /// A new one called `name` in `folder`.
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters.self_signed(&key).expect("a certificate");
        let file = write(folder, &format!("{name}.pem"), &certificate.pem());
        Self { folder: folder.to_owned(), name: name.to_owned(), issuer: Issuer::new(parameters, key), file }
    }

    /// A certificate for `name` (also a DNS name or address); one that `expired` ended in 2020.
    pub(crate) fn issue(&self, name: &str, expired: bool) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        parameters.distinguished_name.push(DnType::CommonName, name);
        if expired {
            parameters.not_before = date_time_ymd(2019, 1, 1);
            parameters.not_after = date_time_ymd(2020, 1, 1);
        }
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        let kind = format!("{}-{name}-{}", self.name, if expired { "expired" } else { "good" });
        Pair {
            certificate: write(&self.folder, &format!("{kind}.pem"), &certificate.pem()),
            key: write(&self.folder, &format!("{kind}.key"), &key.serialize_pem()),
        }
    }
}

fn write(folder: &Path, name: &str, pem: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, pem).expect("the test's folder can be written");
    file
}
