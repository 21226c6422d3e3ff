//! The self-test: a phantom through the installed models, held against its truth.
//!
//! Passing it says that binary, models and processor work together as they did when the limits were
//! set; it says nothing about patients. [`perform`] does it, [`Kept`] is its result on disk, valid as
//! long as nothing of the three changes.

use crate::analysis::confidence::Alpha;
use crate::analysis::grading::LoadedOnly;
use crate::analysis::study::{self, Progress, Reading, ReadingMeans, SeriesImages, StudyImages};
use crate::inference::{Device, InferenceError, Networks};
use crate::phantom::{Parameters, Phantom, PhantomError, SeriesKind, StudyPlan, Truth};
use crate::spine::{Report, Role, RoleAssignment, length, sub};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::OnceLock;

/// Seed of the phantom.
const PHANTOM_SEED: u64 = 1;
/// Error rate of the phantom's prediction sets, which nothing is held against, %.
const ALPHA_PERCENT: u8 = 10;
/// A name further from its truth than this stands at another level, mm.
const MISNAMED_MM: f64 = 15.0;
/// Mean distance of named disc centres from their truth that is allowed, mm.
const DISC_CENTRE_MEAN_MM_MAX: f64 = 1.5;
/// Mean error of the canal's AP diameter that is allowed, mm.
const CANAL_AP_MEAN_MM_MAX: f64 = 1.5;
/// How far a disc's centre may lie from where the processor finds it, mm. GPUs add up in another order, and may multiply with fewer
/// digits (TF32): a pixel at an edge may change sides, and no more.
const BESIDE_CENTRE_MM_MAX: f64 = 0.2;
/// How far the canal's AP diameter may differ from the processor's, mm.
const BESIDE_CANAL_MM_MAX: f64 = 0.3;

/// One thing that was held against the truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What it is.
    pub name: String,
    /// What was found.
    pub value: f64,
    /// What is allowed.
    pub max: f64,
}

impl Check {
    /// Whether it is within what is allowed; what could not be taken is not.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.value <= self.max
    }
}

/// A self-test's result as it is kept, with what it was made by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// SHA-256 over binary, models and processor, hex.
    pub made_by: String,
    /// What was checked.
    pub checks: Vec<Check>,
}

