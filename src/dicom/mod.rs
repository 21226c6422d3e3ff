//! Files to studies, studies to files; the only importer of the `dicom_*` crates.
