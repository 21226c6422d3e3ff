//! Label maps: the masks as gzipped NIfTI-1 files of unsigned 16-bit numbers.
//!
//! In the geometry of the series that was segmented: i runs along a row, j along a column, k from
//! slice to slice; the affine takes them to RAS+ (x and y of LPS negated), qform and sform set and
//! equal. Numbers are those of SPINEPS and TPTBox, so that their tools read ours. Slices stand
//! evenly in a NIfTI file: where the series' do not, k has their mean distance (and the report says
//! `uneven-spacing`); a single slice is given a thickness of 1 mm. A voxel stream of a slice at
//! a time goes through the compressor, so a map of any size needs the memory of one slice.
//!
//! Source of the header: nifti1.h, NIH, 2007.

use super::bundle::{BundleError, BundlePart, RunMask, SegmentedBlock};
use crate::spine::{Structure, Vec3, add, cross, dot, normalised, scaled, sub};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};

/// Bytes of a header with the four that say there is no extension.
const HEADER_BYTES: usize = 352;
/// `DT_UINT16`.
const DATATYPE_UINT16: i16 = 512;
/// `NIFTI_XFORM_SCANNER_ANAT`.
const XFORM_SCANNER: i16 = 1;
/// `NIFTI_UNITS_MM`.
const UNITS_MM: u8 = 2;
/// Number of the spinal canal in `instances.nii.gz`.
const CANAL_LABEL: u16 = 61;
/// Added to a disc's place from below in `undesignated.nii.gz`.
const UNDESIGNATED_DISCS_FROM: usize = 100;

/// Which of the three label maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelMap {
    /// What each voxel is.
    Semantic,
    /// Which designated part each voxel belongs to.
    Instances,
    /// Which part without a name each voxel belongs to: bodies 1, 2 … from below, discs 101 ….
    Undesignated,
}

impl LabelMap {
    /// Its file name.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Semantic => "semantic.nii.gz",
            Self::Instances => "instances.nii.gz",
            Self::Undesignated => "undesignated.nii.gz",
        }
    }

    /// Its numbers by the byte in its mask.
    fn lookup(self, block: &SegmentedBlock) -> [u16; 256] {
        let mut table = [0; 256];
        match self {
            Self::Semantic => {
                for (number, structure) in table.iter_mut().zip(Structure::ALL) {
                    *number = structure.semantic_label();
                }
            }
            Self::Instances => {
                for (number, part) in table.iter_mut().skip(1).zip(&block.parts) {
                    *number = instance_number(part).unwrap_or(0);
                }
            }
            Self::Undesignated => {
                for (number, part) in table.iter_mut().skip(1).zip(&block.parts) {
                    *number = undesignated_number(part).unwrap_or(0);
                }
            }
        }
        table
    }

    fn mask(self, block: &SegmentedBlock) -> &RunMask {
        if self == Self::Semantic { &block.semantic } else { &block.part_of }
    }
}

/// Whether any part has no name, so that [`LabelMap::Undesignated`] has something to show.
#[must_use]
pub fn has_undesignated(block: &SegmentedBlock) -> bool {
    block.parts.iter().any(|p| undesignated_number(p).is_some())
}

/// Number of a designated part.
fn instance_number(part: &BundlePart) -> Option<u16> {
    match part.structure() {
        Structure::Background => None,
        Structure::Canal => Some(CANAL_LABEL),
        Structure::Disc => Some(part.disc()?.instance_label()),
        Structure::VertebralBody | Structure::PosteriorElements | Structure::Sacrum => {
            Some(part.vertebra()?.instance_label())
        }
    }
}

/// Number of a part without a name.
fn undesignated_number(part: &BundlePart) -> Option<u16> {
    if instance_number(part).is_some() {
        return None;
    }
    let place = match part.structure() {
        Structure::Background | Structure::Canal => return None,
        Structure::Disc => UNDESIGNATED_DISCS_FROM + part.ordinal_from_below,
        Structure::VertebralBody | Structure::PosteriorElements | Structure::Sacrum => part.ordinal_from_below,
    };
    u16::try_from(place).ok()
}

/// Writes one label map.
///
/// # Errors
/// What `out` says; a damaged mask as [`io::ErrorKind::InvalidData`].
pub fn write(map: LabelMap, block: &SegmentedBlock, out: &mut dyn Write) -> io::Result<()> {
    let mut gzip = GzEncoder::new(out, Compression::default());
    gzip.write_all(&header(block)?)?;
    let lookup = map.lookup(block);
    let slice_len = block.slice_len();
    let mut slices = map.mask(block).slices(slice_len);
    let (mut mask, mut voxels) = (Vec::with_capacity(slice_len), Vec::with_capacity(2 * slice_len));
    for _ in &block.origins_lps_mm {
        slices.next_into(&mut mask).map_err(|e: BundleError| io::Error::new(io::ErrorKind::InvalidData, e))?;
        voxels.clear();
        voxels.extend(mask.iter().flat_map(|m| lookup[usize::from(*m)].to_le_bytes()));
        gzip.write_all(&voxels)?;
    }
    gzip.finish()?;
    Ok(())
}

/// Voxels to patient space.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Placement {
    /// Directions of i, j, k in RAS: orthonormal and right-handed.
    axes_ras: [Vec3; 3],
    /// Distance of voxels along them, mm.
    spacing_mm: Vec3,
    /// Centre of the first voxel, RAS mm.
    origin_ras_mm: Vec3,
}

