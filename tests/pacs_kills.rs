//! Whatever is killed while results are made and sent: every file and every object is there in the end, once by its UID.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod pacs_peer;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bench::random::Random;
use bench::service::{Service, kill_hard};
use bench::site::{self, Site};
use bench::{count, figure, turn, until, within};
use deepspine::appliance::journal::Journal;
use deepspine::export::{Bundle, Language, write_all};
use pacs_peer::{Manner, Peer, read_object};

/// Kills of the short form and of the long one.
const KILLS: (usize, usize) = (20, 200);
/// Studies that arrive, one every so many lives.
const LIVES_A_STUDY: usize = 5;
/// Longest life of a supervisor that is killed.
const LONGEST_LIFE: Duration = Duration::from_millis(2500);
/// Longest wait for a child to kill.
const CHILD_WAIT: Duration = Duration::from_millis(1500);
/// Every so many lives get time to catch up.
const CATCHING_UP: usize = 10;
const LONGEST_CATCHING_UP: Duration = Duration::from_secs(20);

#[test]
fn whatever_is_killed_every_file_and_object_is_there_in_the_end_once_by_its_uid() {
    const NAME: &str = "whatever_is_killed_every_file_and_object_is_there_in_the_end_once_by_its_uid";
    let _turn = turn();
    let mut random = Random::seeded(NAME);
    let peer = Peer::start(0, Manner::Takes);
    let address = format!("\"127.0.0.1:{}\"", peer.port);
    let settings = [("pacs.address", &*address), ("pacs.ae-title", "\"ARCHIVE\"")];
    let mut site = Site::new("p", "mqtt://127.0.0.1:1", &settings);
    let (kills, mut done, mut of_children, mut lives) = (count(KILLS.0, KILLS.1), 0, 0, 0);
    while done < kills {
        if lives % LIVES_A_STUDY == 0 {
            site.study_arrives(site.studies.len());
        }
        send_all_again(&site, &mut random);
        lives += 1;
        let mut service = Service::start(&site, &[]);
        if lives % CATCHING_UP == 0 {
            within(LONGEST_CATCHING_UP, || is_finished(&site));
        }
        if random.once_in(2) && kill_a_maker(&service, &mut random) {
            (of_children, done) = (of_children + 1, done + 1);
        }
        std::thread::sleep(random.wait(LONGEST_LIFE));
        assert_eq!(service.ended(), None, "the supervisor ended by itself after {done} kills");
        service.kill();
        done += 1;
    }
    let service = Service::start(&site, &[]);
    until("everything is read, written and sent", || is_finished(&site));
    assert!(service.stop().is_some(), "the end takes too long");
    let (files, objects) = judge(&site, &peer);
    let sendings: usize = peer.kept().values().map(Vec::len).sum();
    figure(
        "SIGKILL while files are made and objects sent, of the supervisor or of the child that does it",
        &format!(
            "{done} kills ({of_children} of children), {} studies: {files} files as made at once, {objects} objects at the archive, one for each UID ({sendings} sendings)",
            site.studies.len()
        ),
    );
}

/// Has the objects of every report be sent once more, now and then, so that there is something to be killed at.
fn send_all_again(site: &Site, random: &mut Random) {
    if random.once_in(2) {
        return;
    }
    let Some(reports) = site.journal_reports() else { return };
    let journal = Journal::open(&site.state_dir()).expect("the journal opens after a kill");
    for report in reports {
        journal.send_objects(&report, vec!["report", "segmentation", "overlay"]).expect("the journal works");
    }
}

/// Kills a child that makes files or sends objects a random moment after it began; whether there was one.
fn kill_a_maker(service: &Service, random: &mut Random) -> bool {
    let makes = |id: &i32| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains("child-export") || line.contains("child-send")
    };
    let mut found = None;
    within(CHILD_WAIT, || {
        found = service.children().into_iter().find(makes);
        found.is_some()
    });
    std::thread::sleep(random.wait(Duration::from_millis(120)));
    found.is_some_and(kill_hard)
}

fn is_finished(site: &Site) -> bool {
    let count = |sql| site::query(&site.state_dir(), sql).map(|rows| rows.len());
    count("SELECT report_id FROM reports WHERE exported = 1") == Some(site.studies.len())
        && count("SELECT object FROM sendings") == Some(0)
}

/// Files and objects, each held against what its bundle gives when it is made in one go.
fn judge(site: &Site, peer: &Peer) -> (usize, usize) {
    let mut files = 0;
    let mut expected = BTreeMap::new();
    for report in site.journal_reports().expect("the journal is whole") {
        let bundle = site.state_dir().join("bundles").join(format!("{report}.bundle"));
        let bundle = Bundle::read(&bundle).expect("the bundle is whole");
        let again = tempfile::tempdir().expect("a folder");
        for path in write_all(&bundle, again.path(), Language::English).expect("it can be made") {
            let there = site.out_dir().join(&report).join(path.file_name().expect("a name"));
            assert!(same(&path, &there), "{} is not what its bundle gives", there.display());
            files += 1;
            if path.extension().is_some_and(|e| e == "dcm") {
                expected.extend([read_object(&path)]);
            }
        }
        assert_eq!(half_written(&site.out_dir().join(&report)), Vec::<String>::new());
    }
    for folder in [site.state_dir(), site.state_dir().join("bundles")] {
        assert_eq!(half_written(&folder), Vec::<String>::new());
    }
    let kept = peer.kept();
    assert!(kept.keys().eq(expected.keys()), "the archive has other objects than there are");
    for (uid, data_set) in &expected {
        assert!(kept[uid].iter().all(|sent| sent == data_set), "{uid} came as something else");
    }
    (files, expected.len())
}

/// What a writer that was killed left in `folder`.
fn half_written(folder: &Path) -> Vec<String> {
    let listing = std::fs::read_dir(folder).expect("the folder is there").flatten();
    let names = listing.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".part")).collect()
}

fn same(a: &Path, b: &Path) -> bool {
    std::fs::read(a).ok() == std::fs::read(b).ok()
}
