//! `deepspine demo`: the whole chain on a phantom, with a broker embedded, in a temporary folder.
//!
//! Nothing here is special to the demonstration but its inputs: the appliance is the one that `run`
//! starts, on settings made for one study that is complete at once.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::exit::{CliError, Exit};
use super::run::exit_of;
use crate::appliance::config::{Settings, Sources};
use crate::appliance::mqtt::loopback::{Loopback, Verdict};
use crate::appliance::mqtt::subscriber::{Received, Subscriber};
use crate::appliance::reading::Programs;
use crate::appliance::supervisor::{Appliance, Options};
use crate::appliance::systemd;
use crate::export::report::ReportDocument;
use crate::export::{self, OVERLAY_FILE};
use crate::inference::{ModelSet, ModelSource};
use crate::phantom::{Parameters, Phantom, StudyPlan, write_study};

/// How often the export folder is looked at.
const RESCAN_PERIOD: Duration = Duration::from_millis(100);
/// How long a subscriber may take to connect.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How often the wait looks whether the appliance still works.
const LOOK: Duration = Duration::from_millis(50);
/// What the envelope adds to a report.
const ENVELOPE: [&str; 5] = ["msg_id", "session", "time", "replayed", "seq"];

/// Shows the whole chain on a phantom: export folder, reading, report over MQTT, pictures
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seed of the phantom
    #[arg(long, default_value_t = 4)]
    seed: u64,
    /// Remove the folder with the pictures afterwards
    #[arg(long)]
    clean: bool,
    /// Seconds after which it is given up
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    deadline_secs: u64,
    /// Folder of the models, instead of the standard ones
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
}

/// Runs the demonstration.
///
/// # Errors
/// 69 where there are no models or the report does not come, 70 to 73 where a part can't be started.
pub fn run(args: Args) -> Result<(), CliError> {
    let begun = Instant::now();
    systemd::start_log()
        .map_err(|error| CliError::new(Exit::Software, format!("the log can't be started: {error}")))?;
    let models = args.models.clone().map_or(ModelSource::Standard, ModelSource::Folder);
    ModelSet::open(&models).map_err(|error| CliError::new(Exit::Unavailable, error))?;
    let folder = tempfile::Builder::new().prefix("deepspine-demo-").tempdir();
    let folder = folder.map_err(|error| CliError::new(Exit::CantCreate, format!("a temporary folder: {error}")))?;
    let result = demonstrate(&args, models, folder.path(), begun);
    if !args.clean {
        let kept = folder.keep();
        say(&format!("everything lies in {} (--clean removes it)", kept.display()))?;
    }
    result
}

fn demonstrate(args: &Args, models: ModelSource, folder: &Path, begun: Instant) -> Result<(), CliError> {
    let failed = |what: &str, error: String| CliError::new(Exit::Software, format!("{what}: {error}"));
    let broker = Loopback::start(Box::new(|_| Verdict::Accept)).map_err(|e| failed("the broker", e.to_string()))?;
    let subscriber =
        Subscriber::connect("127.0.0.1", broker.port(), "deepspine-demo-subscriber", "deepspine/#", CONNECT_DEADLINE)
            .map_err(|e| failed("the subscriber", e))?;
    let settings = settings(folder, &broker)?;
    let out_dir = settings.storage.out_dir.clone();
    let export_folder = settings.ingest.folder.clone();
    std::fs::create_dir_all(&export_folder)
        .map_err(|error| CliError::new(Exit::CantCreate, format!("{}: {error}", export_folder.display())))?;
    // The demonstration reads a phantom itself: the self-test would read the same one before it.
    let programs = Programs { self_test: None, ..Programs::default() };
    let options = Options { settings, models, rescan_period: RESCAN_PERIOD, programs };
    let appliance = Appliance::start(options).map_err(|error| CliError::new(exit_of(&error), error))?;
    let outcome = write_phantom(args.seed, folder, &export_folder)
        .and_then(|()| say(&format!("phantom study in the export folder after {}", seconds(begun))))
        .and_then(|()| watch(&appliance, &subscriber, &out_dir, begun, args.deadline_secs));
    appliance.stop();
    outcome
}

