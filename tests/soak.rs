//! A simulated year: the wall clock runs through 365 days while studies arrive as fast as they are read, the
//! broker comes and goes, the configuration is read again and the process is killed now and then. Nothing is
//! lost, and nothing grows.
//!
//! `DEEPSPINE_SOAK_SECS` says how long the year takes; `tests/soak` runs it at length and plots it.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use bench::clock::{self, Clock};
use bench::line::Line;
use bench::random::Random;
use bench::service::Service;
use bench::site::Site;
use bench::{figure, gauge, turn, until};
use deepspine::appliance::identity::{self, DeviceKey};
use deepspine::appliance::journal::Journal;
use rusqlite::{Connection, params};
use rustix::process::Signal;

/// How long the year takes where nobody says, s.
const SHORT_SECS: u64 = 40;
/// From so many on it is long enough to say whether anything grows, s.
const LONG_SECS: u64 = 600;
/// The year, s.
const YEAR_SECS: f64 = 365.0 * 24.0 * 60.0 * 60.0;
/// Studies that are not read yet, at most.
const ON_THEIR_WAY_MAX: usize = 12;
/// A study's file lies in the export folder for so long after its report came.
const LIES_FOR: Duration = Duration::from_secs(45);
/// How often something is done.
const TICK: Duration = Duration::from_millis(200);
/// How often everything is measured.
const SAMPLE_PERIOD: Duration = Duration::from_secs(10);
/// Kills happen in this first part of the year, so that one life is long enough to grow in.
const KILLS_UNTIL: f64 = 0.4;
/// Mean time between kills, between reloads, and between a change of the broker's, s.
const KILL_EVERY_SECS: f64 = 60.0;
const RELOAD_EVERY_SECS: f64 = 45.0;
const BROKER_EVERY_SECS: f64 = 30.0;
/// Reports of the years before that the journal remembers: as many as it ever does, in the long form.
const REMEMBERED: (i64, i64) = (2_000, 50_000);
/// For how many of the year's days the clinic's files are kept.
const KEEP_DAYS: f64 = 30.0;
const YEAR_DAYS: f64 = 365.0;
/// Seconds of an hour.
const HOUR_SECS: f64 = 3600.0;

/// One study that was sent.
struct Sent {
    number: usize,
    reported_at: Option<Instant>,
    removed: bool,
}

/// One line of the table.
struct Sample {
    at_secs: f64,
    sent: usize,
    reported: usize,
    process: gauge::Gauge,
    state_bytes: u64,
    journal_bytes: u64,
    out_bytes: u64,
    /// Studies that were sent in the days of which files are kept.
    sent_in_kept_days: usize,
    broker_up: bool,
}