/// Why the self-test could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// The phantom can't be built.
    #[error(transparent)]
    Phantom(#[from] PhantomError),
    /// The network can't run.
    #[error(transparent)]
    Inference(#[from] InferenceError),
}

/// [`perform`], and holds the reading against the one of the same networks on the processor.
///
/// # Errors
/// As [`perform`].
pub fn perform_beside(
    networks: &Networks,
    processor: &Networks,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Vec<Check>, SelfTestError> {
    let phantom = Phantom::new(&Parameters { seed: PHANTOM_SEED, ..Parameters::default() })?;
    let ours = reading_of(&phantom, networks, threads, progress)?;
    let theirs = reading_of(&phantom, processor, threads, progress)?;
    let mut checks = compare(&ours, &phantom.truth());
    checks.extend(beside(&ours.report, &theirs.report));
    Ok(checks)
}

/// Reads the phantom's sagittal T2 series and holds names, disc centres and canal diameters against
/// the truth.
///
/// # Errors
/// [`SelfTestError`]; a failed check is none.
pub fn perform(
    networks: &Networks,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Vec<Check>, SelfTestError> {
    let phantom = Phantom::new(&Parameters { seed: PHANTOM_SEED, ..Parameters::default() })?;
    Ok(compare(&reading_of(&phantom, networks, threads, progress)?, &phantom.truth()))
}

fn reading_of(
    phantom: &Phantom,
    networks: &Networks,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Reading, InferenceError> {
    let blocks = StudyPlan::default().blocks(phantom, SeriesKind::SagittalT2);
    let assignment =
        RoleAssignment { role: Role::SagittalT2, reason: "the phantom's own word".to_owned(), confidence: 1.0 };
    let images = StudyImages {
        series: vec![SeriesImages { assignment, blocks: blocks.iter().map(|plan| phantom.render(plan)).collect() }],
        quality: Vec::new(),
        second_opinion: None,
    };
    let means = ReadingMeans { networks, threads, alpha: Alpha::of_percent(ALPHA_PERCENT), pixels: &LoadedOnly };
    study::read(&images, means, progress)
}

fn compare(reading: &Reading, truth: &Truth) -> Vec<Check> {
    let (mut misnamed, mut away_mm, mut canal_mm) = (0, Vec::new(), Vec::new());
    for level in &reading.report.levels {
        let Some(name) = level.designation.name.map(|disc| disc.to_string()) else { continue };
        let Some(disc) = truth.discs.iter().find(|disc| disc.name == name) else { continue };
        let away = length(sub(level.plane.centre_lps_mm, disc.centre_lps_mm));
        if away > MISNAMED_MM {
            misnamed += 1;
            continue;
        }
        away_mm.push(away);
        canal_mm.extend(level.measurements.canal_ap_disc_mm.get().map(|ap| (ap - disc.canal_ap_mm).abs()));
    }
    let lumbar = ["L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"];
    let named: Vec<String> =
        reading.report.levels.iter().filter_map(|l| l.designation.name.map(|disc| disc.to_string())).collect();
    let unnamed = lumbar.iter().filter(|l| !named.iter().any(|n| n == *l)).count();
    [
        ("lumbar levels without a name", unnamed as f64, 0.0),
        ("levels with a wrong name", f64::from(misnamed), 0.0),
        ("mean distance of disc centres from the truth, mm", mean(&away_mm), DISC_CENTRE_MEAN_MM_MAX),
        ("mean error of the canal's AP diameter, mm", mean(&canal_mm), CANAL_AP_MEAN_MM_MAX),
    ]
    .map(|(name, value, max)| Check { name: name.to_owned(), value, max })
    .to_vec()
}

/// How two readings of the same pictures differ.
fn beside(ours: &Report, theirs: &Report) -> [Check; 3] {
    let words = |report: &Report| -> Vec<String> {
        let levels = report.levels.iter().map(|level| {
            let grades =
                level.grades.iter().map(|grade| format!(" {:?} {:?} {}", grade.finding, grade.side, grade.grade));
            format!("{:?}{}", level.designation.name, grades.collect::<String>())
        });
        report.vertebrae.iter().map(|v| format!("{:?}", v.designation.name)).chain(levels).collect()
    };
    let (words, their_words) = (words(ours), words(theirs));
    let differing = words.iter().zip(&their_words).filter(|(a, b)| a != b).count();
    let differing = differing + words.len().abs_diff(their_words.len());
    let levels = || ours.levels.iter().zip(&theirs.levels);
    let centres = levels().map(|(a, b)| length(sub(a.plane.centre_lps_mm, b.plane.centre_lps_mm)));
    let canals = levels().map(|(a, b)| {
        let [a, b] = [a, b].map(|level| level.measurements.canal_ap_disc_mm.get());
        // Taken by one alone is as far apart as can be.
        if a.is_some() != b.is_some() { f64::MAX } else { a.zip(b).map_or(0.0, |(a, b)| (a - b).abs()) }
    });
    [
        ("names and grades that differ from the processor's", differing as f64, 0.0),
        (
            "greatest distance of disc centres from the processor's, mm",
            centres.fold(0.0, f64::max),
            BESIDE_CENTRE_MM_MAX,
        ),
        (
            "greatest difference of the canal's AP diameter from the processor's, mm",
            canals.fold(0.0, f64::max),
            BESIDE_CANAL_MM_MAX,
        ),
    ]
    .map(|(name, value, max)| Check { name: name.to_owned(), value, max })
}

/// Infinite where there is nothing: what was not found is not right.
fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { f64::MAX } else { values.iter().sum::<f64>() / values.len() as f64 }
}

impl Kept {
    /// Whether every check passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(Check::passed)
    }

    /// The result on `device` kept in `state_dir` by these very makers, if there is one.
    #[must_use]
    pub fn load(state_dir: &Path, device: Device, made_by: &str) -> Option<Self> {
        let text = fs::read_to_string(state_dir.join(kept_file(device))).ok()?;
        serde_json::from_str::<Self>(&text).ok().filter(|kept| kept.made_by == made_by)
    }

    /// Keeps the result on `device` in `state_dir`. Losing it in a power cut only costs another test.
    ///
    /// # Errors
    /// As the file system gives them.
    pub fn save(&self, state_dir: &Path, device: Device) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(state_dir)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.persist(state_dir.join(kept_file(device))).map(drop).map_err(|e| e.error)
    }
}

/// Name of the kept result in the state folder.
const fn kept_file(device: Device) -> &'static str {
    match device {
        Device::Cpu => "self-test.json",
        Device::Cuda => "self-test-cuda.json",
    }
}

