//! A broker and its ledger, at which many sites are put to the test beside each other.
//!
//! Most of a trial is waiting for the next look into the export folder, so several share two cores.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::ledger::Ledger;
use super::mosquitto::{Mosquitto, Setup};
use super::random::Random;
use super::service::{self, Service};
use super::shim::{self, Fault};
use super::site::Site;
use super::{figure, within};

/// Trials beside each other.
const SIDE_BY_SIDE: usize = 8;
/// How long a faulty life may take: two looks into the export folder, a reading, and what is busy beside it.
pub(crate) const FAULTY_LIFE: Duration = Duration::from_secs(20);
/// How long the life after it may take until the report is there.
pub(crate) const GOOD_LIFE: Duration = Duration::from_secs(60);
/// Failures that are shown with their evidence.
const SHOWN_MAX: usize = 4;

/// A broker, its ledger, and how many sites it has seen.
pub(crate) struct Stand {
    pub(crate) broker: Mosquitto,
    pub(crate) ledger: Ledger,
    sites: AtomicUsize,
}

/// What a trial showed, or what promise it broke.
pub(crate) type Verdict = Result<&'static str, String>;

impl Stand {
    /// `None` where there is no mosquitto, or no compiler for the shim.
    pub(crate) fn start() -> Option<Self> {
        shim::library()?;
        let broker = Mosquitto::start(Setup { lines: vec!["max_queued_messages 0".to_owned()], ..Setup::default() })?;
        let ledger = Ledger::default();
        ledger.listen(broker.ledger_port);
        Some(Self { broker, ledger, sites: AtomicUsize::new(0) })
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.broker.port)
    }

    /// A new site with one study in its folder and its self-test done.
    pub(crate) fn site(&self) -> Site {
        let number = self.sites.fetch_add(1, Ordering::SeqCst);
        let mut site = Site::new(&format!("s{number}"), &self.url(), &[("storage.headroom-mib", "0")]);
        site.study_arrives(number);
        service::install_self_test(&site.state_dir());
        site
    }

    /// Whether all that `site` owes was received.
    pub(crate) fn is_paid(&self, site: &Site) -> bool {
        self.ledger.has_all(&site.device, &site.study_keys())
    }

    /// Whether `site` has nothing more to do: all is received, and noted as committed.
    pub(crate) fn is_done(&self, site: &Site) -> bool {
        self.is_paid(site) && site.log().contains("revision 1")
    }

    /// Runs `site` without a fault until its studies are reported, and holds that against the promises.
    pub(crate) fn recovers(&self, site: &Site) -> Result<(), String> {
        let committed = site.committed();
        let mut service = Service::start(site, &[]);
        if !service.is_ready() {
            return Err(format!("does not start again: {:?}", service.ended()));
        }
        let mut ended = None;
        let paid = within(GOOD_LIFE, || {
            ended = service.ended();
            ended.is_some() || self.is_paid(site)
        });
        if let Some(status) = ended {
            return Err(format!("ends by itself after the fault: {status}"));
        }
        if !paid {
            return Err("the report does not come after the fault".to_owned());
        }
        if service.stop().is_none() {
            return Err("does not end in time".to_owned());
        }
        self.ledger.catch_up(self.broker.ledger_port);
        self.ledger.check(&site.device, &site.study_keys())?;
        let reports = site.journal_reports().ok_or("the journal can't be read after an orderly end")?;
        match committed.iter().find(|id| !reports.contains(id)) {
            Some(id) => Err(format!("report {id} was committed and is not in the journal")),
            None => Ok(()),
        }
    }

    /// A life of `site` under `fault` to its end: it was killed, ended by itself, or did all it had to do.
    pub(crate) fn faulty_life(&self, site: &Site, fault: &Fault) -> Option<std::process::ExitStatus> {
        let mut service = Service::start(site, &fault.environment(site));
        let mut ended = None;
        within(FAULTY_LIFE, || {
            ended = service.ended();
            ended.is_some() || self.is_done(site)
        });
        ended
    }

    /// Every call of the first life of an appliance with one study: kind and path.
    pub(crate) fn calls_of_a_life(&self) -> Vec<(String, String)> {
        let site = self.site();
        self.faulty_life(&site, &Fault { trace: true, ..Fault::default() });
        assert!(self.is_paid(&site), "without a fault the study is reported\n{}", site.evidence());
        shim::traced(&site)
    }

    /// `trial` of every label (of `DEEPSPINE_BENCH_ONLY` where that is set), side by side; says how many showed what, and fails where one broke a promise.
    pub(crate) fn try_all(
        &self,
        line: &str,
        labels: Vec<String>,
        random: &Random,
        trial: impl Fn(&Self, &str, Random, &mut Site) -> Verdict + Sync,
    ) {
        let only = std::env::var("DEEPSPINE_BENCH_ONLY").ok();
        let wanted = |label: &str| only.as_ref().is_none_or(|only| only == label);
        let chosen = labels.iter().enumerate().filter(|(_, label)| wanted(label));
        let queue = Mutex::new(chosen.collect::<VecDeque<_>>());
        let verdicts = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..SIDE_BY_SIDE {
                scope.spawn(|| {
                    loop {
                        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                        let Some((number, label)) = next else { return };
                        let mut site = self.site();
                        let verdict = trial(self, label, random.part(number as u64), &mut site);
                        let told = verdict.map_err(|why| (format!("{label}: {why}"), site.evidence()));
                        verdicts.lock().unwrap_or_else(PoisonError::into_inner).push(told);
                    }
                });
            }
        });
        report(line, verdicts.into_inner().unwrap_or_else(PoisonError::into_inner));
    }
}

fn report(line: &str, verdicts: Vec<Result<&'static str, (String, String)>>) {
    let mut shown: Vec<&str> = verdicts.iter().filter_map(|v| v.as_ref().ok()).copied().collect();
    let trials = verdicts.len();
    shown.sort_unstable();
    let counts: Vec<String> = shown.chunk_by(|a, b| a == b).map(|same| format!("{} {}", same.len(), same[0])).collect();
    let broken: Vec<&(String, String)> = verdicts.iter().filter_map(|v| v.as_ref().err()).collect();
    figure(line, &format!("{trials} trials: {}; {} broke a promise", counts.join(", "), broken.len()));
    for (why, evidence) in broken.iter().take(SHOWN_MAX) {
        println!("-- {why}\n{evidence}");
    }
    let all: Vec<&str> = broken.iter().map(|(why, _)| why.as_str()).collect();
    assert!(all.is_empty(), "{} of {trials} trials broke a promise:\n{}", all.len(), all.join("\n"));
}
