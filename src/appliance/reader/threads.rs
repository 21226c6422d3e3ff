//! How many threads a reading takes: as many as cores, as the memory allows, and as the heat leaves.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use crate::appliance::health::heat::Heat;
use crate::inference::Device;

/// Memory of a reading for each of its threads, MiB, where it chooses their number. Each takes some 25 MiB for
/// a slice of 512 x 512 at work, beside what the study takes whatever their number: 16 in 512 MiB ran out.
const MEMORY_MIB_A_THREAD: u64 = 64;
/// Threads of a reading with a GPU: one prepares a slice while the other's is computed. Each takes a stream of its own and its
/// libraries' handles, in memory that a small board shares with the processor.
const WITH_A_GPU_MAX: usize = 2;

/// What the number depends on.
#[derive(Debug, Clone, Copy)]
pub struct Given {
    /// What the configuration asks for; 0 leaves it to the rest.
    pub asked: usize,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory of the reading, MiB.
    pub memory_mib: u64,
    /// How hot the processor is.
    pub heat: Heat,
    /// What the networks run on.
    pub device: Device,
}

/// The number of threads. Whoever asks for a number gets it, hot or not, but with a GPU.
#[must_use]
pub fn threads(given: Given) -> NonZeroUsize {
    let by_memory = usize::try_from(given.memory_mib / MEMORY_MIB_A_THREAD).unwrap_or(usize::MAX);
    let free = given.heat.leaves(given.cores.min(by_memory).max(1));
    let threads = if given.asked > 0 { given.asked } else { free };
    let threads = if given.device == Device::Cpu { threads } else { threads.min(WITH_A_GPU_MAX) };
    NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN)
}

/// Cores that this process may use: the standard library asks for the affinity and for the control groups' quota.
#[must_use]
pub fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// The number that was chosen last.
#[derive(Debug, Default)]
pub struct LastChoice(AtomicUsize);

impl LastChoice {
    /// Chooses anew, and says so where it is another number than before.
    pub fn choose(&self, given: Given) -> usize {
        let chosen = threads(given).get();
        if self.0.swap(chosen, Ordering::Relaxed) != chosen {
            let (cores, heat, device) = (given.cores, given.heat.name(), given.device);
            log::info!(
                "readings take {chosen} threads: {cores} cores, the processor is {heat}, the networks run on {device}"
            );
        }
        chosen
    }

    /// The last one; 0 before the first.
    #[must_use]
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_follow_cores_memory_heat_and_device_where_nobody_asks_for_a_number() {
        use Device::{Cpu, Cuda};
        use Heat::{Cool, Hot, Warm};
        for (asked, cores, memory_mib, heat, device, expected) in [
            (0, 6, 512, Cool, Cpu, 6),
            (0, 16, 512, Cool, Cpu, 8),
            (0, 4, 1, Cool, Cpu, 1),
            (0, 4, u64::MAX, Cool, Cpu, 4),
            (0, 6, 512, Warm, Cpu, 3),
            (0, 6, 512, Hot, Cpu, 1),
            // Memory counts before heat does.
            (0, 16, 256, Warm, Cpu, 2),
            (3, 6, 64, Hot, Cpu, 3),
            (0, 6, 512, Cool, Cuda, 2),
            (0, 6, 512, Hot, Cuda, 1),
            (16, 6, 512, Cool, Cuda, 2),
        ] {
            let given = Given { asked, cores, memory_mib, heat, device };
            assert_eq!(threads(given).get(), expected, "{given:?}");
        }
    }

    #[test]
    fn the_last_choice_is_remembered() {
        let last = LastChoice::default();
        let given = |heat| Given { asked: 0, cores: 4, memory_mib: 512, heat, device: Device::Cpu };
        assert_eq!((last.get(), last.choose(given(Heat::Cool)), last.get()), (0, 4, 4));
        assert_eq!((last.choose(given(Heat::Hot)), last.get()), (1, 1));
    }
}
