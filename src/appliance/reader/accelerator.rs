//! What a child with a GPU needs beside what every child has: the driver's files, its libraries, and what they look up.
//!
//! Taken from what NVIDIA's container tools mount and from the driver's sources, not from a board. What is missing here
//! makes the self-test in the child fail, and readings go to the processor; nothing more.

use std::path::{Path, PathBuf};

use crate::inference::{Device, compiled_code_folder};

/// Where devices are.
const DEVICES: &str = "/dev";
/// How the names of a card's devices begin, and those of a Jetson up to JetPack 5.
const DEVICE_PREFIXES: [&str; 2] = ["nvidia", "nvhost-"];
/// Devices of a Jetson: memory, from JetPack 6 on the GPU itself, and what is waited for.
const DEVICE_NAMES: [&str; 3] = ["nvmap", "nvgpu", "host1x-fence"];
/// Most devices that are opened to a child.
const DEVICES_MAX: usize = 64;
/// Libraries, the toolkit's headers, and what tells driver and libraries which chip it is. No file of `/etc` but the
/// linker's list; of `/proc` nothing of other processes but what the service's own user may see.
const READABLE: [&str; 17] = [
    "/lib",
    "/usr/lib",
    "/usr/local/cuda",
    "/usr/local/cuda-12",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/nv_tegra_release",
    "/proc/driver/nvidia",
    "/proc/devices",
    "/proc/device-tree",
    "/proc/meminfo",
    "/proc/modules",
    "/proc/self",
    "/proc/sys/vm/mmap_min_addr",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices",
    "/sys/module",
];

/// What is read of libraries; nothing for the processor.
pub(super) fn libraries(device: Device) -> Vec<PathBuf> {
    match device {
        Device::Cpu => Vec::new(),
        Device::Cuda => {
            let toolkit = std::env::var_os("CUDA_HOME").map(PathBuf::from);
            READABLE.iter().map(PathBuf::from).chain(compiled_code_folder()).chain(toolkit).collect()
        }
    }
}

/// The driver's files; none for the processor.
pub(super) fn devices(device: Device) -> Vec<PathBuf> {
    match device {
        Device::Cpu => Vec::new(),
        Device::Cuda => devices_in(Path::new(DEVICES)),
    }
}

fn devices_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(listing) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_ours =
        |name: &str| DEVICE_NAMES.contains(&name) || DEVICE_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let named = listing.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_ours));
    named.map(|entry| entry.path()).take(DEVICES_MAX).collect()
}

/// The folder into which a self-test has the GPU's code compiled, made where it is missing: the one child that no study is
/// given to is the one that may write what the others run. `None` where nobody says where, or for the processor.
pub(super) fn compiled_code(device: Device) -> Option<PathBuf> {
    let folder = (device == Device::Cuda).then(compiled_code_folder)??;
    match std::fs::create_dir_all(&folder) {
        Ok(()) => Some(folder),
        Err(error) => {
            log::warn!("{} can't be made, the GPU's code is not kept: {error}", folder.display());
            None
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_child_on_the_processor_gets_nothing_of_it() {
        assert_eq!((libraries(Device::Cpu), devices(Device::Cpu)), (Vec::new(), Vec::new()));
        assert_eq!(compiled_code(Device::Cpu), None);
    }

    #[test]
    fn only_the_drivers_devices_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["nvidiactl", "nvidia0", "nvidia-uvm", "nvhost-gpu", "nvmap", "nvme0", "nvram", "sda", "mem"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        std::fs::create_dir(dir.path().join("nvgpu")).unwrap();
        let mut found: Vec<String> =
            devices_in(dir.path()).iter().filter_map(|p| Some(p.file_name()?.to_str()?.to_owned())).collect();
        found.sort();
        assert_eq!(found, ["nvgpu", "nvhost-gpu", "nvidia-uvm", "nvidia0", "nvidiactl", "nvmap"]);
    }
}
