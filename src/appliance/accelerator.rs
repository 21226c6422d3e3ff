//! Whether readings are made on the GPU.
//!
//! It has to earn that: its self-test passed with this very binary, model set and driver ([`super::fitness`]), and studies that
//! failed on it did not go through on the processor again and again. A study's first attempt is the GPU's, every later one the
//! processor's, so that a GPU which hangs or errs costs an attempt and never a study.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::alarms::{Alarm, Alarms, Severity};
use crate::inference::Device;

/// Studies in a row that may fail on the GPU and go through on the processor; with one more it is set aside.
pub const BLAMES_MAX: u32 = 2;

/// What is known of the GPU since the start.
#[derive(Debug, Default)]
pub struct Accelerator {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Whether an installation's readings may be made on it: by what it was made, and the judgement.
    verdict: Option<(String, bool)>,
    /// The study that failed on it last.
    suspect: Option<String>,
    /// Studies in a row that failed on it and went through on the processor.
    blames: u32,
}

impl Accelerator {
    /// Whether the installation `made_by` may read on it; `None` where nobody has judged yet.
    #[must_use]
    pub fn verdict(&self, made_by: &str) -> Option<bool> {
        let seen = self.lock();
        let verdict = seen.verdict.as_ref().filter(|(judged, _)| judged == made_by).map(|(_, fit)| *fit);
        verdict.map(|fit| fit && seen.blames <= BLAMES_MAX)
    }

    /// The installation `made_by` was tested, and nothing is held against it that was before; `problem` is what failed.
    pub fn judge(&self, made_by: String, problem: Option<&str>, alarms: &Alarms) {
        *self.lock() = Seen { verdict: Some((made_by, problem.is_none())), ..Seen::default() };
        let text = problem.map(|problem| format!("readings are made on the processor: {problem}"));
        alarms.set(Alarm::Accelerator, text.as_deref().map(|text| (Severity::Minor, text)));
    }

    /// A study failed on it.
    pub fn failed(&self, study_key: &str) {
        self.lock().suspect = Some(study_key.to_owned());
    }

    /// A study was read on `device`: on the GPU, which is in order then, or on the processor after it.
    pub fn read(&self, study_key: &str, device: Device, alarms: &Alarms) {
        let mut seen = self.lock();
        if device != Device::Cpu {
            (seen.suspect, seen.blames) = (None, 0);
            return;
        }
        if seen.suspect.as_deref() != Some(study_key) {
            return;
        }
        seen.suspect = None;
        seen.blames = seen.blames.saturating_add(1);
        let set_aside = seen.blames > BLAMES_MAX;
        drop(seen);
        if set_aside {
            let text = "readings are made on the processor until the next start or self-test: studies failed on the GPU and \
                        went through on the processor";
            alarms.raise(Alarm::Accelerator, Severity::Minor, text);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // What is guarded is whole at every moment.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The device of a study's `attempt` (1 for the first) of at most `attempts_max`, where the installation may read on `device`. The
/// last attempt is never the GPU's.
#[must_use]
pub fn of_attempt(device: Device, attempt: u32, attempts_max: u32) -> Device {
    if attempt == 1 && attempts_max > 1 { device } else { Device::Cpu }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_that_failed_on_the_gpu_goes_to_the_processor() {
        assert_eq!(of_attempt(Device::Cuda, 1, 3), Device::Cuda);
        assert_eq!(of_attempt(Device::Cuda, 2, 3), Device::Cpu);
        assert_eq!(of_attempt(Device::Cuda, 1, 1), Device::Cpu);
        assert_eq!(of_attempt(Device::Cpu, 1, 3), Device::Cpu);
    }

    #[test]
    fn a_gpu_that_is_to_blame_again_and_again_is_set_aside() {
        let (gpu, alarms) = (Accelerator::default(), Alarms::default());
        assert_eq!(gpu.verdict("a"), None);
        gpu.judge("a".to_owned(), None, &alarms);
        for study in ["1", "2"] {
            gpu.failed(study);
            gpu.read(study, Device::Cpu, &alarms);
        }
        assert_eq!((gpu.verdict("a"), gpu.verdict("b")), (Some(true), None));
        gpu.failed("3");
        // Another study on the processor says nothing of the GPU.
        gpu.read("4", Device::Cpu, &alarms);
        assert_eq!(gpu.verdict("a"), Some(true));
        gpu.failed("3");
        gpu.read("3", Device::Cpu, &alarms);
        assert_eq!(gpu.verdict("a"), Some(false));
        assert!(alarms.get(Alarm::Accelerator).0.is_some());
        gpu.judge("a".to_owned(), None, &alarms);
        assert_eq!((gpu.verdict("a"), alarms.get(Alarm::Accelerator).0), (Some(true), None));
    }

    #[test]
    fn one_success_clears_its_name() {
        let (gpu, alarms) = (Accelerator::default(), Alarms::default());
        gpu.judge("a".to_owned(), None, &alarms);
        for study in 0..20 {
            gpu.failed(&study.to_string());
            gpu.read(&study.to_string(), Device::Cpu, &alarms);
            gpu.read("between", Device::Cuda, &alarms);
        }
        assert_eq!(gpu.verdict("a"), Some(true));
    }
}
