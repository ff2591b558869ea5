//! Actors against sidecars that exist in memory, in paused time.

mod node;
mod probes;
mod tasks;
