//! A lumbosacral spine made of arithmetic: ground truth for tests, demonstration, commissioning.
//!
//! [`Parameters`] say what a person's spine is to be; a [`Phantom`] is that person, every part of it
//! a signed distance in a frame of its own, so that what a place is made of, what a slice shows and
//! what is true of the anatomy ([`Truth`]) all come from the same arithmetic. A [`StudyPlan`] says
//! how it is imaged; [`write_study`] writes it as a scanner would export it, [`write_labels`] as
//! pictures with label maps for training. The same seed gives the same bytes.
//!
//! Inside, from the bones out: `skeleton` chains bodies and discs (`body`), `arch` stands on them,
//! `canal` runs behind them, `organ` and `soft` surround them; `scene` asks them all, `render`
//! makes slices of the answers.
//!
//! It is no patient: grades of narrowing follow their definitions, and nothing that a network
//! scores here says how well it reads people.

mod arch;
mod body;
mod canal;
mod frame;
mod labels;
mod organ;
mod parameters;
mod plan;
mod random;
mod render;
mod scene;
mod skeleton;
mod soft;
mod study;
mod tissue;
mod truth;
mod vendor;

pub use labels::write_labels;
pub use parameters::{LevelParameters, Narrowing, Parameters, PhantomError};
pub use plan::{Imaging, SeriesPlan, Stack};
pub use study::{StudyPlan, StudyTruth, WrittenStudy, write_study};
pub use tissue::{Contrast, Tissue};
pub use truth::{DiscTruth, Truth, VertebraTruth};
pub use vendor::{SeriesKind, Vendor};

use crate::analysis::volume::{SemanticMask, Volume};
use crate::spine::{Structure, Vec3};
use frame::Frame;
use scene::{Near, Scene};

/// One person's spine and what surrounds it.
#[derive(Debug, Clone)]
pub struct Phantom {
    parameters: Parameters,
    scene: Scene,
}

impl Phantom {
    /// Builds the anatomy.
    ///
    /// # Errors
    /// [`PhantomError::Parameter`] where the parameters can't be built.
    pub fn new(parameters: &Parameters) -> Result<Self, PhantomError> {
        Ok(Self { parameters: parameters.clone(), scene: Scene::new(parameters)? })
    }

    /// What it was asked to be.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// What a place is made of.
    #[must_use]
    pub fn tissue_at(&self, position_lps_mm: Vec3) -> Tissue {
        self.matter(position_lps_mm).tissue
    }

    /// What a place is to a segmentation; sacral segments below S1 are background.
    #[must_use]
    pub fn structure_at(&self, position_lps_mm: Vec3) -> Structure {
        Structure::from_channel(self.matter(position_lps_mm).label).unwrap_or(Structure::Background)
    }

    /// What is true of it, by its own arithmetic.
    #[must_use]
    pub fn truth(&self) -> Truth {
        truth::truth(self)
    }

    fn matter(&self, position_lps_mm: Vec3) -> tissue::Matter {
        let p = self.scene.patient.local(position_lps_mm);
        let mut near = Near::default();
        self.scene.gather(p, 0.0, &mut near);
        self.scene.matter(p, &near)
    }

    /// The pixels of a series, or of one block of it.
    #[must_use]
    pub fn render(&self, plan: &SeriesPlan) -> Volume {
        self.render_also(plan, &[]).swap_remove(0)
    }

    /// Several series in the same planes, that of `plan` first: the anatomy is sampled once.
    #[must_use]
    pub fn render_also(&self, plan: &SeriesPlan, others: &[(Contrast, Imaging)]) -> Vec<Volume> {
        render::render(&self.scene, self.parameters.seed, plan, others)
    }

    /// The truth of a segmentation of the slices of `plan`: each voxel by its middle. Sacral segments
    /// below S1, which no class holds, are background.
    #[must_use]
    pub fn mask(&self, plan: &SeriesPlan) -> SemanticMask {
        let slices = render::for_each_slice(plan.origins_lps_mm.len(), |slice| {
            let raster = render::Raster::new(&self.scene, plan, slice, false);
            let known = |(label, _): (u8, u8)| Structure::from_channel(label).map_or(0, |s| s as u8);
            raster.labels().map(known).collect::<Vec<u8>>()
        });
        SemanticMask { channels: slices.concat() }
    }

    fn patient(&self) -> Frame {
        self.scene.patient
    }
}
