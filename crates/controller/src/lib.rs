//! The reconcilers of SeiNodes, SeiNodeDeployments and SeiNodeTasks: observe, decide, act, record. The only crate with
//! a Kubernetes client.
//!
//! One pass over a node reads everything first, decides only on that value, acts, and writes the status once. What a
//! pass remembers in memory only saves work; losing it is harmless.
//!
//! [`run`] is the only entry point. It takes what the process owns: a client, the [`Options`], the [`Metrics`] in a
//! registry that the process serves, and a future that resolves when it must stop. It reads no environment, does not
//! listen and elects no leader; two instances must not reconcile the same nodes at the same time. The permissions that
//! it needs are in [`rbac`].
//!
//! ```
//! use std::sync::Arc;
//! use prometheus_client::registry::Registry;
//! use sei_controller::{Metrics, Options, run};
//! use tokio::sync::oneshot;
//! # use std::{collections::BTreeMap, convert::Infallible};
//! # use kube::{Client, client::Body};
//! # use sei_render::Platform;
//! # async fn empty_cluster(request: http::Request<Body>) -> Result<http::Response<Body>, Infallible> {
//! #     if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
//! #         return std::future::pending().await;
//! #     }
//! #     let list = br#"{ "metadata": { "resourceVersion": "1" }, "items": [] }"#;
//! #     Ok(http::Response::new(Body::from(list.to_vec())))
//! # }
//! # let env = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/conformance/full-plain/platform.env"));
//! # let settings: BTreeMap<String, String> = env
//! #     .lines()
//! #     .filter_map(|line| line.split_once('='))
//! #     .map(|(name, value)| (name.to_owned(), value.to_owned()))
//! #     .collect();
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! // `Client::try_default().await?` in a cluster; here an API server without any objects.
//! let client = Client::new(tower::service_fn(empty_cluster), "default");
//! let options = Options {
//!     namespaces: vec!["pacific-1".to_owned()],
//!     ..Options::new(Platform::from_settings(&settings)?)
//! };
//! let mut registry = Registry::default(); // of the process, which serves it
//! let metrics = Arc::new(Metrics::register(&mut registry));
//!
//! // Stop as soon as the caches are filled. A process would wait for a signal.
//! let (filled, stop) = oneshot::channel();
//! let filled = std::sync::Mutex::new(Some(filled));
//! let ready = move || {
//!     let filled = filled.lock().ok().and_then(|mut filled| filled.take());
//!     filled.map(|filled| filled.send(()));
//! };
//! run(client, options, metrics, ready, async { stop.await.unwrap_or_default() }).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod act;
mod by_node;
mod cache;
mod context;
mod decode;
mod error;
mod events;
mod exclusives;
mod feed;
mod feeds;
mod fill;
mod finalize;
mod finalizers;
mod groups;
mod heights;
mod memories;
mod memory;
mod metrics;
mod neighbours;
mod node_tasks;
mod observe;
mod pace;
mod packed;
mod progress;
mod queue;
pub mod rbac;
mod reconcile;
mod reconciled;
mod record;
mod references;
mod refusal;
mod repair;
mod run;
mod scope;
mod scopes;
mod sidecar;
mod status_write;
#[cfg(test)]
mod testbed;
mod trim;
mod unreadable;
mod watches;
mod wrapper;
mod written;

pub use context::{Options, SecretAccess};
pub use error::Error;
pub use metrics::Metrics;
pub use refusal::error_message;
pub use run::run;
