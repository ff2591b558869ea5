//! SeiNodeDeployments, by the released program.

pub mod bed;
mod ceremony;
mod changes;
mod cost;
mod crash;
mod hard_fork;
mod operators;
mod ownership;
mod published;
mod unreadable;
