//! The verdict on every kind of Secret that people make, and on what no person would make.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod accepted;
mod any_bytes;
mod maker;
mod refused;
