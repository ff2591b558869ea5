//! The Helm chart, rendered by the real helm.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod objects;
mod permissions;
mod process;
mod values;
