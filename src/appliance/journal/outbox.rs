//! Messages that wait for the broker's acknowledgement.
//!
//! A row leaves only when the broker accepted it; one that the broker refused is set aside, with the
//! reason, so that the next goes on. Two lanes keep new results from waiting behind old ones.

use std::io::{self, Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::mark::SeqMark;
use super::{Journal, JournalError};
use crate::appliance::clock;

/// Largest payload that is ever unpacked, bytes.
const PAYLOAD_BYTES_MAX: u64 = 1 << 20;

/// Which queue a message stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Made while the broker could be reached, or since.
    Live,
    /// Left over from before the connection.
    Backlog,
}

impl Lane {
    /// `live` or `backlog`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Backlog => "backlog",
        }
    }
}

/// When a change must be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// On return.
    Now,
    /// With the next change that is: a power cut before that takes it back, the end of the process does not.
    WithTheNext,
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Topic below the root, such as `e/report`.
    pub topic: &'static str,
    /// The study that it is about.
    pub study_key: String,
    /// The report that it carries; its PUBACK makes the report a delivered one.
    pub report_id: Option<String>,
    /// The payload, but for what only delivery knows.
    pub payload: Vec<u8>,
    /// Whether it makes unsent messages of this topic and study needless: a state replaces an older one.
    pub replaces: bool,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its place in the order of commits.
    pub seq: i64,
    /// Topic below the root.
    pub topic: String,
    /// How often it was handed to a connection before.
    pub attempts: u32,
    /// Earlier messages of its study that it stands for, which will never be sent.
    pub superseded: u32,
    /// The payload, unpacked; empty where it rotted on the disk and can't be.
    pub payload: Vec<u8>,
}

/// A report whose message the broker accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its id.
    pub report_id: String,
    /// Name of its bundle's file.
    pub bundle: String,
}

/// Adds `messages` inside a transaction of the caller.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    mark: &SeqMark,
    messages: &[OutboxMessage],
) -> Result<(), JournalError> {
    for message in messages {
        let superseded = if message.replaces { supersede(transaction, message)? } else { 0 };
        let payload = deflated(&message.payload).map_err(|source| JournalError::Payload { seq: 0, source })?;
        let seq = transaction.query_row(
            "INSERT INTO outbox (topic, qos, lane, study_key, report_id, superseded, enqueued_at, payload)
             VALUES (?1, 1, 'live', ?2, ?3, ?4, ?5, ?6) RETURNING seq",
            params![message.topic, message.study_key, message.report_id, superseded, clock::now_unix_secs(), payload],
            |row| row.get(0),
        )?;
        mark.cover(seq).map_err(JournalError::Mark)?;
    }
    Ok(())
}

/// Takes out the unsent messages that `message` replaces; how many it stands for now.
fn supersede(transaction: &Transaction<'_>, message: &OutboxMessage) -> Result<u32, JournalError> {
    let mut statement = transaction.prepare_cached(
        "DELETE FROM outbox WHERE topic = ?1 AND study_key = ?2 AND attempts = 0 AND set_aside IS NULL
         RETURNING superseded",
    )?;
    let removed = statement.query_map(params![message.topic, message.study_key], |row| row.get::<_, u32>(0))?;
    removed.map(|count| Ok(count?.saturating_add(1))).sum()
}

