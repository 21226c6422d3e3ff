//! The segmentation: a segment for each part that was found, numbered as the part mask numbers them.

use super::super::bundle::{Bundle, BundlePart, SegmentedBlock};
use super::super::overlay::ink;
use super::super::report::UNKNOWN;
use super::{concepts, referenced};
use crate::dicom::write::segmentation::{self, Segment, Segmentation, SegmentedSlice};
use crate::dicom::write::{Code, DerivedObject};
use crate::spine::Structure;

/// The block's masks as a file; `None` where there is none or it would be too large.
pub(super) fn encode(
    bundle: &Bundle,
    block: &SegmentedBlock,
    object: DerivedObject<'_>,
) -> Result<Option<Vec<u8>>, String> {
    let instance = |source: &usize| bundle.instances.get(*source);
    let slices: Option<Vec<SegmentedSlice>> = block
        .sources
        .iter()
        .zip(&block.origins_lps_mm)
        .map(|(source, origin)| {
            Some(SegmentedSlice { origin_lps_mm: *origin, source: referenced(bundle, instance(source)?)? })
        })
        .collect();
    let Some(slices) = slices else { return Ok(None) };
    let first = block.sources.first().and_then(instance).and_then(|i| bundle.source_series.get(i.series?));
    let side = |pixels: usize| u16::try_from(pixels).map_err(|e| e.to_string());
    let segmentation = Segmentation {
        object,
        frame_of_reference_uid: first.map_or("", |series| &series.frame_of_reference_uid),
        algorithm: algorithm(bundle),
        segments: block.parts.iter().map(segment).collect(),
        rows: side(block.rows)?,
        columns: side(block.columns)?,
        pixel_spacing_mm: [block.row_spacing_mm, block.column_spacing_mm],
        slice_spacing_mm: block.slice_spacing_mm().abs(),
        directions_lps: [block.row_direction_lps, block.column_direction_lps],
        slices,
    };
    let mut numbers = block.part_of.slices(block.slice_len());
    segmentation::encode(&segmentation, |slice| numbers.next_into(slice))
}

/// Name and version of the network that segmented.
fn algorithm(bundle: &Bundle) -> String {
    let network = bundle.report.models.iter().find(|m| m.name == "segmentation");
    network.map_or_else(|| "deepspine".to_owned(), |m| format!("deepspine {} {}", m.name, m.version))
}

fn segment(part: &BundlePart) -> Segment {
    let structure = part.structure();
    let vertebra = part.vertebra.as_deref();
    let number = part.ordinal_from_below;
    let (label, property) = match structure {
        Structure::Canal => ("Spinal canal".to_owned(), concepts::SPINAL_CANAL),
        Structure::Sacrum if number == 1 => ("Sacrum".to_owned(), concepts::SACRUM),
        Structure::Sacrum => (named(None, "sacrum", number), concepts::SACRUM),
        Structure::PosteriorElements => (named(vertebra, "posterior elements", number), concepts::VERTEBRAL_ARCH),
        Structure::Disc => {
            let name = part.disc.as_ref().map(|[upper, lower]| format!("{upper}-{lower}"));
            let code = part.disc().and_then(super::super::report::disc_code);
            (named(name.as_deref(), "disc", number), site(code, concepts::DISC, name.as_deref(), "disc"))
        }
        Structure::VertebralBody | Structure::Background => {
            let code = part.vertebra().and_then(super::super::report::vertebra_code);
            (named(vertebra, "vertebral body", number), site(code, concepts::VERTEBRA, vertebra, "vertebra"))
        }
    };
    Segment { label, property, cielab: cielab(ink(structure)) }
}

/// `L4 disc`, or its place where it has no name.
fn named(name: Option<&str>, what: &str, ordinal_from_below: usize) -> String {
    match name {
        Some(name) if name != UNKNOWN => format!("{name} {what}"),
        _ => format!("{what} without a name, {ordinal_from_below} from below"),
    }
}

/// SNOMED CT's concept of the part, or of what it is one of.
fn site(code: Option<&'static str>, else_one_of: Code, name: Option<&str>, what: &str) -> Code {
    match (code, name) {
        (Some(code), Some(name)) => concepts::snomed(code, format!("{name} {what}")),
        _ => else_one_of,
    }
}

/// A colour as DICOM writes it (PS3.3 C.10.7.1.1): CIE Lab of the D50 white, in sixteen bits.
fn cielab(colour: super::super::canvas::Rgb) -> [u16; 3] {
    let linear = [colour.0, colour.1, colour.2].map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    });
    // sRGB to XYZ of D50 (Bradford), over the white's own.
    let rows = [[0.4360, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7142]];
    let white = [0.9642, 1.0, 0.8252];
    let f = |k: usize| {
        let ratio = rows[k].iter().zip(linear).map(|(a, b)| a * b).sum::<f64>() / white[k];
        if ratio > 0.008_856 { ratio.cbrt() } else { 7.787 * ratio + 16.0 / 116.0 }
    };
    let (x, y, z) = (f(0), f(1), f(2));
    let (lightness, a, b) = (116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z));
    let whole = |share: f64| (share.clamp(0.0, 1.0) * 65535.0).round() as u16;
    [whole(lightness / 100.0), whole((a + 128.0) / 255.0), whole((b + 128.0) / 255.0)]
}

#[cfg(test)]
mod tests {
    use super::super::super::canvas::Rgb;
    use super::cielab;

    #[test]
    fn white_is_all_lightness_and_no_colour() {
        let [lightness, a, b] = cielab(Rgb(255, 255, 255));
        assert!(lightness > 65_400, "{lightness}");
        for middle in [a, b] {
            assert!((i32::from(middle) - 32_896).abs() < 100, "{middle}");
        }
    }
}
