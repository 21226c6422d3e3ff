//! How to reach the clinic's archive: the keys of `[pacs]`.

use super::broker::host_and_port;
use super::settings::Validator;
use super::source::Value;
use crate::export::ViewerObject;

/// Port of DICOM where none is named (PS3.8 9.1.1).
const DEFAULT_PORT: u16 = 104;
/// Our title where none is named.
const CALLING_AE_TITLE: &str = "DEEPSPINE";
/// Longest application entity title, characters (DICOM PS3.5 6.2, AE).
const AE_TITLE_CHARS_MAX: usize = 16;

/// The clinic's archive (PACS), to which the objects of each report are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pacs {
    /// Host name or address, an IPv6 one in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Its application entity title.
    pub called_ae_title: String,
    /// Ours.
    pub calling_ae_title: String,
    /// What it is to get of each report.
    pub objects: Vec<ViewerObject>,
}

impl Validator<'_> {
    pub(super) fn pacs(&mut self) -> Option<Pacs> {
        let called_ae_title = self.ae_title("pacs.ae-title");
        let calling_ae_title = self.ae_title("pacs.calling-ae-title").unwrap_or_else(|| CALLING_AE_TITLE.to_owned());
        let objects = self.objects();
        let address = self.text("pacs.address").map(str::to_owned);
        let Some(address) = address else {
            if called_ae_title.is_some() {
                self.complain("pacs.ae-title", "needs pacs.address beside it");
            }
            return None;
        };
        let Some((host, port)) = host_and_port(&address, DEFAULT_PORT) else {
            self.complain("pacs.address", format!("must be HOST or HOST:PORT, not {address:?}"));
            return None;
        };
        let Some(called_ae_title) = called_ae_title else {
            self.complain("pacs.address", "needs pacs.ae-title beside it, the archive's application entity title");
            return None;
        };
        Some(Pacs { host, port, called_ae_title, calling_ae_title, objects })
    }

    fn ae_title(&mut self, key: &'static str) -> Option<String> {
        let title = self.text(key)?.trim().to_owned();
        let allowed = |c: char| (' '..='~').contains(&c) && c != '\\';
        if title.is_empty() || title.len() > AE_TITLE_CHARS_MAX || !title.chars().all(allowed) {
            self.complain(key, format!("must be 1 to {AE_TITLE_CHARS_MAX} printable characters without \\"));
        }
        Some(title)
    }

    fn objects(&mut self) -> Vec<ViewerObject> {
        let Some(Value::Texts(names)) = self.value("pacs.objects") else {
            return ViewerObject::ALL.to_vec();
        };
        let names = names.clone();
        let mut objects = Vec::new();
        for name in &names {
            match ViewerObject::from_name(name) {
                Some(object) if objects.contains(&object) => {
                    self.complain("pacs.objects", format!("names {name:?} twice"));
                }
                Some(object) => objects.push(object),
                None => {
                    let known = ViewerObject::ALL.map(ViewerObject::name).join(", ");
                    self.complain("pacs.objects", format!("knows {known}, not {name:?}"));
                }
            }
        }
        if names.is_empty() {
            self.complain("pacs.objects", "names nothing to send; leave pacs.address out instead");
        }
        objects
    }
}
