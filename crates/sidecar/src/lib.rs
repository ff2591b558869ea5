//! Client of the API that the seictl sidecar serves in every node: wire types, verified connections, and the
//! few calls that the operator makes.

mod client;
mod connect_to;
mod error;
mod token;
mod transport;
mod verifier;
mod wire;

pub use client::Client;
pub use connect_to::{BadConnectTo, ConnectTo};
pub use error::Error;
pub use transport::Transport;
pub use verifier::ServerTrust;
pub use wire::{Health, TaskRecord, TaskRequest, TaskState};
