//! The appliance's own page: the keys of `[web]`.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::settings::Validator;
use super::source::Value;

/// The appliance's own page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Where it is shown; `None`: nowhere.
    pub listen: Option<SocketAddr>,
    /// File whose first line is the token of whoever may have something done; `None`: nobody may.
    pub token_file: Option<PathBuf>,
    /// Whether it gives out what says whose study it is.
    pub show_identity: bool,
}

impl Web {
    /// Whether other machines reach it.
    #[must_use]
    pub fn is_beyond_loopback(&self) -> bool {
        self.listen.is_some_and(|address| !address.ip().to_canonical().is_loopback())
    }
}

impl Validator<'_> {
    pub(super) fn web(&mut self) -> Web {
        let token_file = self.secret_file("web.token-file");
        let web = Web { listen: self.listen(), token_file, show_identity: self.boolean("web.show-identity") };
        if web.is_beyond_loopback() && !self.boolean("web.allow-beyond-loopback") {
            let problem = "names an address that other machines reach, without encryption; set web.allow-beyond-loopback = true to \
                           have that, or 127.0.0.1 and a tunnel or a proxy before it";
            self.complain("web.listen", problem);
        }
        web
    }

    fn boolean(&self, key: &'static str) -> bool {
        self.value(key) == Some(&Value::Boolean(true))
    }

    fn listen(&mut self) -> Option<SocketAddr> {
        let text = self.text("web.listen")?.to_owned();
        let address = text.parse::<SocketAddr>();
        if address.is_err() {
            self.complain("web.listen", format!("must be address:port, such as \"127.0.0.1:8080\", not {text:?}"));
        }
        address.ok()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use crate::appliance::config::{Settings, Sources};

    fn settings(overrides: &[&str]) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        std::fs::write(&file, "").unwrap();
        let overrides = overrides.iter().map(|text| (*text).to_owned()).collect();
        let loaded = Sources { file: Some(file), overrides }.load();
        loaded.map(|(settings, _)| settings).map_err(|errors| errors.to_string())
    }

    #[test]
    fn there_is_no_page_unless_it_is_asked_for() {
        let web = settings(&[]).unwrap().web;
        assert_eq!((web.listen, web.token_file, web.show_identity), (None, None, false));
    }

    #[test]
    fn a_page_for_other_machines_is_asked_for_twice() {
        for address in ["127.0.0.1:8080", "[::1]:8080", "127.8.8.8:1"] {
            assert_eq!(settings(&[&format!("web.listen={address}")]).unwrap().web.listen, address.parse().ok());
        }
        for address in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80"] {
            let listen = format!("web.listen={address}");
            let error = settings(&[&listen]).unwrap_err();
            assert!(error.contains("`web.listen`") && error.contains("web.allow-beyond-loopback"), "{error}");
            assert!(settings(&[&listen, "web.allow-beyond-loopback=true"]).is_ok());
        }
    }

    #[test]
    fn an_address_is_an_address_and_yes_is_no_text() {
        for wrong in ["web.listen=:8080", "web.listen=localhost:8080", "web.listen="] {
            assert!(settings(&[wrong]).unwrap_err().contains("address:port"), "{wrong}");
        }
        let error = settings(&["web.show-identity=\"true\""]).unwrap_err();
        assert!(error.contains("true or false"), "{error}");
    }
}
