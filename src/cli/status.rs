//! `deepspine status`: how everything is, of a running or a stopped appliance.

use super::exit::CliError;
use super::look_args::{Format, LookArgs, ago, ask, print_json, print_lines, unexpected};
use crate::appliance::clock;
use crate::appliance::control::words::{Reply, Request};
use crate::appliance::overview::Overview;

/// Shows how the appliance is: broker, queue, studies, alarms
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    look: LookArgs,
}

/// Prints the status.
///
/// # Errors
/// 66 where no appliance has worked, 69 and 75 where it does not answer, 77 without permission.
pub fn run(args: &Args) -> Result<(), CliError> {
    let Reply::Status(overview) = ask(&args.look.look()?, &Request::Status)? else { return Err(unexpected()) };
    match args.look.format {
        Format::Json => print_json(&overview),
        Format::Text => print_lines(&lines(&overview)),
    }
}

fn lines(overview: &Overview) -> Vec<String> {
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let running =
        if overview.running { format!("running for {}", ago(overview.uptime_s)) } else { "stopped".to_owned() };
    let broker = match (&overview.broker, overview.running) {
        (None, _) => "none named; results wait".to_owned(),
        (Some(broker), false) => broker.clone(),
        (Some(broker), true) if overview.connected => format!("{broker}, connected"),
        (Some(broker), true) => format!("{broker}, NOT connected"),
    };
    let oldest = overview.oldest_s.map_or(String::new(), |age| format!(", the oldest for {}", ago(age)));
    let studies: Vec<String> = overview
        .studies
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let mut lines = vec![
        format!("deepspine {} as {}, {running}", overview.version, overview.device),
        format!("broker    {broker}"),
        format!(
            "outbox    {} new, {} from before the connection, {} refused{oldest}",
            overview.outbox.live.waiting, overview.outbox.backlog.waiting, overview.outbox.set_aside
        ),
        format!("studies   {}", if studies.is_empty() { "none".to_owned() } else { studies.join(", ") }),
        format!(
            "journal   {}{}",
            mib(overview.journal_used_bytes),
            overview.disk_free_bytes.map_or(String::new(), |free| format!(", {} free beside it", mib(free)))
        ),
    ];
    if let Some(sendings) = &overview.sendings {
        let oldest = sendings.oldest_at.and_then(clock::age_secs);
        let oldest = oldest.map_or(String::new(), |age| format!(", the oldest for {}", ago(age)));
        lines.push(format!("archive   {} objects wait, {} refused{oldest}", sendings.waiting, sendings.set_aside));
    }
    if overview.running {
        lines.extend(lines_since_start(overview));
    }
    let clock = match overview.clock_synced {
        Some(true) => "synchronised",
        Some(false) => "NOT synchronised",
        None => "nobody says whether it is synchronised",
    };
    lines.push(format!("clock     {}, {clock}", overview.time));
    if overview.running && overview.alarms.is_empty() {
        lines.push("no alarm".to_owned());
    }
    lines.extend(
        overview
            .alarms
            .iter()
            .map(|a| format!("ALARM     {} ({}, since {}): {}", a.alarm, a.severity, a.since, a.text)),
    );
    lines.extend(overview.last_errors.iter().map(|(time, text)| format!("error     {time} {text}")));
    lines
}

fn lines_since_start(overview: &Overview) -> [String; 2] {
    [
        format!("intake    {}", if overview.intake_open { "open" } else { "CLOSED: no room" }),
        format!(
            "so far    {} reports, {} failed attempts, {} messages delivered, {} connections; {:.1} MiB resident",
            overview.reports,
            overview.failed_attempts,
            overview.delivered,
            overview.connections,
            overview.resident_kib as f64 / 1024.0
        ),
    ]
}
