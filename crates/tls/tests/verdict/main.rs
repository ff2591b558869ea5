//! The verdict on common and on malformed Secrets.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod accepted;
mod any_bytes;
mod maker;
mod refused;
