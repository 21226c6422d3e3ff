//! `deepspine phantom`: a DICOM study with known truth.

use crate::phantom::{
    Contrast, LevelParameters, Narrowing, Parameters, Phantom, PhantomError, SeriesKind, StudyPlan, Vendor,
    write_labels, write_study,
};
use crate::spine::{Disc, Vertebra};
use clap::Args;
use std::io::{self, Write};
use std::path::PathBuf;

/// Writes a lumbar study of a spine made of arithmetic, with its truth in `truth.json`.
#[derive(Debug, Clone, Args)]
pub struct PhantomArgs {
    /// Folder to write into; made where it does not exist.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Seed of everything that is not asked for; the same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Draw anatomy, findings and imaging from the seed over their whole range; what is asked for besides still holds.
    #[arg(long)]
    pub varied: bool,
    /// Lumbar vertebrae: 4, 5 or 6.
    #[arg(long, value_name = "COUNT")]
    pub vertebrae: Option<u8>,
    /// Square S1 with a large S1-S2 disc.
    #[arg(long)]
    pub transitional: bool,
    /// Sagittal field of view, mm.
    #[arg(long, value_name = "MM")]
    pub fov: Option<f64>,
    /// Rows and columns of the sagittal series.
    #[arg(long, value_name = "PIXELS")]
    pub matrix: Option<usize>,
    /// Slices of the sagittal series; many make a 3-D series of thin slices.
    #[arg(long, value_name = "COUNT")]
    pub slices: Option<usize>,
    /// Rows and columns of the axial series.
    #[arg(long, value_name = "PIXELS")]
    pub axial_matrix: Option<usize>,
    /// Slices of each axial block; a block lies across each lumbar disc.
    #[arg(long, value_name = "COUNT")]
    pub axial_slices: Option<usize>,
    /// Shift of the sagittal field upwards, mm; 150 leaves the sacrum out of view.
    #[arg(long, value_name = "MM", allow_negative_numbers = true)]
    pub shift_up: Option<f64>,
    /// Weighting of the T1 or T2 series in ms, such as `t2=3600/104`.
    #[arg(long, value_name = "SERIES=TR/TE", value_parser = contrast)]
    pub contrast: Vec<(SeriesKind, Contrast)>,
    /// A finding, such as `L4-L5/central=severe`, `L5-S1/left-foramen=mild` or `L3-L4/pfirrmann=4`.
    #[arg(long, value_name = "LEVEL/SITE=GRADE", value_parser = finding)]
    pub finding: Vec<(Disc, Finding)>,
    /// Cobb angle of a lateral curve, convex to the left positive, degrees.
    #[arg(long, value_name = "DEG", allow_negative_numbers = true)]
    pub scoliosis: Option<f64>,
    /// Slip of the upper vertebra, forwards positive, mm, such as `L4-L5=5`.
    #[arg(long, value_name = "LEVEL=MM", value_parser = slip)]
    pub slip: Vec<(Disc, f64)>,
    /// Style of the headers: siemens, philips or ge.
    #[arg(long, value_name = "NAME", value_parser = vendor)]
    pub vendor: Option<Vendor>,
    /// Write label maps of the sagittal T2 series for training too.
    #[arg(long)]
    pub labels: bool,
}

/// What a `--finding` says of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Narrowing of the central canal.
    Central(Narrowing),
    /// Narrowing of the left foramen.
    LeftForamen(Narrowing),
    /// Narrowing of the right foramen.
    RightForamen(Narrowing),
    /// Pfirrmann's grade of the disc.
    Pfirrmann(u8),
}

fn disc(name: &str) -> Result<Disc, String> {
    name.split_once('-')
        .and_then(|(upper, lower)| Some(Disc::new(Vertebra::from_name(upper)?, Vertebra::from_name(lower)?)))
        .ok_or_else(|| format!("`{name}` is no level; give one such as L4-L5"))
}