impl Placement {
    fn of(block: &SegmentedBlock) -> Option<Self> {
        let i = normalised(block.row_direction_lps)?;
        let j = normalised(sub(block.column_direction_lps, scaled(i, dot(i, block.column_direction_lps))))?;
        let k = cross(i, j);
        let (first, last) = (*block.origins_lps_mm.first()?, *block.origins_lps_mm.last()?);
        let gaps = block.origins_lps_mm.len() - 1;
        let slice_mm = block.slice_spacing_mm();
        // Where the stack is sheared, the middle of it stays in place.
        let middle = scaled(add(first, last), 0.5);
        let origin = sub(middle, scaled(k, slice_mm * gaps as f64 / 2.0));
        let placement = Self {
            axes_ras: [i, j, k].map(ras),
            spacing_mm: [block.column_spacing_mm, block.row_spacing_mm, slice_mm],
            origin_ras_mm: ras(origin),
        };
        (placement.spacing_mm.iter().all(|mm| mm.is_finite() && *mm > 0.0)).then_some(placement)
    }

    /// Element of the affine.
    fn affine(&self, row: usize, column: usize) -> f32 {
        self.axes_ras.get(column).map_or(self.origin_ras_mm[row], |axis| axis[row] * self.spacing_mm[column]) as f32
    }

    /// (b, c, d) of the unit quaternion of the axes, a not negative (nifti1.h, method 2).
    fn quaternion_bcd(&self) -> Vec3 {
        let r = |row: usize, column: usize| self.axes_ras[column][row];
        let trace = r(0, 0) + r(1, 1) + r(2, 2);
        let [a, b, c, d] = if trace > 0.0 {
            let s = 2.0 * (1.0 + trace).sqrt();
            [s / 4.0, (r(2, 1) - r(1, 2)) / s, (r(0, 2) - r(2, 0)) / s, (r(1, 0) - r(0, 1)) / s]
        } else if r(0, 0) >= r(1, 1) && r(0, 0) >= r(2, 2) {
            let s = 2.0 * (1.0 + r(0, 0) - r(1, 1) - r(2, 2)).sqrt();
            [(r(2, 1) - r(1, 2)) / s, s / 4.0, (r(0, 1) + r(1, 0)) / s, (r(0, 2) + r(2, 0)) / s]
        } else if r(1, 1) >= r(2, 2) {
            let s = 2.0 * (1.0 + r(1, 1) - r(0, 0) - r(2, 2)).sqrt();
            [(r(0, 2) - r(2, 0)) / s, (r(0, 1) + r(1, 0)) / s, s / 4.0, (r(1, 2) + r(2, 1)) / s]
        } else {
            let s = 2.0 * (1.0 + r(2, 2) - r(0, 0) - r(1, 1)).sqrt();
            [(r(1, 0) - r(0, 1)) / s, (r(0, 2) + r(2, 0)) / s, (r(1, 2) + r(2, 1)) / s, s / 4.0]
        };
        if a < 0.0 { [-b, -c, -d] } else { [b, c, d] }
    }
}

fn ras(lps: Vec3) -> Vec3 {
    [-lps[0], -lps[1], lps[2]]
}

/// The header, little-endian.
fn header(block: &SegmentedBlock) -> io::Result<Vec<u8>> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    let placement = Placement::of(block).ok_or_else(|| invalid("the series' geometry has no volume"))?;
    let size =
        |n: usize| i16::try_from(n).map_err(|_| invalid("NIfTI-1 has no room for more than 32767 voxels a side"));
    let mut h = vec![0_u8; HEADER_BYTES];
    let mut put = |at: usize, bytes: &[u8]| h[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &348_i32.to_le_bytes());
    let dim = [3, size(block.columns)?, size(block.rows)?, size(block.origins_lps_mm.len())?, 1, 1, 1, 1];
    for (n, d) in dim.iter().enumerate() {
        put(40 + 2 * n, &d.to_le_bytes());
    }
    put(70, &DATATYPE_UINT16.to_le_bytes());
    put(72, &16_i16.to_le_bytes());
    let [i, j, k] = placement.spacing_mm.map(|mm| mm as f32);
    // The first is qfac: the axes are right-handed.
    for (n, p) in [1.0, i, j, k].iter().enumerate() {
        put(76 + 4 * n, &p.to_le_bytes());
    }
    put(108, &(HEADER_BYTES as f32).to_le_bytes());
    put(112, &1_f32.to_le_bytes());
    put(123, &[UNITS_MM]);
    put(148, b"deepspine label map; not a diagnosis");
    put(252, &XFORM_SCANNER.to_le_bytes());
    put(254, &XFORM_SCANNER.to_le_bytes());
    let [b, c, d] = placement.quaternion_bcd();
    let [x, y, z] = placement.origin_ras_mm;
    for (n, q) in [b, c, d, x, y, z].iter().enumerate() {
        put(256 + 4 * n, &(*q as f32).to_le_bytes());
    }
    for row in 0..3 {
        for column in 0..4 {
            put(280 + 16 * row + 4 * column, &placement.affine(row, column).to_le_bytes());
        }
    }
    put(344, b"n+1\0");
    Ok(h)
}
