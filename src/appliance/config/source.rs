//! First and second stage of the configuration: files to entries, entries merged.
//!
//! An [`Entry`] keeps where it came from, so that every later complaint can name file, line and key.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::keys::{self, Kind};

/// Largest configuration file that is read, bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Most files that `config.d` may hold.
const DROP_INS_MAX: usize = 64;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A line of a file, counted from 1.
    Line(PathBuf, usize),
    /// A `--set` on the command line.
    CommandLine,
    /// Nowhere: the built-in default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(path, line) => write!(f, "{}:{line}", path.display()),
            Self::CommandLine => f.write_str("--set"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value of the kind that its key wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// See [`Kind::Text`].
    Text(String),
    /// See [`Kind::Texts`].
    Texts(Vec<String>),
    /// See [`Kind::Whole`].
    Whole(u64),
    /// See [`Kind::Boolean`].
    Boolean(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A string of JSON is one of TOML.
            Self::Text(text) => write!(f, "{}", serde_json::Value::from(text.as_str())),
            Self::Texts(texts) => {
                let quoted: Vec<String> =
                    texts.iter().map(|t| serde_json::Value::from(t.as_str()).to_string()).collect();
                write!(f, "[{}]", quoted.join(", "))
            }
            Self::Whole(number) => write!(f, "{number}"),
            Self::Boolean(yes) => write!(f, "{yes}"),
        }
    }
}

/// A value with where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The value.
    pub(super) value: Value,
    /// Where it was written.
    pub(super) origin: Origin,
}

/// Entries by dotted key: what all sources together say, the later one winning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Merged(pub(super) BTreeMap<&'static str, Entry>);

impl Merged {
    /// Adds the file at `path` and, in order of their names, the `*.toml` files of `config.d` beside
    /// it. An absent file is an empty one unless `must_exist`. Errors are gathered, not just the first.
    pub(super) fn add_files(&mut self, path: &Path, must_exist: bool, errors: &mut Vec<ConfigError>) {
        if must_exist || path.exists() {
            self.add_file(path, errors);
        }
        let folder = path.with_file_name("config.d");
        let Ok(listing) = std::fs::read_dir(&folder) else { return };
        let mut drop_ins: Vec<PathBuf> =
            listing.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
        drop_ins.sort();
        if drop_ins.len() > DROP_INS_MAX {
            errors.push(ConfigError::file(&folder, format!("holds more than {DROP_INS_MAX} files")));
        }
        for drop_in in drop_ins.iter().take(DROP_INS_MAX) {
            self.add_file(drop_in, errors);
        }
    }

    pub(super) fn add_file(&mut self, path: &Path, errors: &mut Vec<ConfigError>) {
        match read_limited(path) {
            Ok(text) => self.add_text(&text, &|line| Origin::Line(path.to_owned(), line), errors),
            Err(error) => errors.push(ConfigError::file(path, error.to_string())),
        }
    }

    /// Adds one `a.b=c` of the command line. The value is TOML; what isn't is taken as a string, so
    /// that `--set ingest.folder=/in` needs no quotes.
    pub(super) fn add_override(&mut self, text: &str, errors: &mut Vec<ConfigError>) {
        let Some((key, value)) = text.split_once('=') else {
            errors.push(ConfigError::at(Origin::CommandLine, text, "is not of the form key=value"));
            return;
        };
        let (key, value) = (key.trim(), value.trim());
        let is_toml = DeValue::parse(value).is_ok();
        let quoted = serde_json::Value::String(value.to_owned()).to_string();
        let line = format!("{key} = {}", if is_toml { value } else { &quoted });
        self.add_text(&line, &|_| Origin::CommandLine, errors);
    }

    /// The text at `key`, where one was written.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.0.get(key) {
            Some(Entry { value: Value::Text(text), .. }) => Some(text),
            _ => None,
        }
    }

    /// The entries whose origin is `wanted`, as a file of ours would say them.
    pub(super) fn to_toml(&self, wanted: impl Fn(&Origin) -> bool) -> String {
        let lines = self.0.iter().filter(|(_, entry)| wanted(&entry.origin));
        lines.map(|(key, entry)| format!("{key} = {}\n", entry.value)).collect()
    }

    fn add_text(&mut self, text: &str, origin: &dyn Fn(usize) -> Origin, errors: &mut Vec<ConfigError>) {
        let line_of = |offset: usize| 1 + text.bytes().take(offset).filter(|b| *b == b'\n').count();
        match DeTable::parse(text) {
            Ok(table) => self.add_table("", table.get_ref(), &|offset| origin(line_of(offset)), errors),
            Err(error) => {
                let line = line_of(error.span().map_or(0, |s| s.start));
                errors.push(ConfigError::at(origin(line), "", format!("is not TOML: {}", error.message())));
            }
        }
    }

    fn add_table(
        &mut self,
        prefix: &str,
        table: &DeTable<'_>,
        origin: &dyn Fn(usize) -> Origin,
        errors: &mut Vec<ConfigError>,
    ) {
        for (name, value) in table {
            let full =
                if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
            let here = origin(name.span().start);
            match (value.get_ref(), keys::find(&full)) {
                (DeValue::Table(inner), None) if keys::is_table(&full) => {
                    self.add_table(&full, inner, origin, errors);
                }
                (_, Some(key)) => match typed(key.kind, value) {
                    Ok(value) => {
                        self.0.insert(key.name, Entry { value, origin: here });
                    }
                    Err(wanted) => errors.push(ConfigError::at(here, &full, wanted)),
                },
                (_, None) => {
                    let hint = keys::nearest(&full).map_or(String::new(), |k| format!("; did you mean `{k}`?"));
                    errors.push(ConfigError::at(here, &full, format!("is not a known key{hint}")));
                }
            }
        }
    }
}

fn typed(kind: Kind, value: &Spanned<DeValue<'_>>) -> Result<Value, String> {
    match (kind, value.get_ref()) {
        (Kind::Text, DeValue::String(text)) => Ok(Value::Text(text.to_string())),
        (Kind::Text, _) => Err("must be a string in quotes".to_owned()),
        (Kind::Texts, DeValue::Array(items)) => items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Ok(text.to_string()),
                _ => Err("must hold strings only, such as [\"sag-t2\"]".to_owned()),
            })
            .collect::<Result<_, _>>()
            .map(Value::Texts),
        (Kind::Texts, _) => Err("must be a list of strings, such as [\"sag-t2\"]".to_owned()),
        (Kind::Whole { min, max }, DeValue::Integer(number)) => {
            match u64::from_str_radix(number.as_str(), number.radix()) {
                Ok(n) if (min..=max).contains(&n) => Ok(Value::Whole(n)),
                _ => Err(format!("must be a whole number from {min} to {max}, not {number}")),
            }
        }
        (Kind::Boolean, DeValue::Boolean(yes)) => Ok(Value::Boolean(*yes)),
        (Kind::Boolean, _) => Err("must be true or false, without quotes".to_owned()),
        (Kind::Whole { min, max }, _) => Err(format!("must be a whole number from {min} to {max}")),
    }
}

fn read_limited(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}
