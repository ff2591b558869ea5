//! Alerts and dashboard: what they ask for is served, what they say can be looked up, and alerts fire when they should
//! and only then.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod alerts;
mod dashboard;
mod promql;
