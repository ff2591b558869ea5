//! The verdict is never better than Go's: a Ready Secret can be loaded by kube-rbac-proxy and is accepted by
//! a client in Go. A Secret that is rejected although Go accepts it belongs to a class in
//! `docs/tls-secret.md`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    reason = "tests"
)]

mod classes;
mod conformance;
mod der;
mod differential;
mod generated;
mod go;
mod mutate;
mod reached;
mod secret;
