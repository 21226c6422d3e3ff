//! Messages that wait for the broker's acknowledgement.
//!
//! A row leaves only when the broker accepted it; one that the broker refused is set aside, with the
//! reason, so that the next goes on. Two lanes keep new results from waiting behind old ones.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rusqlite::{Connection, Transaction, params};

use super::{Journal, JournalError};

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

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Topic below the root, such as `e/report`.
    pub topic: &'static str,
    /// The study that it is about.
    pub study_key: String,
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
    /// The payload, unpacked.
    pub payload: Vec<u8>,
}

/// Adds `messages` inside a transaction of the caller.
pub(super) fn insert(transaction: &Transaction<'_>, messages: &[OutboxMessage]) -> Result<(), JournalError> {
    for message in messages {
        if message.replaces {
            transaction.execute(
                "DELETE FROM outbox WHERE topic = ?1 AND study_key = ?2 AND attempts = 0 AND set_aside IS NULL",
                params![message.topic, message.study_key],
            )?;
        }
        let payload = deflated(&message.payload).map_err(|source| JournalError::Payload { seq: 0, source })?;
        transaction.execute(
            "INSERT INTO outbox (topic, qos, lane, study_key, payload) VALUES (?1, 1, 'live', ?2, ?3)",
            params![message.topic, message.study_key, payload],
        )?;
    }
    Ok(())
}

impl Journal {
    /// Adds one message on its own.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn enqueue(&self, message: OutboxMessage) -> Result<(), JournalError> {
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            insert(&transaction, &[message])?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// The next `limit` messages of a lane after `after_seq`, in order, those set aside left out.
    ///
    /// # Errors
    /// As the journal gives them; a payload that can't be unpacked is [`JournalError::Payload`].
    pub fn outbox_after(&self, lane: Lane, after_seq: i64, limit: usize) -> Result<Vec<OutboxRow>, JournalError> {
        self.call(move |connection| {
            let mut statement = connection.prepare(
                "SELECT seq, topic, attempts, payload FROM outbox
                 WHERE lane = ?1 AND seq > ?2 AND set_aside IS NULL ORDER BY seq LIMIT ?3",
            )?;
            let rows = statement.query_map(params![lane.name(), after_seq, limit as i64], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?))
            })?;
            rows.map(|row| {
                let (seq, topic, attempts, packed) = row?;
                let payload = inflated(&packed).map_err(|source| JournalError::Payload { seq, source })?;
                Ok(OutboxRow { seq, topic, attempts, payload })
            })
            .collect()
        })
    }

    /// Everything that waits now becomes backlog: called when a connection begins.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn outbox_to_backlog(&self) -> Result<(), JournalError> {
        self.call(|connection| one(connection.execute("UPDATE outbox SET lane = 'backlog'", [])))
    }

    /// Notes that a message is handed to a connection.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn outbox_attempted(&self, seq: i64) -> Result<(), JournalError> {
        self.call(move |connection| {
            one(connection.execute("UPDATE outbox SET attempts = attempts + 1 WHERE seq = ?1", [seq]))
        })
    }

    /// Removes a message that the broker accepted.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn outbox_delivered(&self, seq: i64) -> Result<(), JournalError> {
        self.call(move |connection| one(connection.execute("DELETE FROM outbox WHERE seq = ?1", [seq])))
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

    /// Messages that wait, and messages that were set aside.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn outbox_depth(&self) -> Result<(u64, u64), JournalError> {
        self.call(|connection| {
            let count = |connection: &Connection, sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
            let waiting = count(connection, "SELECT count(*) FROM outbox WHERE set_aside IS NULL")?;
            let aside = count(connection, "SELECT count(*) FROM outbox WHERE set_aside IS NOT NULL")?;
            Ok((waiting.cast_unsigned(), aside.cast_unsigned()))
        })
    }
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
