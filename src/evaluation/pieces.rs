//! Connected pieces of a mask, by their faces.

use crate::analysis::volume::Volume;

/// The voxels of each piece: indices into the mask, ascending from the first found.
pub(super) fn pieces(mask: &[bool], [slices, rows, columns]: [usize; 3]) -> Vec<Vec<usize>> {
    let mut left = mask.to_vec();
    let mut found = Vec::new();
    for seed in 0..mask.len() {
        if !left[seed] {
            continue;
        }
        left[seed] = false;
        let mut piece = vec![seed];
        let mut next = 0;
        while next < piece.len() {
            let at = piece[next];
            next += 1;
            let (slice, row, column) = (at / (rows * columns), at / columns % rows, at % columns);
            let neighbours = [
                (column > 0, at.wrapping_sub(1)),
                (column + 1 < columns, at + 1),
                (row > 0, at.wrapping_sub(columns)),
                (row + 1 < rows, at + columns),
                (slice > 0, at.wrapping_sub(rows * columns)),
                (slice + 1 < slices, at + rows * columns),
            ];
            for (_, neighbour) in neighbours.into_iter().filter(|(inside, _)| *inside) {
                if left[neighbour] {
                    left[neighbour] = false;
                    piece.push(neighbour);
                }
            }
        }
        found.push(piece);
    }
    found
}

/// Slices, rows and columns of a volume.
pub(super) fn shape(volume: &Volume) -> [usize; 3] {
    [volume.slices.len(), volume.rows, volume.columns]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_do_not_connect_and_slices_do() {
        let flat = [true, false, true, false, true, true];
        assert_eq!(pieces(&flat, [1, 2, 3]), [vec![0], vec![2, 5, 4]]);
        let deep = [true, false, true, false];
        assert_eq!(pieces(&deep, [2, 1, 2]), [vec![0, 2]]);
    }

    #[test]
    fn the_end_of_a_row_does_not_touch_the_next_row() {
        assert_eq!(pieces(&[false, true, true, false], [1, 2, 2]).len(), 2);
    }
}
