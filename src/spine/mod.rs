//! The words of the field, as plain types.
//!
//! What a spine reader talks about: vertebrae, discs, levels, measurements, findings about quality,
//! and the report that gathers them. No input or output happens here, nothing is serialised here,
//! and nothing of ours is imported: everything else in the crate may use these types, and they use
//! nothing.
//!
//! Patient space is LPS throughout (DICOM PS3.3 C.7.6.2.1.1: +x to the patient's left, +y to the
//! posterior, +z to the head), in millimetres. Names carry frame and unit.

mod anatomy;
mod grade;
mod measurement;
mod quality;
mod report;
mod role;
mod vector;

pub use anatomy::{Disc, Structure, Vertebra};
pub use grade::{BodySide, GradeScale, GradedFinding, Grading, SetCoverage};
pub use measurement::{
    CanalStanding, LevelMeasurements, LumbarMeasurements, Measurement, Meyerding, PercentileClass, VertebraMeasurements,
};
pub use quality::{QualityCode, QualityFinding, Severity};
pub use report::{
    AxialAssignment, CurveFit, Designation, DiscPlane, Evidence, LevelReport, ModelUse, Refusal, Report, SURE_ENOUGH,
    SeriesUse, StageTiming, VertebraReport,
};
pub use role::{Role, RoleAssignment};
pub use vector::{Vec3, add, cross, dot, length, normalised, scaled, sub};
