//! The stand-ins, run as processes on loopback.
#![allow(clippy::unwrap_used, clippy::panic)]

mod process;
mod proxy;
mod seid;
mod sidecar;
