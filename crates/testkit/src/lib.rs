//! The environment in which tests and the demo run the operator: a real control plane, a stand-in for the kubelet, a
//! simulator of sidecars and a certificate factory. For development only; not part of any release.

pub mod api_proxy;
pub mod builders;
pub mod certs;
pub mod chart;
pub mod cluster;
pub mod control_plane;
pub mod crash;
pub mod docs;
pub mod kubelet;
pub mod leftovers;
pub mod metrics;
pub mod operator;
pub mod rbac_proxy;
#[cfg(feature = "s3")]
pub mod s3;
pub mod sidecar;
pub mod volumes;
