//! Actors with in-memory sidecars, in paused time.

mod node;
mod probes;
mod tasks;
