//! A phantom as a DICOM study: which series, in which planes, under which names.

use super::Phantom;
use super::parameters::{PhantomError, within};
use super::plan::{Imaging, SeriesPlan, Stack};
use super::random::Random;
use super::skeleton::BELOW_S1;
use super::tissue::Contrast;
use super::truth::Truth;
use super::vendor::{SeriesKind, Vendor};
use crate::analysis::volume::Volume;
use crate::dicom::uid_from;
use crate::dicom::write::{InstanceToWrite, SeriesToWrite, StudyToWrite, write_instance};
use crate::spine::{Vec3, add};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// How a phantom is imaged as a study.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyPlan {
    /// The series, in the order of acquisition.
    pub series: Vec<SeriesKind>,
    /// Sagittal field, matrix and slices.
    pub sagittal: Stack,
    /// The same of each axial block.
    pub axial: Stack,
    /// Shift of the sagittal field from its usual place, left, posterior and up, mm, -250 to 250: 150
    /// upwards leaves the sacrum out of view.
    pub centre_shift_mm: Vec3,
    /// Weighting of the sagittal T1 series; the vendor's usual one where absent.
    pub t1: Option<Contrast>,
    /// Weighting of the T2 series; the vendor's usual one where absent.
    pub t2: Option<Contrast>,
    /// Coil and noise.
    pub imaging: Imaging,
    /// Style of the headers.
    pub vendor: Vendor,
}

impl Default for StudyPlan {
    fn default() -> Self {
        Self {
            series: vec![SeriesKind::Localizer, SeriesKind::SagittalT1, SeriesKind::SagittalT2, SeriesKind::AxialT2],
            sagittal: Stack { fov_mm: 270.0, matrix: 384, slices: 15, thickness_mm: 4.0, spacing_mm: 4.4 },
            axial: Stack { fov_mm: 180.0, matrix: 256, slices: 5, thickness_mm: 4.0, spacing_mm: 4.4 },
            centre_shift_mm: [0.0; 3],
            t1: None,
            t2: None,
            imaging: Imaging::default(),
            vendor: Vendor::Siemens,
        }
    }
}

/// Slices of the localizer in each plane.
const LOCALIZER: Stack = Stack { fov_mm: 400.0, matrix: 192, slices: 3, thickness_mm: 8.0, spacing_mm: 20.0 };

impl StudyPlan {
    /// A plan drawn from the seed: field, matrix, weighting, coil, noise, vendor.
    #[must_use]
    pub fn varied(seed: u64) -> Self {
        let mut random = Random::stream(seed, 8);
        let vendor = [Vendor::Siemens, Vendor::Philips, Vendor::Ge][random.below(3)];
        let fov_mm = random.between(210.0, 340.0);
        let matrix = (fov_mm / random.between(0.55, 0.95) / 16.0).round() as usize * 16;
        let spacing_mm = random.between(3.6, 5.0);
        let scatter = |contrast: Contrast, random: &mut Random| Contrast {
            repetition_ms: contrast.repetition_ms * random.between(0.75, 1.35),
            echo_ms: contrast.echo_ms * random.between(0.75, 1.3),
            inversion_ms: None,
        };
        let high = if random.chance(0.15) { random.between(60.0, 130.0) } else { random.about(0.0, 14.0) };
        Self {
            sagittal: Stack { fov_mm, matrix, slices: 15, thickness_mm: spacing_mm * 0.9, spacing_mm },
            centre_shift_mm: [random.about(0.0, 3.0), random.about(0.0, 8.0), high],
            t1: Some(scatter(vendor.contrast(SeriesKind::SagittalT1), &mut random)),
            t2: Some(scatter(vendor.contrast(SeriesKind::SagittalT2), &mut random)),
            imaging: Imaging {
                noise: random.between(0.008, 0.05),
                coil: random.between(0.0, 1.0),
                saturation: if random.chance(0.4) { random.between(0.4, 1.0) } else { 0.0 },
                noise_seed: seed,
            },
            vendor,
            ..Self::default()
        }
    }

    /// Whether it can be rendered.
    ///
    /// # Errors
    /// [`PhantomError::Parameter`] names the first value that can't, and what it may be.
    pub fn validate(&self) -> Result<(), PhantomError> {
        self.sagittal.validate()?;
        self.axial.validate()?;
        self.centre_shift_mm.iter().try_for_each(|v| within(("centre_shift_mm", -250.0, 250.0), *v))?;
        within(("noise", 0.0, 0.5), self.imaging.noise)?;
        within(("coil", 0.0, 1.0), self.imaging.coil)?;
        within(("saturation", 0.0, 1.0), self.imaging.saturation)?;
        for contrast in [self.t1, self.t2].into_iter().flatten() {
            within(("repetition_ms", 5.0, 20_000.0), contrast.repetition_ms)?;
            within(("echo_ms", 0.5, 500.0), contrast.echo_ms)?;
        }
        Ok(())
    }

