//! Findings to what is kept, published and shown.

use super::scene::Scene;
use criterion::Criterion;
use deepspine::appliance::journal::{Journal, NewReport, OutboxMessage};
use deepspine::export::{Bundle, label_maps, overlay};
use std::error::Error;
use std::hint::black_box;
use std::io::sink;

/// All benches of results.
pub(crate) fn benches(c: &mut Criterion) {
    let scene = Scene::get();
    let bundle = &scene.bundle;
    c.bench_function("results/report as JSON", |b| b.iter(|| serde_json::to_vec(&black_box(bundle).report)));
    if let Some(display) = &bundle.display {
        c.bench_function("results/overlay picture", |b| b.iter(|| overlay::write(bundle, display, &mut sink())));
    }
    if let Some(block) = &bundle.segmented {
        c.bench_function("results/label map", |b| {
            b.iter(|| label_maps::write(label_maps::LabelMap::Instances, block, &mut sink()));
        });
    }
    let Ok(folder) = tempfile::tempdir() else { return };
    c.bench_function("results/bundle to disk, durable", |b| b.iter(|| bundle.write_atomically(folder.path())));
    if let Ok(path) = bundle.write_atomically(folder.path()) {
        c.bench_function("results/bundle from disk", |b| b.iter(|| Bundle::read(black_box(&path))));
    }
    let Ok(payload) = serde_json::to_vec(&bundle.report) else { return };
    let Ok(journal) = Journal::open(folder.path()) else { return };
    let mut number = 0_u64;
    c.bench_function("results/report and message into the journal, durable", |b| {
        b.iter(|| {
            number += 1;
            committed(&journal, number, payload.clone())
        });
    });
}

/// A report of a study of its own: deflated, an outbox row, one transaction.
fn committed(journal: &Journal, number: u64, payload: Vec<u8>) -> Result<(), Box<dyn Error>> {
    let (study_key, report_id) = (format!("{number:032x}"), format!("{:032x}", !u128::from(number)));
    journal.study_arrives(&study_key)?;
    let message = OutboxMessage {
        topic: "e/report",
        study_key: study_key.clone(),
        report_id: Some(report_id.clone()),
        payload,
        replaces: false,
    };
    let report = NewReport {
        bundle: format!("{report_id}.bundle"),
        report_id,
        study_key,
        revision: 1,
        produced_at: "2026-01-01T00:00:00Z".to_owned(),
        objects: Vec::new(),
    };
    Ok(journal.commit_report(report, vec![message])?)
}
