//! SeiNodeDeployments, by the released program.

mod bed;
mod changes;
mod cost;
mod operators;
mod ownership;
