//! The pictures that a study's levels are graded from, as files: what a training cuts its examples from, so that they are what is seen
//! at run time, and a sheet of them for whoever looks.
//!
//! An array a network input, a row a level, float32 as the networks get it; where a view is missing its part is zero, and
//! `views.json` says why.

use super::canvas::{Canvas, Font, Rgb};
use super::files::ExportError;
use super::{atomic, npy};
use crate::analysis::grading::{SlicePixels, View, ViewCutter, views};
use crate::analysis::study::StudyImages;
use crate::spine::{BodySide, LevelReport, Role};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Folder of the views, within that of the other files.
pub const VIEWS_FOLDER: &str = "views";
/// What of each level is in which array, and why not.
const INDEX_FILE: &str = "views.json";
/// All pictures on one sheet.
const SHEET_FILE: &str = "views.png";
/// Version of [`INDEX_FILE`].
const SCHEMA: &str = "deepspine.views/1";
/// Pixels between the pictures of the sheet, and the column of its names.
const GAP: usize = 4;
const NAMES_WIDTH: usize = 90;

/// One input of a network: its name in a manifest, its shape, and the views that fill it one after the other.
struct Input {
    name: &'static str,
    shape: [usize; 3],
    views: &'static [&'static str],
}

const INPUTS: [Input; 4] = [
    Input {
        name: "disc",
        shape: [2, views::DISC_GRID.rows_columns[0], views::DISC_GRID.rows_columns[1]],
        views: &["t2", "t1"],
    },
    Input {
        name: "axial",
        shape: [3, views::AXIAL_GRID.rows_columns[0], views::AXIAL_GRID.rows_columns[1]],
        views: &["axial"],
    },
    Input {
        name: "foramen_left",
        shape: [1, views::FORAMEN_SHOWN_SIDE, views::FORAMEN_SHOWN_SIDE],
        views: &["foramen_left"],
    },
    Input {
        name: "foramen_right",
        shape: [1, views::FORAMEN_SHOWN_SIDE, views::FORAMEN_SHOWN_SIDE],
        views: &["foramen_right"],
    },
];

/// `views.json`.
#[derive(Serialize)]
struct Index {
    schema: &'static str,
    arrays: Vec<ArrayEntry>,
    levels: Vec<LevelEntry>,
}

#[derive(Serialize)]
struct ArrayEntry {
    file: String,
    input: &'static str,
    shape: [usize; 3],
    views: &'static [&'static str],
}

/// A level: its row in every array is its place in the list.
#[derive(Serialize)]
struct LevelEntry {
    name: Option<String>,
    confidence: f64,
    ordinal_from_below: usize,
    centre_lps_mm: [f64; 3],
    normal_lps: [f64; 3],
    views: Vec<&'static str>,
    missing: Vec<Missing>,
}

#[derive(Serialize)]
struct Missing {
    view: &'static str,
    code: &'static str,
    text: String,
}

