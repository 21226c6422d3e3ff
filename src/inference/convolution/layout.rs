//! How planes are laid out so that every input of a pixel lies at one distance from it.
//!
//! Each plane is padded and flattened; an output's rows are as long as the padded ones, so that a filter is one run over all of
//! them, of which the ends of rows are thrown away. A stride of two first parts each plane into its even and odd rows and columns.

use super::kernel::TILE_MAX;

/// Output pixels that are computed before they are taken out: their sums stay in the second-level cache.
const STRETCH: usize = 16 * TILE_MAX;

/// Sizes of a convolution over one image: `rows_columns` and `padding` as `[rows, columns]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Layout {
    pub(super) channels: usize,
    pub(super) input: [usize; 2],
    pub(super) output: [usize; 2],
    pub(super) kernel: [usize; 2],
    pub(super) stride: usize,
    /// Before the first row and the first column.
    pub(super) padding: [usize; 2],
}

impl Layout {
    /// Pixels from one row to the next.
    fn pitch(&self) -> usize {
        self.output[1] + (self.kernel[1] - 1) / self.stride
    }

    /// Pixels of a plane, or of a part of one.
    fn plane(&self) -> usize {
        (self.output[0] + (self.kernel[0] - 1) / self.stride) * self.pitch()
    }

    /// Where the planes of a channel begin.
    pub(super) fn channel_at(&self, channel: usize) -> usize {
        channel * self.stride * self.stride * self.plane()
    }

    /// Pixels that are computed of an output channel, the ends of rows that are thrown away among them.
    pub(super) fn pixels(&self) -> usize {
        self.output[0] * self.pitch()
    }

    /// Where the inputs of a pixel lie, in the order of the weights: channel by channel, row by row.
    pub(super) fn offsets(&self) -> Vec<usize> {
        let of_channel = |channel: usize| {
            let taps = (0..self.kernel[0]).flat_map(|row| (0..self.kernel[1]).map(move |column| (row, column)));
            taps.map(move |(row, column)| {
                let part = (row % self.stride) * self.stride + column % self.stride;
                self.channel_at(channel) + part * self.plane() + row / self.stride * self.pitch() + column / self.stride
            })
        };
        (0..self.channels).flat_map(of_channel).collect()
    }

    /// Lays the planes of an image out in `flat`; what lies outside of the image is zero.
    pub(super) fn lay(&self, image: &[f32], flat: &mut Vec<f32>) {
        let (pitch, plane) = (self.pitch(), self.plane());
        let parts = self.stride * self.stride;
        // The last tile looks further than the last plane goes.
        flat.resize(self.channels * parts * plane + STRETCH, 0.0);
        let planes = flat.chunks_exact_mut(plane);
        for (at, to) in planes.take(self.channels * parts).enumerate() {
            let from = &image[at / parts * self.input[0] * self.input[1]..][..self.input[0] * self.input[1]];
            let part = [at % parts / self.stride, at % parts % self.stride];
            for (row, to) in to.chunks_exact_mut(pitch).enumerate() {
                let row = (row * self.stride + part[0]).checked_sub(self.padding[0]).filter(|r| *r < self.input[0]);
                match row {
                    Some(row) => self.lay_row(&from[row * self.input[1]..][..self.input[1]], part[1], to),
                    None => to.fill(0.0),
                }
            }
        }
        flat[self.channels * parts * plane..].fill(0.0);
    }

    /// Lays one row out: its columns of one part.
    fn lay_row(&self, from: &[f32], part: usize, to: &mut [f32]) {
        // The first that lies in the image, and how many do.
        let before = self.padding[1].saturating_sub(part).div_ceil(self.stride).min(to.len());
        let first = (before * self.stride + part).saturating_sub(self.padding[1]);
        let inside = from.len().saturating_sub(first).div_ceil(self.stride).min(to.len() - before);
        let (left, rest) = to.split_at_mut(before);
        let (middle, right) = rest.split_at_mut(inside);
        left.fill(0.0);
        right.fill(0.0);
        let from = from.get(first..).unwrap_or_default();
        if self.stride == 1 {
            middle.copy_from_slice(&from[..inside]);
        } else {
            middle.iter_mut().zip(from.iter().step_by(self.stride)).for_each(|(to, from)| *to = *from);
        }
    }

    /// The stretches in which the output is computed: first pixel and number of pixels, a multiple of [`TILE_MAX`].
    pub(super) fn stretches(&self) -> impl Iterator<Item = (usize, usize)> {
        let pixels = self.pixels();
        (0..pixels).step_by(STRETCH).map(move |first| (first, (pixels - first).min(STRETCH).next_multiple_of(TILE_MAX)))
    }

    /// The pieces of rows that a stretch of pixels from `first` on holds: where in the stretch, where in a plane of the output,
    /// and how many pixels.
    pub(super) fn pieces(&self, first: usize, pixels: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let (pitch, columns) = (self.pitch(), self.output[1]);
        let end = (first + pixels).min(self.output[0] * pitch);
        (first / pitch..end.div_ceil(pitch)).filter_map(move |row| {
            let from = (row * pitch).max(first);
            let to = (row * pitch + columns).min(end);
            (from < to).then(|| (from - first, row * columns + (from - row * pitch), to - from))
        })
    }
}