/// What a column is called, and its value in a line.
type Column = (&'static str, fn(&Sample) -> f64);

/// What must not grow.
const COLUMNS: [Column; 8] = [
    ("rss_kib", |s| s.process.rss_kib as f64),
    ("pss_kib", |s| s.process.pss_kib as f64),
    ("descriptors", |s| s.process.descriptors as f64),
    ("threads", |s| s.process.threads as f64),
    ("state_kib", |s| s.state_bytes as f64 / 1024.0),
    ("journal_kib", |s| s.journal_bytes as f64 / 1024.0),
    ("out_kib", |s| s.out_bytes as f64 / 1024.0),
    // As many studies as the machine read in the days that are kept: more while it has less else to do.
    ("out_kib_a_study", |s| s.out_bytes as f64 / 1024.0 / s.sent_in_kept_days.max(1) as f64),
];

struct Year {
    lasts: Duration,
    begun: Instant,
    clock_begins: i64,
    line: Line,
    site: Site,
    clock: Clock,
    key: DeviceKey,
    random: Random,
    service: Service,
    sent: BTreeMap<String, Sent>,
    /// Studies whose report is committed or came.
    done: BTreeSet<String>,
    /// Report ids by study, and how many messages there were.
    reports: BTreeMap<String, BTreeSet<String>>,
    messages: usize,
    entries_seen: usize,
    log_seen: u64,
    kills: usize,
    reloads: usize,
    samples: Vec<Sample>,
}

impl Year {
    fn begin(name: &str, lasts: Duration) -> Option<Self> {
        clock::library()?;
        let line = Line::start()?;
        let keep_days = KEEP_DAYS.to_string();
        let settings = [("exports.keep-days", keep_days.as_str()), ("exports.max-mib", "16")];
        let site = Site::new("t", &line.proxy.url(), &settings);
        let key = identity::load_or_create_key(&site.state_dir(), None).expect("the test's folder can be written");
        let remembered = if lasts.as_secs() >= LONG_SECS { REMEMBERED.1 } else { REMEMBERED.0 };
        remember_years(&site, &key, remembered);
        let clock = Clock::new(&site);
        let service = Service::start(&site, &clock.environment());
        Some(Self {
            lasts,
            begun: Instant::now(),
            clock_begins: clock::true_unix_secs(),
            line,
            site,
            clock,
            key,
            random: Random::seeded(name),
            service,
            sent: BTreeMap::new(),
            done: BTreeSet::new(),
            reports: BTreeMap::new(),
            messages: 0,
            entries_seen: 0,
            log_seen: 0,
            kills: 0,
            reloads: 0,
            samples: Vec::new(),
        })
    }

    /// The part of the year that is over.
    fn part(&self) -> f64 {
        self.begun.elapsed().as_secs_f64() / self.lasts.as_secs_f64()
    }

    /// Whether something happens in this tick that happens every `secs` on average.
    fn happens(&mut self, secs: f64) -> bool {
        self.random.once_in((secs / TICK.as_secs_f64()) as usize)
    }

    fn run(&mut self) {
        assert!(self.service.is_ready(), "it starts");
        let mut sample_due = Duration::ZERO;
        while self.part() < 1.0 {
            self.clock.set(self.clock_begins + (self.part() * YEAR_SECS) as i64);
            self.take_in();
            self.send_and_remove();
            self.disturb();
            if self.begun.elapsed() >= sample_due {
                self.measure();
                sample_due += SAMPLE_PERIOD;
            }
            std::thread::sleep(TICK);
        }
    }

    /// What came from the broker, and what the log says since the last look.
    fn take_in(&mut self) {
        let now = Instant::now();
        let entries = self.line.ledger.entries();
        for entry in entries.iter().skip(self.entries_seen).filter(|e| e.topic.ends_with("/e/report")) {
            let key = entry.text("study_key");
            self.reports.entry(key.clone()).or_default().insert(entry.text("report_id"));
            self.messages += 1;
            assert_eq!(entry.content["revision"], 1, "study {key} was sent once");
            if let Some(sent) = self.sent.get_mut(&key) {
                sent.reported_at.get_or_insert(now);
            }
            self.done.insert(key);
        }
        self.entries_seen = entries.len();
        drop(entries);
        let mut text = String::new();
        let mut log = std::fs::File::open(self.site.log_file()).expect("it was begun");
        log.seek(SeekFrom::Start(self.log_seen)).expect("it only grows");
        log.read_to_string(&mut text).expect("it is text");
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        self.log_seen += whole as u64;
        for line in text[..whole].lines().filter(|l| l.contains(", revision ")) {
            let key = line.split_once("study ").and_then(|(_, rest)| rest.split_once(':'));
            self.done.extend(key.map(|(key, _)| key.to_owned()));
        }
    }

    fn send_and_remove(&mut self) {
        while self.sent.len() < self.done.len() + ON_THEIR_WAY_MAX {
            let number = self.sent.len();
            self.site.study_arrives(number);
            let key = self.key.study_key(self.site.studies.last().expect("one was just added"));
            self.sent.insert(key, Sent { number, reported_at: None, removed: false });
        }
        for sent in self.sent.values_mut().filter(|s| !s.removed) {
            if sent.reported_at.is_some_and(|at| at.elapsed() > LIES_FOR) {
                std::fs::remove_file(self.site.in_dir().join(format!("{:06}.dcm", sent.number)))
                    .expect("it lies there");
                sent.removed = true;
            }
        }
    }

    fn disturb(&mut self) {
        if self.happens(BROKER_EVERY_SECS) {
            self.line.toggle();
        }
        if self.happens(RELOAD_EVERY_SECS) {
            self.service.signal(Signal::HUP);
            self.reloads += 1;
        }
        if self.part() < KILLS_UNTIL && self.happens(KILL_EVERY_SECS) {
            self.kills += 1;
            self.service.end_at_once();
            self.service = Service::start(&self.site, &self.clock.environment());
            assert!(self.service.is_ready(), "it starts again");
        }
        assert_eq!(self.service.ended(), None, "it ended by itself");
    }

    fn measure(&mut self) {
        let at_secs = self.begun.elapsed().as_secs_f64();
        let kept_from = at_secs - self.lasts.as_secs_f64() * KEEP_DAYS / YEAR_DAYS;
        let before =
            self.samples.iter().rev().find(|sample| sample.at_secs <= kept_from).map_or(0, |sample| sample.sent);
        self.samples.push(Sample {
            sent_in_kept_days: self.sent.len() - before,
            at_secs,
            sent: self.sent.len(),
            reported: self.reports.len(),
            process: gauge::read(self.service.id()),
            state_bytes: gauge::bytes_below(&self.site.state_dir()),
            journal_bytes: gauge::journal_bytes(&self.site.state_dir()),
            out_bytes: gauge::bytes_below(&self.site.out_dir()),
            broker_up: self.line.is_up,
        });
    }

    /// No more studies; everything that was sent arrives, each as one report.
    fn end(&mut self) {
        if !self.line.is_up {
            self.line.toggle();
        }
        self.service.signal(Signal::HUP);
        until("every study's report arrived", || {
            self.take_in();
            assert_eq!(self.service.ended(), None, "it ended by itself");
            self.sent.keys().all(|key| self.reports.contains_key(key))
        });
        self.line.ledger.catch_up(self.line.broker.ledger_port);
        self.take_in();
        for (key, ids) in &self.reports {
            assert!(self.sent.contains_key(key), "a report of a study that nobody sent: {key}");
            assert_eq!(ids.len(), 1, "study {key} has one report");
        }
    }

    /// The table, for whoever plots it.
    fn table(&self) -> String {
        let columns = COLUMNS.map(|(column, _)| column).join(",");
        let (secs, sent) = (self.lasts.as_secs(), self.sent.len());
        let mut text = format!(
            "# A simulated year in {secs} s: {sent} studies, {} kills, {} outages\n",
            self.kills, self.line.outages
        );
        let _ = writeln!(text, "at_secs,day,sent,reported,broker_up,{columns}");
        for s in &self.samples {
            let day = s.at_secs / self.lasts.as_secs_f64() * 365.0;
            let values = COLUMNS.map(|(_, of)| format!("{:.0}", of(s))).join(",");
            let _ = writeln!(
                text,
                "{:.1},{day:.1},{},{},{},{values}",
                s.at_secs,
                s.sent,
                s.reported,
                u8::from(s.broker_up)
            );
        }
        text
    }

    /// How much each column changes in an hour, by the line through the second half, and its mean there.
    fn trends(&self) -> Vec<(&'static str, f64, f64)> {
        let second_half = self.samples.iter().filter(|s| s.at_secs * 2.0 >= self.lasts.as_secs_f64());
        let second_half: Vec<&Sample> = second_half.collect();
        let trend = |(name, of): Column| {
            let points: Vec<(f64, f64)> = second_half.iter().map(|s| (s.at_secs / HOUR_SECS, of(s))).collect();
            let mean = points.iter().map(|p| p.1).sum::<f64>() / points.len().max(1) as f64;
            (name, gauge::slope(&points), mean)
        };
        COLUMNS.into_iter().map(trend).collect()
    }
}

/// Fills the journal of `site` with what it remembers of reports whose files were removed long ago.
fn remember_years(site: &Site, key: &DeviceKey, count: i64) {
    let journal = Journal::open(&site.state_dir()).expect("a journal opens");
    journal.rebuilt().expect("the journal works");
    drop(journal);
    let mut connection = Connection::open(site.state_dir().join("journal.db")).expect("it was just made");
    let transaction = connection.transaction().expect("the journal works");
    let now = clock::true_unix_secs();
    for n in 0..count {
        let (study, report) = (key.study_key(&format!("old {n}")), key.keyed_hash("report", &n.to_string()));
        let at = now - count + n;
        let study_row = "INSERT INTO studies (study_key, state, revision, changed_at) VALUES (?1, 'done', 1, ?2)";
        transaction.execute(study_row, params![study, at]).expect("the journal works");
        let report_row =
            "INSERT INTO reports (report_id, study_key, revision, produced_at, bundle, exported, delivered,
            committed_at, removed) VALUES (?1, ?2, 1, '2026-01-01T00:00:00.000Z', ?3, 1, 1, ?4, 1)";
        transaction
            .execute(report_row, params![report, study, format!("{report}.bundle"), at])
            .expect("the journal works");
    }
    transaction.commit().expect("the journal works");
}

