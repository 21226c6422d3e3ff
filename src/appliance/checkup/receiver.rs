//! Whether the DICOM receiver that comes along (`deepspine-storescp.service`) answers, where it is enabled.
//!
//! It is asked for an association for the Verification service, as a console asks it (DICOM PS3.8 9.3), and let go again. That proves
//! that a DICOM receiver listens on this machine, not that a console's way to it is open.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use super::{Check, Mark, line};

/// Link that there is where the unit is enabled.
const ENABLED: &str = "systemd/system/multi-user.target.wants/deepspine-storescp.service";
/// Where its title and port stand.
const ENVIRONMENT: &str = "deepspine/storescp.env";
const ENVIRONMENT_BYTES_MAX: u64 = 64 << 10;
/// Title and port where nothing else is said, as in the unit.
const TITLE: &str = "DEEPSPINE";
const PORT: u16 = 11112;
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Length of a title, filled up with spaces (PS3.8 9.3.2).
const TITLE_BYTES: usize = 16;
const ASSOCIATE_REQUEST: u8 = 1;
const ASSOCIATE_ACCEPT: u8 = 2;
const ASSOCIATE_REJECT: u8 = 3;
const RELEASE_REQUEST: u8 = 5;
const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";
const VERIFICATION: &str = "1.2.840.10008.1.1";
const IMPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2";
/// Longest PDU that is taken from it, bytes; nothing is.
const PDU_BYTES_MAX: u32 = 16 << 10;

/// The line of the list; `None` where the unit is not enabled. `etc` is `/etc`.
pub(super) fn look(etc: &Path) -> Option<Check> {
    if std::fs::symlink_metadata(etc.join(ENABLED)).is_err() {
        return None;
    }
    let said = environment(&etc.join(ENVIRONMENT));
    let value = |key: &str| said.lines().filter_map(|l| l.trim().strip_prefix(key)?.strip_prefix('=')).next_back();
    let title = value("AE_TITLE").map_or(TITLE, unquoted);
    let port = value("PORT").map_or(Some(PORT), |port| unquoted(port).parse().ok());
    Some(match port {
        Some(port) => judged(title, port),
        None => line(Mark::Lacking, format!("DICOM receiver: PORT in {} is no port", etc.join(ENVIRONMENT).display())),
    })
}

fn environment(path: &Path) -> String {
    let mut text = String::new();
    // A file that is not there says nothing.
    let _ = File::open(path).and_then(|file| file.take(ENVIRONMENT_BYTES_MAX).read_to_string(&mut text));
    text
}

fn unquoted(value: &str) -> &str {
    value.trim().trim_matches(['"', '\''])
}

fn judged(title: &str, port: u16) -> Check {
    let name = format!("DICOM receiver {title} on port {port}");
    match ask(title, port) {
        Ok(ASSOCIATE_ACCEPT) => line(Mark::Good, format!("{name} takes associations")),
        Ok(ASSOCIATE_REJECT) => {
            line(Mark::Lacking, format!("{name} rejects associations: systemctl status deepspine-storescp"))
        }
        Ok(_) => line(Mark::Lacking, format!("{name}: what listens there speaks no DICOM; choose another PORT")),
        Err(error) => line(Mark::Lacking, format!("{name}: {error}: systemctl status deepspine-storescp")),
    }
}

/// The type of the PDU that answers a request for an association.
fn ask(title: &str, port: u16) -> io::Result<u8> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&associate_request(title))?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    if kind == [ASSOCIATE_ACCEPT] {
        // Whether it hears that it is over is its own business.
        let _ = stream.write_all(&pdu(RELEASE_REQUEST, &[0; 4]));
    }
    Ok(kind[0])
}

/// A-ASSOCIATE-RQ (PS3.8 9.3.2) with one presentation context.
fn associate_request(title: &str) -> Vec<u8> {
    let padded = |title: &str| -> Vec<u8> { title.bytes().chain(std::iter::repeat(b' ')).take(TITLE_BYTES).collect() };
    let syntaxes = [item(0x30, VERIFICATION.as_bytes()), item(0x40, IMPLICIT_LITTLE_ENDIAN.as_bytes())].concat();
    let context = [&[1, 0, 0, 0], syntaxes.as_slice()].concat();
    let user = [item(0x51, &PDU_BYTES_MAX.to_be_bytes()), item(0x52, b"2.25.1")].concat();
    let body = [
        vec![0, 1, 0, 0],
        padded(title),
        padded("CHECK-CONFIG"),
        vec![0; 32],
        item(0x10, APPLICATION_CONTEXT.as_bytes()),
        item(0x20, &context),
        item(0x50, &user),
    ];
    pdu(ASSOCIATE_REQUEST, &body.concat())
}

fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0], (body.len() as u32).to_be_bytes().as_slice(), body].concat()
}

fn item(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0], (body.len() as u16).to_be_bytes().as_slice(), body].concat()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// `/etc` of a machine where the unit is enabled, with `said` in its environment.
    fn enabled(said: &str) -> tempfile::TempDir {
        let etc = tempfile::tempdir().unwrap();
        for file in [ENABLED, ENVIRONMENT] {
            std::fs::create_dir_all(etc.path().join(file).parent().unwrap()).unwrap();
        }
        std::os::unix::fs::symlink("/nowhere", etc.path().join(ENABLED)).unwrap();
        std::fs::write(etc.path().join(ENVIRONMENT), said).unwrap();
        etc
    }

    /// What is said of something that answers `answer`, and what it was asked.
    fn of_one_that_answers(answer: &'static [u8]) -> (Check, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let listening = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = vec![0; 6];
            stream.read_exact(&mut asked).unwrap();
            let length = u32::from_be_bytes(asked[2..6].try_into().unwrap());
            io::copy(&mut (&mut stream).take(length.into()), &mut asked).unwrap();
            stream.write_all(answer).unwrap();
            asked
        });
        let etc = enabled(&format!("# PORT=1\nAE_TITLE=\"SPINE 1\"\nPORT={port}\n"));
        (look(etc.path()).unwrap(), listening.join().unwrap())
    }

    #[test]
    fn where_it_is_not_enabled_nothing_is_said_of_it() {
        assert_eq!(look(tempfile::tempdir().unwrap().path()), None);
    }

    #[test]
    fn it_is_asked_by_its_title_and_judged_by_its_answer() {
        let (check, asked) = of_one_that_answers(&[ASSOCIATE_ACCEPT]);
        assert_eq!(check.mark, Mark::Good, "{}", check.text);
        assert_eq!(&asked[10..26], b"SPINE 1         ");
        assert_eq!(of_one_that_answers(&[ASSOCIATE_REJECT]).0.mark, Mark::Lacking);
        let (check, _) = of_one_that_answers(b"HTTP/1.1 400");
        assert!(check.mark == Mark::Lacking && check.text.contains("no DICOM"), "{}", check.text);
    }

    #[test]
    fn a_port_that_is_none_or_silent_is_lacking() {
        assert!(look(enabled("PORT=dicom").path()).unwrap().text.contains("no port"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert_eq!(look(enabled(&format!("PORT={port}")).path()).unwrap().mark, Mark::Lacking);
    }
}
