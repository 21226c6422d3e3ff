//! The machine room: everything that touches the world.

pub mod clock;
pub mod reader;
pub mod supervisor;
