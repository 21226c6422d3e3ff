//! Whatever the wall clock shows, nothing is lost or doubled, nobody takes a wrong clock for a set one, and no
//! age is made up: a board without a battery starts in 1970, and somebody or something sets it, both ways.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bench::clock::{self, Clock};
use bench::line::Line;
use bench::random::Random;
use bench::service::{self, Service};
use bench::site::Site;
use bench::{count, figure, turn, until, within};
use rustix::process::Signal;
use serde_json::Value;

/// 2025-01-01: no set clock shows an earlier moment, and no age reaches back beyond it.
const PLAUSIBLE_FROM: i64 = 1_735_689_600;
/// 2038-01-19T03:14:07Z, the last second of a 32-bit clock.
const END_OF_32_BITS: i64 = i32::MAX as i64;
/// Random settings of the long form.
const RANDOM_STEPS: usize = 40;
/// New York: summer time begins on the second Sunday of March and ends on the first of November, at 2.
const ZONE: (&str, &str) = ("TZ", "EST5EDT,M3.2.0,M11.1.0");

/// The clock is set, a study arrives, and the broker is there or not.
struct Step {
    what: &'static str,
    unix_secs: i64,
    /// What systemd-timesyncd says of the clock.
    synced: Option<bool>,
    broker: bool,
}

fn step(what: &'static str, moment: &str, synced: Option<bool>, broker: bool) -> Step {
    let unix_secs = moment.parse::<jiff::Timestamp>().expect("a moment").as_second();
    Step { what, unix_secs, synced, broker }
}

fn steps() -> Vec<Step> {
    vec![
        step("a board without a battery starts", "1970-01-01T00:00:09Z", Some(false), false),
        step("the clock is set, summer time is about to begin", "2026-03-08T06:59:57Z", Some(true), false),
        step("the leap day is about to end", "2028-02-29T23:59:57Z", Some(true), false),
        step("seven minutes back, and the broker comes", "2028-02-29T23:53:00Z", None, true),
        step("years ahead, and nobody says that this is right", "2037-06-01T12:00:00Z", Some(false), true),
        step("years back", "2024-02-29T12:00:00Z", Some(false), true),
        step("summer time is about to end", "2031-11-02T05:59:57Z", Some(true), true),
        Step { what: "32 bits are about to end", unix_secs: END_OF_32_BITS - 3, synced: Some(true), broker: true },
    ]
}

fn random_steps(random: &mut Random, how_many: usize) -> Vec<Step> {
    let mut at = END_OF_32_BITS;
    let any = |random: &mut Random, at: i64| {
        // Half of them by minutes, the others by anything up to 2100.
        if random.once_in(2) { at + random.below(2 * 1800) as i64 - 1800 } else { random.below(4_102_444_800) as i64 }
    };
    std::iter::repeat_with(|| {
        at = any(random, at).max(0);
        let synced = [None, Some(false), Some(true)][random.below(3)];
        Step { what: "at random", unix_secs: at, synced, broker: !random.once_in(3) }
    })
    .take(how_many)
    .collect()
}

struct Trial {
    line: Line,
    site: Site,
    clock: Clock,
    service: Service,
    /// Of each study by its key, when it arrived and what the time service said then.
    told: BTreeMap<String, (i64, Option<bool>)>,
}

impl Trial {
    fn start(first: &Step) -> Option<Self> {
        clock::library()?;
        let mut line = Line::start()?;
        line.toggle();
        let site = Site::new("t", &line.proxy.url(), &[("telemetry.interval-secs", "10")]);
        let clock = Clock::new(&site);
        clock.set(first.unix_secs);
        let service = Self::service(&site, &clock);
        Some(Self { line, site, clock, service, told: BTreeMap::new() })
    }

    fn service(site: &Site, clock: &Clock) -> Service {
        let mut environment = clock.environment();
        environment.push((ZONE.0.to_owned(), ZONE.1.to_owned()));
        Service::start(site, &environment)
    }

    fn restart(&mut self) {
        self.service.signal(Signal::TERM);
        assert!(self.service.ends_within(service::STOP_LIMIT).is_some(), "it ends in time");
        self.service = Self::service(&self.site, &self.clock);
        assert!(self.service.is_ready(), "it starts again");
    }

