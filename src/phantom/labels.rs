//! Pictures with label maps for training: what the network is to see, and what it is to say.

use super::Phantom;
use super::parameters::PhantomError;
use super::plan::SeriesPlan;
use super::render::{Raster, for_each_slice};
use std::fs;
use std::io::BufWriter;
use std::path::Path;

/// Share of the pixels that an 8-bit picture shows without clipping.
const SHOWN: f64 = 0.997;

/// Writes `image_<k>.png`, `label_<k>.png` (8 bits; anterior left, head up for a sagittal plan) for
/// the named slices of `plan`, and `pixel_mm.txt` (row and column spacing). Labels are the
/// discriminants of [`crate::spine::Structure`], and 255 for sacral segments below S1, their discs,
/// the sacrum's lateral masses and roof, and the coccyx, which no class holds.
///
/// # Errors
/// [`PhantomError::File`] or [`PhantomError::Encode`] where a file can't be written.
pub fn write_labels(phantom: &Phantom, plan: &SeriesPlan, slices: &[usize], folder: &Path) -> Result<(), PhantomError> {
    fs::create_dir_all(folder).map_err(|source| PhantomError::File { path: folder.to_owned(), source })?;
    let chosen: Vec<_> =
        slices.iter().filter_map(|k| plan.origins_lps_mm.get(*k).map(|origin| (*k, *origin))).collect();
    let part = SeriesPlan { origins_lps_mm: chosen.iter().map(|(_, origin)| *origin).collect(), ..plan.clone() };
    let volume = phantom.render(&part);
    let labels = for_each_slice(chosen.len(), |slice| {
        Raster::new(&phantom.scene, &part, slice, false).labels().map(|(label, _)| label).collect::<Vec<u8>>()
    });
    for (((k, _), slice), label) in chosen.iter().zip(&volume.slices).zip(&labels) {
        write_png(&folder.join(format!("image_{k}.png")), plan, &eight_bits(&slice.stored))?;
        write_png(&folder.join(format!("label_{k}.png")), plan, label)?;
    }
    let path = folder.join("pixel_mm.txt");
    let spacing = format!("{} {}\n", plan.row_spacing_mm, plan.column_spacing_mm);
    fs::write(&path, spacing).map_err(|source| PhantomError::File { path, source })
}

fn eight_bits(stored: &[u16]) -> Vec<u8> {
    let mut sorted = stored.to_vec();
    sorted.sort_unstable();
    let shown = (sorted.len() as f64 * SHOWN) as usize;
    let top = f32::from(sorted.get(shown).copied().unwrap_or(1).max(1));
    stored.iter().map(|value| (f32::from(*value) / top * 255.0).min(255.0) as u8).collect()
}

fn write_png(path: &Path, plan: &SeriesPlan, pixels: &[u8]) -> Result<(), PhantomError> {
    let file = fs::File::create(path).map_err(|source| PhantomError::File { path: path.to_owned(), source })?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), plan.columns as u32, plan.rows as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(pixels))
        .map_err(|e| PhantomError::Encode { path: path.to_owned(), reason: e.to_string() })
}
