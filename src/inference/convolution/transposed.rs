//! A transposed convolution as a plain one: every pixel of a square of output pixels is a channel of its own.
//!
//! With a stride of `s` the output's pixels in every `s`-th row and column hear their surroundings through the same weights. So
//! `s * s` plain filters over the input give the `s * s` kinds of output pixels (Shi et al. 2016, "Is the deconvolution layer the
//! same as a convolutional layer?", arXiv 1609.07009).

/// Sizes of a transposed convolution whose output is `stride` times as large as its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Transposed {
    pub(super) input_channels: usize,
    pub(super) output_channels: usize,
    /// Rows and columns.
    pub(super) kernel: [usize; 2],
    pub(super) stride: usize,
    /// What is cut off before the first row and column.
    pub(super) padding: [usize; 2],
}

impl Transposed {
    /// Rows and columns of the plain filters, and what they see before a pixel.
    pub(super) fn plain_kernel_and_padding(&self) -> [[usize; 2]; 2] {
        let before = [0, 1].map(|axis| (self.kernel[axis] - 1).saturating_sub(self.padding[axis]) / self.stride);
        let after = self.padding.map(|padding| padding.div_ceil(self.stride));
        [[before[0] + 1 + after[0], before[1] + 1 + after[1]], before]
    }

    /// The plain filters' weights, for each output channel, for each row and column of the square, for each input channel, row by
    /// row; from weights for each output channel, for each input channel, row by row.
    pub(super) fn plain_weights(&self, weights: &[f32]) -> Vec<f32> {
        let [[rows, columns], before] = self.plain_kernel_and_padding();
        // The row or column of the transposed kernel through which output pixel `pixel` of the square hears `tap`.
        let heard = |axis: usize, pixel: usize, tap: usize| {
            let at = (pixel + self.padding[axis] + self.stride * before[axis]).checked_sub(self.stride * tap)?;
            (at < self.kernel[axis]).then_some(at)
        };
        let mut plain = Vec::with_capacity(weights.len() * 4);
        for output in 0..self.output_channels {
            for (row, column) in (0..self.stride).flat_map(|row| (0..self.stride).map(move |column| (row, column))) {
                for input in 0..self.input_channels {
                    let kernel = &weights[(output * self.input_channels + input) * self.kernel[0] * self.kernel[1]..];
                    for (r, c) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                        let at = heard(0, row, r).zip(heard(1, column, c));
                        plain.push(at.map_or(0.0, |(r, c)| kernel[r * self.kernel[1] + c]));
                    }
                }
            }
        }
        plain
    }
}
