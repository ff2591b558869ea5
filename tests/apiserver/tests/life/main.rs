//! Nodes from creation to Running to deletion, with the released binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod bootstrap;
mod ceremony;
mod change;
mod configuration;
mod crash;
mod deletion;
mod doctor;
mod go_controller;
mod groups;
mod harness;
mod hung;
mod install;
mod invalid;
mod lag;
mod lease;
mod limits;
mod memory;
mod modes;
mod paused;
mod peers;
mod pods;
mod process;
mod quiet;
mod requests;
mod retained;
mod shared;
mod status;
mod synced;
mod takeover;
mod tls;
mod tls_rollout;
mod trouble;
mod unreadable;
mod update;
mod watches;
