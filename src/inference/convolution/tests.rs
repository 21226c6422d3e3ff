//! The operator against a convolution written down as it is defined.

use super::depthwise::{Depthwise, Filters};
use super::direct::Direct;
use super::layout::Layout;
use super::transposed::Transposed;
use super::winograd::{self, Winograd};
use super::{Packed, Room, TiledConvolution, Way};
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
    let mut both = 0;
    for (case, (layout, output_channels)) in [
        (layout(1, [9, 7], [3, 3], 1, [1, 1]), 1),
        (layout(3, [16, 40], [3, 3], 1, [1, 1]), 6),
        (layout(7, [10, 10], [3, 3], 1, [1, 1]), 5),
        (layout(2, [75, 130], [3, 3], 1, [1, 1]), 3),
        (layout(6, [12, 9], [3, 3], 1, [0, 0]), 2),
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
        let packed = Packed::new(&weights, &bias);
        let mut ways = vec![Way::Direct(Direct::new(layout.clone(), Arc::new(packed)))];
        if Winograd::suits(&layout) {
            let weights = winograd::Weights::new(&weights, &bias);
            ways.push(Way::Winograd(Winograd::new(layout.clone(), Arc::new(weights))));
        }
        both += usize::from(ways.len() > 1);
        let plain = (false, [f32::NEG_INFINITY, f32::INFINITY]);
        for (way, (adds, limits)) in ways.iter().flat_map(|way| [(way, plain), (way, (true, [0.0, 6.0]))]) {
            let op = TiledConvolution { way: way.clone(), batch: true, square: 1, adds, limits };
            let mut found = vec![f32::NAN; expected.len()];
            op.compute(&image, adds.then_some(&added), &mut found, &mut room);
            for (i, found) in found.iter().enumerate() {
                let sum = expected[i] + if adds { added[i] } else { 0.0 };
                let expected = sum.clamp(limits[0], limits[1]);
                assert!((found - expected).abs() < 1e-3, "{way:?}: {found} and {expected} at {i}");
            }
        }
    }
    assert_eq!(both, 6);
}

#[test]
fn a_filter_for_each_channel_gives_what_the_definition_says_of_each_alone() {
    let mut room = Room::default();
    for (case, layout) in [
        layout(1, [9, 7], [3, 3], 1, [1, 1]),
        layout(32, [32, 48], [3, 3], 1, [1, 1]),
        layout(96, [33, 49], [3, 3], 2, [1, 1]),
        layout(7, [12, 18], [5, 5], 1, [2, 2]),
        layout(144, [16, 24], [5, 5], 2, [2, 2]),
        layout(672, [4, 6], [5, 5], 1, [2, 2]),
        layout(5, [3, 2], [5, 5], 1, [2, 2]),
        layout(3, [75, 130], [7, 3], 1, [0, 1]),
    ]
    .into_iter()
    .enumerate()
    {
        let image = numbers(layout.channels * layout.input[0] * layout.input[1], case);
        let taps = layout.kernel[0] * layout.kernel[1];
        let weights = numbers(layout.channels * taps, case + 100);
        let bias = numbers(layout.channels, case + 200);
        let alone = Layout { channels: 1, ..layout.clone() };
        let of_channel = |(channel, image): (usize, &[f32])| {
            defined(&alone, image, &weights[channel * taps..][..taps], &bias[channel..=channel])
        };
        let expected: Vec<f32> =
            image.chunks_exact(layout.input[0] * layout.input[1]).enumerate().flat_map(of_channel).collect();
        let added = numbers(expected.len(), case + 300);
        let way = Way::Depthwise(Depthwise::new(layout, Arc::new(Filters::new(&weights, &bias))));
        let op = TiledConvolution { way, batch: true, square: 1, adds: true, limits: [0.0, 6.0] };
        let mut found = vec![f32::NAN; expected.len()];
        op.compute(&image, Some(&added), &mut found, &mut room);
        for (i, found) in found.iter().enumerate() {
            let expected = (expected[i] + added[i]).clamp(0.0, 6.0);
            assert!((found - expected).abs() < 1e-3, "case {case}: {found} and {expected} at {i}");
        }
    }
}

/// Every input pixel adds the kernel, weighted, to the square of output pixels that it stands for.
fn defined_transposed(of: &Transposed, [rows, columns]: [usize; 2], image: &[f32], weights: &[f32]) -> Vec<f32> {
    let (out_rows, out_columns) = (rows * of.stride, columns * of.stride);
    let mut found = vec![0.0; of.output_channels * out_rows * out_columns];
    for output in 0..of.output_channels {
        for (at, value) in image.iter().enumerate() {
            let (input, row, column) = (at / (rows * columns), at / columns % rows, at % columns);
            for (r, c) in (0..of.kernel[0]).flat_map(|r| (0..of.kernel[1]).map(move |c| (r, c))) {
                let row = (row * of.stride + r).checked_sub(of.padding[0]).filter(|row| *row < out_rows);
                let column = (column * of.stride + c).checked_sub(of.padding[1]).filter(|c| *c < out_columns);
                let Some((row, column)) = row.zip(column) else { continue };
                let weight = ((output * of.input_channels + input) * of.kernel[0] + r) * of.kernel[1] + c;
                found[(output * out_rows + row) * out_columns + column] += value * weights[weight];
            }
        }
    }
    found
}

#[test]
fn a_transposed_convolution_is_a_plain_one_whose_sums_are_spread() {
    let mut room = Room::default();
    let size = [9, 20];
    for (case, (kernel, stride, padding)) in
        [([2, 2], 2, [0, 0]), ([4, 4], 2, [1, 1]), ([3, 3], 3, [0, 0]), ([6, 4], 2, [2, 1])].into_iter().enumerate()
    {
        let of = Transposed { input_channels: 5, output_channels: 3, kernel, stride, padding };
        let image = numbers(5 * size[0] * size[1], case);
        let weights = numbers(15 * kernel[0] * kernel[1], case + 50);
        let expected = defined_transposed(&of, size, &image, &weights);
        let [plain, before] = of.plain_kernel_and_padding();
        let layout = Layout { channels: 5, input: size, output: size, kernel: plain, stride: 1, padding: before };
        let plain = of.plain_weights(&weights);
        let bias = vec![0.0; 3 * stride * stride];
        let mut ways = vec![Way::Direct(Direct::new(layout.clone(), Arc::new(Packed::new(&plain, &bias))))];
        if Winograd::suits(&layout) {
            let weights = Arc::new(winograd::Weights::new(&plain, &bias));
            ways.push(Way::Winograd(Winograd::new(layout.clone(), weights)));
        }
        let added = numbers(expected.len(), case + 90);
        for way in ways {
            let op = TiledConvolution { way, batch: true, square: stride, adds: true, limits: [-2.0, 6.0] };
            let mut found = vec![f32::NAN; expected.len()];
            op.compute(&image, Some(&added), &mut found, &mut room);
            for (i, found) in found.iter().enumerate() {
                let expected = (expected[i] + added[i]).clamp(-2.0, 6.0);
                assert!((found - expected).abs() < 1e-3, "{kernel:?} {stride}: {found} and {expected} at {i}");
            }
        }
    }
}
