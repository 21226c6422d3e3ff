//! A model set is installed whole or not at all, whoever brings it and whatever ends the install.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod model_bundle;
mod wire;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use deepspine::appliance::mqtt::loopback::{Loopback, Verdict};
use deepspine::appliance::mqtt::subscriber::Subscriber;
use deepspine::appliance::reading::Programs;
use deepspine::appliance::supervisor::{Appliance, Options};
use deepspine::inference::{ModelSet, ModelSource};
use deepspine::phantom::{Parameters, Phantom, SeriesKind, Stack, StudyPlan, write_study};
use model_bundle::{FAULTS, Fault, copy, free_set, remove, repository, research_set, rewrite};
use rustix::fs::FlockOperation;
use serde_json::Value;
use wire::{DEADLINE, child, settings};

/// How long a whole install may take on a busy machine.
const INSTALL_DEADLINE: Duration = Duration::from_secs(300);

/// `models` with the words given; in the repository, whose `models` is the one standard folder that a test may rely on.
fn models(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deepspine"));
    command.arg("models").args(words).current_dir(repository()).stdin(Stdio::null());
    command
}

fn run(words: &[&str]) -> Output {
    models(words).output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the test's paths are text")
}

/// Runs it, expects that it ends well, and gives what it said.
fn well(words: &[&str]) -> String {
    let output = run(words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", said(&output));
    said(&output)
}

fn install_words<'a>(bundle: &'a Path, place: &'a Path) -> Vec<&'a str> {
    vec!["install", text(bundle), "--into", text(place), "--accept-terms"]
}

/// The networks in force in `place` and their versions, verified.
fn in_force(place: &Path) -> Vec<String> {
    let set = ModelSet::open(&ModelSource::Folder(place.to_path_buf())).expect("a set is in force");
    set.verify_files().expect("and is whole");
    let mut names: Vec<String> = set.manifest().model.iter().map(|m| format!("{} {}", m.name, m.version)).collect();
    names.sort();
    names
}

/// What the shipped sets have: two networks, and three with the addition.
fn free() -> Vec<String> {
    in_force(&free_set())
}

fn with_research() -> Vec<String> {
    let networks = in_force(&research_set());
    assert_eq!(networks.len(), free().len() + 1);
    networks
}

fn sets_of(place: &Path) -> PathBuf {
    place.with_file_name("models.sets")
}

/// How many sets are kept beside `place`, among which nothing else lies.
fn sets_kept(place: &Path) -> usize {
    let names = fs::read_dir(sets_of(place)).into_iter().flatten().flatten().map(|e| e.file_name());
    let names: Vec<String> = names.map(|n| n.to_string_lossy().into_owned()).collect();
    let sets = names.iter().filter(|name| name.len() == 64).count();
    assert!(names.iter().all(|name| name.len() == 64 || name == "history.json"), "left over: {names:?}");
    sets
}

#[test]
fn a_set_is_installed_added_to_and_taken_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = dir.path().join("models");
    let binary = env!("CARGO_BIN_EXE_deepspine");
    let careful = format!(
        "umask 077; exec '{binary}' models install models --without-addition --accept-terms --into '{}'",
        text(&place)
    );
    let output = Command::new("sh").args(["-c", &careful]).current_dir(repository()).output().expect("a shell");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!((in_force(&place), sets_kept(&place)), (free(), 1));
    for (path, mode) in
        [("", 0o755), ("manifest.toml", 0o644), ("segmentation.onnx", 0o644), ("segmentation.md", 0o644)]
    {
        let permissions = fs::metadata(place.join(path)).expect("it was installed").permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{path:?} for whom the service runs as");
    }
    assert!(!place.join("training").exists() && !place.join("segmentation_shapes.svg").exists());

    let again = well(&["install", "models", "--without-addition", "--into", text(&place)]);
    assert!(again.contains("nothing was changed"), "{again}");

    let refused = run(&["install", text(&research_set()), "--into", text(&place)]);
    assert_eq!(refused.status.code(), Some(77), "{}", said(&refused));
    assert!(said(&refused).contains("NEW TERMS of stenosis: NON-COMMERCIAL"), "{}", said(&refused));
    assert_eq!((in_force(&place), sets_kept(&place)), (free(), 1));

    let added = well(&install_words(&research_set(), &place));
    assert!(added.contains("adds to the set in"), "{added}");
    assert_eq!((in_force(&place), sets_kept(&place)), (with_research(), 2));
    let listed = well(&["list", "--models", text(&place)]);
    assert!(listed.contains("RSNA DATA ARE AMONG IT"), "{listed}");
    assert!(listed.contains("former sets:\n") && !listed.contains("former sets:\n  none"), "{listed}");
    let listed: Value =
        serde_json::from_str(&well(&["list", "--format", "json", "--models", text(&place)])).expect("JSON");
    assert_eq!(
        (&listed["former"][0]["networks"][0], &listed["in_force"]["networks"][0]["verified"]),
        (&Value::from(free()[1].as_str()), &Value::from(true))
    );

    well(&["rollback", "--into", text(&place)]);
    assert_eq!(in_force(&place), free());
    well(&["rollback", "--into", text(&place)]);
    assert_eq!((in_force(&place), sets_kept(&place)), (with_research(), 2));
}

