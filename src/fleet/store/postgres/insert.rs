//! What is written into PostgreSQL, many rows by one statement over arrays.

use std::collections::BTreeMap;

use postgres::Transaction;

use crate::fleet::store::{Batch, EventRow, Facts, Gap, NumbersRow, StoreError};

/// The devices of those events that were not there.
pub(super) fn events(
    transaction: &mut Transaction<'_>,
    events: &[&EventRow],
) -> Result<Vec<postgres::Row>, postgres::Error> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let texts = |of: fn(&EventRow) -> &str| -> Vec<&str> { events.iter().map(|row| of(row)).collect() };
    let numbers = |of: fn(&EventRow) -> i64| -> Vec<i64> { events.iter().map(|row| of(row)).collect() };
    transaction.query(
        "INSERT INTO messages (device, seq, msg_id, kind, superseded, made_ms, received_ms)
         SELECT * FROM unnest($1::text[], $2::int8[], $3::text[], $4::text[], $5::int8[], $6::int8[], $7::int8[])
         ON CONFLICT DO NOTHING RETURNING device",
        &[
            &texts(|row| &row.device),
            &numbers(|row| row.event.seq),
            &texts(|row| &row.event.msg_id),
            &texts(|row| row.event.kind),
            &numbers(|row| row.event.superseded),
            &numbers(|row| row.event.made_ms),
            &numbers(|row| row.received_ms),
        ],
    )
}

/// What reports say of grades.
pub(super) fn reports(transaction: &mut Transaction<'_>, events: &[&EventRow]) -> Result<(), StoreError> {
    let reported: Vec<_> = events.iter().filter_map(|row| Some((row, row.event.report.as_ref()?))).collect();
    if reported.is_empty() {
        return Ok(());
    }
    let grades = reported.iter().map(|(_, report)| json(&report.grades)).collect::<Result<Vec<_>, _>>()?;
    transaction.execute(
        "INSERT INTO reports (device, report_id, seq, models, grades, received_ms)
         SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::text[], $5::text[], $6::int8[])
         ON CONFLICT DO NOTHING",
        &[
            &reported.iter().map(|(row, _)| &*row.device).collect::<Vec<&str>>(),
            &reported.iter().map(|(_, report)| &*report.report_id).collect::<Vec<&str>>(),
            &reported.iter().map(|(row, _)| row.event.seq).collect::<Vec<i64>>(),
            &reported.iter().map(|(_, report)| report.models.as_str()).collect::<Vec<&str>>(),
            &grades,
            &reported.iter().map(|(row, _)| row.received_ms).collect::<Vec<i64>>(),
        ],
    )?;
    Ok(())
}

/// Devices that are new, and what is news of the others: a row is written only where it changes.
pub(super) fn devices(transaction: &mut Transaction<'_>, facts: &BTreeMap<&str, Facts>) -> Result<(), StoreError> {
    let devices: Vec<&str> = facts.keys().copied().collect();
    let first: Vec<i64> = facts.values().map(|f| f.first_ms).collect();
    transaction.execute(
        "INSERT INTO devices (device, first_ms) SELECT * FROM unnest($1::text[], $2::int8[]) ON CONFLICT DO NOTHING",
        &[&devices, &first],
    )?;
    let news: Vec<_> = facts.iter().filter(|(_, f)| f.is_news()).collect();
    if news.is_empty() {
        return Ok(());
    }
    transaction.execute(
        "UPDATE devices SET queue_empty_ms = greatest(devices.queue_empty_ms, f.empty_ms),
            repeats = devices.repeats + f.repeats, malformed = devices.malformed + f.malformed
         FROM unnest($1::text[], $2::int8[], $3::int8[], $4::int8[]) AS f (device, empty_ms, repeats, malformed)
         WHERE devices.device = f.device",
        &[
            &news.iter().map(|(device, _)| **device).collect::<Vec<&str>>(),
            &news.iter().map(|(_, f)| f.queue_empty_ms).collect::<Vec<i64>>(),
            &news.iter().map(|(_, f)| f.repeats).collect::<Vec<i64>>(),
            &news.iter().map(|(_, f)| f.malformed).collect::<Vec<i64>>(),
        ],
    )?;
    Ok(())
}

/// The last numbers, unless newer ones are there.
pub(super) fn numbers(transaction: &mut Transaction<'_>, batch: &Batch) -> Result<(), StoreError> {
    if batch.numbers.is_empty() {
        return Ok(());
    }
    let rows: Vec<&NumbersRow> = batch.numbers.values().collect();
    let bodies = rows.iter().map(|row| json(&row.numbers)).collect::<Result<Vec<_>, _>>()?;
    transaction.execute(
        "INSERT INTO numbers (device, kind, received_ms, body)
         SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::text[])
         ON CONFLICT (device, kind) DO UPDATE SET received_ms = excluded.received_ms, body = excluded.body
            WHERE numbers.received_ms <= excluded.received_ms",
        &[
            &rows.iter().map(|row| &*row.device).collect::<Vec<&str>>(),
            &rows.iter().map(|row| &*row.kind).collect::<Vec<&str>>(),
            &rows.iter().map(|row| row.received_ms).collect::<Vec<i64>>(),
            &bodies,
        ],
    )?;
    Ok(())
}

/// Gaps that are not there yet.
pub(super) fn gaps(transaction: &mut Transaction<'_>, gaps: &[Gap]) -> Result<(), postgres::Error> {
    if gaps.is_empty() {
        return Ok(());
    }
    transaction.execute(
        "INSERT INTO gaps (device, first_seq, last_seq, decided_ms)
         SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[], $4::int8[]) ON CONFLICT DO NOTHING",
        &[
            &gaps.iter().map(|gap| &*gap.device).collect::<Vec<&str>>(),
            &gaps.iter().map(|gap| gap.first_seq).collect::<Vec<i64>>(),
            &gaps.iter().map(|gap| gap.last_seq).collect::<Vec<i64>>(),
            &gaps.iter().map(|gap| gap.decided_ms).collect::<Vec<i64>>(),
        ],
    )?;
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Statement(error.to_string()))
}
