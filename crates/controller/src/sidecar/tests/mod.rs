//! Actors with in-memory sidecars, in paused time.

mod heights;
mod node;
mod probes;
mod tasks;