    /// Plays one step, to the commit of its study's report, and its delivery where the broker is there.
    fn play(&mut self, step: &Step) {
        self.clock.says_synced(step.synced);
        self.clock.set(step.unix_secs);
        if self.line.is_up != step.broker {
            self.line.toggle();
            // Ends a wait for the broker.
            self.service.signal(Signal::HUP);
        }
        let number = self.site.studies.len();
        self.site.study_arrives(number);
        let file = self.site.in_dir().join(format!("{number:06}.dcm"));
        let scanner_time = UNIX_EPOCH + Duration::from_secs(step.unix_secs.unsigned_abs());
        set_modified(&file, scanner_time);
        until(&format!("study {number} is committed ({})", step.what), || {
            assert_eq!(self.service.ended(), None, "it ended by itself: {}", step.what);
            self.site.committed().len() == number + 1
        });
        let key = self.site.study_keys().pop().expect("it has a key by now");
        self.told.insert(key.clone(), (step.unix_secs, step.synced));
        if step.broker {
            until("all that waited is delivered", || self.line.ledger.has_all("t", &self.site.study_keys()));
        }
        self.look_at_status(step);
    }

    /// An age is unknown or one that could be.
    fn look_at_status(&self, step: &Step) {
        let status = service::status_json(&self.site);
        let oldest = &status["oldest_s"];
        if let Some(age) = oldest.as_u64() {
            assert!(age as i64 <= step.unix_secs + 60 - PLAUSIBLE_FROM, "an age of {age} s: {}", step.what);
        }
        let expected = step.synced.map_or(Value::Null, Value::from);
        assert_eq!(status["clock_synced"], expected, "{}", step.what);
        assert_eq!(status["running"], true);
    }

    /// Everything that came says the time and the standing of the clock under which it was made.
    fn check_messages(&self) {
        let keys = self.site.study_keys();
        let repeats = self.line.ledger.check("t", &keys).expect("every study has its one report");
        assert_eq!(repeats, 0, "nothing comes twice without a kill");
        for report in self.line.ledger.of("t", "e/report") {
            let (unix_secs, synced) = self.told[&report.text("study_key")];
            assert_eq!(report.content["clock_synced"], synced.map_or(Value::Null, Value::from), "{report:?}");
            let made = report.text("produced_at").parse::<jiff::Timestamp>().expect("a moment").as_second();
            assert!((unix_secs..unix_secs + 90).contains(&made), "{made} is not {unix_secs}");
            let files = self.site.out_dir().join(report.text("report_id"));
            assert!(unix_secs >= PLAUSIBLE_FROM || files.exists(), "what a clock made that was not set is not old");
        }
        for queue in self.line.ledger.of("t", "m/queue") {
            let now = queue.text("time").parse::<jiff::Timestamp>().expect("a moment").as_second();
            for lane in ["live", "backlog"] {
                let age = queue.content[lane]["oldest_s"].as_u64().unwrap_or(0);
                assert!(age == 0 || age as i64 <= now - PLAUSIBLE_FROM, "an age of {age} s at {now}");
            }
        }
    }

    fn clinics_files(&self) -> usize {
        std::fs::read_dir(self.site.out_dir()).map_or(0, Iterator::count)
    }
}

fn set_modified(file: &std::path::Path, time: SystemTime) {
    let file = std::fs::File::options().write(true).open(file).expect("it was just written");
    file.set_modified(time).expect("the test's folder can be written");
}

#[test]
fn a_clock_that_is_wrong_or_jumps_loses_and_doubles_nothing() {
    let _turn = turn();
    let name = "a_clock_that_is_wrong_or_jumps_loses_and_doubles_nothing";
    let steps = steps();
    let Some(mut trial) = Trial::start(&steps[0]) else {
        return common::skipped(name, "mosquitto or cc is not installed");
    };
    let mut random = Random::seeded(name);
    let scripted = steps.len();
    for (number, step) in steps.iter().chain(&random_steps(&mut random, count(0, RANDOM_STEPS))).enumerate() {
        let files_before = trial.clinics_files();
        trial.play(step);
        if number < scripted && step.synced == Some(false) {
            assert!(trial.clinics_files() >= files_before, "an unset clock makes nothing old: {}", step.what);
        }
    }
    // The same files under the first clock again: nothing about them is new.
    trial.clock.set(steps[0].unix_secs);
    trial.restart();
    trial.play(&Step { what: "a restart in 1970", unix_secs: steps[0].unix_secs, synced: Some(false), broker: true });
    trial.line.ledger.catch_up(trial.line.broker.ledger_port);
    trial.check_messages();
    assert!(within(bench::DEADLINE, || backlog_alarm_is_over(&trial)), "no alarm of old messages stays");
    figure(
        "the wall clock starts in 1970, jumps both ways, DST, leap day, end of 32 bits",
        &format!("{} settings, a study each: each reported once; no age made up", trial.told.len()),
    );
}

/// Whether the last word on `a/backlog`, where there was one, is that it is over.
fn backlog_alarm_is_over(trial: &Trial) -> bool {
    trial.line.ledger.of("t", "a/backlog").last().is_none_or(|e| e.content.is_null())
}
