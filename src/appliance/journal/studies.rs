//! Studies with their attempts and revisions, and the commit of a report.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Journal, JournalError, OutboxMessage, outbox};
use crate::appliance::clock;

/// Where a study stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StudyState {
    /// Files are coming in.
    Arriving,
    /// An attempt at reading it has begun.
    Claimed,
    /// The last attempt failed, and another is allowed.
    Failed,
    /// Read, and its report committed.
    Done,
    /// Its attempts are used up; it waits for a person or for new files.
    Quarantined,
    /// A person said that it is not to be read; new files open it again.
    Discarded,
}

impl StudyState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Arriving, Self::Claimed, Self::Failed, Self::Done, Self::Quarantined, Self::Discarded];

    /// The name in the journal and on `e/study`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arriving => "arriving",
            Self::Claimed => "claimed",
            Self::Failed => "failed",
            Self::Done => "done",
            Self::Quarantined => "quarantined",
            Self::Discarded => "discarded",
        }
    }

    pub(super) fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|s| s.name() == name).unwrap_or(Self::Arriving)
    }
}

/// One study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyRow {
    /// Keyed hash of its UID.
    pub study_key: String,
    /// Where it stands.
    pub state: StudyState,
    /// Attempts at the present input, the running one included.
    pub attempts: u32,
    /// Reports committed so far.
    pub revision: u32,
    /// Keyed hash of the instances and digests last claimed.
    pub input_key: Option<String>,
    /// Why it failed or is quarantined.
    pub reason: Option<String>,
}

/// What came of asking for an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Go on: this is attempt number `attempt`, counted and durable.
    Attempt {
        /// 1 for the first.
        attempt: u32,
    },
    /// The attempts are used up; the study is quarantined now.
    Quarantined,
    /// A report for exactly this input is committed already.
    AlreadyDone,
}

impl Journal {
    /// The study as it is known.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn study(&self, study_key: &str) -> Result<Option<StudyRow>, JournalError> {
        let study_key = study_key.to_owned();
        self.call(move |connection| Ok(select(connection, &study_key)?))
    }

    /// Keys of the studies that are neither read nor quarantined.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn open_studies(&self) -> Result<Vec<String>, JournalError> {
        self.call(|connection| {
            let mut statement =
                connection.prepare("SELECT study_key FROM studies WHERE state IN ('arriving', 'claimed', 'failed')")?;
            let keys = statement.query_map([], |row| row.get(0))?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
    }

    /// Notes that files of a study came in; one that was read or quarantined opens again.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn study_arrives(&self, study_key: &str) -> Result<(), JournalError> {
        let study_key = study_key.to_owned();
        self.call(move |connection| Ok(arrives(connection, &study_key)?))
    }

    /// Counts an attempt at reading `study_key` from `input_key`, durably, before it begins.
    ///
    /// A new input starts its count afresh. `messages` makes what goes out with the claim from the attempt.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn claim(
        &self,
        study_key: &str,
        input_key: &str,
        max_attempts: u32,
        messages: impl Fn(u32) -> Vec<OutboxMessage> + Send + Sync + 'static,
    ) -> Result<Claim, JournalError> {
        let (study_key, input_key) = (study_key.to_owned(), input_key.to_owned());
        let mark = Arc::clone(&self.mark);
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            let known = select(&transaction, &study_key)?;
            let same = known.filter(|s| s.input_key.as_deref() == Some(&input_key));
            let claim = match same {
                Some(study) if study.attempts == 0 => Claim::AlreadyDone,
                Some(study) if study.attempts >= max_attempts => Claim::Quarantined,
                Some(study) => Claim::Attempt { attempt: study.attempts + 1 },
                None => Claim::Attempt { attempt: 1 },
            };
            match claim {
                Claim::Attempt { attempt } => {
                    transaction.execute(
                        "INSERT INTO studies (study_key, state, attempts, input_key, changed_at)
                         VALUES (?1, 'claimed', ?2, ?3, ?4)
                         ON CONFLICT (study_key) DO UPDATE SET state = 'claimed', attempts = ?2, input_key = ?3,
                         reason = NULL, changed_at = ?4",
                        params![study_key, attempt, input_key, clock::now_unix_secs()],
                    )?;
                    outbox::insert(&transaction, &mark, &messages(attempt))?;
                }
                Claim::Quarantined => set_state(&transaction, &study_key, StudyState::Quarantined)?,
                Claim::AlreadyDone => set_state(&transaction, &study_key, StudyState::Done)?,
            }
            transaction.commit()?;
            Ok(claim)
        })
    }

    /// Notes that the running attempt failed; the study is quarantined with the reason when it was the last
    /// one. One to which files came meanwhile stays `arriving`. `messages` makes what goes out from the state that follows.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn attempt_failed(
        &self,
        study_key: &str,
        reason: &str,
        max_attempts: u32,
        messages: impl Fn(StudyState) -> Vec<OutboxMessage> + Send + Sync + 'static,
    ) -> Result<StudyState, JournalError> {
        let (study_key, reason) = (study_key.to_owned(), reason.to_owned());
        let mark = Arc::clone(&self.mark);
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            let (state, attempts) = select(&transaction, &study_key)?
                .map_or((StudyState::Claimed, max_attempts), |study| (study.state, study.attempts));
            let state = match state {
                StudyState::Arriving => StudyState::Arriving,
                _ if attempts >= max_attempts => StudyState::Quarantined,
                _ => StudyState::Failed,
            };
            set_state(&transaction, &study_key, state)?;
            transaction.execute("UPDATE studies SET reason = ?2 WHERE study_key = ?1", params![study_key, reason])?;
            outbox::insert(&transaction, &mark, &messages(state))?;
            transaction.commit()?;
            Ok(state)
        })
    }

    /// Takes the running attempt back: it ended for a reason that is not the study's.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn attempt_withdrawn(&self, study_key: &str) -> Result<(), JournalError> {
        let study_key = study_key.to_owned();
        self.call(move |connection| {
            connection.execute(
                "UPDATE studies SET state = 'arriving', attempts = attempts - 1, input_key = CASE attempts WHEN 1 THEN NULL
                 ELSE input_key END WHERE study_key = ?1 AND attempts > 0",
                [&study_key],
            )?;
            Ok(())
        })
    }

    /// Takes back the attempts that were running when the appliance itself ended, up to `limit` of each study: a
    /// power cut says nothing about a study, unless it comes each time. How many.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn forgive_interrupted(&self, limit: u32) -> Result<usize, JournalError> {
        self.call(move |connection| {
            Ok(connection.execute(
                "UPDATE studies SET state = 'arriving', attempts = attempts - 1, interruptions = interruptions + 1,
                 input_key = CASE attempts WHEN 1 THEN NULL ELSE input_key END
                 WHERE state = 'claimed' AND attempts > 0 AND interruptions < ?1",
                [limit],
            )?)
        })
    }

    /// Gives a study its attempts back.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn retry_study(&self, study_key: &str) -> Result<(), JournalError> {
        let study_key = study_key.to_owned();
        self.call(move |connection| {
            connection.execute(
                "UPDATE studies SET state = 'arriving', attempts = 0, interruptions = 0, input_key = NULL, reason = NULL,
                 changed_at = ?2 WHERE study_key = ?1",
                params![study_key, clock::now_unix_secs()],
            )?;
            Ok(())
        })
    }

    /// Notes that a study is not to be read, with the message that says so.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn discard_study(&self, study_key: &str, message: OutboxMessage) -> Result<(), JournalError> {
        let (study_key, mark, messages) = (study_key.to_owned(), Arc::clone(&self.mark), [message]);
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            set_state(&transaction, &study_key, StudyState::Discarded)?;
            outbox::insert(&transaction, &mark, &messages)?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// The revision that the next report of a study will have.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn next_revision(&self, study_key: &str) -> Result<u32, JournalError> {
        Ok(self.study(study_key)?.map_or(1, |study| study.revision + 1))
    }
}

