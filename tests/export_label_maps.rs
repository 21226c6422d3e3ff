//! Label maps: what is left in the patient is left in the file, and the numbers are SPINEPS'.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod export_case;

use deepspine::export::{Language, write_all};
use deepspine::spine::Vertebra;
use export_case::{Case, SHAPE, SPACING_MM, case, top_row};
use nifti::{IntoNdArray, NiftiHeader, NiftiObject, ReaderOptions};
use std::path::Path;

/// Header and voxels in the order i fastest, k slowest.
fn read(path: &Path) -> (NiftiHeader, Vec<u16>) {
    let object = ReaderOptions::new().read_file(path).expect("a NIfTI file");
    let header = object.header().clone();
    let voxels = object.into_volume().into_ndarray::<u16>().unwrap();
    (header, voxels.t().iter().copied().collect())
}

/// The affine in a header's quaternion (nifti1.h, method 2).
fn qform(h: &NiftiHeader) -> [[f64; 4]; 3] {
    let [b, c, d, x, y, z] =
        [h.quatern_b, h.quatern_c, h.quatern_d, h.quatern_x, h.quatern_y, h.quatern_z].map(f64::from);
    let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
    let r = [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
        [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
        [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ];
    let [i, j, k] = [h.pixdim[1], h.pixdim[2], h.pixdim[3] * h.pixdim[0]].map(f64::from);
    let row = |r: [f64; 3], shift: f64| [r[0] * i, r[1] * j, r[2] * k, shift];
    [row(r[0], x), row(r[1], y), row(r[2], z)]
}

fn written(case: &Case) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_all(&case.bundle(), folder.path(), Language::English).unwrap();
    folder
}

fn voxel(k: usize, row: usize, column: usize) -> usize {
    (k * SHAPE[1] + row) * SHAPE[2] + column
}

#[test]
fn the_affine_takes_voxels_to_where_the_slices_lie() {
    let case = case(5, true);
    let folder = written(&case);
    let (header, _) = read(&folder.path().join("instances.nii.gz"));
    assert_eq!(header.dim[..4], [3, SHAPE[2] as u16, SHAPE[1] as u16, SHAPE[0] as u16]);
    assert_eq!(header.pixdim[1..4], [SPACING_MM[1] as f32, SPACING_MM[0] as f32, SPACING_MM[2] as f32]);
    let sform = [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(f64::from));
    assert_eq!((header.qform_code, header.sform_code), (1, 1));
    for (s, q) in sform.iter().flatten().zip(qform(&header).iter().flatten()) {
        assert!((s - q).abs() < 1e-4, "{sform:?} {:?}", qform(&header));
    }
    let volume = &case.images.series[0].blocks[0];
    for (column, row, k) in [(0, 0, 0), (SHAPE[2] - 1, 3, 2), (5, SHAPE[1] - 1, SHAPE[0] - 1)] {
        let lps = volume.position_lps_mm(column as f64, row as f64, k);
        for (axis, ras) in [-lps[0], -lps[1], lps[2]].into_iter().enumerate() {
            let at = sform[axis][0] * column as f64
                + sform[axis][1] * row as f64
                + sform[axis][2] * k as f64
                + sform[axis][3];
            assert!((at - ras).abs() < 1e-3, "{at} {ras}");
        }
    }
    assert!(sform[0][2] > 0.0, "slices run to the patient's right, which is +x in RAS");
}

#[test]
fn parts_have_the_numbers_of_spineps() {
    let folder = written(&case(5, true));
    let (_, instances) = read(&folder.path().join("instances.nii.gz"));
    let (_, semantic) = read(&folder.path().join("semantic.nii.gz"));
    let at = |row, column| (instances[voxel(3, row, column)], semantic[voxel(3, row, column)]);
    assert_eq!(at(top_row(0) + 5, 15), (Vertebra::S1.instance_label(), 26));
    assert_eq!(at(top_row(1) + 5, 15), (24, 49), "the body of L5");
    assert_eq!(at(top_row(1) + 5, 40), (24, 41), "the posterior elements of L5");
    assert_eq!(at(top_row(1) - 3, 15), (123, 100), "the disc below L4");
    assert_eq!(at(60, 28), (61, 61), "the canal");
    assert_eq!(at(1, 1), (0, 0));
    assert!(!folder.path().join("undesignated.nii.gz").exists());
}

#[test]
fn parts_without_a_name_are_numbered_from_below_in_a_map_of_their_own() {
    let folder = written(&case(5, false));
    let (_, instances) = read(&folder.path().join("instances.nii.gz"));
    let (_, semantic) = read(&folder.path().join("semantic.nii.gz"));
    let (_, undesignated) = read(&folder.path().join("undesignated.nii.gz"));
    let body = voxel(3, top_row(2) + 5, 15);
    assert_eq!((instances[body], semantic[body], undesignated[body]), (0, 49, 3));
    let disc = voxel(3, top_row(1) - 3, 15);
    assert_eq!((instances[disc], semantic[disc], undesignated[disc]), (0, 100, 102));
    let canal = voxel(3, 60, 28);
    assert_eq!((instances[canal], undesignated[canal]), (61, 0));
}
