//! What a board says of its heat, its power mode and its GPU is told as numbers; what it does not say costs nothing.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod wire;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use deepspine::appliance::health::heat::Heat;
use deepspine::appliance::health::machine::Machine;
use deepspine::appliance::mqtt::numbers;
use deepspine::appliance::shared::Shared;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The files of a board, each with its path and its first line.
fn board(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for (path, line) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("the test's folder can be written");
        fs::write(path, format!("{line}\n")).expect("the test's folder can be written");
    }
    root
}

/// A thermal zone or cooling device and the files in it.
fn thermal(files: &mut Vec<(String, String)>, name: &str, kind: &str, rest: &[(&str, &str)]) {
    files.push((format!("sys/class/thermal/{name}/type"), kind.to_owned()));
    files.extend(rest.iter().map(|(file, line)| (format!("sys/class/thermal/{name}/{file}"), (*line).to_owned())));
}

fn board_of(files: &[(String, String)]) -> TempDir {
    board(&files.iter().map(|(path, line)| (path.as_str(), line.as_str())).collect::<Vec<_>>())
}

/// What is told of the board on `m/system`.
fn told(root: &Path) -> Value {
    let dir = tempfile::tempdir().expect("a folder");
    let shared = Shared::new(wire::settings(dir.path(), &[]), Duration::from_secs(1));
    let payload = numbers::system(&shared, &Machine::below(root));
    let schema = include_str!("../schemas/measurement-1.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).expect("it is JSON")).expect("it is a schema");
    let message: Value = serde_json::from_slice(&payload).expect("a payload is JSON");
    assert!(schema.is_valid(&message), "{message:#}");
    message
}

/// An Orin Nano with JetPack 6 whose processor is being throttled.
fn orin_nano() -> TempDir {
    let mut files = Vec::new();
    let trips = [
        ("trip_point_0_type", "passive"),
        ("trip_point_0_temp", "99000"),
        ("trip_point_1_type", "critical"),
        ("trip_point_1_temp", "104500"),
    ];
    for (n, (kind, temp)) in
        [("cpu-thermal", "95250"), ("gpu-thermal", "90000"), ("soc0-thermal", "88500"), ("tj-thermal", "95250")]
            .iter()
            .enumerate()
    {
        thermal(&mut files, &format!("thermal_zone{n}"), kind, &[&trips[..], &[("temp", temp)]].concat());
    }
    for (n, (kind, state)) in [
        ("cpufreq-cpu0", "0"),
        ("cpufreq-cpu4", "6"),
        ("pwm-fan", "3"),
        ("cpu-throttle-alert", "1"),
        ("gpu-throttle-alert", "0"),
        ("devfreq-17000000.gpu", "0"),
    ]
    .iter()
    .enumerate()
    {
        thermal(&mut files, &format!("cooling_device{n}"), kind, &[("cur_state", state)]);
    }
    let gpu = "sys/devices/platform/bus@0/17000000.gpu";
    for (path, line) in [
        (format!("{gpu}/load"), "634"),
        (format!("{gpu}/of_node/name"), "gpu\0"),
        (format!("{gpu}/devfreq/17000000.gpu/cur_freq"), "306000000"),
        (format!("{gpu}/devfreq/17000000.gpu/max_freq"), "624750000"),
        ("sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq".to_owned(), "1510400"),
        ("sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq".to_owned(), "1510400"),
        ("sys/devices/system/cpu/cpufreq/policy4/cpuinfo_max_freq".to_owned(), "1510400"),
        ("sys/devices/system/cpu/cpufreq/policy4/scaling_max_freq".to_owned(), "755200"),
        ("var/lib/nvpmodel/status".to_owned(), "pmode:0001"),
    ] {
        files.push((path, line.to_owned()));
    }
    let names = "# modes\n< POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=1 NAME=7W >\n< PM_CONFIG DEFAULT=0 >";
    files.push(("etc/nvpmodel.conf".to_owned(), names.to_owned()));
    let root = board_of(&files);
    // As the kernel links them.
    fs::create_dir_all(root.path().join("sys/class/devfreq")).expect("the test's folder can be written");
    let device = root.path().join(gpu);
    symlink(device.join("devfreq/17000000.gpu"), root.path().join("sys/class/devfreq/17000000.gpu")).expect("a link");
    symlink(&device, device.join("devfreq/17000000.gpu/device")).expect("a link");
    root
}

#[test]
fn a_jetson_tells_its_heat_its_throttling_its_power_mode_and_its_gpu() {
    let root = orin_nano();
    let message = told(root.path());
    assert_eq!(message["temperature_celsius"]["tj-thermal"], 95.25);
    assert_eq!(message["throttling"], json!({ "active": 1 }));
    let cooling = json!({ "cpufreq-cpu0": 0, "cpufreq-cpu4": 6, "cpu-throttle-alert": 1, "gpu-throttle-alert": 0, "devfreq-17000000_gpu": 0 });
    assert_eq!(message["cooling_state"], cooling, "a fan slows nothing down");
    assert_eq!(message["cpu"]["clock_limit_percent"], 50.0);
    assert_eq!(message["power"], json!({ "mode": 1 }));
    assert_eq!(message["gpu"], json!({ "load_percent": 63.4, "mhz": 306.0, "mhz_max": 624.75 }));
    let machine = Machine::below(root.path());
    assert_eq!(machine.power_mode().and_then(|mode| mode.name).as_deref(), Some("7W"));
    assert_eq!(Heat::of(&machine.zones()), Heat::Hot);
}

#[test]
fn a_raspberry_pi_tells_what_its_firmware_says() {
    let pi = |bits: &str, temp: &str| {
        let mut files = vec![("sys/devices/platform/soc/soc:firmware/get_throttled".to_owned(), bits.to_owned())];
        let trips = [
            ("trip_point_0_type", "critical"),
            ("trip_point_0_temp", "110000"),
            ("trip_point_1_type", "active"),
            ("trip_point_1_temp", "50000"),
        ];
        thermal(&mut files, "thermal_zone0", "cpu-thermal", &[&trips[..], &[("temp", temp)]].concat());
        thermal(&mut files, "cooling_device0", "pwm-fan", &[("cur_state", "4")]);
        board_of(&files)
    };
    let tired = pi("50005", "76850");
    let message = told(tired.path());
    assert_eq!(message["throttling"], json!({ "active": 1, "firmware_bits": 0x50005 }));
    for group in ["cooling_state", "gpu", "power"] {
        assert!(message.get(group).is_none(), "{group}");
    }
    let machine = Machine::below(tired.path());
    assert!(machine.slowing().lacks_power());
    assert_eq!(Heat::of(&machine.zones()), Heat::Warm);
    let rested = pi("50000", "51000");
    assert_eq!(told(rested.path())["throttling"]["active"], 0, "what happened before is over");
    assert_eq!(Heat::of(&Machine::below(rested.path()).zones()), Heat::Cool);
}

#[test]
fn a_pc_tells_its_counts_and_what_is_off_is_off() {
    let mut files = vec![
        ("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count".to_owned(), "17".to_owned()),
        ("sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq".to_owned(), "4500000".to_owned()),
        ("sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq".to_owned(), "4500000".to_owned()),
    ];
    // A trip point that nobody set is zero.
    let unset = [("temp", "62000"), ("trip_point_0_type", "passive"), ("trip_point_0_temp", "0")];
    thermal(&mut files, "thermal_zone0", "acpitz", &[("temp", "27800")]);
    thermal(&mut files, "thermal_zone1", "x86_pkg_temp", &unset);
    for (n, (kind, state)) in
        [("Processor", "0"), ("Processor", "0"), ("intel_powerclamp", "-1"), ("TCC Offset", "10")].iter().enumerate()
    {
        thermal(&mut files, &format!("cooling_device{n}"), kind, &[("cur_state", state)]);
    }
    let root = board_of(&files);
    let message = told(root.path());
    assert_eq!(message["throttling"], json!({ "active": 0 }));
    assert_eq!(message["cooling_state"], json!({ "Processor": 0, "intel_powerclamp": 0 }));
    assert_eq!(message["cpu"], json!({ "throttled_count": 17, "clock_limit_percent": 100.0 }));
    assert_eq!(Heat::of(&Machine::below(root.path()).zones()), Heat::Cool);
}

#[test]
fn a_machine_that_says_nothing_is_told_without_it() {
    let message = told(board(&[]).path());
    assert_eq!(message["throttling"], json!({ "active": 0 }));
    for group in ["temperature_celsius", "cooling_state", "power", "gpu", "wear_percent"] {
        assert!(message.get(group).is_none(), "{group}");
    }
}
