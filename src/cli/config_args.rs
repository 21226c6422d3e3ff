//! The options by which a verb finds its configuration and models.

use std::path::PathBuf;

use crate::appliance::config::Sources;
use crate::inference::ModelSource;

/// Where the configuration comes from.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ConfigArgs {
    /// Override one key, such as `ingest.folder=/srv/in`; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) overrides: Vec<String>,
    /// Folder of the models, instead of the standard ones
    #[arg(long, value_name = "DIR")]
    pub(super) models: Option<PathBuf>,
}

impl ConfigArgs {
    /// The sources with `file` as the configuration's path.
    #[must_use]
    pub(super) fn sources(&self, file: Option<PathBuf>) -> Sources {
        Sources { file, overrides: self.overrides.clone() }
    }

    /// Where the models are.
    #[must_use]
    pub(super) fn model_source(&self) -> ModelSource {
        self.models.clone().map_or(ModelSource::Standard, ModelSource::Folder)
    }
}
