//! `deepspine outbox`: what waits for the broker, and how it leaves where no broker can be reached; what waits for the archive.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::exit::{CliError, Exit};
use super::look_args::{Format, LookArgs, ago, ask, print_lines, unexpected};
use super::studies::done;
use crate::appliance::clock;
use crate::appliance::control::look::Look;
use crate::appliance::control::words::{MESSAGES_MAX, Reply, Request};
use crate::appliance::journal::{OutboxLook, SendingLook};

/// Name of the file that an export makes in its folder.
const EXPORT_FILE: &str = "deepspine-outbox.jsonl";
/// Longest line of a file of acknowledgements, bytes: a line of an export is one.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// Lists what waits for the broker and the archive, and carries messages by hand
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    look: LookArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Lists the messages that wait, in the order of their commits, and the objects that wait for the archive
    List,
    /// Writes all that wait into a file, one JSON object a line: `seq`, `topic`, `payload`; they still wait
    Export {
        /// Folder, such as that of a USB stick
        dir: PathBuf,
    },
    /// Takes messages for delivered that arrived by another way
    ImportAcks {
        /// Lines of an export, or JSON objects with `seq` and `msg_id`
        file: PathBuf,
    },
    /// Sends again what the broker refused, and what the archive refused
    Retry,
}

/// Does what was asked.
///
/// # Errors
/// 65 for a file that holds no acknowledgements, 73 where the export can't be written, and as
/// [`super::status::run`].
pub fn run(args: &Args) -> Result<(), CliError> {
    let look = args.look.look()?;
    match &args.verb {
        Verb::List => list(&look, args.look.format),
        Verb::Export { dir } => export(&look, dir),
        Verb::ImportAcks { file } => import_acks(&look, args.look.format, file),
        Verb::Retry => done(&look, args.look.format, &Request::PutBack),
    }
}

fn list(look: &Look, format: Format) -> Result<(), CliError> {
    let mut after_seq = 0;
    let mut any = false;
    loop {
        let Reply::Outbox { messages } = ask(look, &Request::Outbox { after_seq })? else { return Err(unexpected()) };
        let Some(last) = messages.last() else { break };
        after_seq = last.seq;
        any = true;
        match format {
            Format::Json => messages.iter().try_for_each(|message| {
                let line = serde_json::to_string(message).map_err(|error| CliError::new(Exit::Software, error))?;
                print_lines(&[line])
            })?,
            Format::Text => print_lines(&messages.iter().map(line).collect::<Vec<_>>())?,
        }
    }
    any |= list_objects(look, format)?;
    if !any && format == Format::Text {
        print_lines(&["nothing waits".to_owned()])?;
    }
    Ok(())
}

/// Whether there is any.
fn list_objects(look: &Look, format: Format) -> Result<bool, CliError> {
    let mut after = None;
    loop {
        let request = Request::Objects { after: after.clone() };
        let Reply::Objects { objects } = ask(look, &request)? else { return Err(unexpected()) };
        let Some(last) = objects.last() else { return Ok(after.is_some()) };
        after = Some((last.report_id.clone(), last.object.clone()));
        match format {
            Format::Json => objects.iter().try_for_each(|object| {
                let line = serde_json::to_string(object).map_err(|error| CliError::new(Exit::Software, error))?;
                print_lines(&[line])
            })?,
            Format::Text => print_lines(&objects.iter().map(object_line).collect::<Vec<_>>())?,
        }
    }
}

fn object_line(object: &SendingLook) -> String {
    let age = clock::age_secs(object.enqueued_at).map_or(String::new(), |age| format!(", for {}", ago(age)));
    let aside = object.set_aside.as_ref().map_or(String::new(), |reason| format!(", REFUSED: {reason}"));
    format!(
        " archive  {:<12}  report {}, study {}, failed {} times{age}{aside}",
        object.object, object.report_id, object.study_key, object.attempts
    )
}

fn line(message: &OutboxLook) -> String {
    let age = clock::age_secs(message.enqueued_at).map_or(String::new(), |age| format!(", for {}", ago(age)));
    let aside = message.set_aside.as_ref().map_or(String::new(), |reason| format!(", REFUSED: {reason}"));
    format!(
        "{:>8}  {:<8}  {:<7}  study {}, {} bytes packed, sent {} times{age}{aside}",
        message.seq, message.topic, message.lane, message.study_key, message.packed_bytes, message.attempts
    )
}

/// Written under a temporary name, made durable, renamed: a stick that is pulled out too early holds no half
/// an export.
fn export(look: &Look, dir: &Path) -> Result<(), CliError> {
    let path = dir.join(EXPORT_FILE);
    let failed = |error: std::io::Error| CliError::new(Exit::CantCreate, format!("{}: {error}", path.display()));
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
    let (mut after_seq, mut count) = (0, 0_usize);
    loop {
        let Reply::Messages { messages, last_seq } = ask(look, &Request::Messages { after_seq })? else {
            return Err(unexpected());
        };
        let Some(last_seq) = last_seq else { break };
        after_seq = last_seq;
        count += messages.len();
        for message in &messages {
            let line = serde_json::to_string(message).map_err(|error| CliError::new(Exit::Software, error))?;
            writeln!(file, "{line}").map_err(failed)?;
        }
    }
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    print_lines(&[format!(
        "{count} messages in {}; they wait until import-acks or a broker takes them",
        path.display()
    )])
}

#[derive(Deserialize)]
struct Acknowledged {
    seq: i64,
    msg_id: Option<String>,
    payload: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    msg_id: String,
}

fn import_acks(look: &Look, format: Format, file: &Path) -> Result<(), CliError> {
    let unreadable = |error: std::io::Error| {
        CliError::new(CliError::for_input(error.kind()), format!("{}: {error}", file.display()))
    };
    let reader = BufReader::new(std::fs::File::open(file).map_err(unreadable)?);
    let mut batch = Vec::new();
    for (number, line) in reader.lines().enumerate() {
        let line = line.map_err(unreadable)?;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = || {
            let text = format!("{}:{}: is no object with seq and msg_id", file.display(), number + 1);
            CliError::new(Exit::BadInput, text)
        };
        let parsed: Option<Acknowledged> =
            (line.len() <= LINE_BYTES_MAX).then(|| serde_json::from_str(&line).ok()).flatten();
        let Acknowledged { seq, msg_id, payload } = parsed.ok_or_else(wrong)?;
        batch.push((seq, msg_id.or(payload.map(|p| p.msg_id)).ok_or_else(wrong)?));
        if batch.len() == MESSAGES_MAX {
            done(look, format, &Request::Acknowledge { messages: std::mem::take(&mut batch) })?;
        }
    }
    if batch.is_empty() { Ok(()) } else { done(look, format, &Request::Acknowledge { messages: batch }) }
}
