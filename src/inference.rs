//! Load, verify and run the networks; the only importer of tract.
