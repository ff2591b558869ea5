//! The Kubernetes objects of a SeiNode, as pure functions of the SeiNode and the platform's settings.
//!
//! One file a kind. Nothing here reads a cluster, a clock or the environment: the same input renders the same
//! objects, which is what lets them be compared with what the cluster holds ([`drift`]).
//!
//! ```
//! # use std::collections::BTreeMap;
//! let node: sei_api::SeiNode = serde_json::from_value(serde_json::json!({
//!     "apiVersion": "sei.io/v1alpha1",
//!     "kind": "SeiNode",
//!     "metadata": { "name": "rpc-0", "namespace": "pacific-1" },
//!     "spec": { "chainId": "pacific-1", "image": "seid:v6", "fullNode": {} },
//! }))?;
//! let service = sei_render::service(&node);
//! assert_eq!(service.spec.and_then(|spec| spec.cluster_ip).as_deref(), Some("None"));
//!
//! // All that is wrong with a platform is said at once.
//! let error = sei_render::Platform::from_settings(&BTreeMap::new()).unwrap_err();
//! assert!(error.lines().len() > 10);
//! # Ok::<_, serde_json::Error>(())
//! ```

mod bootstrap_job;
mod data_claim;
pub mod drift;
mod error;
mod meta;
mod objects;
mod platform;
mod pod;
mod quantity;
mod rbac_proxy_config;
mod service;
mod stateful_set;

pub use bootstrap_job::bootstrap_job;
pub use data_claim::data_claim;
pub use error::RenderError;
pub use meta::owner_reference;
pub use objects::objects;
pub use platform::{Bucket, Platform, SettingsError};
pub use pod::sidecar::sidecar_image;
pub use quantity::compare_quantities;
pub use rbac_proxy_config::rbac_proxy_config;
pub use service::{bootstrap_service, service};
pub use stateful_set::stateful_set;