/// Writes the views of `levels` into the folder [`VIEWS_FOLDER`] of `dir`; gives the paths. A study without levels has empty arrays.
///
/// # Errors
/// The first file that could not be written; those before it stay.
pub fn write_views(
    images: &StudyImages,
    pixels: &dyn SlicePixels,
    levels: &[LevelReport],
    dir: &Path,
) -> Result<Vec<PathBuf>, ExportError> {
    let folder = dir.join(VIEWS_FOLDER);
    std::fs::create_dir_all(&folder).map_err(|source| ExportError { path: folder.clone(), source })?;
    let mut cutter = ViewCutter::new(images, pixels);
    let mut arrays = INPUTS.map(|_| Vec::new());
    let mut entries = Vec::with_capacity(levels.len());
    for level in levels {
        let mut entry = entry_of(level);
        for (input, array) in INPUTS.iter().zip(&mut arrays) {
            let len = input.shape.iter().product::<usize>() / input.views.len();
            for name in input.views {
                array.extend(taken(cut(&mut cutter, name, level), name, len, &mut entry));
            }
        }
        entries.push(entry);
    }

    let mut written = Vec::new();
    let mut write = |name: String, fill: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
        let path = folder.join(name);
        atomic::write(&path, atomic::CLINIC_FILE_MODE, |out| fill(out))
            .map_err(|source| ExportError { path: path.clone(), source })?;
        written.push(path);
        Ok(())
    };
    for (input, array) in INPUTS.iter().zip(&arrays) {
        let [channels, rows, columns] = input.shape;
        write(file_of(input), &|out| npy::write(&[levels.len(), channels, rows, columns], array, out))?;
    }
    if let Some(sheet) = sheet(&entries, &arrays) {
        write(SHEET_FILE.to_owned(), &|out| sheet.write_png(out))?;
    }
    // Last: where it stands, all others do.
    let listed = INPUTS.iter().map(|input| ArrayEntry {
        file: file_of(input),
        input: input.name,
        shape: input.shape,
        views: input.views,
    });
    let index = Index { schema: SCHEMA, arrays: listed.collect(), levels: entries };
    write(INDEX_FILE.to_owned(), &|out| {
        serde_json::to_writer_pretty(&mut *out, &index)?;
        out.write_all(b"\n")
    })?;
    Ok(written)
}

fn file_of(input: &Input) -> String {
    format!("{}.npy", input.name)
}

fn entry_of(level: &LevelReport) -> LevelEntry {
    LevelEntry {
        name: level.designation.name.map(|disc| disc.to_string()),
        confidence: level.designation.confidence,
        ordinal_from_below: level.designation.ordinal_from_below,
        centre_lps_mm: level.plane.centre_lps_mm,
        normal_lps: level.plane.normal_lps,
        views: Vec::new(),
        missing: Vec::new(),
    }
}

fn cut(cutter: &mut ViewCutter<'_>, name: &str, level: &LevelReport) -> View {
    match name {
        "t2" => cutter.disc(Role::SagittalT2, level),
        "t1" => cutter.disc(Role::SagittalT1, level),
        "foramen_left" => cutter.foramen(level, BodySide::Left),
        "foramen_right" => cutter.foramen(level, BodySide::Right),
        _ => cutter.axial(level),
    }
}

/// The values of a view, zeros where it is missing; told in the entry either way.
fn taken(view: View, name: &'static str, len: usize, entry: &mut LevelEntry) -> Vec<f32> {
    match view {
        Ok(values) => {
            entry.views.push(name);
            values
        }
        Err(why) => {
            entry.missing.push(Missing { view: name, code: why.code, text: why.text });
            vec![0.0; len]
        }
    }
}

/// All pictures, a line a level from the lowest up, each with its name; `None` where there is no level.
fn sheet(entries: &[LevelEntry], arrays: &[Vec<f32>; 4]) -> Option<Canvas> {
    let tall = INPUTS.iter().map(|input| input.shape[1]).max()?;
    let width: usize = INPUTS.iter().map(|input| input.shape[0] * (input.shape[2] + GAP)).sum();
    let (width, height) = (NAMES_WIDTH + width, entries.len() * (tall + GAP));
    let mut canvas = Canvas::new(u32::try_from(width).ok()?, u32::try_from(height).ok()?, Rgb(255, 255, 255))?;
    for (row, entry) in entries.iter().enumerate() {
        let top = row * (tall + GAP);
        let name = entry.name.clone().unwrap_or_else(|| format!("no {}", entry.ordinal_from_below));
        canvas.text(&name, [GAP as f32, top as f32], Font::Small, Rgb(0, 0, 0));
        let mut left = NAMES_WIDTH;
        for (input, array) in INPUTS.iter().zip(arrays) {
            let [channels, rows, columns] = input.shape;
            let pictures = array.chunks(rows * columns).skip(row * channels).take(channels);
            for picture in pictures {
                let grey: Vec<u8> = picture.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0) as u8).collect();
                canvas.image(&grey, columns, [left as f32, top as f32], 1.0);
                left += columns + GAP;
            }
        }
    }
    Some(canvas)
}
