//! The block of slices that was segmented, as a judge needs it: where its voxels lie, which instance each slice is, and
//! what each voxel was called.

use crate::analysis::volume::{Slice, Volume};
use crate::export::{Bundle, BundleError};

/// The segmented block of a reading.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// Geometry, without pixels; `Slice::source` is the place in the bundle's instances.
    pub(super) volume: Volume,
    /// SOP Instance UID of each slice.
    pub(super) instances: Vec<String>,
    /// Structure discriminants, slice by slice, row by row.
    pub(super) semantic: Vec<u8>,
}

impl Field {
    /// `None` where nothing was segmented.
    pub(super) fn of(bundle: &Bundle) -> Result<Option<Self>, BundleError> {
        let Some(block) = &bundle.segmented else { return Ok(None) };
        let volume = Volume {
            rows: block.rows,
            columns: block.columns,
            row_spacing_mm: block.row_spacing_mm,
            column_spacing_mm: block.column_spacing_mm,
            row_direction_lps: block.row_direction_lps,
            column_direction_lps: block.column_direction_lps,
            slices: (block.origins_lps_mm.iter().zip(&block.sources))
                .map(|(origin, source)| Slice {
                    origin_lps_mm: *origin,
                    stored: Vec::new(),
                    slope: 1.0,
                    intercept: 0.0,
                    source: *source,
                })
                .collect(),
        };
        let uid = |source: &usize| bundle.instances.get(*source).map(|i| i.sop_instance_uid.clone());
        let instances = block.sources.iter().map(|s| uid(s).unwrap_or_default()).collect();
        let (mut slices, mut slice, mut semantic) = (block.semantic.slices(block.slice_len()), Vec::new(), Vec::new());
        for _ in &volume.slices {
            slices.next_into(&mut slice)?;
            semantic.extend_from_slice(&slice);
        }
        Ok(Some(Self { volume, instances, semantic }))
    }

    /// The slice that the instance is; an error where it is none, or several frames.
    pub(super) fn slice_of(&self, instance: &str) -> Result<usize, String> {
        let mut found = self.instances.iter().enumerate().filter(|(_, uid)| *uid == instance).map(|(i, _)| i);
        match (found.next(), found.next()) {
            (Some(slice), None) => Ok(slice),
            (Some(_), Some(_)) => Err(format!("instance {instance} holds several slices; truth names single ones")),
            (None, _) => Err(format!("instance {instance} of the truth is none of the series that was segmented")),
        }
    }

    /// The voxels of a slice.
    pub(super) fn slice(&self, index: usize) -> &[u8] {
        let len = self.volume.slice_len();
        self.semantic.get(index * len..(index + 1) * len).unwrap_or_default()
    }
}
