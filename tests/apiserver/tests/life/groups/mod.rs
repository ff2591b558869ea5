//! SeiNodeDeployments, by the released program.

pub mod bed;
mod blue_green;
mod ceremony;
mod changes;
mod cost;
mod crash;
mod hard_fork;
mod namespaces;
mod operators;
mod ownership;
mod published;
mod sidecars;
mod unreadable;