#[test]
fn whatever_is_wrong_with_a_bundle_leaves_the_old_set_in_force_and_nothing_behind() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = dir.path().join("models");
    copy(&free_set(), &place);
    for Fault { what, make, exit, names } in FAULTS {
        let bundle = dir.path().join("bundle");
        copy(&free_set(), &bundle);
        make(&bundle);
        let output = run(&install_words(&bundle, &place));
        assert_eq!(output.status.code(), Some(exit), "{what}: {}", said(&output));
        assert!(said(&output).contains(names), "{what}: {}", said(&output));
        assert_eq!(in_force(&place), free(), "{what}");
        assert!(!sets_of(&place).exists(), "{what}: something is left");
        let _ = fs::remove_dir_all(&bundle);
    }
    let back = run(&["rollback", "--into", text(&place)]);
    assert_eq!(back.status.code(), Some(66), "{}", said(&back));
}

#[test]
fn what_is_not_verified_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let (bundle, addition) = (dir.path().join("bundle"), dir.path().join("addition"));
    copy(&free_set(), &bundle);
    well(&["verify", "--no-self-test", text(&bundle)]);
    copy(&research_set(), &addition);
    let verified = well(&["verify", "--no-self-test", text(&addition)]);
    assert!(verified.contains("adds to the set in"), "{verified}");
    remove(&bundle.join("degeneration.onnx"));
    let missing = run(&["verify", "--no-self-test", text(&bundle)]);
    assert_eq!(missing.status.code(), Some(65), "{}", said(&missing));
    assert!(said(&missing).contains("bundle/degeneration.onnx"), "{}", said(&missing));
    assert_eq!(run(&["verify", text(&dir.path().join("absent"))]).status.code(), Some(66));
}

#[test]
fn one_install_at_a_time() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = dir.path().join("models");
    fs::create_dir(sets_of(&place)).expect("the test's folder can be written");
    let held = File::open(sets_of(&place)).expect("it was made");
    rustix::fs::flock(&held, FlockOperation::LockExclusive).expect("nobody else has it");
    let output = run(&install_words(&free_set(), &place));
    assert_eq!(output.status.code(), Some(75), "{}", said(&output));
}

/// When an install is killed.
enum Moment {
    After(Duration),
    /// As soon as this is so of the place.
    Once(fn(&Path) -> bool),
}

fn names_in_sets(place: &Path, wanted: impl Fn(&str) -> bool) -> usize {
    let entries = fs::read_dir(sets_of(place)).into_iter().flatten().flatten();
    entries.filter(|entry| wanted(&entry.file_name().to_string_lossy())).count()
}

fn kill_at(mut install: Child, moment: &Moment, place: &Path) {
    let begun = Instant::now();
    loop {
        let now = match moment {
            Moment::After(delay) => begun.elapsed() >= *delay,
            Moment::Once(so) => so(place),
        };
        if now || install.try_wait().expect("it is our child").is_some() {
            break;
        }
        assert!(begun.elapsed() < INSTALL_DEADLINE, "the install does not get there");
        std::thread::sleep(Duration::from_micros(200));
    }
    let _ = install.kill();
    install.wait().expect("it is our child");
}

