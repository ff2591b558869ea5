//! All that a pass knows of a node at one moment. What is absent is data.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{ConfigMap, Pod, Service},
};
use sei_api::{SeiNode, conditions::TlsSecretReason};
use sei_plan::{Persisted, Plan, TaskKind};

use crate::{claim::Claim, contention::Contention, neighbours::Peers, repair::Overridden, sidecar::Sidecar};

/// All that is known of a node at one moment.
pub struct Observed {
    /// The node, as the API server last returned it.
    pub node: Arc<SeiNode>,
    /// The Secret of `spec.sidecar.tls`; `None` without TLS.
    pub tls: Option<TlsFinding>,
    /// The key Secrets of a validator.
    pub keys: Keys,
    /// Whether the imported volume claim can be used; `None` without an import.
    pub import: Option<Finding>,
    /// The data volume claim, imported or own; `None` while there is none.
    pub claim: Option<Claim>,
    /// What the label sources of peers find; `None` without label sources.
    pub peers: Option<Peers>,
    /// Who else uses the signing key or the volume.
    pub contention: Contention,
    /// The objects of the node.
    pub children: Children,
    /// Repairs of the last minutes that did not last.
    pub overridden: Vec<Overridden>,
    /// What is known of the sidecar.
    pub sidecar: Sidecar,
    /// When to read again what could not be read; `None` when everything was.
    pub read_again_at: Option<Timestamp>,
    /// The time of the observation.
    pub now: Timestamp,
}

impl Observed {
    /// The bootstrap Job that `plan` works with. One of another UID is an earlier one, which the cache still has.
    pub fn job_of(&self, plan: &Plan<Persisted>) -> Option<&Job> {
        let known = plan.object_of(TaskKind::DeployBootstrapJob);
        let job = self.children.job.as_deref()?;
        known.is_none_or(|uid| job.metadata.uid.as_deref() == Some(uid)).then_some(job)
    }

    /// The pod that `plan` has brought up; without a rollout in it, the pod that is there.
    pub fn pod_of(&self, plan: &Plan<Persisted>) -> Option<&Pod> {
        let known = plan.object_of(TaskKind::ObserveImage);
        let pod = self.children.pod.as_deref()?;
        known.is_none_or(|uid| pod.metadata.uid.as_deref() == Some(uid)).then_some(pod)
    }
}

/// What was found about a referenced object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It can be used.
    Good(String),
    /// Not yet; it may become usable without a change of the spec.
    NotYet(String),
    /// It could not be read, which says nothing about it.
    Unread(String),
    /// It can never be used as it is.
    Bad(String),
}

/// What is known of the TLS Secret. Holds nothing secret.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsFinding {
    /// Reason of condition `SidecarTLSSecretReady`.
    pub reason: TlsSecretReason,
    /// Message of that condition.
    pub message: String,
    /// End of the certificate's validity, where one could be read.
    pub not_after: Option<Timestamp>,
    /// When the verdict changes by time alone.
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

/// The existing objects of a node, with any owner.
#[derive(Default)]
pub struct Children {
    /// The StatefulSet.
    pub stateful_set: Option<Arc<StatefulSet>>,
    /// The Service of the node's name: of the bootstrap or its own.
    pub service: Option<Arc<Service>>,
    /// The configuration of kube-rbac-proxy.
    pub config_map: Option<Arc<ConfigMap>>,
    /// The bootstrap Job.
    pub job: Option<Arc<Job>>,
    /// The production pod.
    pub pod: Option<Arc<Pod>>,
    /// The pod of the bootstrap Job.
    pub bootstrap_pod: Option<Arc<Pod>>,
    /// Why the pod that should exist was not created, in the words of the API server.
    pub pod_refusal: Option<String>,
}