/// What tells one driver of a GPU from another: of a card, of a Jetson.
const DRIVER_VERSIONS: [&str; 2] = ["/proc/driver/nvidia/version", "/etc/nv_tegra_release"];

/// SHA-256 over this binary, the hashes of the models and what the kernel says of the processor, and of the GPU's driver where
/// `device` is one, hex.
///
/// # Errors
/// Where the binary can't be read.
pub fn made_by(models_sha256: &str, device: Device) -> io::Result<String> {
    let mut hasher = Sha256::new_with_prefix(this_binary()?);
    hasher.update(models_sha256);
    let described = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    for line in described.lines().filter(|line| is_of_the_processor(line)).take(4) {
        hasher.update(line);
    }
    if device == Device::Cuda {
        DRIVER_VERSIONS.iter().for_each(|file| hasher.update(fs::read(file).unwrap_or_default()));
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// SHA-256 of the executable that runs, even after its file was replaced; it is not written while it runs, so
/// once is enough.
fn this_binary() -> io::Result<&'static [u8]> {
    static DIGEST: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(known) = DIGEST.get() {
        return Ok(known);
    }
    let mut hasher = Sha256::new();
    io::copy(&mut fs::File::open("/proc/self/exe")?, &mut HashWriter(&mut hasher))?;
    Ok(DIGEST.get_or_init(|| hasher.finalize().to_vec()))
}

/// Lines of `/proc/cpuinfo` that stay the same from start to start: model and features, on x86 and ARM.
fn is_of_the_processor(line: &str) -> bool {
    ["model name", "flags", "Features", "CPU part", "CPU implementer"].iter().any(|key| line.starts_with(key))
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn kept(value: f64) -> Kept {
        Kept { made_by: "a".to_owned(), checks: vec![Check { name: "n".to_owned(), value, max: 1.0 }] }
    }

    #[test]
    fn a_result_is_kept_for_those_who_made_it() {
        let folder = tempfile::tempdir().unwrap();
        kept(0.5).save(folder.path(), Device::Cpu).unwrap();
        assert_eq!(Kept::load(folder.path(), Device::Cpu, "a"), Some(kept(0.5)));
        assert_eq!(Kept::load(folder.path(), Device::Cpu, "b"), None);
        assert_eq!(Kept::load(folder.path(), Device::Cuda, "a"), None);
    }

    #[test]
    fn what_is_not_found_does_not_pass() {
        assert!(kept(1.0).passed());
        assert!(!kept(1.1).passed());
        assert!(!kept(f64::NAN).passed());
        assert!(!kept(mean(&[])).passed());
        assert!(!Kept { checks: Vec::new(), ..kept(0.0) }.passed());
    }

    #[test]
    fn an_empty_reading_fails() {
        let phantom = Phantom::new(&Parameters::default()).unwrap();
        let reading = Reading {
            report: crate::spine::Report {
                series: Vec::new(),
                segmented_series: None,
                refusal: None,
                curve: None,
                vertebrae: Vec::new(),
                levels: Vec::new(),
                lumbar: None,
                quality: Vec::new(),
                models: Vec::new(),
            },
            labels: None,
            pictures: Vec::new(),
        };
        assert!(!compare(&reading, &phantom.truth()).iter().all(Check::passed));
    }
}
