//! Polygons on pixels: the closed polygon through the centres of the pixels that its points lie in.
//!
//! That is how Pillow's `ImageDraw.polygon` fills, by which the outlines that we know were made into masks: a point is
//! cut to its pixel, and pixels on the line count.

/// Which of the `rows * columns` pixels lie in or on a polygon of `[column, row]` points.
pub(super) fn filled(polygon: &[[f64; 2]], [rows, columns]: [usize; 2]) -> Vec<bool> {
    let points: Vec<[i64; 2]> = polygon.iter().map(|p| p.map(|v| v as i64)).collect();
    let mut mask = vec![false; rows * columns];
    let bounds = |axis: usize, end: usize| {
        let low = points.iter().map(|p| p[axis]).min().unwrap_or(0).clamp(0, end as i64);
        let high = (points.iter().map(|p| p[axis]).max().unwrap_or(-1) + 1).clamp(0, end as i64);
        low as usize..(high as usize).max(low as usize)
    };
    for row in bounds(1, rows) {
        for column in bounds(0, columns) {
            mask[row * columns + column] = holds(&points, [column as i64, row as i64]);
        }
    }
    mask
}

/// Whether a place lies in the polygon (even-odd rule) or on its line.
fn holds(points: &[[i64; 2]], [x, y]: [i64; 2]) -> bool {
    let mut inside = false;
    for (a, b) in points.iter().zip(points.iter().cycle().skip(1)) {
        let cross = (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]);
        let between = |axis: usize, v: i64| v >= a[axis].min(b[axis]) && v <= a[axis].max(b[axis]);
        if cross == 0 && between(0, x) && between(1, y) {
            return true;
        }
        if (a[1] > y) != (b[1] > y) {
            // Whether the edge passes to the right of the place.
            inside ^= (cross < 0) == (b[1] < a[1]);
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(mask: &[bool], columns: usize) -> Vec<String> {
        mask.chunks(columns).map(|row| row.iter().map(|m| if *m { '#' } else { '.' }).collect()).collect()
    }

    #[test]
    fn points_are_cut_to_their_pixel_and_the_line_counts() {
        let square = [[1.9, 1.2], [3.5, 1.0], [3.0, 3.9], [1.0, 3.0]];
        assert_eq!(rows_of(&filled(&square, [5, 5]), 5), [".....", ".###.", ".###.", ".###.", "....."]);
    }

    #[test]
    fn a_slanted_side_is_followed_whichever_way_round() {
        let mut triangle = vec![[0.0, 0.0], [4.0, 4.0], [0.0, 4.0]];
        let expected = ["#....", "##...", "###..", "####.", "#####"];
        assert_eq!(rows_of(&filled(&triangle, [5, 5]), 5), expected);
        triangle.reverse();
        assert_eq!(rows_of(&filled(&triangle, [5, 5]), 5), expected);
    }

    #[test]
    fn a_polygon_that_leaves_the_image_is_cut_at_its_edge() {
        let large = [[-9.0, -9.0], [9.0, -9.0], [9.0, 9.0], [-9.0, 9.0]];
        assert!(filled(&large, [3, 3]).iter().all(|m| *m));
        let beside = [[20.0, 20.0], [30.0, 20.0], [30.0, 30.0]];
        assert!(!filled(&beside, [3, 3]).iter().any(|m| *m));
    }
}
