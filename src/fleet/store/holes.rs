//! Which sequence numbers are missing for good.
//!
//! An appliance numbers its events in the order of its commits, sends them in two lanes and at least once, and lets a
//! study's newer state stand for older ones that were never sent (`superseded`). So a number is missing for good only
//! if all of this holds:
//!
//! 1. a later one was received, more than a grace time ago;
//! 2. after that the appliance said in `m/queue` that its backlog is empty;
//! 3. no message behind it stands for it. A message says how many it stands for and not which; the nearest missing ones
//!    before it are taken.
//!
//! Up to the last number for which 1 and 2 hold, its horizon, a device is settled: that is not looked at again, but for
//! gaps, which a late message still fills.

use super::Gap;

/// What [`decide`] is given, in the words of both databases: events older than $1 of devices whose backlog was empty after them.
pub(super) const HOLES: &str = "
WITH open AS (
    SELECT d.device, coalesce(d.settled_seq, min(m.seq)) AS begin_seq, max(m.seq) AS horizon_seq
    FROM devices d JOIN messages m ON m.device = d.device AND m.seq > coalesce(d.settled_seq, 0)
    WHERE m.received_ms <= $1 AND m.received_ms <= d.queue_empty_ms
    GROUP BY d.device, d.settled_seq
), placed AS (
    SELECT m.device, m.seq, m.superseded, o.begin_seq, o.horizon_seq,
        lead(m.seq) OVER (PARTITION BY m.device ORDER BY m.seq) AS next_seq
    FROM open o JOIN messages m ON m.device = o.device AND m.seq BETWEEN o.begin_seq AND o.horizon_seq
)
SELECT device, seq, superseded, next_seq, begin_seq, horizon_seq FROM placed
WHERE next_seq > seq + 1 OR superseded > 0 OR seq = horizon_seq
ORDER BY device, seq";

/// Each gap with an event that fills it after all.
pub(super) const FILLED: &str = "
SELECT g.device, g.first_seq, g.last_seq, g.decided_ms, m.seq
FROM gaps g JOIN messages m ON m.device = g.device AND m.seq BETWEEN g.first_seq AND g.last_seq
ORDER BY g.device, g.first_seq, m.seq";

/// A stored event behind which a number is missing, or that stands for others, or that is its device's horizon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Whose.
    pub device: Box<str>,
    /// Its number.
    pub seq: i64,
    /// How many earlier ones it stands for.
    pub superseded: i64,
    /// The next number that is stored, up to the horizon.
    pub next_seq: Option<i64>,
    /// The number from which on the device is looked at.
    pub begin_seq: i64,
    /// The number up to which it is decided.
    pub horizon_seq: i64,
}

/// What is decided: the horizon of each device, and its gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    /// By device, in order.
    pub horizons: Vec<(Box<str>, i64)>,
    /// Gaps below them.
    pub gaps: Vec<Gap>,
}

/// Decides at `now_ms` on `placed`, which is in order of device and number.
#[must_use]
pub fn decide(placed: &[Placed], now_ms: i64) -> Decided {
    let mut decided = Decided::default();
    for of_device in placed.chunk_by(|a, b| a.device == b.device) {
        let Some(first) = of_device.first() else { continue };
        decided.horizons.push((first.device.clone(), first.horizon_seq));
        decided.gaps.extend(missing(of_device).into_iter().map(|(first_seq, last_seq)| Gap {
            device: first.device.clone(),
            first_seq,
            last_seq,
            decided_ms: now_ms,
        }));
    }
    decided
}

/// Ranges of numbers for which no message stands.
fn missing(of_device: &[Placed]) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for one in of_device {
        // What the first stands for lies before all that is looked at.
        if one.seq > one.begin_seq {
            explain(&mut ranges, one.superseded);
        }
        if let Some(next) = one.next_seq.filter(|next| *next > one.seq + 1) {
            ranges.push((one.seq + 1, next - 1));
        }
    }
    ranges
}