    /// The weighting of a series.
    #[must_use]
    pub fn contrast(&self, kind: SeriesKind) -> Contrast {
        let own = match kind {
            SeriesKind::SagittalT1 => self.t1,
            SeriesKind::SagittalT2 | SeriesKind::AxialT2 => self.t2,
            SeriesKind::Localizer | SeriesKind::SagittalStir => None,
        };
        own.unwrap_or_else(|| self.vendor.contrast(kind))
    }

    /// The blocks of a series.
    #[must_use]
    pub fn blocks(&self, phantom: &Phantom, kind: SeriesKind) -> Vec<SeriesPlan> {
        let contrast = self.contrast(kind);
        let centre = phantom.field_centre_lps_mm(self.sagittal.fov_mm, self.centre_shift_mm);
        let sagittal = |stack| SeriesPlan::sagittal(phantom, stack, centre, contrast, self.imaging);
        match kind {
            SeriesKind::SagittalT1 | SeriesKind::SagittalT2 | SeriesKind::SagittalStir => vec![sagittal(self.sagittal)],
            SeriesKind::Localizer => vec![
                sagittal(LOCALIZER),
                SeriesPlan::coronal(phantom, LOCALIZER, centre, contrast, self.imaging),
                SeriesPlan::axial(phantom, LOCALIZER, centre, phantom.patient().up, contrast, self.imaging),
            ],
            SeriesKind::AxialT2 => (phantom.scene.skeleton.discs.iter().skip(BELOW_S1))
                .take(usize::from(phantom.parameters.lumbar_count))
                .map(|disc| {
                    let behind = disc.frame.lps([0.0, 18.0, 0.0]);
                    let (at, up) = (phantom.patient().lps(behind), phantom.patient().direction(disc.frame.up));
                    SeriesPlan::axial(phantom, self.axial, at, up, contrast, self.imaging)
                })
                .collect(),
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenStudy {
    /// The folder.
    pub folder: PathBuf,
    /// The DICOM files, in the order in which they were written.
    pub files: Vec<PathBuf>,
    /// What `truth.json` holds.
    pub truth: StudyTruth,
}

/// The content of `truth.json`: the phantom's truth, and what of it the sagittal series show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyTruth {
    /// Seed of the phantom.
    pub seed: u64,
    /// Names of the vertebrae whose centre lies in the sagittal field.
    pub vertebrae_in_view: Vec<String>,
    /// Names of the discs whose centre lies in the sagittal field.
    pub discs_in_view: Vec<String>,
    /// What is true of the anatomy.
    #[serde(flatten)]
    pub anatomy: Truth,
}

/// Writes a phantom as a DICOM study with its truth: a folder a series, `truth.json` beside them.
/// The same phantom and plan give the same bytes.
///
/// # Errors
/// [`PhantomError`] where the plan can't be rendered or a file can't be written.
pub fn write_study(phantom: &Phantom, plan: &StudyPlan, out_dir: &Path) -> Result<WrittenStudy, PhantomError> {
    plan.validate()?;
    let name = format!("{:?} {plan:?}", phantom.parameters);
    let study = study_header(phantom, plan, &name);
    let mut files = Vec::new();
    let volumes = render_all(phantom, plan);
    for (number, (kind, blocks)) in plan.series.iter().zip(&volumes).enumerate() {
        let folder = out_dir.join(format!("{}_{}", number + 1, kind.folder()));
        fs::create_dir_all(&folder).map_err(|source| PhantomError::File { path: folder.clone(), source })?;
        let series = series_header(plan, *kind, number as u32 + 1, &name);
        files.extend(write_series(&study, &series, blocks, &folder)?);
    }
    let truth = study_truth(phantom, plan);
    let path = out_dir.join("truth.json");
    let json = serde_json::to_vec_pretty(&truth)
        .map_err(|e| PhantomError::Encode { path: path.clone(), reason: e.to_string() })?;
    fs::write(&path, json).map_err(|source| PhantomError::File { path, source })?;
    Ok(WrittenStudy { folder: out_dir.to_owned(), files, truth })
}

/// The volumes of every series; sagittal series share their samples of the anatomy.
fn render_all(phantom: &Phantom, plan: &StudyPlan) -> Vec<Vec<Volume>> {
    let is_sagittal =
        |kind: &SeriesKind| matches!(kind, SeriesKind::SagittalT1 | SeriesKind::SagittalT2 | SeriesKind::SagittalStir);
    let kinds: Vec<SeriesKind> = plan.series.iter().copied().filter(is_sagittal).collect();
    let mut sagittal = kinds.split_first().map_or_else(Vec::new, |(first, others)| {
        let looks: Vec<_> = others.iter().map(|kind| (plan.contrast(*kind), plan.imaging)).collect();
        plan.blocks(phantom, *first).first().map_or_else(Vec::new, |block| phantom.render_also(block, &looks))
    });
    sagittal.reverse();
    (plan.series.iter())
        .map(|kind| match is_sagittal(kind).then(|| sagittal.pop()).flatten() {
            Some(volume) => vec![volume],
            None => plan.blocks(phantom, *kind).iter().map(|block| phantom.render(block)).collect(),
        })
        .collect()
}

fn study_truth(phantom: &Phantom, plan: &StudyPlan) -> StudyTruth {
    let anatomy = phantom.truth();
    let fields = plan.blocks(phantom, SeriesKind::SagittalT2);
    let in_view = |at: Vec3| fields.iter().any(|field| field.shows(at));
    StudyTruth {
        seed: phantom.parameters.seed,
        vertebrae_in_view: (anatomy.vertebrae.iter())
            .filter(|v| in_view(v.centre_lps_mm))
            .map(|v| v.name.clone())
            .collect(),
        discs_in_view: anatomy.discs.iter().filter(|d| in_view(d.centre_lps_mm)).map(|d| d.name.clone()).collect(),
        anatomy,
    }
}

fn study_header(phantom: &Phantom, plan: &StudyPlan, name: &str) -> StudyToWrite {
    let seed = phantom.parameters.seed;
    let equipment = plan.vendor.equipment();
    StudyToWrite {
        study_instance_uid: uid_from(format!("phantom study {name}").as_bytes()),
        frame_of_reference_uid: uid_from(format!("phantom frame {name}").as_bytes()),
        study_id: format!("P{}", seed % 1_000_000),
        accession_number: format!("PH{}", seed % 1_000_000_000),
        date: "20240229".to_owned(),
        time: "101500".to_owned(),
        description: "MR LUMBAR SPINE".to_owned(),
        patient_name: format!("Phantom^Arithmetic {seed}"),
        patient_id: format!("PHANTOM-{seed}"),
        patient_birth_date: "19640229".to_owned(),
        patient_sex: "O".to_owned(),
        manufacturer: equipment.manufacturer.to_owned(),
        model_name: equipment.model.to_owned(),
        software_versions: equipment.software.to_owned(),
        station_name: "PHANTOM".to_owned(),
        field_strength_t: equipment.field_t,
    }
}

fn series_header(plan: &StudyPlan, kind: SeriesKind, number: u32, name: &str) -> SeriesToWrite {
    let (description, contrast) = (plan.vendor.description(kind), plan.contrast(kind));
    let stack = match kind {
        SeriesKind::Localizer => LOCALIZER,
        SeriesKind::AxialT2 => plan.axial,
        SeriesKind::SagittalT1 | SeriesKind::SagittalT2 | SeriesKind::SagittalStir => plan.sagittal,
    };
    let inverted = contrast.inversion_ms.is_some();
    SeriesToWrite {
        series_instance_uid: uid_from(format!("phantom series {number} {name}").as_bytes()),
        number,
        description: description.series.to_owned(),
        protocol_name: description.series.to_owned(),
        image_type_tail: description.image_type.iter().map(ToString::to_string).collect(),
        scanning_sequence: if inverted { "SE\\IR" } else { "SE" }.to_owned(),
        sequence_variant: description.variant.to_owned(),
        scan_options: String::new(),
        sequence_name: description.sequence.to_owned(),
        acquisition_3d: false,
        repetition_time_ms: contrast.repetition_ms,
        echo_time_ms: contrast.echo_ms,
        inversion_time_ms: contrast.inversion_ms,
        flip_angle_deg: description.flip_deg,
        echo_train_length: description.echo_train,
        slice_thickness_mm: stack.thickness_mm,
        slice_spacing_mm: (kind != SeriesKind::Localizer).then_some(stack.spacing_mm),
    }
}

fn write_series(
    study: &StudyToWrite,
    series: &SeriesToWrite,
    blocks: &[Volume],
    folder: &Path,
) -> Result<Vec<PathBuf>, PhantomError> {
    let brightest = blocks.iter().flat_map(|b| &b.slices).flat_map(|s| &s.stored).max().copied().unwrap_or(1);
    let width = f64::from(brightest) * 0.7;
    let mut files = Vec::new();
    for (block, slice) in blocks.iter().flat_map(|b| b.slices.iter().map(move |s| (b, s))) {
        let number = files.len() as u32 + 1;
        let path = folder.join(format!("IM{number:04}.dcm"));
        let instance = InstanceToWrite {
            study,
            series,
            sop_instance_uid: uid_from(format!("{} {number}", series.series_instance_uid).as_bytes()),
            number,
            rows: block.rows as u16,
            columns: block.columns as u16,
            row_spacing_mm: block.row_spacing_mm,
            column_spacing_mm: block.column_spacing_mm,
            origin_lps_mm: slice.origin_lps_mm,
            row_direction_lps: block.row_direction_lps,
            column_direction_lps: block.column_direction_lps,
            pixels: &slice.stored,
            window: Some((width / 2.0, width)),
        };
        write_instance(&path, &instance)
            .map_err(|e| PhantomError::Encode { path: path.clone(), reason: e.to_string() })?;
        files.push(path);
    }
    Ok(files)
}

impl Phantom {
    /// Middle of a sagittal field of this size: the lumbar spine in height, and the skin of the back
    /// just inside it, where the field is large enough.
    fn field_centre_lps_mm(&self, fov_mm: f64, shift_mm: Vec3) -> Vec3 {
        let posterior = (self.scene.back_mm() + 8.0 - fov_mm / 2.0).clamp(-30.0, 12.0);
        self.patient().lps(add([0.0, posterior, -6.0], shift_mm))
    }
}
