//! `deepspine studies`: what is known of studies, by their keys, and what a person decides about them.

use super::exit::CliError;
use super::look_args::{Format, LookArgs, ago, ask, print_json, print_lines, unexpected};
use crate::appliance::clock;
use crate::appliance::control::look::Look;
use crate::appliance::control::words::{Identity, QuarantinedFile, Reply, Request};
use crate::appliance::journal::{ReportLook, StudyLook};

/// Lists studies by their keys, shows one, and decides about those that could not be read
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    look: LookArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Lists the studies, the last changed first
    List {
        /// Only those in this state: arriving, claimed, failed, done, quarantined or discarded
        #[arg(long)]
        state: Option<String>,
    },
    /// Shows one study and its reports
    Show {
        /// Its key, or the beginning of it
        key: String,
        /// Tell also whose it is; for root, and written to the audit log
        #[arg(long)]
        identity: bool,
    },
    /// Gives a quarantined study its attempts back
    Retry {
        /// Its key, or the beginning of it
        key: String,
    },
    /// Has a study not be read, unless new files of it come
    Discard {
        /// Its key, or the beginning of it
        key: String,
    },
    /// Sends the objects of a study's last report to the archive (pacs.address), again where it has them
    Send {
        /// Its key, or the beginning of it
        key: String,
    },
    /// Tells whose study, or which file, a key stands for; for root, and written to the audit log
    Resolve {
        /// A key from a message, a log line or a list
        key: String,
    },
}

/// Does what was asked.
///
/// # Errors
/// 66 where there is no such study, 77 without permission, and as [`super::status::run`].
pub fn run(args: &Args) -> Result<(), CliError> {
    let look = args.look.look()?;
    let format = args.look.format;
    match &args.verb {
        Verb::List { state } => list(&look, format, state.clone()),
        Verb::Show { key, identity } => show(&look, format, key, *identity),
        Verb::Retry { key } => done(&look, format, &Request::Retry { key: key.clone() }),
        Verb::Discard { key } => done(&look, format, &Request::Discard { key: key.clone() }),
        Verb::Send { key } => done(&look, format, &Request::Send { key: key.clone() }),
        Verb::Resolve { key } => {
            let identity = resolve(&look, key)?;
            match format {
                Format::Json => print_json(&identity),
                Format::Text => print_lines(&identity_lines(&identity)),
            }
        }
    }
}

fn list(look: &Look, format: Format, state: Option<String>) -> Result<(), CliError> {
    let reply = ask(look, &Request::Studies { state })?;
    let Reply::Studies { studies, files } = &reply else { return Err(unexpected()) };
    match format {
        Format::Json => print_json(&reply),
        Format::Text => print_lines(&list_lines(studies, files)),
    }
}

fn list_lines(studies: &[StudyLook], files: &[QuarantinedFile]) -> Vec<String> {
    let mut lines: Vec<String> = studies.iter().map(line).collect();
    if studies.is_empty() {
        lines.push("no study".to_owned());
    }
    lines.extend(files.iter().map(|file| format!("file  {}  not looked at any more: {}", file.file_key, file.reason)));
    lines
}

fn line(study: &StudyLook) -> String {
    let changed = clock::age_secs(study.changed_at).map_or(String::new(), |age| format!(", {} ago", ago(age)));
    let reason = study.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
    format!(
        "{}  {:<11}  revision {}, {} files, attempts {}{changed}{reason}",
        study.study_key, study.state, study.revision, study.files, study.attempts
    )
}

fn show(look: &Look, format: Format, key: &str, with_identity: bool) -> Result<(), CliError> {
    let reply = ask(look, &Request::Study { key: key.to_owned() })?;
    let Reply::Study { study, reports } = &reply else { return Err(unexpected()) };
    let identity = if with_identity { Some(resolve(look, &study.study_key)?) } else { None };
    match format {
        Format::Json => print_json(&serde_json::json!({ "study": study, "reports": reports, "identity": identity })),
        Format::Text => {
            let mut lines = vec![line(study)];
            lines.extend(reports.iter().map(report_line));
            lines.extend(identity.iter().flat_map(identity_lines));
            print_lines(&lines)
        }
    }
}

fn report_line(report: &ReportLook) -> String {
    let delivered = if report.delivered { "delivered" } else { "waits for the broker" };
    let kept = if report.bundle.is_some() { "" } else { ", its files were removed" };
    format!("report {}  revision {}, made {}, {delivered}{kept}", report.report_id, report.revision, report.produced_at)
}

fn resolve(look: &Look, key: &str) -> Result<Identity, CliError> {
    match ask(look, &Request::Resolve { key: key.to_owned() })? {
        Reply::Identity(identity) => Ok(*identity),
        _ => Err(unexpected()),
    }
}

fn identity_lines(identity: &Identity) -> Vec<String> {
    let values = [
        ("key", &identity.key),
        ("study UID", &identity.study_instance_uid),
        ("accession", &identity.accession_number),
        ("patient ID", &identity.patient_id),
        ("patient", &identity.patient_name),
        ("born", &identity.patient_birth_date),
        ("study date", &identity.study_date),
        ("description", &identity.study_description),
    ];
    let named = values.into_iter().filter(|(_, value)| !value.is_empty());
    // What a study says of itself is shown, not obeyed: no control character reaches the terminal.
    let shown = |text: &str| text.chars().map(|c| if c.is_control() { '?' } else { c }).collect::<String>();
    let mut lines: Vec<String> = named.map(|(name, value)| format!("{name:<12} {}", shown(value))).collect();
    lines.extend(identity.paths.iter().map(|path| format!("file         {}", shown(path))));
    lines
}

/// For what is answered with a sentence.
pub(super) fn done(look: &Look, format: Format, request: &Request) -> Result<(), CliError> {
    let reply = ask(look, request)?;
    let Reply::Done { text } = &reply else { return Err(unexpected()) };
    match format {
        Format::Json => print_json(&reply),
        Format::Text => print_lines(std::slice::from_ref(text)),
    }
}
