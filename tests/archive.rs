//! An archive is read by shards side by side, whatever ends them, into the same bytes as by one run.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use bench::service::orphans_of;
use bench::{studies, turn, until};
use deepspine::phantom::{Parameters, Phantom, SeriesKind, Stack, StudyPlan, write_study};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Studies of one slice.
const SMALL: usize = 18;
/// Entries of the list that are no study, or not one.
const BROKEN: [&str; 6] = ["absent", "empty", "two", "cut", "no.zip", "DOE^JANE/text"];
/// A moment that is given, so that two folders can be held against each other.
const MOMENT: &str = "2026-01-02T03:04:05Z";
/// A file system as small as a result of this test, which its copy on it fills.
const TINY: &str = "size=64k";

/// An archive: its list, and studies beside it.
struct Archive {
    dir: TempDir,
}

impl Archive {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let at = |name: &str| dir.path().join(name);
        let mut entries: Vec<String> = (0..SMALL).map(|n| format!("DOE^JANE/{n}")).collect();
        for (number, entry) in entries.iter().enumerate() {
            studies::write(&at(entry), number);
        }
        whole_study(&at("whole"));
        zip(&at("DOE^JANE/0/000000.dcm"), &at("packed.zip"));
        fs::create_dir(at("empty")).expect("the test's folder can be written");
        studies::write(&at("two"), 100);
        studies::write(&at("two"), 101);
        studies::write(&at("cut"), 102);
        let cut = File::options().write(true).open(at("cut/000102.dcm")).expect("we wrote it");
        cut.set_len(900).expect("the test's folder can be written");
        fs::write(at("no.zip"), b"PK\x03\x04 and nothing that follows").expect("the test's folder can be written");
        fs::create_dir(at("DOE^JANE/text")).expect("the test's folder can be written");
        fs::write(at("DOE^JANE/text/note.txt"), "DOE^JANE").expect("the test's folder can be written");
        entries.extend(["whole", "packed.zip", "DOE^JANE/7"].map(str::to_owned));
        entries.extend(BROKEN.map(str::to_owned));
        fs::write(at("list"), format!("# of 2019\n\n{}\n", entries.join("\n")))
            .expect("the test's folder can be written");
        Self { dir }
    }

    /// Entries that are not repeated.
    fn studies() -> usize {
        SMALL + 2 + BROKEN.len()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, list: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deepspine"));
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        command.args(["analyze", "--batch", list, "--models"]).arg(models).current_dir(self.dir.path());
        command
    }

    /// Begins shard `index` of four into `out`; what it prints goes into a file of that name.
    fn shard(&self, index: usize, out: &str) -> Child {
        let printed = File::create(self.at(&format!("{out}.{index}"))).expect("the test's folder can be written");
        self.command("list")
            .args(["--shard", &format!("{index}/4"), "--jobs", "1", "--out", out, "--produced-at", MOMENT])
            .stdout(printed)
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs")
    }

    fn printed(&self, index: usize, out: &str) -> usize {
        fs::read_to_string(self.at(&format!("{out}.{index}"))).expect("it is there").lines().count()
    }

    /// The rows of every index of `out`, in no order of theirs.
    fn index(&self, out: &str) -> Vec<String> {
        let files = fs::read_dir(self.at(out).join("index")).expect("an index");
        let texts = files.map(|file| fs::read_to_string(file.expect("a file").path()).expect("text"));
        let mut rows: Vec<String> = texts.flat_map(|t| t.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        rows.sort();
        rows
    }

    /// Every file of `out` that does not tell of the run but of the studies.
    fn results(&self, out: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.at(out);
        let mut open: Vec<PathBuf> = ["archive.json", "studies", "failed"].map(|name| root.join(name)).to_vec();
        let mut found = BTreeMap::new();
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
            } else {
                let name = path.strip_prefix(&root).expect("below").to_owned();
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
        found
    }
}

/// The usual phantom as one sagittal series, as small as its levels can still be read from.
fn whole_study(folder: &Path) {
    let plan = StudyPlan {
        series: vec![SeriesKind::SagittalT2],
        sagittal: Stack { fov_mm: 270.0, matrix: 64, slices: 3, thickness_mm: 4.0, spacing_mm: 4.4 },
        ..StudyPlan::default()
    };
    let phantom = Phantom::new(&Parameters::default()).expect("the usual phantom");
    write_study(&phantom, &plan, folder).expect("the test's folder can be written");
}

fn zip(file: &Path, to: &Path) {
    let mut archive = zip::ZipWriter::new(File::create(to).expect("the test's folder can be written"));
    let name = "../../of another's making.dcm";
    archive.start_file(name, zip::write::SimpleFileOptions::default()).expect("an entry");
    archive.write_all(&fs::read(file).expect("we wrote it")).expect("the test's folder can be written");
    archive.finish().expect("the test's folder can be written");
}

fn code(status: ExitStatus) -> i32 {
    status.code().expect("it ends by itself")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn rows(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("a row is JSON")).collect()
}

