//! The custom resources `SeiNode`, `SeiNodeDeployment` and `SeiNodeTask`: types, admission rules, condition types and
//! reasons, and every derived name and label.
//!
//! This crate is the leaf of the workspace. It has no client, no clock and no I/O, so that any program that
//! deals with SeiNodes can depend on it.
//!
//! Read a SeiNode and find out what a platform has to provision for it:
//!
//! ```
//! use sei_api::{ClusterDomain, SeiNode, names, v1alpha1::Mode};
//!
//! let node: SeiNode = serde_saphyr::from_str(
//!     "
//! apiVersion: sei.io/v1alpha1
//! kind: SeiNode
//! metadata: { name: node-0, namespace: sei }
//! spec:
//!   chainId: pacific-1
//!   image: ghcr.io/sei-protocol/seid:v6.3.0
//!   fullNode: {}
//!   sidecar: { tls: { secretName: node-0-tls } }
//! ",
//! )?;
//! assert_eq!(node.spec.mode(), Some(Mode::FullNode));
//! assert_eq!(
//!     names::required_dns_names(&node, &ClusterDomain::default()),
//!     ["node-0.sei.svc.cluster.local", "node-0-0.node-0.sei.svc.cluster.local"],
//! );
//! # Ok::<(), serde_saphyr::Error>(())
//! ```
//!
//! The rules of the CRD can be evaluated without a cluster, with kube's `cel` feature. For example, TLS is
//! immutable:
//!
//! ```
//! use kube::core::cel::Validator;
//! use serde_json::json;
//!
//! let crd = sei_api::crd_manifest()?;
//! let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
//! let old = json!({ "chainId": "pacific-1", "image": "seid", "fullNode": {} });
//! let mut new = old.clone();
//! new["sidecar"] = json!({ "tls": { "secretName": "node-0-tls" } });
//!
//! let refused = Validator::new().validate(schema, &new, Some(&old)).unwrap_err();
//! assert!(refused[0].message.starts_with("spec.sidecar.tls is immutable"));
//! # Ok::<(), serde_json::Error>(())
//! ```
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod cluster_domain;
pub mod conditions;
mod crd;
pub mod deployment_conditions;
pub mod events;
mod keys;
pub mod labels;
pub mod names;
pub mod ports;
pub mod task_conditions;
pub mod v1alpha1;
mod vocabulary;

pub use cluster_domain::ClusterDomain;
pub use crd::{
    crd, crd_manifest, crds, deployment_crd, deployment_crd_manifest, task_crd, task_crd_manifest,
};
pub use v1alpha1::{
    SeiNode, SeiNodeDeployment, SeiNodeDeploymentSpec, SeiNodeDeploymentStatus, SeiNodeSpec, SeiNodeStatus,
    SeiNodeTask, SeiNodeTaskSpec, SeiNodeTaskStatus,
};
