//! A study's true masks, beside what was read on the same voxels.

use super::field::Field;
use super::truth::{MaskClass, TruthSet, TruthStudy};
use crate::analysis::volume::Volume;
use crate::dicom::limits::SIDE_PIXELS_MAX;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Bytes that the PNG decoder may take for one mask.
const MASK_BYTES_MAX: usize = 64 << 20;

/// The slices of a reading that have a mask.
#[derive(Debug, Clone)]
pub(super) struct Masks {
    /// Their geometry, without pixels.
    pub(super) volume: Volume,
    /// What the truth says of each voxel.
    pub(super) truth: Vec<MaskClass>,
    /// The masks' own values, which may tell one disc from another.
    pub(super) values: Vec<u8>,
    /// What was read: structure discriminants.
    pub(super) ours: Vec<u8>,
}

impl Masks {
    /// Opens the masks of `study` and lays them on `field`.
    pub(super) fn open(set: &TruthSet, study: &TruthStudy, field: &Field) -> Result<Self, String> {
        let mut by_slice = BTreeMap::new();
        for (instance, path) in &study.masks {
            by_slice.insert(field.slice_of(instance)?, set.resolve(path));
        }
        let mut volume = field.volume.clone();
        volume.slices = by_slice.keys().map(|k| field.volume.slices[*k].clone()).collect();
        let mut masks = Self { volume, truth: Vec::new(), values: Vec::new(), ours: Vec::new() };
        for (slice, path) in by_slice {
            let values = read_png(&path, [field.volume.rows, field.volume.columns])?;
            for value in &values {
                let class = set.structures.get(value);
                let unknown = || format!("{}: value {value} is not in the table `structures`", path.display());
                masks.truth.push(*class.ok_or_else(unknown)?);
            }
            masks.values.extend(values);
            masks.ours.extend_from_slice(field.slice(slice));
        }
        Ok(masks)
    }

    /// Which voxels the truth counts to one of `classes`.
    pub(super) fn of(&self, classes: &[MaskClass]) -> Vec<bool> {
        self.truth.iter().map(|class| classes.contains(class)).collect()
    }
}

/// The values of an 8-bit grey or palette PNG of exactly `size` (rows, columns).
pub(super) fn read_png(path: &Path, [rows, columns]: [usize; 2]) -> Result<Vec<u8>, String> {
    let wrong = |reason: String| format!("{}: {reason}", path.display());
    let file = File::open(path).map_err(|e| wrong(e.to_string()))?;
    let limits = png::Limits { bytes: MASK_BYTES_MAX };
    let decoder = png::Decoder::new_with_limits(BufReader::new(file), limits);
    let mut reader = decoder.read_info().map_err(|e| wrong(format!("no PNG that can be read: {e}")))?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if [height, width] != [rows, columns] || rows.max(columns) > SIDE_PIXELS_MAX {
        return Err(wrong(format!("{height} rows and {width} columns, where the slice has {rows} and {columns}")));
    }
    let grey = matches!(reader.info().color_type, png::ColorType::Grayscale | png::ColorType::Indexed);
    if !grey || reader.info().bit_depth != png::BitDepth::Eight {
        return Err(wrong("not of 8 bits of grey or palette".to_owned()));
    }
    let mut values = vec![0; rows * columns];
    reader.next_frame(&mut values).map_err(|e| wrong(format!("no PNG that can be read: {e}")))?;
    Ok(values)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;

    fn written(color: png::ColorType, depth: png::BitDepth, bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut encoder = png::Encoder::new(file.as_file(), 3, 2);
        encoder.set_color(color);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(bytes).unwrap();
        file
    }

    #[test]
    fn a_mask_is_read_as_it_was_written() {
        let file = written(png::ColorType::Grayscale, png::BitDepth::Eight, &[0, 1, 2, 3, 4, 255]);
        assert_eq!(read_png(file.path(), [2, 3]).unwrap(), [0, 1, 2, 3, 4, 255]);
    }

    #[test]
    fn a_mask_of_another_size_or_depth_is_refused_by_name() {
        let file = written(png::ColorType::Grayscale, png::BitDepth::Eight, &[0; 6]);
        let said = read_png(file.path(), [3, 2]).unwrap_err();
        assert!(said.contains(&file.path().display().to_string()), "{said}");
        assert!(said.contains("2 rows and 3 columns, where the slice has 3 and 2"), "{said}");
        let deep = written(png::ColorType::Grayscale, png::BitDepth::Sixteen, &[0; 12]);
        assert!(read_png(deep.path(), [2, 3]).unwrap_err().contains("not of 8 bits"));
        assert!(read_png(Path::new("/nowhere.png"), [2, 3]).unwrap_err().starts_with("/nowhere.png: "));
    }
}
