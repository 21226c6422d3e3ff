//! The report: everything one reading found, as plain values.

use super::{
    CanalStanding, Disc, Grading, LevelMeasurements, LumbarMeasurements, QualityFinding, RoleAssignment, Vec3,
    Vertebra, VertebraMeasurements,
};

/// What one reading of one study found. Without identity: who the patient is stays in the bundle.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The series of the study in the order in which the report numbers them.
    pub series: Vec<SeriesUse>,
    /// Index into `series` of the one that was segmented; `None` where the study was refused.
    pub segmented_series: Option<usize>,
    /// Why there is no reading, where there is none.
    pub refusal: Option<Refusal>,
    /// The fitted curve, where a spine was found.
    pub curve: Option<CurveFit>,
    /// Vertebrae from foot to head, S1 first where it is in view.
    pub vertebrae: Vec<VertebraReport>,
    /// Disc levels from foot to head.
    pub levels: Vec<LevelReport>,
    /// Measurements of the lumbar spine as a whole.
    pub lumbar: Option<LumbarMeasurements>,
    /// What a reader must know about the data.
    pub quality: Vec<QualityFinding>,
    /// Models that took part.
    pub models: Vec<ModelUse>,
}

/// A series of the study, and what it was used for.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesUse {
    /// Role and reason.
    pub assignment: RoleAssignment,
    /// Number of slices, duplicates left out.
    pub slices: usize,
    /// Number of blocks of parallel slices.
    pub blocks: usize,
    /// Rows and columns of a slice.
    pub rows_columns: [usize; 2],
    /// Distance between rows and between columns, mm.
    pub pixel_spacing_mm: [f64; 2],
    /// Median distance between slices, mm; `None` for one slice.
    pub slice_spacing_mm: Option<f64>,
}

/// Why a study was not read, as a stable code and a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Stable reason code, such as `no-sagittal-series`, `no-spine`, `orientation-conflict` or `size-impossible`.
    pub code: &'static str,
    /// One sentence for a person, without identity.
    pub text: String,
}

/// The fitted spine curve through the vertebral bodies' centres.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveFit {
    /// Points along the curve from foot to head, evenly spaced by arc length, LPS mm.
    pub points_lps_mm: Vec<Vec3>,
    /// Root mean square distance of the body and disc centres from the curve, mm.
    pub residual_mm: f64,
    /// How many segmented parts did not lie along it and were rejected.
    pub rejected_parts: usize,
}

/// A name less sure than this is doubtful: it is shown as such, and a wrong one does not count as claimed.
pub const SURE_ENOUGH: f64 = 0.8;

/// The name of a vertebra or level, or that there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Designation<T> {
    /// The name; `None` is `unknown`.
    pub name: Option<T>,
    /// Place counted from the lowest one found, 1 first: holds whether or not there is a name.
    pub ordinal_from_below: usize,
    /// How sure the name is, 0 to 1; 0 where there is none.
    pub confidence: f64,
    /// What the name rests on, or why there is none.
    pub evidence: Vec<Evidence>,
}

/// One piece of evidence for, or against, a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Stable code, such as `sacrum-in-view`, `counted-from-s1`, `canal-alongside`, `no-sacrum`.
    pub code: &'static str,
    /// One sentence for a person.
    pub text: String,
}

/// A vertebra as found.
#[derive(Debug, Clone, PartialEq)]
pub struct VertebraReport {
    /// Its name or `unknown`.
    pub designation: Designation<Vertebra>,
    /// Centre of the body, LPS mm.
    pub centre_lps_mm: Vec3,
    /// Measurements.
    pub measurements: VertebraMeasurements,
}

/// A disc level as found.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelReport {
    /// Its name or `unknown`.
    pub designation: Designation<Disc>,
    /// The disc's own plane.
    pub plane: DiscPlane,
    /// Measurements.
    pub measurements: LevelMeasurements,
    /// How wide its canal is beside others'.
    pub canal: CanalStanding,
    /// The middle of the canal in the disc's plane, LPS mm, where one was segmented.
    pub canal_centre_lps_mm: Option<Vec3>,
    /// The axial slices that show this disc.
    pub axial: Vec<AxialAssignment>,
    /// Its grades.
    pub grades: Vec<Grading>,
    /// Why some could not be given: by the view that was missing, as a stable code and a sentence.
    pub ungraded: Vec<Evidence>,
}

/// A disc's plane: through its centre, perpendicular to the curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiscPlane {
    /// Centre of the disc, LPS mm.
    pub centre_lps_mm: Vec3,
    /// Unit tangent of the curve there, towards the head: the plane's normal.
    pub normal_lps: Vec3,
    /// Unit vector in the plane and in the sagittal plane of the curve, towards the front.
    pub anterior_lps: Vec3,
    /// Antero-posterior extent of the disc in the plane, mm.
    pub depth_mm: f64,
}

/// An axial slice that shows a level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AxialAssignment {
    /// Index into [`Report::series`].
    pub series: usize,
    /// Index of the block within the series.
    pub block: usize,
    /// Index of the slice within the block, ordered along the block's normal.
    pub slice: usize,
    /// Signed distance of the disc centre from the slice, along the slice's normal, mm.
    pub distance_mm: f64,
    /// Angle between the slice and the disc plane, degrees.
    pub angle_deg: f64,
}

/// A model that took part in a reading.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelUse {
    /// Name in the manifest.
    pub name: String,
    /// Version in the manifest.
    pub version: String,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Terms of the data it was trained on.
    pub terms: String,
}

/// How long a stage of a reading took.
#[derive(Debug, Clone, PartialEq)]
pub struct StageTiming {
    /// Stable name of the stage.
    pub stage: &'static str,
    /// Wall time, ms.
    pub wall_ms: f64,
}
