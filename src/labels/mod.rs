//! Report text to level-by-level labels, each with the words that say it: DeepSPINE's first contribution (Lu et al. 2018, section 2.1),
//! by rules that a radiologist can read and change.
//!
//! [`Labeller::label`] is where to start reading. A text becomes [`tokens`], these sentences of [`items`] by the [`lexicon`]; each
//! sentence has [`heads`] (what it speaks of), [`modifiers`] (how much, on which side), a [`scope`] (whether it is there) and
//! [`places`] (at which levels). What a label is, `docs/labelling.md` says. Nothing here reads files or knows a clock.

pub mod document;
pub mod heads;
pub mod items;
pub mod label;
pub mod levels;
pub mod lexicon;
pub mod modifiers;
pub mod places;
pub mod policy;
pub mod scope;
mod standing;
pub mod tokens;

pub use document::{Labelled, Labeller};
pub use label::{
    Attributes, Degree, Direction, Extent, Finding, Label, LevelSource, Place, Presence, Section, Side, Span,
};
pub use lexicon::{Lexicon, LexiconError};