#[test]
fn four_shards_of_which_one_is_killed_make_what_a_single_run_makes() {
    let _turn = turn();
    let archive = Archive::new();
    let mut shards: Vec<Child> = (0..4).map(|index| archive.shard(index, "shards")).collect();
    until("the first shard is half-way", || archive.printed(0, "shards") >= 2);
    shards[0].kill().expect("it is our child");
    until("the second shard is half-way", || archive.printed(1, "shards") >= 1);
    kill_process(Pid::from_child(&shards[1]), Signal::TERM).expect("it is our child");
    let ended: Vec<ExitStatus> = shards.iter_mut().map(|shard| shard.wait().expect("it is our child")).collect();
    assert_eq!(ended[0].code(), None, "it was killed");
    assert_eq!(code(ended[1]), 75, "it says that the same command goes on");
    for shard in &shards {
        until("no child outlives its shard", || orphans_of(shard.id()).is_empty());
    }
    for index in [0, 1] {
        assert!(!archive.at(&format!("shards/index/{index}-of-4.jsonl")).exists(), "shard {index} was not done");
        let again = archive.shard(index, "shards").wait().expect("it is our child");
        assert!([0, 65].contains(&code(again)), "{again}");
    }

    let single =
        archive.command("list").args(["--out", "single", "--produced-at", MOMENT]).output().expect("the binary runs");
    assert_eq!(code(single.status), 65, "some studies are broken: {}", said(&single));
    let counts =
        format!("{} studies, {} read, {} refused, 0 of them before", Archive::studies(), SMALL + 2, BROKEN.len());
    assert!(said(&single).contains(&counts), "{}", said(&single));
    assert!(said(&single).contains("1 entries repeated"), "{}", said(&single));
    let (of_shards, of_one) = (archive.results("shards"), archive.results("single"));
    assert_eq!(of_shards.keys().collect::<Vec<_>>(), of_one.keys().collect::<Vec<_>>());
    assert!(of_shards == of_one, "bytes differ");
    assert_eq!(archive.index("shards"), archive.index("single"));
    assert_eq!(archive.index("single").len(), Archive::studies());
    assert!(of_one.keys().any(|path| path.ends_with("instances.nii.gz")), "one study is whole");
    for (path, bytes) in &of_one {
        let holds = |text: &[u8]| text.windows(3).any(|w| w == b"DOE");
        assert!(!holds(bytes) && !holds(path.to_string_lossy().as_bytes()), "a name in {}", path.display());
    }
}

#[test]
fn what_is_done_is_passed_by_and_what_was_refused_is_tried_again_when_asked() {
    let _turn = turn();
    let archive = Archive::new();
    fs::write(archive.at("few"), "DOE^JANE/1\nlate\nDOE^JANE/2\n").expect("the test's folder can be written");
    let run = |more: &[&str]| {
        let mut command = archive.command("few");
        command.args(["--out", "out", "--reports-only"]).args(more).output().expect("the binary runs")
    };
    let first = run(&[]);
    assert_eq!(code(first.status), 65);
    let before = archive.results("out");
    studies::write(&archive.at("late"), 50);
    let second = run(&[]);
    assert_eq!(code(second.status), 65, "{}", said(&second));
    assert!(said(&second).contains("2 read, 1 refused, 3 of them before"), "{}", said(&second));
    assert_eq!(archive.results("out"), before);
    let third = run(&["--retry-failed"]);
    assert_eq!(code(third.status), 0, "{}", said(&third));
    assert!(said(&third).contains("3 read, 0 refused, 2 of them before"), "{}", said(&third));
    let after = archive.results("out");
    assert_eq!(after.len(), before.len(), "a report instead of a refusal: {:?}", after.keys());
    let other = run(&["--alpha-percent", "20"]);
    assert_eq!(code(other.status), 64, "{}", said(&other));
    assert!(said(&other).contains("--alpha-percent 10"), "{}", said(&other));
    let taken = File::open(archive.at("out/.work/0-of-1.lock")).expect("the shard's lock");
    taken.try_lock().expect("nobody has it");
    let second_at_once = run(&[]);
    assert_eq!(code(second_at_once.status), 75, "{}", said(&second_at_once));
    let alone = Command::new(env!("CARGO_BIN_EXE_deepspine")).args(["analyze", "x", "--shard", "0/4"]).output();
    assert_eq!(code(alone.expect("the binary runs").status), 64, "a shard of one study is none");
}

