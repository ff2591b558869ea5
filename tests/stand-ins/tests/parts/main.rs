//! The stand-ins, run as processes on loopback.
#![allow(clippy::unwrap_used, clippy::panic)]

mod answers;
mod harness;
mod object_store;
mod process;
mod proxy;
mod releases;
mod seid;
mod sidecar;
mod test_sidecar;