/// Its waiting begins afresh where it had ended.
pub(super) fn arrives(connection: &Connection, study_key: &str) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO studies (study_key, state, changed_at) VALUES (?1, 'arriving', ?2)
         ON CONFLICT (study_key) DO UPDATE SET state = 'arriving', changed_at = ?2,
         waited_secs = CASE WHEN state IN ('done', 'quarantined', 'discarded') THEN 0 ELSE waited_secs END,
         quiet_secs = 0
         WHERE state <> 'arriving'",
        params![study_key, clock::now_unix_secs()],
    )?;
    Ok(())
}

fn set_state(connection: &Connection, study_key: &str, state: StudyState) -> Result<(), JournalError> {
    connection.execute(
        "UPDATE studies SET state = ?2, changed_at = ?3 WHERE study_key = ?1",
        params![study_key, state.name(), clock::now_unix_secs()],
    )?;
    Ok(())
}

/// No attempts on a done study: that is how a claim of the same input is recognised. One to which files
/// came meanwhile stays open.
pub(super) fn done(connection: &Connection, study_key: &str) -> Result<(), JournalError> {
    connection.execute(
        "UPDATE studies SET state = CASE state WHEN 'arriving' THEN 'arriving' ELSE 'done' END, attempts = 0,
         interruptions = 0, reason = NULL, changed_at = ?2 WHERE study_key = ?1",
        params![study_key, clock::now_unix_secs()],
    )?;
    Ok(())
}

fn select(connection: &Connection, study_key: &str) -> rusqlite::Result<Option<StudyRow>> {
    connection
        .query_row(
            "SELECT study_key, state, attempts, revision, input_key, reason FROM studies WHERE study_key = ?1",
            [study_key],
            |row| {
                Ok(StudyRow {
                    study_key: row.get(0)?,
                    state: StudyState::from_name(&row.get::<_, String>(1)?),
                    attempts: row.get(2)?,
                    revision: row.get(3)?,
                    input_key: row.get(4)?,
                    reason: row.get(5)?,
                })
            },
        )
        .optional()
}