impl Journal {
    /// Adds one message on its own.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn enqueue(&self, message: OutboxMessage) -> Result<(), JournalError> {
        let (mark, messages) = (Arc::clone(&self.mark), [message]);
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            insert(&transaction, &mark, &messages)?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// The next `limit` messages of a lane after `after_seq`, in order, those set aside left out.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn outbox_after(&self, lane: Lane, after_seq: i64, limit: usize) -> Result<Vec<OutboxRow>, JournalError> {
        self.call(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT seq, topic, attempts, superseded, payload FROM outbox
                 WHERE lane = ?1 AND seq > ?2 AND set_aside IS NULL ORDER BY seq LIMIT ?3",
            )?;
            let rows = statement.query_map(params![lane.name(), after_seq, limit as i64], unpacked)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The next `limit` messages after `after_seq`, in order, of both lanes and those set aside too.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn outbox_whole_after(&self, after_seq: i64, limit: usize) -> Result<Vec<OutboxRow>, JournalError> {
        self.call(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT seq, topic, attempts, superseded, payload FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let rows = statement.query_map(params![after_seq, limit as i64], unpacked)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Everything that waits now becomes backlog: called when a connection begins.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn outbox_to_backlog(&self) -> Result<(), JournalError> {
        self.call(|connection| one(connection.execute("UPDATE outbox SET lane = 'backlog' WHERE lane = 'live'", [])))
    }

    /// Notes that messages are about to be handed to a connection.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn outbox_attempted(&self, seqs: Vec<i64>) -> Result<(), JournalError> {
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            {
                let mut statement =
                    transaction.prepare_cached("UPDATE outbox SET attempts = attempts + 1 WHERE seq = ?1")?;
                for seq in &seqs {
                    statement.execute([seq])?;
                }
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// Removes messages that the broker accepted; the reports that are delivered by that.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn outbox_delivered(&self, seqs: Vec<i64>, durable: Durable) -> Result<Vec<Delivered>, JournalError> {
        self.call(move |connection| match durable {
            Durable::Now => take_out(connection, &seqs),
            Durable::WithTheNext => {
                connection.execute_batch("PRAGMA synchronous = NORMAL")?;
                let delivered = take_out(connection, &seqs);
                connection.execute_batch("PRAGMA synchronous = FULL")?;
                delivered
            }
        })
    }

    /// Sets a message aside that the broker refused, so that the next goes on.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn outbox_set_aside(&self, seq: i64, reason: &str) -> Result<(), JournalError> {
        let reason = reason.to_owned();
        self.call(move |connection| {
            one(connection.execute("UPDATE outbox SET set_aside = ?2 WHERE seq = ?1", params![seq, reason]))
        })
    }

    /// Puts messages that were set aside, those whose reason holds `word`, back into their lane: the broker may
    /// have been put right.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn outbox_put_back(&self, word: &str) -> Result<u64, JournalError> {
        let word = word.to_owned();
        self.call(move |connection| {
            let count = connection.execute(
                "UPDATE outbox SET set_aside = NULL, lane = 'backlog'
                 WHERE set_aside IS NOT NULL AND instr(set_aside, ?1) > 0",
                [&word],
            )?;
            Ok(count as u64)
        })
    }
}

fn unpacked(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    let packed: Vec<u8> = row.get("payload")?;
    Ok(OutboxRow {
        seq: row.get("seq")?,
        topic: row.get("topic")?,
        attempts: row.get("attempts")?,
        superseded: row.get("superseded")?,
        payload: inflated(&packed).unwrap_or_default(),
    })
}

fn take_out(connection: &mut Connection, seqs: &[i64]) -> Result<Vec<Delivered>, JournalError> {
    let transaction = connection.transaction()?;
    let mut delivered = Vec::new();
    {
        let mut remove = transaction.prepare_cached("DELETE FROM outbox WHERE seq = ?1 RETURNING report_id")?;
        let mut note =
            transaction.prepare_cached("UPDATE reports SET delivered = 1 WHERE report_id = ?1 RETURNING bundle")?;
        for seq in seqs {
            let report_id: Option<Option<String>> = remove.query_row([seq], |row| row.get(0)).optional()?;
            let Some(report_id) = report_id.flatten() else { continue };
            let bundle = note.query_row([&report_id], |row| row.get(0)).optional()?;
            delivered.extend(bundle.map(|bundle| Delivered { report_id, bundle }));
        }
    }
    transaction.commit()?;
    Ok(delivered)
}

fn one(result: rusqlite::Result<usize>) -> Result<(), JournalError> {
    result.map(|_| ()).map_err(JournalError::Sql)
}

/// `bytes`, deflated (RFC 1951).
pub(super) fn deflated(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// What [`deflated`] was given, up to [`PAYLOAD_BYTES_MAX`].
pub(super) fn inflated(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    DeflateDecoder::new(packed).take(PAYLOAD_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > PAYLOAD_BYTES_MAX {
        return Err(io::Error::other(format!("unpacks to more than {PAYLOAD_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}
