//! Numbers on `m/*`: `time` and numbers only, group, key, number, as thin-edge.io's measurements want them.

use serde_json::{Map, Value, json};

use crate::appliance::clock;
use crate::appliance::health::counters::{Counters, Histogram};
use crate::appliance::health::machine::{self, Machine};
use crate::appliance::health::slowing::{Gpu, Slowing};
use crate::appliance::journal::{LaneDepth, OutboxDepth, SendingsDepth};
use crate::appliance::shared::Shared;

/// Bytes of a KiB, as a divisor.
const KIB: f64 = 1024.0;

/// `m/system`: temperatures by the type of their zone, what slows the machine down, power mode, GPU, memory, disk, load, wear.
#[must_use]
pub fn system(shared: &Shared, machine: &Machine) -> Vec<u8> {
    let mut groups = Map::new();
    let zones = machine.zones();
    if !zones.is_empty() {
        let celsius = zones.into_iter().map(|(kind, zone)| (kind, json!(zone.celsius))).collect::<Map<_, _>>();
        groups.insert("temperature_celsius".to_owned(), celsius.into());
    }
    let memory = machine.memory();
    groups.insert(
        "memory".to_owned(),
        json!({
            "resident_mib": memory.resident_kib as f64 / KIB,
            "available_mib": memory.available_kib as f64 / KIB,
        }),
    );
    if let Ok(room) = machine::room(&shared.settings().storage.state_dir) {
        let mib = |bytes: u64| bytes as f64 / KIB / KIB;
        groups
            .insert("disk".to_owned(), json!({ "free_mib": mib(room.free_bytes), "total_mib": mib(room.total_bytes) }));
    }
    let mut cpu = Map::new();
    cpu.extend(machine.load().map(|load| ("load_1min".to_owned(), json!(load))));
    let slowing = machine.slowing();
    cpu.extend(slowing.count.map(|count| ("throttled_count".to_owned(), json!(count))));
    cpu.extend(machine.clock_limit_percent().map(|percent| ("clock_limit_percent".to_owned(), json!(percent))));
    groups.insert("cpu".to_owned(), cpu.into());
    groups.extend(slowed(&slowing));
    groups.extend(machine.power_mode().map(|mode| ("power".to_owned(), json!({ "mode": mode.number }))));
    groups.extend(machine.gpu().map(|gpu| ("gpu".to_owned(), gpu_numbers(gpu))));
    let wear = machine.wear_percent();
    if !wear.is_empty() {
        let wear: Map<String, Value> = wear.into_iter().map(|(disk, percent)| (disk, json!(percent))).collect();
        groups.insert("wear_percent".to_owned(), wear.into());
    }
    groups.insert("process".to_owned(), json!({ "uptime_s": shared.uptime().as_secs() }));
    timed(groups)
}

/// Whether anything slows the machine down, and what: the state of each cooling device, the bits of the firmware.
fn slowed(slowing: &Slowing) -> Vec<(String, Value)> {
    let mut throttling = Map::from_iter([("active".to_owned(), json!(u8::from(slowing.is_active())))]);
    throttling.extend(slowing.firmware.map(|bits| ("firmware_bits".to_owned(), json!(bits))));
    let cooling: Map<String, Value> =
        slowing.cooling.iter().map(|(kind, state)| (kind.clone(), json!(state))).collect();
    let groups = [("throttling".to_owned(), throttling), ("cooling_state".to_owned(), cooling)];
    // A group without a number is no measurement.
    groups
        .into_iter()
        .filter(|(_, numbers)| !numbers.is_empty())
        .map(|(name, numbers)| (name, numbers.into()))
        .collect()
}

fn gpu_numbers(gpu: Gpu) -> Value {
    let numbers = [("load_percent", gpu.load_percent), ("mhz", gpu.mhz), ("mhz_max", gpu.mhz_max)];
    numbers.into_iter().filter_map(|(key, number)| Some((key.to_owned(), json!(number?)))).collect::<Map<_, _>>().into()
}

/// `m/inference`: how many readings, and how long they took.
#[must_use]
pub fn inference(shared: &Shared) -> Vec<u8> {
    let (reading, _) = shared.counters.histograms();
    let mut groups = Map::new();
    groups.insert("reading".to_owned(), durations(&reading));
    groups.insert(
        "study".to_owned(),
        json!({
            "reports": Counters::so_far(&shared.counters.reports),
            "on_gpu": Counters::so_far(&shared.counters.on_gpu),
            "threads": shared.threads.get(),
            "failed_attempts": Counters::so_far(&shared.counters.failed_attempts),
        }),
    );
    timed(groups)
}

/// `m/queue`: depth and oldest age by lane, what the broker did with messages, and what waits for the archive where there is one.
#[must_use]
pub fn queue(shared: &Shared, outbox: &OutboxDepth, sendings: &SendingsDepth) -> Vec<u8> {
    let lane = |lane: &LaneDepth| {
        let mut numbers = Map::from_iter([("depth".to_owned(), json!(lane.waiting))]);
        // An age that the clock can't tell is left out rather than invented.
        numbers.extend(lane.oldest_at.and_then(clock::age_secs).map(|age| ("oldest_s".to_owned(), json!(age))));
        Value::Object(numbers)
    };
    let (_, acknowledged) = shared.counters.histograms();
    let mut groups = Map::new();
    groups.insert("live".to_owned(), lane(&outbox.live));
    groups.insert("backlog".to_owned(), lane(&outbox.backlog));
    groups.insert("set_aside".to_owned(), json!({ "depth": outbox.set_aside }));
    if shared.settings().pacs.is_some() {
        let waiting = LaneDepth { waiting: sendings.waiting, oldest_at: sendings.oldest_at };
        groups.insert("archive".to_owned(), lane(&waiting));
        groups.insert("archive_set_aside".to_owned(), json!({ "depth": sendings.set_aside }));
    }
    groups.insert("acknowledgement".to_owned(), durations(&acknowledged));
    groups.insert(
        "broker".to_owned(),
        json!({
            "delivered": Counters::so_far(&shared.counters.delivered),
            "refused": Counters::so_far(&shared.counters.refused),
            "connections": Counters::so_far(&shared.counters.connections),
        }),
    );
    timed(groups)
}

fn durations(histogram: &Histogram) -> Value {
    json!({
        "count": histogram.count,
        "last_ms": histogram.last_ms,
        "p50_ms": histogram.quantile_ms(0.5),
        "p99_ms": histogram.quantile_ms(0.99),
        "max_ms": histogram.max_ms,
    })
}

fn timed(mut groups: Map<String, Value>) -> Vec<u8> {
    groups.insert("time".to_owned(), Value::from(clock::now_rfc3339()));
    Value::Object(groups).to_string().into_bytes()
}