fn finding(text: &str) -> Result<(Disc, Finding), String> {
    let (level, rest) = text.split_once('/').ok_or("give LEVEL/SITE=GRADE, such as L4-L5/central=severe")?;
    let (site, grade) = rest.split_once('=').ok_or("give LEVEL/SITE=GRADE, such as L4-L5/central=severe")?;
    let narrowing =
        || Narrowing::from_name(grade).ok_or_else(|| format!("`{grade}` is none of normal, mild, moderate, severe"));
    let finding = match site {
        "central" => Finding::Central(narrowing()?),
        "left-foramen" => Finding::LeftForamen(narrowing()?),
        "right-foramen" => Finding::RightForamen(narrowing()?),
        "pfirrmann" => Finding::Pfirrmann(grade.parse().map_err(|_| format!("`{grade}` is no grade from 1 to 5"))?),
        _ => return Err(format!("`{site}` is none of central, left-foramen, right-foramen, pfirrmann")),
    };
    Ok((disc(level)?, finding))
}

fn slip(text: &str) -> Result<(Disc, f64), String> {
    let (level, mm) = text.split_once('=').ok_or("give LEVEL=MM, such as L4-L5=5")?;
    Ok((disc(level)?, mm.parse().map_err(|_| format!("`{mm}` is no number of mm"))?))
}

fn contrast(text: &str) -> Result<(SeriesKind, Contrast), String> {
    const USAGE: &str = "give t1=TR/TE or t2=TR/TE in ms, such as t2=3600/104";
    let (series, times) = text.split_once('=').ok_or(USAGE)?;
    let (repetition, echo) = times.split_once('/').ok_or(USAGE)?;
    let kind = match series {
        "t1" => SeriesKind::SagittalT1,
        "t2" => SeriesKind::SagittalT2,
        _ => return Err(USAGE.to_owned()),
    };
    let ms = |text: &str| text.parse::<f64>().map_err(|_| USAGE.to_owned());
    Ok((kind, Contrast { repetition_ms: ms(repetition)?, echo_ms: ms(echo)?, inversion_ms: None }))
}

fn vendor(name: &str) -> Result<Vendor, String> {
    Vendor::from_name(name).ok_or_else(|| format!("`{name}` is none of siemens, philips, ge"))
}

impl PhantomArgs {
    /// The anatomy that is asked for.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        let drawn = if self.varied { Parameters::varied(self.seed) } else { Parameters::default() };
        let mut parameters = Parameters { seed: self.seed, ..drawn };
        if let Some(count) = self.vertebrae {
            parameters.lumbar_count = count;
            let known = parameters.discs();
            parameters.levels.retain(|level| known.contains(&level.disc));
        }
        parameters.transitional |= self.transitional;
        parameters.scoliosis_deg = self.scoliosis.unwrap_or(parameters.scoliosis_deg);
        for (disc, finding) in &self.finding {
            let level = level_of(&mut parameters.levels, *disc);
            match *finding {
                Finding::Central(grade) => level.central = grade,
                Finding::LeftForamen(grade) => level.left_foramen = grade,
                Finding::RightForamen(grade) => level.right_foramen = grade,
                Finding::Pfirrmann(grade) => level.pfirrmann = Some(grade),
            }
        }
        for (disc, mm) in &self.slip {
            level_of(&mut parameters.levels, *disc).slip_mm = *mm;
        }
        parameters
    }

    /// How it is to be imaged.
    #[must_use]
    pub fn plan(&self) -> StudyPlan {
        let mut plan = if self.varied { StudyPlan::varied(self.seed) } else { StudyPlan::default() };
        plan.sagittal.fov_mm = self.fov.unwrap_or(plan.sagittal.fov_mm);
        plan.sagittal.matrix = self.matrix.unwrap_or(plan.sagittal.matrix);
        if let Some(slices) = self.slices {
            // The same slab, cut into this many slices without gaps where they are thin.
            let slab_mm = plan.sagittal.slices as f64 * plan.sagittal.spacing_mm;
            plan.sagittal.slices = slices;
            plan.sagittal.spacing_mm = (slab_mm / slices.max(1) as f64).clamp(0.8, 4.4);
            plan.sagittal.thickness_mm = plan.sagittal.spacing_mm.min(4.0);
        }
        plan.axial.matrix = self.axial_matrix.unwrap_or(plan.axial.matrix);
        plan.axial.slices = self.axial_slices.unwrap_or(plan.axial.slices);
        plan.centre_shift_mm[2] = self.shift_up.unwrap_or(plan.centre_shift_mm[2]);
        for (kind, contrast) in &self.contrast {
            match kind {
                SeriesKind::SagittalT1 => plan.t1 = Some(*contrast),
                _ => plan.t2 = Some(*contrast),
            }
        }
        plan.vendor = self.vendor.unwrap_or(plan.vendor);
        plan
    }
}