fn settings(folder: &Path, broker: &Loopback) -> Result<Settings, CliError> {
    let text = format!(
        "[device]\nid = \"demo\"\n[ingest]\nfolder = \"{0}/in\"\nquiet-secs = 0\n[storage]\nstate-dir = \"{0}/state\"\n\
         out-dir = \"{0}/out\"\nruntime-dir = \"{0}/run\"\n[mqtt]\nbroker = \"{1}\"\n",
        folder.display(),
        broker.url()
    );
    let file = folder.join("config.toml");
    std::fs::write(&file, text)
        .map_err(|error| CliError::new(Exit::CantCreate, format!("{}: {error}", file.display())))?;
    let sources = Sources { file: Some(file), overrides: Vec::new() };
    sources.load().map(|(settings, _)| settings).map_err(|errors| CliError::new(Exit::Configuration, errors))
}

/// Writes the study beside the export folder and moves it in whole, as a careful sender does.
fn write_phantom(seed: u64, folder: &Path, export_folder: &Path) -> Result<(), CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::new(Exit::CantCreate, format!("the phantom: {error}"));
    let staging = folder.join("staging");
    let phantom = Phantom::new(&Parameters { seed, ..Parameters::default() }).map_err(|e| failed(&e))?;
    write_study(&phantom, &StudyPlan::default(), &staging).map_err(|e| failed(&e))?;
    std::fs::rename(&staging, export_folder.join("study")).map_err(|e| failed(&e))
}

/// Prints what the subscriber receives until the report is there and its pictures are.
fn watch(
    appliance: &Appliance,
    subscriber: &Subscriber,
    out_dir: &Path,
    begun: Instant,
    deadline_secs: u64,
) -> Result<(), CliError> {
    let deadline = begun + Duration::from_secs(deadline_secs);
    let mut report_id = None;
    loop {
        appliance.check().map_err(|error| CliError::new(exit_of(&error), error))?;
        let message = subscriber.next(LOOK).map_err(|error| CliError::new(Exit::Software, error))?;
        if let Some(message) = message {
            report_id = received(&message, begun)?.or(report_id);
        }
        if let Some(report_id) = &report_id
            && let picture = out_dir.join(report_id).join(OVERLAY_FILE)
            && picture.is_file()
        {
            return say(&format!("picture after {}: {}", seconds(begun), picture.display()));
        }
        if Instant::now() > deadline {
            let what = if report_id.is_some() { "picture" } else { "report" };
            return Err(CliError::new(Exit::Unavailable, format!("no {what} within {deadline_secs} s")));
        }
    }
}

/// Prints one message; the report's id, where it is the report.
fn received(message: &Received, begun: Instant) -> Result<Option<String>, CliError> {
    let wrong = |what: String| CliError::new(Exit::Software, format!("{}: {what}", message.topic));
    let mut content: Map<String, Value> =
        serde_json::from_slice(&message.payload).map_err(|error| wrong(error.to_string()))?;
    say(&format!("{} received after {}, {} bytes", message.topic, seconds(begun), message.payload.len()))?;
    if message.topic.ends_with("/e/study") && content.get("reason").is_some_and(|reason| !reason.is_null()) {
        return Err(wrong(format!("the study was not read: {}", content["reason"])));
    }
    if !message.topic.ends_with("/e/report") {
        return Ok(None);
    }
    content.retain(|key, _| !ENVELOPE.contains(&key.as_str()));
    let report: ReportDocument =
        serde_json::from_value(Value::Object(content)).map_err(|error| wrong(error.to_string()))?;
    say(&export::table(&report))?;
    if report.levels.is_empty() {
        return Err(wrong("the report holds no level".to_owned()));
    }
    Ok(Some(report.report_id))
}

fn seconds(begun: Instant) -> String {
    format!("{:.1} s", begun.elapsed().as_secs_f64())
}

fn say(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| CliError::new(Exit::CantCreate, format!("standard output: {error}")))
}
