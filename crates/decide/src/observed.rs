//! Everything that a pass observes of a node. A missing object is data.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{ConfigMap, Pod, Service},
};
use sei_api::{SeiNode, SeiNodeTask, conditions::TlsSecretReason, v1alpha1::SidecarCertificate};
use sei_plan::{Persisted, Plan, TaskKind};

use crate::{
    claim::Claim, contention::Contention, in_sync::InSync, neighbours::Peers, repair::Overridden,
    sidecar::Sidecar, sidecar_rollout::Turn,
};

/// Everything known about a node at one point in time.
pub struct Observed {
    /// The node, as the API server last returned it.
    pub node: Arc<SeiNode>,
    /// The Secret of `spec.sidecar.tls`; `None` without TLS.
    pub tls: Option<TlsFinding>,
    /// The key Secrets of a validator.
    pub keys: Keys,
    /// Whether the imported volume claim can be used; `None` without an import.
    pub import: Option<Finding>,
    /// The data volume claim, imported or own; `None` if it does not exist.
    pub claim: Option<Claim>,
    /// The peers found by label sources; `None` without label sources.
    pub peers: Option<Peers>,
    /// Whether the pod must now get different images of the sidecar and its proxy; `None` if it has the requested ones,
    /// or gets them with the next update.
    pub sidecar_turn: Option<Turn>,
    /// Other users of the signing key or the volume.
    pub contention: Contention,
    /// The objects of the node.
    pub children: Children,
    /// Recent repairs that did not last.
    pub overridden: Vec<Overridden>,
    /// Objects in which the last pass found no drift. Empty after a restart.
    pub in_sync: Vec<InSync>,
    /// The SeiNodeTasks of the node that have not finished; `None` if unknown.
    pub tasks: Option<Vec<Arc<SeiNodeTask>>>,
    /// The known state of the sidecar.
    pub sidecar: Sidecar,
    /// When to retry failed reads; `None` if there were none.
    pub read_again_at: Option<Timestamp>,
    /// The time of the observation.
    pub now: Timestamp,
}

impl Observed {
    /// The bootstrap Job of `plan`. A Job with another UID is an earlier one that is still in the cache.
    pub fn job_of(&self, plan: &Plan<Persisted>) -> Option<&Job> {
        let known = plan.object_of(TaskKind::DeployBootstrapJob);
        let job = self.children.job.as_deref()?;
        known.is_none_or(|uid| job.metadata.uid.as_deref() == Some(uid)).then_some(job)
    }

    /// The pod that `plan` has rolled out; without a rollout, the existing pod.
    pub fn pod_of(&self, plan: &Plan<Persisted>) -> Option<&Pod> {
        let known = plan.object_of(TaskKind::ObserveImage);
        let pod = self.children.pod.as_deref()?;
        known.is_none_or(|uid| pod.metadata.uid.as_deref() == Some(uid)).then_some(pod)
    }
}

/// The result of checking a referenced object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It can be used.
    Good(String),
    /// It cannot be used yet, which may change without a change of the spec.
    NotYet(String),
    /// It could not be read, so its state is unknown.
    Unread(String),
    /// It cannot be used in its current form.
    Bad(String),
}

/// The result of checking the TLS Secret. Contains no secret data.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsFinding {
    /// Reason of condition `SidecarTLSSecretReady`.
    pub reason: TlsSecretReason,
    /// Message of that condition.
    pub message: String,
    /// The certificate in the Secret, if it could be read.
    pub certificate: Option<SidecarCertificate>,
    /// End of the certificate's validity, if it could be read.
    pub not_after: Option<Timestamp>,
    /// When the result changes without a change of the Secret.
    pub changes_at: Option<Timestamp>,
}

impl TlsFinding {
    /// Whether the Secret can be used.
    pub fn is_ready(&self) -> bool {
        self.reason == TlsSecretReason::Ready
    }
}

/// Findings about the key Secrets that a validator names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Secret of `validator.signingKey`.
    pub signing: Option<Finding>,
    /// Secret of `validator.nodeKey`.
    pub node: Option<Finding>,
    /// Secrets of `validator.operatorKeyring`.
    pub keyring: Option<Finding>,
}

/// The existing objects of a node, regardless of their owner.
#[derive(Default)]
pub struct Children {
    /// The StatefulSet.
    pub stateful_set: Option<Arc<StatefulSet>>,
    /// The Service with the node's name: that of the bootstrap or of the node.
    pub service: Option<Arc<Service>>,
    /// The configuration of kube-rbac-proxy.
    pub config_map: Option<Arc<ConfigMap>>,
    /// The bootstrap Job.
    pub job: Option<Arc<Job>>,
    /// The production pod.
    pub pod: Option<Arc<Pod>>,
    /// The pod of the bootstrap Job.
    pub bootstrap_pod: Option<Arc<Pod>>,
    /// Why the expected pod was not created, as reported by the API server.
    pub pod_refusal: Option<String>,
}
