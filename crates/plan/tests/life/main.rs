//! Plans as they live: readable stories, and random lives that must always come to an end or a stated wait.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod lists;
mod markers;
mod property;
mod replaced;
mod story;
mod volume;
mod world;