#[test]
fn a_simulated_year_loses_nothing_and_nothing_grows() {
    let _turn = turn();
    let name = "a_simulated_year_loses_nothing_and_nothing_grows";
    let asked = std::env::var("DEEPSPINE_SOAK_SECS").ok().and_then(|text| text.parse().ok());
    let lasts = Duration::from_secs(asked.unwrap_or(SHORT_SECS));
    let Some(mut year) = Year::begin(name, lasts) else {
        return common::skipped(name, "mosquitto or cc is not installed");
    };
    year.run();
    year.end();
    if let Some(file) = std::env::var_os("DEEPSPINE_SOAK_CSV") {
        std::fs::write(file, year.table()).expect("the table can be written");
    }
    let trends = year.trends();
    let told: Vec<String> =
        trends.iter().map(|(n, by_hour, mean)| format!("{n} {mean:.0} ({by_hour:+.0} an hour)")).collect();
    figure(
        &format!("a year in {} s", lasts.as_secs()),
        &format!(
            "{} studies, each reported as one report, {} repeats; {} kills, {} reloads, {} outages; second half: {}",
            year.sent.len(),
            year.messages - year.reports.len(),
            year.kills,
            year.reloads,
            year.line.outages,
            told.join(", ")
        ),
    );
    if lasts.as_secs() >= LONG_SECS {
        let half_hours = lasts.as_secs_f64() / 2.0 / HOUR_SECS;
        // What is shared depends on who else runs the same file, and all files on how much was read.
        let depends = ["pss_kib", "out_kib"];
        for (column, by_hour, mean) in trends.into_iter().filter(|(column, _, _)| !depends.contains(column)) {
            assert!(by_hour * half_hours < mean / 10.0, "{column} grows by {by_hour:.1} an hour from {mean:.1}");
        }
    }
}
