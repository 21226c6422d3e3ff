//! When the certificates of the connection expire.
//!
//! Reading studies never depends on them; a connection does, so a person is told in time.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::appliance::alarms::Severity;
use crate::appliance::config::Tls;

/// Seconds of a day.
const DAY_S: i64 = 24 * 60 * 60;
/// From so many days before its end on, an expiry is worth a warning.
const WARNING_DAYS: i64 = 30;
/// From so many days before its end on, it is worth more.
const MAJOR_DAYS: i64 = 7;
/// Where systemd keeps credentials, which change only with a restart.
const CREDENTIALS: &str = "/credentials/";

/// The worst thing to say about the certificates of `files` at `now_unix_secs`; `None` where all is well.
#[must_use]
pub(in crate::appliance) fn worst(files: &Tls, now_unix_secs: i64) -> Option<(Severity, String)> {
    let client = files.client.as_ref().map(|(certificate, _)| certificate.as_path());
    [Some(files.ca_file.as_path()), client]
        .into_iter()
        .flatten()
        .filter_map(|file| judged(file, now_unix_secs))
        .max_by_key(|(severity, _)| *severity)
}

/// Seconds since the epoch at which the first certificate of a PEM file to expire does.
///
/// # Errors
/// Why the file can't be used.
pub(in crate::appliance) fn expires_at(file: &Path) -> Result<i64, String> {
    let certificates = CertificateDer::pem_file_iter(file).map_err(|e| e.to_string())?;
    let mut first = None;
    for certificate in certificates {
        let certificate = certificate.map_err(|e| e.to_string())?;
        let parsed = Certificate::from_der(&certificate).map_err(|e| e.to_string())?;
        let end = parsed.tbs_certificate().validity().not_after.to_unix_duration().as_secs();
        let end = i64::try_from(end).unwrap_or(i64::MAX);
        first = Some(first.map_or(end, |known: i64| known.min(end)));
    }
    first.ok_or_else(|| "holds no certificate".to_owned())
}

fn judged(file: &Path, now_unix_secs: i64) -> Option<(Severity, String)> {
    let shown = file.display();
    let end = match expires_at(file) {
        Ok(end) => end,
        Err(error) => return Some((Severity::Major, format!("{shown}: {error}"))),
    };
    let how = if file.to_string_lossy().contains(CREDENTIALS) {
        "renew the credential and restart the service"
    } else {
        "renew the file; it is taken up by the next connection"
    };
    let days = (end - now_unix_secs).div_euclid(DAY_S);
    if days < 0 {
        Some((Severity::Critical, format!("{shown} has expired; {how}")))
    } else if days < WARNING_DAYS {
        let severity = if days < MAJOR_DAYS { Severity::Major } else { Severity::Warning };
        Some((severity, format!("{shown} expires in {days} days; {how}")))
    } else {
        None
    }
}
