//! The two halves of one pipe: starting and limiting a child, and what a child does.
//!
//! Every DICOM byte is parsed in a child, never in the supervisor: a hostile or broken file costs at
//! most its child. [`child`] is the supervisor's half, [`role`] the child's; [`protocol`] is what
//! they say to each other, [`work`] what a child does with a request, [`pipeline`] the reading itself,
//! which `deepspine analyze` does alike.

pub mod child;
pub mod limits;
pub mod pipeline;
pub mod protocol;
pub mod role;
pub mod work;
