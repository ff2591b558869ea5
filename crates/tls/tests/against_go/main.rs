//! The verdict is never better than Go's: what is Ready, kube-rbac-proxy loads and a client in Go takes. What is
//! refused although Go takes it is of a class that `docs/tls-secret.md` names, and says so.
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
