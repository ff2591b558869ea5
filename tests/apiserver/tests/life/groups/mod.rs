//! SeiNodeDeployments, by the released program.

pub mod bed;
mod changes;
mod cost;
mod hard_fork;
mod operators;
mod ownership;
mod published;
