//! Pixels to findings, in one thread.

use super::scene::{LOADED, MODELS, Scene, Silent};
use criterion::Criterion;
use deepspine::analysis::grading::{ViewCutter, views};
use deepspine::analysis::level::axial_slices;
use deepspine::analysis::plausibility::lie;
use deepspine::analysis::segmentation::{Resize, segment};
use deepspine::analysis::spine_reading::{describe_chain, read_spine};
use deepspine::analysis::study::read;
use deepspine::analysis::volume::Volume;
use deepspine::inference::{DEGENERATION, GradingNetwork, ModelSet, ModelSource, STENOSIS, SegmentationNetwork};
use deepspine::spine::{BodySide, Role};
use std::hint::black_box;
use std::num::NonZeroUsize;

/// Rows and columns of a usual slice on the network's pixels, and of the spine's surroundings on the finer ones.
const FIRST_PASS: [usize; 2] = [288, 288];
const SECOND_PASS: [usize; 2] = [352, 224];

/// All benches of reading.
pub(crate) fn benches(c: &mut Criterion) {
    models(c);
    segmentation(c);
    spine(c);
    grading(c);
    let scene = Scene::get();
    c.bench_function("reading/whole study", |b| b.iter(|| read(&scene.images, scene.means(), &Silent)));
}

fn models(c: &mut Criterion) {
    let Ok(set) = ModelSet::open(&ModelSource::Folder(MODELS.into())) else { return };
    c.bench_function("models/segmentation, loaded", |b| b.iter(|| SegmentationNetwork::load(&set)));
    for name in [DEGENERATION, STENOSIS] {
        c.bench_function(&format!("models/{name}, loaded and prepared"), |b| {
            b.iter(|| GradingNetwork::load(&set, name).map(|network| network.map(|n| n.ready())));
        });
    }
    c.bench_function("models/segmentation, prepared for a size", |b| {
        let fresh = || SegmentationNetwork::load(&set);
        let prepare = |network: Result<SegmentationNetwork, _>| {
            network.and_then(|network: SegmentationNetwork| network.plan(FIRST_PASS[0], FIRST_PASS[1]))
        };
        b.iter_batched(fresh, prepare, criterion::BatchSize::PerIteration);
    });
}

fn segmentation(c: &mut Criterion) {
    let scene = Scene::get();
    let network = &scene.networks.segmentation;
    for (name, [rows, columns]) in [("first", FIRST_PASS), ("second", SECOND_PASS)] {
        let Ok(plan) = network.plan(rows, columns) else { continue };
        let slice = picture(rows * columns);
        c.bench_function(&format!("segmentation/network, {name} pass of a slice"), |b| {
            b.iter(|| plan.run(black_box(&slice)));
        });
    }
    let volume = scene.volume();
    let grey: Vec<f32> = volume.slices.iter().take(1).flat_map(|s| &s.stored).map(|v| f32::from(*v)).collect();
    let resize = Resize::new([volume.rows, volume.columns], FIRST_PASS);
    c.bench_function("segmentation/resampling of a slice", |b| b.iter(|| resize.apply(black_box(&grey))));
    let middle = volume.slices.len() / 2;
    let one = Volume { slices: volume.slices[middle..=middle].to_vec(), ..volume.without_slices() };
    c.bench_function("segmentation/both passes of one slice", |b| {
        b.iter(|| segment(&one, network, NonZeroUsize::MIN, &|_| ()));
    });
}

fn spine(c: &mut Criterion) {
    let scene = Scene::get();
    let volume = scene.volume();
    c.bench_function("spine/parts and chain", |b| b.iter(|| describe_chain(volume, &scene.mask)));
    c.bench_function("spine/parts, curve, levels, measurements", |b| {
        b.iter_batched(|| scene.mask.clone(), |mask| read_spine(volume, mask), criterion::BatchSize::LargeInput);
    });
    let network = &scene.networks.segmentation;
    if let Ok(segmentation) = segment(volume, network, NonZeroUsize::MIN, &|_| ()) {
        c.bench_function("spine/orientation", |b| {
            b.iter(|| lie(volume, &scene.mask, &segmentation, network, NonZeroUsize::MIN));
        });
    }
    c.bench_function("spine/axial slices of all levels", |b| {
        let levels = scene.reading.report.levels.clone();
        b.iter_batched(
            || levels.clone(),
            |mut l| axial_slices(&mut l, &scene.images),
            criterion::BatchSize::SmallInput,
        );
    });
}

fn grading(c: &mut Criterion) {
    let scene = Scene::get();
    let Some(level) = scene.reading.report.levels.get(1) else { return };
    c.bench_function("grading/disc view of a level, its slice loaded", |b| {
        b.iter(|| ViewCutter::new(&scene.images, LOADED).disc(Role::SagittalT2, level));
    });
    c.bench_function("grading/axial view of a level, decoding its slices", |b| {
        b.iter(|| ViewCutter::new(&scene.images, &scene.study).axial(level));
    });
    c.bench_function("grading/foraminal view of a level, decoding its slice", |b| {
        b.iter(|| ViewCutter::new(&scene.images, &scene.study).foramen(level, BodySide::Left));
    });
    let disc = picture(2 * views::DISC_GRID.pixels());
    if let Some(network) = &scene.networks.degeneration {
        c.bench_function("grading/degeneration network, a level", |b| b.iter(|| network.run(&[&disc])));
    }
    let axial = picture(3 * views::AXIAL_GRID.pixels());
    let foramen = picture(views::FORAMEN_SHOWN_SIDE * views::FORAMEN_SHOWN_SIDE);
    if let Some(network) = &scene.networks.stenosis {
        c.bench_function("grading/stenosis network, a level", |b| {
            b.iter(|| network.run(&[&axial, &foramen, &foramen, &[1.0; 3]]));
        });
    }
}

/// No zeros: they are faster on some processors.
fn picture(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 1000) as f32 / 1000.0).collect()
}
