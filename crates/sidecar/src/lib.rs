//! Client of the API that the seictl sidecar serves in every node: wire types, verified connections, and the few calls
//! that the operator makes.
//!
//! A process has one [`Transport`]. A client without TLS never sends a token; one with TLS sends it only to a server
//! that it has verified against a [`ServerTrust`]. Every call has a deadline, submissions pass a [`Gate`], and the
//! caller chooses the ID of a task, so that repeated submissions do not run it twice.
//!
//! ```
//! use sei_sidecar::{AlwaysOpen, Health, TaskRequest, TaskState, Transport};
//! # use sei_testkit::sidecar::{Access, Simulator};
//! # use std::{sync::Arc, time::Duration};
//! use uuid::Uuid;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let host = "rpc-0-0.rpc-0.pacific-1.svc.cluster.local";
//! # let simulator = Simulator::start(Access::AnyToken).await?;
//! # simulator.run(host);
//! # let rule = simulator.connect_to()[1].clone();
//! // Here a sidecar listens on loopback; `rule` has its address, as in curl's `--connect-to`.
//! let transport = Transport::new(vec![rule.parse()?], Arc::new(AlwaysOpen));
//! let sidecar = transport.plain("http://rpc-0-0.rpc-0.pacific-1.svc.cluster.local:7777")?;
//! assert_eq!(sidecar.healthz().await?, Health::NotReady);
//!
//! let id = Uuid::new_v4();
//! assert!(sidecar.task(id).await?.is_none());
//! sidecar.submit(&TaskRequest { id, type_: "mark-ready".to_owned(), params: None }).await?;
//! while sidecar.task(id).await?.is_none_or(|task| task.status == TaskState::Running) {
//!     tokio::time::sleep(Duration::from_millis(10)).await;
//! }
//! assert_eq!(sidecar.healthz().await?, Health::Ready);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod connect_to;
mod connection;
mod error;
mod gate;
mod mask;
mod seid;
mod served;
mod text;
mod token;
mod transport;
mod verdict;
mod verifier;
mod wire;

pub use client::Client;
pub use connect_to::{BadConnectTo, ConnectTo};
pub use error::{Error, RefusalKind};
pub use gate::{AlwaysOpen, Gate};
pub use seid::{Seid, SeidStatus};
pub use text::cut;
pub use token::{Token, TokenFile, TokenFuture, TokenSource};
pub use transport::Transport;
pub use verifier::ServerTrust;
pub use wire::{Health, TaskRecord, TaskRequest, TaskResult, TaskState};
