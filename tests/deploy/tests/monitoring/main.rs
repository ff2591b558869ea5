//! Alerts and dashboard: their metrics are served, their links lead to runbooks, and alerts fire when they
//! should and only then.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod alerts;
mod dashboard;
mod promql;
