//! The observed state of a node, from objects that were read once. What only a running operator knows, such as the
//! responses of a sidecar, is unknown.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::ResourceExt;
use sei_api::{SeiNode, conditions::TlsSecretReason, labels, names, v1alpha1::KeySource};
use sei_decide::{
    Children, Claim, Finding, Keys, Observed, Sidecar, TlsFinding,
    contention::{Stage, Use, contention},
    objects::has_ended,
};
use serde::Deserialize;

use crate::cluster::{Cluster, find};

/// The state of `node` that a reconcile would observe.
pub(crate) fn observe(cluster: &Cluster, node: Arc<SeiNode>, now: Timestamp) -> Observed {
    let namespace = names::namespace(&node);
    let claim = find(&cluster.claims, namespace, &names::data_claim(&node));
    Observed {
        tls: node.spec.tls().map(|tls| certificate(cluster, namespace, &tls.secret_name)),
        keys: keys(cluster, &node),
        import: names::imported_claim(&node).map(|name| import(name, claim)),
        claim: claim.map(|claim| Claim::of(claim, &node)),
        peers: None,
        sidecar_turn: None,
        // Keys in Secrets of different names are not compared: they are not read here.
        contention: contention(&node, &uses(cluster), &|_, _| None),
        children: children(cluster, &node),
        overridden: Vec::new(),
        in_sync: Vec::new(),
        tasks: None,
        sidecar: Sidecar::default(),
        read_again_at: None,
        now,
        node,
    }
}

fn secret(cluster: &Cluster, namespace: &str, name: &str) -> Finding {
    match &cluster.secrets {
        None => Finding::Unread("listing Secrets is not allowed".to_owned()),
        Some(known) if known.contains(&(namespace.to_owned(), name.to_owned())) => {
            Finding::Good(format!("Secret {name} exists"))
        }
        Some(_) => Finding::NotYet(format!("Secret {name} does not exist")),
    }
}

fn certificate(cluster: &Cluster, namespace: &str, name: &str) -> TlsFinding {
    let (reason, message) = match secret(cluster, namespace, name) {
        Finding::Good(message) => (TlsSecretReason::Ready, message),
        Finding::Unread(message) => (TlsSecretReason::Unavailable, message),
        Finding::NotYet(message) | Finding::Bad(message) => (TlsSecretReason::NotFound, message),
    };
    TlsFinding { reason, message, certificate: None, not_after: None, changes_at: None }
}

fn keys(cluster: &Cluster, node: &SeiNode) -> Keys {
    let Some(validator) = &node.spec.validator else { return Keys::default() };
    let namespace = names::namespace(node);
    let of = |source: &Option<KeySource>| {
        let name = &source.as_ref()?.secret.as_ref()?.secret_name;
        Some(secret(cluster, namespace, name))
    };
    let keyring = validator.operator_keyring.as_ref().and_then(|keyring| keyring.secret.as_ref());
    Keys {
        signing: of(&validator.signing_key),
        node: of(&validator.node_key),
        keyring: keyring.map(|keyring| secret(cluster, namespace, &keyring.secret_name)),
    }
}

fn import(name: &str, claim: Option<&PersistentVolumeClaim>) -> Finding {
    let Some(claim) = claim else { return Finding::NotYet(format!("claim {name} does not exist")) };
    match claim.status.as_ref().and_then(|status| status.phase.as_deref()) {
        Some("Bound") if claim.metadata.deletion_timestamp.is_none() => {
            Finding::Good(format!("claim {name} is bound"))
        }
        Some("Lost") => Finding::Bad(format!("claim {name} has lost its volume")),
        _ => Finding::NotYet(format!("claim {name} is not bound")),
    }
}

/// The users of exclusive resources.
fn uses(cluster: &Cluster) -> Vec<Use> {
    let nodes = cluster.nodes.iter().filter_map(|node| SeiNode::deserialize(node).ok());
    let mut uses: Vec<_> = nodes.map(|node| Use::of_node(&node, Stage::Named)).collect();
    uses.extend(
        cluster
            .pods
            .iter()
            .filter(|pod| !has_ended(pod))
            .filter_map(|pod| Use::of_object(pod, Stage::Pod, pod.spec.as_ref()?)),
    );
    uses.extend(
        cluster.stateful_sets.iter().filter_map(|set| {
            Use::of_object(set, Stage::Template, set.spec.as_ref()?.template.spec.as_ref()?)
        }),
    );
    uses.extend(
        cluster.jobs.iter().filter_map(|job| {
            Use::of_object(job, Stage::Template, job.spec.as_ref()?.template.spec.as_ref()?)
        }),
    );
    uses
}

fn children(cluster: &Cluster, node: &SeiNode) -> Children {
    let namespace = names::namespace(node);
    let set = names::stateful_set(node);
    let bootstrap = labels::bootstrap(node);
    let is_bootstrap = |pod: &&Pod| {
        pod.namespace().as_deref() == Some(namespace)
            && bootstrap.iter().all(|(key, value)| pod.labels().get(key) == Some(value))
    };
    let config = names::rbac_proxy_config(node);
    Children {
        stateful_set: find(&cluster.stateful_sets, namespace, &set).cloned().map(Arc::new),
        service: find(&cluster.services, namespace, &set).cloned().map(Arc::new),
        config_map: find(&cluster.config_maps, namespace, &config).cloned().map(Arc::new),
        job: find(&cluster.jobs, namespace, &names::bootstrap_job(node)).cloned().map(Arc::new),
        pod: find(&cluster.pods, namespace, &names::pod(node)).cloned().map(Arc::new),
        bootstrap_pod: cluster.pods.iter().find(is_bootstrap).cloned().map(Arc::new),
        pod_refusal: None,
    }
}
