//! The `SeiNode` custom resource as users write it and the operator answers it: types, admission rules,
//! the vocabulary of conditions, and every derived name and label.
//!
//! This crate is the leaf of the workspace. It has no client, no clock and no I/O, so that any program
//! that speaks about SeiNodes can depend on it.

pub mod conditions;
pub mod labels;
pub mod names;
pub mod ports;
pub mod v1alpha1;

pub use v1alpha1::{SeiNode, SeiNodeSpec, SeiNodeStatus};