#[test]
fn an_install_that_is_killed_at_any_moment_leaves_a_whole_set_in_force() {
    let dir = tempfile::tempdir().expect("a folder");
    let (place, bundle) = (dir.path().join("models"), dir.path().join("bundle"));
    copy(&free_set(), &place);
    copy(&free_set(), &bundle);
    let early = (0..10_u64).map(|n| Moment::After(Duration::from_millis(3 * n * n)));
    let late: [Moment; 5] = [
        Moment::Once(|place| names_in_sets(place, |name| name.len() == 64) > 0),
        Moment::Once(|place| names_in_sets(place, |name| name == ".link") > 0),
        Moment::Once(Path::is_symlink),
        Moment::Once(|place| names_in_sets(place, |name| name == "history.json") > 0),
        Moment::After(INSTALL_DEADLINE),
    ];
    for (n, moment) in early.chain(late).enumerate() {
        // Another set each time, but of the same networks.
        rewrite(&bundle, "\nseed = ", &format!("\nattempt_{n} = 0\nseed = "));
        let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let install = quiet(&mut models(&install_words(&bundle, &place))).expect("the binary runs");
        kill_at(install, &moment, &place);
        assert_eq!(in_force(&place), free(), "after {n} kills");
        well(&["verify", "--no-self-test", text(&place)]);
    }
    // The last one was left to its end, and has put right what the others left: the folder that stood there first is among the kept.
    let kept = sets_kept(&place);
    assert!((2..=3).contains(&kept), "{kept} sets are kept");
}

/// The spine of `seed` as one small sagittal series in `folder`.
fn study(folder: &Path, seed: u64) {
    let plan = StudyPlan {
        series: vec![SeriesKind::SagittalT2],
        sagittal: Stack { fov_mm: 270.0, matrix: 192, slices: 7, thickness_mm: 4.0, spacing_mm: 4.4 },
        ..StudyPlan::default()
    };
    let phantom = Phantom::new(&Parameters { seed, ..Parameters::default() }).expect("a phantom");
    write_study(&phantom, &plan, folder).expect("the test's folder can be written");
}

/// The names of the models in the next message below `topic`.
fn next_models(subscriber: &Subscriber, topic: &str) -> Vec<String> {
    loop {
        let message = subscriber.next(DEADLINE * 3).expect("the broker is there").expect("a message in time");
        if message.topic.ends_with(topic) {
            let content: Value = serde_json::from_slice(&message.payload).expect("a payload is JSON");
            let models = content["models"].as_array().expect("models");
            let mut names: Vec<_> = models.iter().map(|m| m["name"].as_str().unwrap_or("").to_owned()).collect();
            names.sort();
            return names;
        }
    }
}

#[test]
fn a_running_appliance_reads_the_next_study_with_the_new_set() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = dir.path().join("models");
    copy(&free_set(), &place);
    study(&dir.path().join("in/a"), 1);
    let broker = Loopback::start(Box::new(|_| Verdict::Accept)).expect("a broker");
    let listen = |topic| Subscriber::connect("127.0.0.1", broker.port(), topic, &format!("+/+/{topic}"), DEADLINE);
    let (twin, reports) = (listen("twin/models").expect("granted"), listen("e/report").expect("granted"));
    let overrides =
        [format!("mqtt.broker={}", broker.url()), "ingest.quiet-secs=0".to_owned(), "ingest.wanted=[]".to_owned()];
    let appliance = Appliance::start(Options {
        settings: settings(dir.path(), &overrides),
        models: ModelSource::Folder(place.clone()),
        rescan_period: Duration::from_millis(100),
        programs: Programs {
            scan: child("child-scan"),
            read: child("child-read"),
            self_test: None,
            export: child("child-export"),
        },
    })
    .expect("the appliance starts");
    let (old, new) = (["degeneration", "segmentation"], ["degeneration", "segmentation", "stenosis"]);
    assert_eq!(next_models(&twin, "twin/models"), old);
    assert_eq!(next_models(&reports, "e/report"), old);
    let told = well(&install_words(&research_set(), &place));
    assert!(told.contains("is kept as a former set"), "{told}");
    study(&dir.path().join("in/b"), 2);
    assert_eq!(next_models(&twin, "twin/models"), new);
    assert_eq!(next_models(&reports, "e/report"), new);
    appliance.stop();
}
