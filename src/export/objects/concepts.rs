//! The concepts of our objects: DICOM's and SNOMED CT's where they have one, else ours.
//!
//! Ours are of the private scheme `99DEEPSPINE` (DICOM PS3.16 8.2), and are never given another meaning.

use std::borrow::Cow;

use crate::dicom::write::Code;

/// A concept of ours.
pub(super) const fn ours(value: &'static str, meaning: &'static str) -> Code {
    Code::new(value, "99DEEPSPINE", meaning)
}

/// A SNOMED CT concept of the report, whose words are ours.
pub(super) fn snomed(value: &str, meaning: String) -> Code {
    Code { value: Cow::Owned(value.to_owned()), scheme: "SCT", meaning: Cow::Owned(meaning) }
}

pub(super) const VERTEBRA: Code = Code::snomed("51282000", "Vertebra");
pub(super) const SACRUM: Code = Code::snomed("54735007", "Sacrum");
pub(super) const VERTEBRAL_ARCH: Code = Code::snomed("40265002", "Arch of vertebra");
pub(super) const DISC: Code = Code::snomed("360499006", "Intervertebral disc");
pub(super) const SPINAL_CANAL: Code = Code::snomed("61853006", "Spinal canal");
pub(super) const LUMBAR_SPINE: Code = Code::snomed("122496007", "Lumbar spine");

/// A quantity of the report by its key there, with its unit; `None` for what is no quantity.
pub(super) fn quantity(key: &str) -> Option<(Code, Code)> {
    let (value, meaning) = match key {
        "canal_ap_disc_mm" => ("CANAL-AP-DISC", "AP diameter of the spinal canal in the disc plane"),
        "canal_area_disc_mm2" => ("CANAL-AREA-DISC", "Area of the spinal canal in the disc plane"),
        "disc_height_anterior_mm" => ("DISC-H-ANTERIOR", "Anterior disc height"),
        "disc_height_middle_mm" => ("DISC-H-MIDDLE", "Middle disc height"),
        "disc_height_posterior_mm" => ("DISC-H-POSTERIOR", "Posterior disc height"),
        "disc_height_index" => ("DISC-H-INDEX", "Disc height index"),
        "slip_mm" => ("SLIP", "Slip of the upper vertebra, forwards positive"),
        "slip_percent" => ("SLIP-SHARE", "Slip of the upper vertebra as a share of the endplate"),
        "segmental_lordosis_deg" => ("LORDOSIS-SEGMENT", "Segmental lordosis"),
        "height_anterior_mm" => ("BODY-H-ANTERIOR", "Anterior height of the vertebral body"),
        "height_middle_mm" => ("BODY-H-MIDDLE", "Middle height of the vertebral body"),
        "height_posterior_mm" => ("BODY-H-POSTERIOR", "Posterior height of the vertebral body"),
        "anterior_posterior_ratio" => ("BODY-H-AP-RATIO", "Anterior over posterior height of the body"),
        "middle_posterior_ratio" => ("BODY-H-MP-RATIO", "Middle over posterior height of the body"),
        "depth_mm" => ("BODY-DEPTH", "Depth of the vertebral body"),
        "canal_ap_body_mm" => ("CANAL-AP-BODY", "AP diameter of the spinal canal at mid-body"),
        "canal_area_body_mm2" => ("CANAL-AREA-BODY", "Area of the spinal canal at mid-body"),
        "lumbar_lordosis_deg" => ("LORDOSIS", "Lumbar lordosis"),
        "sacral_slope_deg" => ("SACRAL-SLOPE", "Sacral slope"),
        "ap_percentile" => ("CANAL-AP-PCTILE", "Percentile of the canal's AP diameter among the reference"),
        "ap_over_body" => ("CANAL-AP-RATIO", "AP diameter at the disc over that at mid-body"),
        _ => return None,
    };
    Some((ours(value, meaning), unit_of(key)))
}

fn unit_of(key: &str) -> Code {
    match key.rsplit('_').next() {
        Some("mm") => Code::unit("mm", "millimeter"),
        Some("mm2") => Code::unit("mm2", "square millimeter"),
        Some("deg") => Code::unit("deg", "degree"),
        Some("percent") => Code::unit("%", "percent"),
        _ => NO_UNITS,
    }
}

pub(super) const NO_UNITS: Code = Code::unit("1", "no units");

/// What a finding of the report grades, by its name there.
pub(super) fn finding(name: &str) -> Code {
    match name {
        "central-canal-stenosis" => ours("CANAL-STENOSIS", "Stenosis of the central canal"),
        "subarticular-stenosis" => ours("RECESS-STENOSIS", "Subarticular stenosis"),
        "foraminal-stenosis" => ours("FORAMEN-STENOSIS", "Foraminal stenosis"),
        "sac-compression" => ours("SAC-COMPRESSION", "Compression of the thecal sac or contact with it"),
        "root-compression" => ours("ROOT-COMPRESSION", "Compression of nerve roots or contact with them"),
        "disc-degeneration" => ours("PFIRRMANN", "Disc degeneration after Pfirrmann"),
        "disc-narrowing" => ours("DISC-NARROWING", "Disc narrowing"),
        "disc-bulge" => ours("DISC-BULGE", "Disc bulge"),
        "disc-herniation" => ours("DISC-HERNIATION", "Disc herniation"),
        "spondylolisthesis" => ours("LISTHESIS", "Spondylolisthesis"),
        "modic-change" => ours("MODIC-CHANGE", "Modic change"),
        "upper-endplate-change" => ours("ENDPLATE-UPPER", "Change of the upper endplate"),
        "lower-endplate-change" => ours("ENDPLATE-LOWER", "Change of the lower endplate"),
        _ => ours("OTHER-FINDING", "A finding without a code"),
    }
}

/// A grade by its name on any scale of the report. Severities are those of CID 3716, with `Normal` of SNOMED CT.
pub(super) fn grade(name: &str) -> Code {
    match name {
        "normal" => Code::snomed("17621005", "Normal"),
        "mild" => Code::snomed("255604002", "Mild"),
        "moderate" => Code::snomed("6736007", "Moderate"),
        "severe" => Code::snomed("24484000", "Severe"),
        "absent" => Code::snomed("272519000", "Absent"),
        "present" => Code::snomed("52101004", "Present"),
        "none" => ours("GRADE-0", "None"),
        "I" => ours("GRADE-I", "Grade I"),
        "II" => ours("GRADE-II", "Grade II"),
        "III" => ours("GRADE-III", "Grade III"),
        "IV" => ours("GRADE-IV", "Grade IV"),
        "V" => ours("GRADE-V", "Grade V"),
        _ => ours("OTHER-GRADE", "A grade without a code"),
    }
}

/// The probability of the grade in that place of its scale, the best first.
pub(super) fn probability_of(grade: &str, place: usize) -> Code {
    let value = format!("P-{place}");
    Code { value: Cow::Owned(value), scheme: "99DEEPSPINE", meaning: Cow::Owned(format!("Probability of {grade}")) }
}
