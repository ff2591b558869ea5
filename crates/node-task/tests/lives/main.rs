//! SeiNodeTasks over their whole lifetime: decisions are stored late or lost, the operator restarts, and the sidecar loses its
//! records. Nothing is submitted twice, and every task ends.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod end;
mod random;
mod start;
mod world;
