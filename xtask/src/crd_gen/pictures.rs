//! The pictures of the documentation, drawn from the code.

mod crates;
mod drawing;
mod pass;
mod plans;

pub(super) use crates::draw as crates;
pub(super) use pass::draw as pass;
pub(super) use plans::draw as plans;
