//! Actors with in-memory sidecars, in paused time.

mod fake;
mod halts;
mod heights;
mod node;
mod probes;
mod spans;
mod tasks;
