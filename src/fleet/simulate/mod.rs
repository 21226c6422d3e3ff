//! A load of appliances that do not exist, with faults, for whoever sizes a broker, a database or a collector.
//!
//! A few connections speak for many appliances each; only those that are to die have one of their own, because a will
//! belongs to a connection. What was published is counted, so that it can be held against what was received.

mod device;
mod fault;
mod tally;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::wire::Root;
use crate::appliance::config::Broker;
use crate::appliance::mqtt::talker::Talker;
use device::Device;
pub use fault::Fault;
use fault::{Chance, assigned};
pub use tally::{TalliedGap, Tally};

/// Most simulated appliances.
pub const APPLIANCES_MAX: usize = 100_000;
/// Connections that speak for all but the dying.
const CONNECTIONS: usize = 8;
/// How long a connection, and the last acknowledgement, may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Between the last events and the word that nothing waits any more.
const FAREWELL: Duration = Duration::from_secs(2);

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where they publish.
    pub broker: Broker,
    /// Below which topics.
    pub root: Root,
    /// How many.
    pub appliances: usize,
    /// Events of each in a second.
    pub rate_hz: f64,
    /// For how long.
    pub duration: Duration,
    /// How often each says how it is, and its numbers.
    pub interval: Duration,
    /// Where chance begins.
    pub seed: u64,
    /// What goes wrong; each fault with one appliance in fifty, and at least one.
    pub faults: Vec<Fault>,
}

/// Publishes until the plan's end or until `stop` is set; what was published.
///
/// # Errors
/// What the broker said.
pub fn run(plan: &Plan, stop: &Arc<AtomicBool>) -> Result<Tally, String> {
    let faults = assigned(plan.appliances, &plan.faults, &mut Chance::new(plan.seed, 0));
    let devices: Vec<Device> =
        faults.into_iter().enumerate().map(|(number, fault)| Device::new(plan, number, fault)).collect();
    let (dying, living): (Vec<Device>, Vec<Device>) = devices.into_iter().partition(Device::dies);
    let mut groups: Vec<Vec<Device>> = (0..CONNECTIONS.min(living.len())).map(|_| Vec::new()).collect();
    let connections = groups.len().max(1);
    for (n, device) in living.into_iter().enumerate() {
        if let Some(group) = groups.get_mut(n % connections) {
            group.push(device);
        }
    }
    groups.extend(dying.into_iter().map(|device| vec![device]));
    let tally = Mutex::new(Tally::default());
    let problems: Vec<String> = std::thread::scope(|scope| {
        let work = |(number, group): (usize, Vec<Device>)| {
            let tally = &tally;
            scope.spawn(move || speak(plan, number, group, stop, tally))
        };
        let threads: Vec<_> = groups.into_iter().enumerate().map(work).collect();
        let ended = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a thread died".to_owned())));
        ended.filter_map(Result::err).collect()
    });
    match problems.into_iter().next() {
        Some(problem) => Err(problem),
        None => Ok(tally.into_inner().unwrap_or_else(PoisonError::into_inner).in_order()),
    }
}

/// One connection speaks for `devices`, each at its own moment of every period.
fn speak(
    plan: &Plan,
    number: usize,
    mut devices: Vec<Device>,
    stop: &AtomicBool,
    tally: &Mutex<Tally>,
) -> Result<(), String> {
    let dies = devices.iter().any(Device::dies);
    let will = devices.first().filter(|_| dies).map(|device| device.will(&plan.root));
    let client_id = format!("simulate-{}-{number}", std::process::id());
    let mut talker = Talker::connect(&plan.broker, &client_id, will, DEADLINE)?;
    let mut told = Tally::default();
    for device in &mut devices {
        device.is_born(&mut talker, &mut told)?;
    }
    let begun = Instant::now();
    let period = Duration::from_secs_f64(1.0 / plan.rate_hz);
    let rounds = (plan.duration.as_secs_f64() * plan.rate_hz).ceil() as u32;
    // Who dies does so after half of the time, when it is known.
    let rounds = if dies { rounds.div_ceil(2) } else { rounds };
    let count = u32::try_from(devices.len()).unwrap_or(u32::MAX).max(1);
    for round in 0..rounds {
        for (place, device) in (0_u32..).zip(&mut devices) {
            wait_until(begun + period * round + period * place / count, stop);
            if stop.load(Ordering::Acquire) {
                break;
            }
            device.speaks(&mut talker, &mut told, begun.elapsed())?;
        }
    }
    for device in &mut devices {
        device.settles(&mut talker, &mut told)?;
    }
    talker.settle(DEADLINE)?;
    if dies {
        talker.die();
    } else {
        // Numbers may overtake events at a collector; these come behind all of them.
        wait_until(Instant::now() + FAREWELL, stop);
        devices.iter_mut().try_for_each(|device| device.numbers(&mut talker, &mut told))?;
        talker.settle(DEADLINE)?;
    }
    tally.lock().unwrap_or_else(PoisonError::into_inner).add(told);
    Ok(())
}

/// Who is late does not wait.
fn wait_until(moment: Instant, stop: &AtomicBool) {
    const LOOK_PERIOD: Duration = Duration::from_millis(100);
    while !stop.load(Ordering::Acquire) {
        let left = moment.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(LOOK_PERIOD));
    }
}

/// Takes back all that the plan's appliances left with the broker.
///
/// # Errors
/// What the broker said.
pub fn clear(plan: &Plan) -> Result<(), String> {
    let mut talker = Talker::connect(&plan.broker, &format!("simulate-{}-clear", std::process::id()), None, DEADLINE)?;
    for number in 0..plan.appliances {
        for suffix in device::RETAINED {
            talker.say(&plan.root.topic(&device::name(number), suffix), true, true, Vec::new())?;
        }
    }
    talker.settle(DEADLINE).map(|_| ())
}
