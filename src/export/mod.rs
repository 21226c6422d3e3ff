//! The reading bundle, and what is made from it: JSON, label maps, pictures.
