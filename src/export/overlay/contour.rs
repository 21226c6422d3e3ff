//! Outlines of the parts of a mask, smooth enough to be looked at.
//!
//! A part's mask is blurred a little and the half-way level traced through it (marching squares,
//! Lorensen and Cline 1987 in two dimensions): the outline then runs where the part ends, without
//! the steps of its pixels.

use std::collections::BTreeMap;

/// Weights of the blur, from the centre outwards: a binomial of order four.
const BLUR: [f32; 3] = [6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];
/// Empty pixels around a part, so that its outline closes.
const PAD: usize = 4;
/// Pixels of a part below which no outline is drawn.
const PIXELS_MIN: usize = 6;

/// A short piece of an outline, in pixels from the centre of the mask's first.
pub(super) type Segment = [[f32; 2]; 2];

/// The outlines in one mask, by structure.
///
/// `semantic` and `part_of` have `width` columns; a part is what shares both numbers.
pub(super) fn outlines(semantic: &[u8], part_of: &[u8], width: usize) -> BTreeMap<u8, Vec<Segment>> {
    let mut regions: BTreeMap<(u8, u8), Region> = BTreeMap::new();
    for (i, key) in semantic.iter().copied().zip(part_of.iter().copied()).enumerate() {
        if key.0 != 0 {
            regions.entry(key).or_default().include(i % width.max(1), i / width.max(1));
        }
    }
    let mut by_structure: BTreeMap<u8, Vec<Segment>> = BTreeMap::new();
    for ((structure, part), region) in regions.into_iter().filter(|(_, r)| r.pixels >= PIXELS_MIN) {
        let field = Field::of(region, |x, y| {
            let i = y * width + x;
            semantic.get(i) == Some(&structure) && part_of.get(i) == Some(&part)
        });
        by_structure.entry(structure).or_default().extend(field.blurred().half_way_line());
    }
    by_structure
}

/// The box around a part.
#[derive(Debug, Clone, Copy)]
struct Region {
    least: [usize; 2],
    most: [usize; 2],
    pixels: usize,
}

impl Default for Region {
    fn default() -> Self {
        Self { least: [usize::MAX; 2], most: [0; 2], pixels: 0 }
    }
}

impl Region {
    fn include(&mut self, x: usize, y: usize) {
        self.least = [self.least[0].min(x), self.least[1].min(y)];
        self.most = [self.most[0].max(x), self.most[1].max(y)];
        self.pixels += 1;
    }
}

/// How much each pixel belongs to a part, 0 to 1, in a padded box.
struct Field {
    width: usize,
    values: Vec<f32>,
    /// Place of its first pixel in the mask.
    offset: [f32; 2],
}

impl Field {
    fn of(region: Region, belongs: impl Fn(usize, usize) -> bool) -> Self {
        let [width, height] = [0, 1].map(|k| region.most[k] - region.least[k] + 1 + 2 * PAD);
        let mut values = vec![0.0; width * height];
        for y in region.least[1]..=region.most[1] {
            for x in region.least[0]..=region.most[0] {
                if belongs(x, y) {
                    values[(y - region.least[1] + PAD) * width + x - region.least[0] + PAD] = 1.0;
                }
            }
        }
        let offset = region.least.map(|l| l as f32 - PAD as f32);
        Self { width, values, offset }
    }

    fn blurred(self) -> Self {
        let along = |values: &[f32], step: usize| -> Vec<f32> {
            let at = |i: Option<usize>| i.and_then(|i| values.get(i).copied()).unwrap_or(0.0);
            (0..values.len())
                .map(|i| {
                    let sides =
                        (1..BLUR.len()).map(|k| BLUR[k] * (at(i.checked_sub(k * step)) + at(i.checked_add(k * step))));
                    BLUR[0] * values[i] + sides.sum::<f32>()
                })
                .collect()
        };
        let values = along(&along(&self.values, 1), self.width);
        Self { values, ..self }
    }

    /// Pieces of the line on which the field is one half.
    fn half_way_line(&self) -> Vec<Segment> {
        let height = self.values.len() / self.width;
        let mut segments = Vec::new();
        for y in 0..height - 1 {
            for x in 0..self.width - 1 {
                self.cell(x, y, &mut segments);
            }
        }
        segments
    }

    /// The pieces within the four pixels from (x, y) on.
    fn cell(&self, x: usize, y: usize, segments: &mut Vec<Segment>) {
        const CORNERS: [[usize; 2]; 4] = [[0, 0], [1, 0], [1, 1], [0, 1]];
        let value = |c: [usize; 2]| self.values[(y + c[1]) * self.width + x + c[0]] - 0.5;
        let crossing = |k: usize| {
            let (a, b) = (CORNERS[k], CORNERS[(k + 1) % 4]);
            let (va, vb) = (value(a), value(b));
            ((va > 0.0) != (vb > 0.0)).then(|| {
                let t = va / (va - vb);
                let between = |axis: usize, base: usize| {
                    self.offset[axis] + base as f32 + a[axis] as f32 + t * (b[axis] as f32 - a[axis] as f32)
                };
                [between(0, x), between(1, y)]
            })
        };
        let crossings: Vec<[f32; 2]> = (0..4).filter_map(crossing).collect();
        segments.extend(crossings.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_of_a_disc_runs_along_its_edge() {
        let (width, radius) = (64, 20.0_f32);
        let inside = |i: usize| {
            let (x, y) = ((i % width) as f32 - 31.5, (i / width) as f32 - 31.5);
            u8::from(x.hypot(y) < radius)
        };
        let mask: Vec<u8> = (0..width * width).map(inside).collect();
        let outlines = outlines(&mask, &mask, width);
        let segments = &outlines[&1];
        assert!(segments.len() > 100);
        for [x, y] in segments.iter().flatten() {
            assert!(((x - 31.5).hypot(y - 31.5) - radius).abs() < 0.8, "({x}, {y})");
        }
    }

    #[test]
    fn two_parts_of_one_structure_have_two_outlines() {
        let mask = [3_u8; 40 * 20];
        let halves: Vec<u8> = (0..40 * 20).map(|i| if i % 40 < 20 { 1 } else { 2 }).collect();
        let between = |s: &&Segment| s.iter().all(|p| p[0] > 18.0 && p[0] < 21.0 && p[1] > 4.0 && p[1] < 15.0);
        assert!(outlines(&mask, &halves, 40)[&3].iter().filter(between).count() > 15);
    }
}