/// Takes `count` numbers off the end of `ranges`.
fn explain(ranges: &mut Vec<(i64, i64)>, mut count: i64) {
    while count > 0
        && let Some((first, last)) = ranges.pop()
    {
        let length = last - first + 1;
        if length > count {
            ranges.push((first, last - count));
        }
        count -= length.min(count);
    }
}

/// What is left of `gap` once `seqs`, in order, have come after all.
#[must_use]
pub fn without(gap: &Gap, seqs: &[i64]) -> Vec<Gap> {
    let mut left = Vec::new();
    let mut first_seq = gap.first_seq;
    for seq in seqs {
        if *seq > first_seq {
            left.push(Gap { first_seq, last_seq: seq - 1, ..gap.clone() });
        }
        first_seq = first_seq.max(seq + 1);
    }
    if first_seq <= gap.last_seq {
        left.push(Gap { first_seq, ..gap.clone() });
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the store gives them: (number, stands for).
    fn placed(stored: &[(i64, i64)]) -> Vec<Placed> {
        let (begin_seq, horizon_seq) = (stored[0].0, stored[stored.len() - 1].0);
        let next = |n: usize| stored.get(n + 1).map(|(seq, _)| *seq);
        let one = |(n, (seq, superseded)): (usize, &(i64, i64))| Placed {
            device: "d".into(),
            seq: *seq,
            superseded: *superseded,
            next_seq: next(n),
            begin_seq,
            horizon_seq,
        };
        stored.iter().enumerate().map(one).collect()
    }

    fn gaps(stored: &[(i64, i64)]) -> Vec<(i64, i64)> {
        decide(&placed(stored), 0).gaps.into_iter().map(|gap| (gap.first_seq, gap.last_seq)).collect()
    }

    #[test]
    fn what_nothing_stands_for_is_missing() {
        assert_eq!(gaps(&[(1, 0), (2, 0), (5, 0), (7, 0)]), [(3, 4), (6, 6)]);
        assert_eq!(gaps(&[(1, 0), (2, 0), (3, 0)]), []);
        assert_eq!(gaps(&[(1, 0), (2, 0), (5, 2), (7, 0)]), [(6, 6)]);
        assert_eq!(gaps(&[(1, 0), (2, 0), (5, 0), (7, 2)]), [(3, 3)]);
        assert_eq!(gaps(&[(1, 0), (9, 100)]), []);
    }

    #[test]
    fn what_the_first_stands_for_lies_before_it() {
        assert_eq!(gaps(&[(4, 3), (6, 0)]), [(5, 5)]);
    }

    #[test]
    fn each_device_has_its_horizon() {
        let mut all = placed(&[(1, 0), (3, 0)]);
        all.extend(placed(&[(8, 0), (9, 0)]).into_iter().map(|one| Placed { device: "e".into(), ..one }));
        let decided = decide(&all, 7);
        assert_eq!(decided.horizons, [("d".into(), 3), ("e".into(), 9)]);
        assert_eq!(decided.gaps, [Gap { device: "d".into(), first_seq: 2, last_seq: 2, decided_ms: 7 }]);
    }

    #[test]
    fn a_gap_shrinks_and_disappears_as_it_is_filled() {
        let gap = Gap { device: "d".into(), first_seq: 3, last_seq: 7, decided_ms: 0 };
        let left = |seqs: &[i64]| -> Vec<(i64, i64)> {
            without(&gap, seqs).into_iter().map(|gap| (gap.first_seq, gap.last_seq)).collect()
        };
        assert_eq!(left(&[]), [(3, 7)]);
        assert_eq!(left(&[3]), [(4, 7)]);
        assert_eq!(left(&[5, 5]), [(3, 4), (6, 7)]);
        assert_eq!(left(&[3, 4, 5, 6, 7]), []);
    }
}
