//! The Kubernetes objects of a SeiNode, as pure functions of the SeiNode and the platform's settings.
//!
//! One file per kind. Nothing here reads a cluster, a clock or the environment: the same input renders the
//! same objects, so they can be compared with the live ones ([`drift`]).
//!
//! ```
//! use std::collections::BTreeMap;
//! use sei_api::SeiNode;
//! use sei_node::Node;
//! use sei_render::{Platform, Rendered};
//!
//! let node: SeiNode = serde_json::from_value(serde_json::json!({
//!     "metadata": { "name": "rpc-0", "namespace": "pacific-1" },
//!     "spec": { "chainId": "pacific-1", "image": "seid:v6", "fullNode": {} },
//! }))?;
//! // Lines `SEI_NAME=value`, as in the operator's environment.
//! # let env = include_str!(concat!(env!("CARGO_MANIFEST_DIR"),
//! "/../../tests/conformance/full-plain/platform.env"));
//! let settings: BTreeMap<String, String> = env
//!     .lines()
//!     .filter_map(|line| line.split_once('='))
//!     .map(|(name, value)| (name.to_owned(), value.to_owned()))
//!     .collect();
//! let platform = Platform::from_settings(&settings)?;
//!
//! let objects = Rendered::of(Node::of(&node), &platform)?.to_values();
//! let kinds: Vec<_> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
//! assert_eq!(kinds, ["PersistentVolumeClaim", "StatefulSet", "Service"]);
//! assert_eq!(objects[1]["spec"]["updateStrategy"]["type"], "OnDelete");
//!
//! // All invalid settings are reported at once.
//! let error = Platform::from_settings(&BTreeMap::new()).unwrap_err();
//! assert!(error.lines().len() > 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod allowed_images;
mod bootstrap_job;
mod data_claim;
pub mod drift;
mod error;
mod forms;
mod gateway;
mod meta;
mod platform;
mod pod;
mod rbac_proxy_config;
mod reference_label;
mod rendered;
mod rendering;
mod rpc_servers;
mod service;
mod settings;
mod sidecar_release;
mod sidecar_rollout;
mod size;
mod stateful_set;
mod workload;

pub use error::RenderError;
pub use gateway::Gateway;
pub use meta::owner_reference;
pub use platform::{Bucket, Platform, cluster_domain};
pub use pod::{
    proxy::proxy_image,
    sidecar::sidecar_image,
    volumes::{SIGNING_KEY as SIGNING_KEY_VOLUME, SIGNING_KEY_FILE},
};
pub use rbac_proxy_config::RBAC_PROXY_CONFIG_KEY;
pub use rendered::Rendered;
pub use rendering::Rendering;
pub use rpc_servers::RpcServers;
pub use service::service_port;
pub use settings::SettingsError;
pub use sidecar_release::SidecarRelease;
pub use sidecar_rollout::SidecarRollout;
