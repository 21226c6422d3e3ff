//! A journal that is damaged, cut short or gone is set aside and made again from the bundles: what was
//! reported keeps its ids and revisions, and nothing is read twice under another name.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;
mod common;

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use bench::random::Random;
use bench::service::Service;
use bench::site::Site;
use bench::stand::{Stand, Verdict};
use bench::{turn, within};

/// Studies that are reported before the harm, so that the journal has pages to lose.
const STUDIES: usize = 3;

fn file(site: &Site, name: &str) -> std::path::PathBuf {
    site.state_dir().join(name)
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |m| m.len())
}

/// Random bytes over `count` places of a page each.
fn scribble(path: &Path, count: usize, random: &mut Random) {
    let mut target = std::fs::OpenOptions::new().write(true).open(path).expect("the file is there");
    for _ in 0..count {
        let at = random.below(usize::try_from(length(path)).expect("a small file"));
        let bytes: Vec<u8> = std::iter::repeat_with(|| random.next() as u8).take(512).collect();
        target.seek(SeekFrom::Start(at as u64)).expect("within the file");
        target.write_all(&bytes).expect("the test's folder can be written");
    }
}

fn shorten(path: &Path, to: u64) {
    let target = std::fs::OpenOptions::new().write(true).open(path).expect("the file is there");
    target.set_len(to).expect("the test's folder can be written");
}

fn harm(label: &str, site: &Site, random: &mut Random) {
    let journal = file(site, "journal.db");
    let remove = |name: &str| drop(std::fs::remove_file(file(site, name)));
    match label {
        "the journal is deleted" => ["journal.db", "journal.db-wal", "journal.db-shm"].into_iter().for_each(remove),
        "the journal is empty" => {
            shorten(&journal, 0);
            ["journal.db-wal", "journal.db-shm"].into_iter().for_each(remove);
        }
        "the journal is cut in the middle" => shorten(&journal, length(&journal) / 2),
        "the journal's head is overwritten" => {
            let mut target = std::fs::OpenOptions::new().write(true).open(&journal).expect("the file is there");
            target.write_all(&[b'x'; 100]).expect("the test's folder can be written");
        }
        "pages of the journal are overwritten" => scribble(&journal, 40, random),
        other => panic!("no such harm: {other}"),
    }
}

/// Reports, an orderly end, harm, and the life after it, in which one more study comes.
fn survives(stand: &Stand, label: &str, mut random: Random, site: &mut Site) -> Verdict {
    for more in 1..STUDIES {
        site.study_arrives(1_000_000 + more);
    }
    stand.recovers(site)?;
    let before = stand.ledger.reports(&site.device);
    harm(label, site, &mut random);
    site.study_arrives(2_000_000);
    stand.recovers(site)?;
    let after = stand.ledger.reports(&site.device);
    if before.iter().any(|(key, (ids, _))| after.get(key).is_none_or(|(now, _)| now != ids)) {
        return Err(format!("a report changed its id: {before:?} {after:?}"));
    }
    let journal = site.journal_reports().unwrap_or_default();
    match before.values().flat_map(|(ids, _)| ids).find(|(id, _)| !journal.contains(id)) {
        Some((id, _)) => Err(format!("report {id} is in no journal any more")),
        None => Ok("made again"),
    }
}

#[test]
fn a_journal_that_is_damaged_or_gone_is_made_again_from_the_bundles() {
    let _turn = turn();
    let name = "a_journal_that_is_damaged_or_gone_is_made_again_from_the_bundles";
    let Some(stand) = Stand::start() else { return common::skipped(name, "mosquitto or cc is not installed") };
    let labels = [
        "the journal is deleted",
        "the journal is empty",
        "the journal is cut in the middle",
        "the journal's head is overwritten",
        "pages of the journal are overwritten",
    ];
    let labels = labels.map(str::to_owned).to_vec();
    stand.try_all("a deleted or damaged journal", labels, &Random::seeded(name), |stand, label, random, site| {
        survives(stand, label, random, site)
    });
}

#[test]
fn an_appliance_whose_state_is_gone_begins_afresh_and_reports_again() {
    let _turn = turn();
    let name = "an_appliance_whose_state_is_gone_begins_afresh_and_reports_again";
    let Some(stand) = Stand::start() else { return common::skipped(name, "mosquitto or cc is not installed") };
    let site = stand.site();
    stand.recovers(&site).expect("the first report comes");
    let old = stand.ledger.reports(&site.device);
    std::fs::remove_dir_all(site.state_dir()).expect("the test's folder can be written");
    std::fs::create_dir(site.state_dir()).expect("the test's folder can be written");
    let service = Service::start(&site, &[]);
    // Another key makes other names for the study and its report: both are new to whoever listens.
    assert!(within(bench::DEADLINE, || stand.is_paid(&site)), "it reports under its new key");
    assert!(site.study_keys().iter().all(|key| !old.contains_key(key)), "a new key");
    assert!(service.stop().is_some(), "it ends in time");
}