fn level_of(levels: &mut Vec<LevelParameters>, disc: Disc) -> &mut LevelParameters {
    let index = levels.iter().position(|level| level.disc == disc).unwrap_or_else(|| {
        levels.push(LevelParameters::unremarkable(disc));
        levels.len() - 1
    });
    &mut levels[index]
}

/// Writes the study, and says where on stdout.
///
/// # Errors
/// [`PhantomError`] where the parameters can't be built or a file can't be written.
pub fn run(args: &PhantomArgs) -> Result<(), PhantomError> {
    let phantom = Phantom::new(&args.parameters())?;
    let plan = args.plan();
    let written = write_study(&phantom, &plan, &args.out)?;
    if args.labels {
        let folder = args.out.join("labels");
        for block in plan.blocks(&phantom, SeriesKind::SagittalT2) {
            let slices: Vec<usize> = (0..block.origins_lps_mm.len()).collect();
            write_labels(&phantom, &block, &slices, &folder)?;
        }
    }
    let line = format!("{} objects and truth.json in {}\n", written.files.len(), written.folder.display());
    // The study is written whether or not somebody reads the line.
    let _ = io::stdout().write_all(line.as_bytes());
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: PhantomArgs,
    }

    fn parse(words: &[&str]) -> Result<PhantomArgs, String> {
        let words = ["phantom", "--out", "x"].iter().chain(words);
        Line::try_parse_from(words).map(|line| line.args).map_err(|e| e.to_string())
    }

    #[test]
    fn findings_and_slips_of_one_level_come_together() {
        let args =
            parse(&["--finding", "L4-L5/central=severe", "--finding", "L4-L5/left-foramen=mild", "--slip", "l4-l5=-3"]);
        let levels = args.unwrap().parameters().levels;
        assert_eq!(levels.len(), 1);
        assert_eq!(levels[0].disc.to_string(), "L4-L5");
        assert_eq!(levels[0].central, Narrowing::Severe);
        assert_eq!(levels[0].left_foramen, Narrowing::Mild);
        assert_eq!(levels[0].slip_mm, -3.0);
    }

    #[test]
    fn a_wrong_word_is_named() {
        assert!(parse(&["--finding", "L4-L5/central=bad"]).unwrap_err().contains("`bad` is none of normal"));
        assert!(parse(&["--finding", "L4-L9/central=mild"]).unwrap_err().contains("`L4-L9` is no level"));
        assert!(parse(&["--contrast", "t3=1/2"]).unwrap_err().contains("t1=TR/TE"));
        assert!(parse(&["--vendor", "acme"]).unwrap_err().contains("`acme` is none of siemens"));
    }

    #[test]
    fn axial_blocks_have_what_is_asked_for_and_sagittal_series_do_not() {
        let plan = parse(&["--axial-matrix", "320", "--axial-slices", "6"]).unwrap().plan();
        assert_eq!((plan.axial.slices, plan.axial.matrix), (6, 320));
        assert_eq!(plan.sagittal, StudyPlan::default().sagittal);
    }

    #[test]
    fn many_slices_share_the_usual_slab() {
        let plan = parse(&["--slices", "120", "--matrix", "512"]).unwrap().plan();
        assert_eq!((plan.sagittal.slices, plan.sagittal.matrix), (120, 512));
        assert!((plan.sagittal.spacing_mm - 0.8).abs() < 1e-9);
    }
}
