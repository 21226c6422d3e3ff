//! Polygons on pixels, filled as Pillow's `ImageDraw.polygon` fills them, by which the outlines that we know were made
//! into masks: a point is cut to its pixel, and of the line every pixel counts whose middle is nearer than half a column.

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

/// Whether a pixel lies in the polygon (even-odd rule) or on its line.
fn holds(points: &[[i64; 2]], [x, y]: [i64; 2]) -> bool {
    let mut inside = false;
    for (a, b) in points.iter().zip(points.iter().cycle().skip(1)) {
        let between = |axis: usize, v: i64| v >= a[axis].min(b[axis]) && v <= a[axis].max(b[axis]);
        if !between(1, y) {
            continue;
        }
        if a[1] == b[1] {
            if between(0, x) {
                return true;
            }
            continue;
        }
        let edge_x = a[0] as f64 + ((b[0] - a[0]) * (y - a[1])) as f64 / (b[1] - a[1]) as f64;
        if (x as f64 - edge_x).abs() < 0.5 {
            return true;
        }
        inside ^= (a[1] > y) != (b[1] > y) && (x as f64) < edge_x;
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
    fn a_steep_side_takes_the_nearest_column_as_pillow_does() {
        // Pillow 13.0.0: ImageDraw.polygon([(1, 0), (5, 0), (3, 4), (0, 3)], fill=1) on 7 x 5 pixels.
        let outline = [[1.7, 0.2], [5.0, 0.9], [3.4, 4.0], [0.0, 3.5]];
        let expected = [".#####.", ".####..", "#####..", "####...", "...#..."];
        assert_eq!(rows_of(&filled(&outline, [5, 7]), 7), expected);
    }

    #[test]
    fn a_polygon_that_leaves_the_image_is_cut_at_its_edge() {
        let large = [[-9.0, -9.0], [9.0, -9.0], [9.0, 9.0], [-9.0, 9.0]];
        assert!(filled(&large, [3, 3]).iter().all(|m| *m));
        let beside = [[20.0, 20.0], [30.0, 20.0], [30.0, 30.0]];
        assert!(!filled(&beside, [3, 3]).iter().any(|m| *m));
    }
}
