//! Writes the pictures that a study's levels are graded from: `views MODELS STUDY OUT`, a PGM a level, from head to foot by name: the disc in
//! T2 and T1, the axial slice between its neighbours, the left and the right foramen; a view that is missing is black.

use deepspine::analysis::confidence::Alpha;
use deepspine::analysis::grading::{View, ViewCutter, views};
use deepspine::analysis::study::{self, Progress, ReadingMeans};
use deepspine::dicom;
use deepspine::inference::{ModelSet, ModelSource, Networks};
use deepspine::spine::{BodySide, LevelReport, Role};
use std::error::Error;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

struct Quiet;

impl Progress for Quiet {
    fn stage(&self, _: &'static str) {}
    fn slices_segmented(&self, _: usize, _: usize) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [models, folder, out] = paths.as_slice() else { return Err("usage: views MODELS STUDY OUT".into()) };
    let networks = Networks::load(&ModelSet::open(&ModelSource::Folder(models.clone()))?)?;
    let intake = dicom::read_studies(std::slice::from_ref(folder))?;
    let study = intake.studies.first().ok_or("no study there")?;
    let images = study.images()?;
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let means = ReadingMeans { networks: &networks, threads, alpha: Alpha::of_percent(10), pixels: study };
    let reading = study::read(&images, means, &Quiet)?;
    std::fs::create_dir_all(out)?;
    let mut cutter = ViewCutter::new(&images, study);
    for level in &reading.report.levels {
        write(&mut cutter, level, out)?;
    }
    Ok(())
}

/// The views of a level side by side, as high as the tallest.
fn write(cutter: &mut ViewCutter<'_>, level: &LevelReport, out: &Path) -> Result<(), Box<dyn Error>> {
    let [rows, columns] = views::DISC_GRID.rows_columns;
    let [axial_rows, axial_columns] = views::AXIAL_GRID.rows_columns;
    let axial = cutter.axial(level).unwrap_or_else(|_| vec![0.0; 3 * views::AXIAL_GRID.pixels()]);
    let mut tiles: Vec<(Vec<f32>, usize, usize)> = Vec::new();
    let blank = |view: View, len: usize| view.unwrap_or_else(|_| vec![0.0; len]);
    for role in [Role::SagittalT2, Role::SagittalT1] {
        tiles.push((blank(cutter.disc(role, level), views::DISC_GRID.pixels()), rows, columns));
    }
    tiles.extend(axial.chunks(views::AXIAL_GRID.pixels()).map(|slice| (slice.to_vec(), axial_rows, axial_columns)));
    let side = views::FORAMEN_SHOWN_SIDE;
    for at in [BodySide::Left, BodySide::Right] {
        tiles.push((blank(cutter.foramen(level, at), side * side), side, side));
    }
    let name =
        level.designation.name.map_or_else(|| format!("no{}", level.designation.ordinal_from_below), |d| d.to_string());
    let width: usize = tiles.iter().map(|(_, _, columns)| columns).sum();
    let mut file = std::fs::File::create(out.join(format!("{}_{name}.pgm", level.designation.ordinal_from_below)))?;
    writeln!(file, "P5 {width} {rows} 255")?;
    for row in 0..rows {
        for (values, tile_rows, columns) in &tiles {
            let line = if row < *tile_rows { values.get(row * columns..(row + 1) * columns) } else { None };
            let line = line.map_or_else(|| vec![0; *columns], |line| line.iter().map(|v| (v * 255.0) as u8).collect());
            file.write_all(&line)?;
        }
    }
    Ok(())
}
