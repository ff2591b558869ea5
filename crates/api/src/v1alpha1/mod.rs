//! Version `v1alpha1` of the API group `sei.io`, the only one.
//!
//! Bounds and admission rules are attributes of the types. They are tested with the tables in
//! `tests/admission/`, here and against a real API server.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "KubeSchema repeats each struct inside a function and unwraps what it serialises"
)]

mod config_rollout;
mod data_volume;
pub mod deployment;
mod lenient;
mod mode;
mod peers;
mod phase;
mod plan;
mod rules;
mod schema;
mod sidecar;
mod snapshot;
mod spec;
mod status;
pub mod task;
mod validator;

pub use config_rollout::ConfigRollout;
pub use data_volume::{DataVolume, ImportVolume};
pub use deployment::{SeiNodeDeployment, SeiNodeDeploymentSpec, SeiNodeDeploymentStatus};
pub use mode::{ArchiveSpec, FullNodeSpec, Mode, ReplayerSpec, ResultExportConfig, ShadowResultConfig};
pub use peers::{Ec2TagsPeers, LabelPeers, PeerSource, StaticPeers};
pub use phase::NodePhase;
pub use plan::{FailedTaskDetail, FailureCause, PlanPhase, PlannedTask, TaskPlan, TaskStatus};
pub use sidecar::{SidecarConfig, SidecarTls};
pub use snapshot::{
    Publish, S3Snapshot, SnapshotGeneration, SnapshotSource, StateSync, TendermintSnapshotGeneration,
};
pub use spec::{Entrypoint, SeiNode, SeiNodeSpec};
pub use status::{
    Configured, FailedUpdate, NodeEndpoint, NodeTaskReference, SeiNodeStatus, SidecarCertificate,
    SidecarTlsStatus,
};
pub use task::{SeiNodeTask, SeiNodeTaskSpec, SeiNodeTaskStatus};
pub use validator::{
    GenesisCeremony, KeySource, OperatorKeyring, OperatorKeyringSecret, PassphraseSecretRef, SecretName,
    ValidatorSpec,
};
