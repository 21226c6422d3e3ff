//! The operator against a convolution written down as it is defined.

use super::layout::Layout;
use super::{Packed, Room, TiledConvolution};
use std::sync::Arc;

/// Numbers in -1..1 that look like chance.
fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
}

/// As the definition says, one sum after the other.
fn defined(layout: &Layout, image: &[f32], weights: &[f32], bias: &[f32]) -> Vec<f32> {
    let at = |channel: usize, row: usize, column: usize| {
        let row = row.checked_sub(layout.padding[0]).filter(|r| *r < layout.input[0]);
        let column = column.checked_sub(layout.padding[1]).filter(|c| *c < layout.input[1]);
        row.zip(column).map_or(0.0, |(r, c)| image[(channel * layout.input[0] + r) * layout.input[1] + c])
    };
    let [rows, columns] = layout.kernel;
    let mut found = Vec::new();
    for (weights, bias) in weights.chunks(layout.channels * rows * columns).zip(bias) {
        for row in 0..layout.output[0] {
            for column in 0..layout.output[1] {
                let mut sum = *bias;
                for (i, weight) in weights.iter().enumerate() {
                    let (channel, r, c) = (i / (rows * columns), i / columns % rows, i % columns);
                    sum += weight * at(channel, row * layout.stride + r, column * layout.stride + c);
                }
                found.push(sum);
            }
        }
    }
    found
}

fn layout(channels: usize, input: [usize; 2], kernel: [usize; 2], stride: usize, padding: [usize; 2]) -> Layout {
    // As much after the last row and column as before the first.
    let output = [0, 1].map(|i| (input[i] + 2 * padding[i] - kernel[i]) / stride + 1);
    Layout { channels, input, output, kernel, stride, padding }
}

#[test]
fn every_shape_gives_what_the_definition_says() {
    let mut room = Room::default();
    for (case, (layout, output_channels)) in [
        (layout(1, [9, 7], [3, 3], 1, [1, 1]), 1),
        (layout(3, [16, 40], [3, 3], 1, [1, 1]), 6),
        (layout(40, [33, 70], [3, 3], 1, [1, 1]), 20),
        (layout(2, [32, 48], [4, 4], 2, [1, 1]), 20),
        (layout(5, [31, 17], [3, 3], 2, [1, 1]), 9),
        (layout(300, [6, 6], [1, 1], 1, [0, 0]), 7),
        (layout(4, [20, 12], [5, 3], 1, [2, 0]), 8),
        (layout(3, [13, 13], [1, 1], 2, [0, 0]), 4),
        (layout(2, [64, 65], [7, 7], 2, [3, 3]), 5),
    ]
    .into_iter()
    .enumerate()
    {
        let image = numbers(layout.channels * layout.input[0] * layout.input[1], case);
        let weights = numbers(output_channels * layout.channels * layout.kernel[0] * layout.kernel[1], case + 100);
        let bias = numbers(output_channels, case + 200);
        let expected = defined(&layout, &image, &weights, &bias);
        let added = numbers(expected.len(), case + 300);
        for (adds, limits) in [(false, [f32::NEG_INFINITY, f32::INFINITY]), (true, [0.0, 6.0])] {
            let op = TiledConvolution {
                layout: layout.clone(),
                offsets: layout.offsets().into(),
                packed: Arc::new(Packed::new(&weights, &bias)),
                adds,
                limits,
            };
            let mut found = vec![f32::NAN; expected.len()];
            op.compute(&image, adds.then_some(&added), &mut found, &mut room);
            for (i, found) in found.iter().enumerate() {
                let sum = expected[i] + if adds { added[i] } else { 0.0 };
                let expected = sum.clamp(limits[0], limits[1]);
                assert!((found - expected).abs() < 1e-3, "{layout:?}: {found} and {expected} at {i}");
            }
        }
    }
}
