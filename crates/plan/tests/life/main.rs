//! The life of plans: readable traces of typical cases, and random sequences of events that must always end
//! or wait for a stated reason.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod backoff;
mod initializing;
mod lists;
mod markers;
mod property;
mod reconfigured;
mod replaced;
mod story;
mod volume;
mod world;
