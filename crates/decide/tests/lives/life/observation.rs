//! What a pass over the node observes.

use std::sync::Arc;

use k8s_openapi::api::{apps::v1::StatefulSet, batch::v1::Job, core::v1::Pod};
use sei_api::{
    conditions::{StalledReason, TlsSecretReason},
    v1alpha1::NodePhase,
};
use sei_decide::{
    Answer, Children, Finding, Health, Keys, Observed, Sidecar, TlsFinding, Trouble, TroubleKind,
    contention::{Contention, Rival},
};
use sei_node::Node;
use sei_render::Rendered;
use serde_json::json;

use super::Life;

/// What the next passes observe. The numbers select one of the possible forms of each object.
#[derive(Clone, Debug)]
pub struct Forms {
    pub tls: usize,
    pub finding: usize,
    pub rival: bool,
    pub stateful_set: usize,
    pub pod: usize,
    pub job: usize,
    pub health: usize,
}

/// Everything is healthy.
pub const GOOD: Forms =
    Forms { tls: 0, finding: 0, rival: false, stateful_set: 0, pod: 0, job: 0, health: 0 };

impl Life {
    pub fn observe(&self) -> Observed {
        let Forms { tls, finding, rival, stateful_set, pod, job, health } = self.forms;
        let spec = &self.node.spec;
        let found = |wanted: bool| {
            let forms =
                [Finding::Good("good".into()), Finding::NotYet("not yet".into()), Finding::Bad("bad".into())];
            wanted.then(|| forms[finding].clone())
        };
        let keyed = spec.validator.as_ref().is_some_and(|it| it.signing_key.is_some());
        let answer = |value| Some(Answer { at: self.now, value });
        let health = answer([Health::Ready, Health::NotReady, Health::Held, Health::Ready][health]);
        let gone = Trouble { kind: TroubleKind::Unreachable, message: "gone".into() };
        let is_silent = self.forms.health == 3;
        let rendered = Rendered::of(Node::of(&self.node), &self.platform).ok();
        let service = rendered.as_ref().filter(|_| stateful_set > 0);
        Observed {
            node: Arc::new(self.node.clone()),
            tls: spec.tls().map(|_| TlsFinding {
                reason: [
                    TlsSecretReason::Ready,
                    TlsSecretReason::NotFound,
                    TlsSecretReason::Unavailable,
                    TlsSecretReason::Malformed,
                    TlsSecretReason::SansMismatch,
                    TlsSecretReason::Expired,
                ][tls],
                message: "the Secret".to_owned(),
                certificate: None,
                not_after: None,
                changes_at: None,
            }),
            keys: Keys { signing: found(keyed), node: found(keyed), keyring: None },
            import: found(spec.data_volume.is_some()),
            claim: self.claim.clone(),
            peers: None,
            sidecar_turn: None,
            overridden: self.overridden.clone(),
            in_sync: self.in_sync.clone(),
            tasks: Some(self.tasks.clone()),
            contention: Contention {
                rival: rival.then(|| Rival {
                    reason: StalledReason::VolumeInUse,
                    message: "it has another owner".into(),
                }),
                ..Contention::default()
            },
            children: Children {
                stateful_set: rendered.as_ref().and_then(|it| self.stateful_set(it, stateful_set)),
                service: service.map(|it| Arc::new(it.service.clone())),
                config_map: rendered.as_ref().and_then(|it| it.rbac_proxy_config.clone()).map(Arc::new),
                job: job_in(job),
                pod: self.pod(pod),
                bootstrap_pod: None,
                pod_refusal: None,
            },
            sidecar: Sidecar {
                pod: Some("u".to_owned()),
                trouble: is_silent.then_some(gone),
                health: health.filter(|_| self.phase() == Some(NodePhase::Running)),
                ..Sidecar::default()
            },
            read_again_at: None,
            now: self.now,
        }
    }

    /// Own, none, edited by another client, or with another owner.
    fn stateful_set(&self, rendered: &Rendered, form: usize) -> Option<Arc<StatefulSet>> {
        let mut set = rendered.stateful_set.clone();
        if let Some(image) = self.live_image {
            let pod = set.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
            pod.containers[0].image = Some(image.to_owned());
        }
        match form {
            1 => return None,
            2 => {
                let edit = json!([{ "manager": "kubectl", "fieldsV1": { "f:spec": {} } }]);
                set.metadata.managed_fields = serde_json::from_value(edit).unwrap();
                set.spec.as_mut().unwrap().replicas = Some(0);
            }
            3 => set.metadata.owner_references = None,
            _ => {}
        }
        Some(Arc::new(set))
    }

    /// Ready, none, not ready, or without its claim.
    fn pod(&self, form: usize) -> Option<Arc<Pod>> {
        let lost = "0/3 nodes are available: persistentvolumeclaim \"data-node-0\" not found.";
        let conditions = match form {
            0 => json!([{ "type": "Ready", "status": "True" }]),
            2 => json!([{ "type": "Ready", "status": "False" }]),
            3 => json!([{ "type": "PodScheduled", "status": "False", "message": lost }]),
            _ => return None,
        };
        let pod = json!({
            "metadata": { "name": "node-0-0", "namespace": "sei", "uid": self.pod_uid },
            "spec": { "containers": [{
                "name": "seid", "image": self.live_image.unwrap_or(&self.node.spec.image),
            }] },
            "status": { "conditions": conditions },
        });
        Some(Arc::new(serde_json::from_value(pod).unwrap()))
    }
}

/// Running, none, complete or failed.
fn job_in(form: usize) -> Option<Arc<Job>> {
    let conditions = match form {
        0 => json!([]),
        2 => json!([{ "type": "Complete", "status": "True" }]),
        3 => json!([{ "type": "Failed", "status": "True", "message": "evicted" }]),
        _ => return None,
    };
    let job = json!({ "metadata": { "name": "node-0-bootstrap", "uid": "job-1" }, "status": { "conditions": conditions } });
    Some(Arc::new(serde_json::from_value(job).unwrap()))
}
