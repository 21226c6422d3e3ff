//! Rows that are counted as attempted and wait here for room on the connection.
//!
//! A row is counted before it is handed over, durably; counting many at a time makes that one transaction for
//! all of them, where the window alone would make it one for every few. After a lost connection those that
//! were not handed over say, like those that were, that they may have come before.

use std::collections::VecDeque;

use crate::appliance::journal::{Lane, OutboxRow};

/// Most rows of a lane that wait here.
pub const AHEAD_MAX: usize = 64;

/// The rows of both lanes, in their order.
#[derive(Debug, Default)]
pub struct Ahead {
    live: VecDeque<OutboxRow>,
    backlog: VecDeque<OutboxRow>,
    /// Where each lane is fetched on: the last row that was.
    live_after: i64,
    backlog_after: i64,
}

impl Ahead {
    /// The rows of `lane`.
    pub fn lane(&mut self, lane: Lane) -> &mut VecDeque<OutboxRow> {
        match lane {
            Lane::Live => &mut self.live,
            Lane::Backlog => &mut self.backlog,
        }
    }

    /// Behind which row `lane` is fetched on.
    #[must_use]
    pub fn after(&self, lane: Lane) -> i64 {
        match lane {
            Lane::Live => self.live_after,
            Lane::Backlog => self.backlog_after,
        }
    }

    /// Takes up rows that were fetched and counted.
    pub fn take_up(&mut self, lane: Lane, rows: Vec<OutboxRow>) {
        if let Some(last) = rows.last() {
            match lane {
                Lane::Live => self.live_after = last.seq,
                Lane::Backlog => self.backlog_after = last.seq,
            }
        }
        self.lane(lane).extend(rows);
    }

    /// Rows that were set aside may stand in the backlog before what was fetched already.
    pub fn fetch_backlog_from_the_start(&mut self) {
        self.backlog_after = 0;
    }

    /// Whether more are about to be handed over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.backlog.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(seqs: &[i64]) -> Vec<OutboxRow> {
        let row = |seq: &i64| OutboxRow {
            seq: *seq,
            topic: "e/report".to_owned(),
            attempts: 0,
            superseded: 0,
            payload: Vec::new(),
        };
        seqs.iter().map(row).collect()
    }

    #[test]
    fn each_lane_goes_on_behind_what_was_fetched_until_rows_are_put_back() {
        let mut ahead = Ahead::default();
        ahead.take_up(Lane::Backlog, rows(&[3, 5]));
        ahead.take_up(Lane::Live, rows(&[9]));
        assert_eq!((ahead.after(Lane::Live), ahead.after(Lane::Backlog)), (9, 5));
        ahead.take_up(Lane::Live, Vec::new());
        assert_eq!(ahead.after(Lane::Live), 9, "nothing fetched moves nothing");
        ahead.fetch_backlog_from_the_start();
        assert_eq!((ahead.after(Lane::Live), ahead.after(Lane::Backlog)), (9, 0));
        assert_eq!(ahead.lane(Lane::Backlog).pop_front().map(|row| row.seq), Some(3));
        assert!(!ahead.is_empty());
    }
}
