//! DICOM files to pixels.

use super::scene::Scene;
use criterion::Criterion;
use deepspine::dicom;
use std::hint::black_box;

/// All benches of files.
pub(crate) fn benches(c: &mut Criterion) {
    let scene = Scene::get();
    let Some(file) = scene.files.last() else { return };
    c.bench_function("files/header of one file", |b| b.iter(|| dicom::scan(black_box(file))));
    c.bench_function("files/headers and roles of a study", |b| {
        let folder = [scene.folder.path().to_owned()];
        b.iter(|| dicom::read_studies(black_box(&folder)));
    });
    let headers: Vec<_> = scene.files.iter().filter_map(|f| dicom::scan(f).ok()).collect();
    c.bench_function("files/headers to series", |b| {
        b.iter_batched(|| headers.clone(), dicom::assemble, criterion::BatchSize::SmallInput);
    });
    c.bench_function("files/pixels of what is read", |b| b.iter(|| scene.study.images()));
    c.bench_function("files/digests of all instances", |b| b.iter(|| scene.study.pixel_digests()));
}