#[test]
fn a_pipe_gets_a_line_of_json_for_each_study() {
    let _turn = turn();
    let archive = Archive::new();
    let mut command = archive.command("-");
    let mut child = command
        .args(["--null", "--format", "jsonl", "--produced-at", MOMENT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("a pipe").write_all(b"DOE^JANE/3\0two\0").expect("it listens");
    let output = child.wait_with_output().expect("it is our child");
    assert_eq!(code(output.status), 65, "{}", said(&output));
    let schema: Value = serde_json::from_str(include_str!("../schemas/archive-row-1.schema.json")).expect("a schema");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let report = serde_json::from_str(include_str!("../schemas/report-1.schema.json")).expect("a schema");
    let report = jsonschema::validator_for(&report).expect("a schema");
    let mut rows = rows(&output);
    rows.sort_by_key(|row| row["number"].as_u64());
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert!(schema.is_valid(row), "{row:#}");
    }
    assert!(report.is_valid(&rows[0]["report"]), "{:#}", rows[0]);
    assert_eq!(rows[0]["report"]["produced_at"], MOMENT);
    assert_eq!(rows[1]["refusal"]["code"], "bad-input");
    assert!(rows[1]["refusal"]["text"].as_str().is_some_and(|text| text.contains("2 studies")), "{:#}", rows[1]);
}

#[test]
fn a_full_disk_ends_the_run_and_blames_no_study() {
    const NAME: &str = "a_full_disk_ends_the_run_and_blames_no_study";
    let _turn = turn();
    let archive = Archive::new();
    let out = archive.at("small");
    fs::create_dir(&out).expect("the test's folder can be written");
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", TINY, "none"]).arg(&out).stderr(Stdio::null()).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return common::skipped(NAME, "only root can mount a small file system");
    }
    let ended = archive.command("list").args(["--out", "small"]).output().expect("the binary runs");
    let refused = fs::read_dir(out.join("failed")).map(Iterator::count);
    let index = out.join("index/0-of-1.jsonl").exists();
    let unmounted = Command::new("umount").arg(&out).status().expect("umount runs");
    assert!(unmounted.success());
    assert_eq!(code(ended.status), 73, "{}", said(&ended));
    assert!(said(&ended).contains("make room"), "{}", said(&ended));
    assert!(refused.is_ok_and(|count| count <= BROKEN.len()) && !index);
}

/// The block of the documentation that is marked `mark`.
fn documented(mark: &str) -> String {
    let text = include_str!("../docs/archives.md");
    let (_, after) = text.split_once(&format!(" {mark}\n")).expect("a block of that mark");
    after.split_once("\n```").expect("an end").0.to_owned()
}

/// Runs `script` in a shell as whoever has deepspine on the path, in the archive's folder; what is left in `readings` there.
fn by_shell(archive: &Archive, script: &str, environment: &[(&str, &str)], input: &str) -> Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_deepspine")).parent().expect("a folder").display().to_string();
    let path = format!("{binary}:{}", std::env::var("PATH").unwrap_or_default());
    let _ = fs::remove_dir_all(archive.at("readings"));
    let mut shell = Command::new("sh")
        .args(["-c", script])
        .env("PATH", path)
        .envs(environment.iter().copied())
        .current_dir(archive.dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    shell.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it listens");
    shell.wait_with_output().expect("it is our child")
}

/// What stands between the `quote`s of `text`, from `before` on.
fn quoted<'a>(text: &'a str, before: &str, quote: char) -> &'a str {
    let (_, after) = text.split_once(before).expect("what comes before");
    after.split(quote).nth(1).expect("what is quoted")
}

#[test]
fn what_is_documented_runs() {
    let _turn = turn();
    let archive = Archive::new();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    std::os::unix::fs::symlink(models, archive.at("models")).expect("the test's folder can be written");
    fs::write(archive.at("studies.txt"), "DOE^JANE/1\nDOE^JANE/2\nempty\n").expect("the test's folder can be written");
    let readings = || fs::read_dir(archive.at("readings/studies")).map_or(0, Iterator::count);
    if Command::new("parallel").arg("--version").output().is_ok() {
        by_shell(&archive, &documented("parallel"), &[], "");
        assert_eq!(readings(), 2, "by parallel");
        assert_eq!(archive.index("readings").len(), 3);
    } else {
        common::skipped("what_is_documented_runs", "GNU parallel is not installed");
    }

    let slurm = documented("slurm");
    let variables =
        |count| [("SLURM_ARRAY_TASK_ID", "0"), ("SLURM_ARRAY_TASK_COUNT", count), ("SLURM_CPUS_PER_TASK", "2")];
    let output = by_shell(&archive, quoted(&slurm, "--wrap", '\''), &variables("1"), "");
    assert_eq!((code(output.status), readings()), (65, 2), "by Slurm: {}", said(&output));

    let job = documented("kubernetes");
    let parsed = yaml_rust2::YamlLoader::load_from_str(&job).expect("YAML").remove(0);
    assert_eq!(parsed["spec"]["completionMode"].as_str(), Some("Indexed"));
    let container = &parsed["spec"]["template"]["spec"]["containers"][0];
    let command = container["command"][2].as_str().expect("a script").replace("/archive/", "").replace("/64", "/1");
    assert_eq!(parsed["spec"]["completions"].as_i64(), Some(64), "as the command says");
    let output = by_shell(&archive, &command, &[("JOB_COMPLETION_INDEX", "0")], "");
    assert_eq!((code(output.status), readings()), (65, 2), "by Kubernetes: {}", said(&output));

    let spark = documented("spark");
    let script = quoted(&spark, "sh -c ", '\'');
    let output = by_shell(&archive, script, &[], "DOE^JANE/1\nempty\n");
    assert_eq!((code(output.status), rows(&output).len()), (0, 2), "by pipe(): {}", said(&output));
}
