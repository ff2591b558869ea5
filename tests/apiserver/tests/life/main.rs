//! Nodes from nothing to Running and to their end, by the released program.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod bed;
mod bootstrap;
mod ceremony;
mod change;
mod crash;
mod deletion;
mod hung;
mod install;
mod invalid;
mod lease;
mod left;
mod limits;
mod memory;
mod modes;
mod pods;
mod process;
mod quiet;
mod requests;
mod takeover;
mod tls;
mod trouble;
mod unreadable;
mod update;
mod watches;
