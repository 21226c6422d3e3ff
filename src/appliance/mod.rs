//! The machine room: everything that touches the world.

pub mod supervisor;
