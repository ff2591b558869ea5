//! The objects of a node, and the behavior of the Kubernetes controllers.

mod controllers;

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        batch::v1::Job,
        core::v1::{ConfigMap, Pod, Service},
    },
    apimachinery::pkg::apis::meta::v1::Time,
};
use sei_decide::Claim;
use serde_json::json;

use crate::{
    cached::Cached,
    volume::{Config, State, Volume},
};

/// The existing objects of a node, apart from its SeiNode.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// Name of the node.
    name: String,
    pub stateful_set: Cached<Option<StatefulSet>>,
    pub service: Cached<Option<Service>>,
    pub config_map: Cached<Option<ConfigMap>>,
    pub job: Cached<Option<Job>>,
    pub pod: Cached<Option<Pod>>,
    pub bootstrap_pod: Cached<Option<Pod>>,
    pub claim: Cached<Option<Claim>>,
    /// The volume behind the claim.
    pub volume: Option<Volume>,
    /// An imported claim that was deleted, and the content of its volume.
    backup: Option<(Claim, Volume)>,
    /// UID of the pod whose sidecar process is ready.
    pub ready: Option<String>,
    /// UID of the pod whose seid started last, and the configuration that it read.
    pub started: Option<(String, Config)>,
    /// Terminating pods do not end.
    pub holds_pods: bool,
    /// Whether the imported claim and the TLS Secret can be used.
    pub references: bool,
    /// The claim is imported: no controller of the cluster deletes it.
    is_import: bool,
    uids: u32,
}

impl Objects {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), references: true, ..Self::default() }
    }

    /// Adds the claim that the node imports.
    pub fn import(&mut self, claim: &str) {
        let uid = self.uid("claim");
        self.is_import = true;
        self.claim = Cached::new(Some(Claim { is_owned: false, ..bound(claim.to_owned(), uid) }));
        self.volume = Some(Volume::default());
    }

    pub fn uid(&mut self, kind: &str) -> String {
        self.uids += 1;
        format!("{}-{kind}-{}", self.name, self.uids)
    }

    /// The running pod, of the StatefulSet or of the Job.
    pub fn running(&self) -> Option<&Pod> {
        let pods = [&self.pod.live, &self.bootstrap_pod.live];
        pods.into_iter().flatten().find(|pod| runs(pod))
    }

    /// How many pods exist, including terminating ones.
    pub fn pods(&self) -> usize {
        [&self.pod.live, &self.bootstrap_pod.live].into_iter().flatten().count()
    }

    /// Whether the StatefulSet is scaled to zero.
    pub fn is_scaled_down(&self) -> bool {
        let set = self.stateful_set.live.as_ref();
        set.is_some_and(|set| set.spec.as_ref().unwrap().replicas == Some(0))
    }

    pub fn delete_pod(&mut self, now: Timestamp) {
        mark(self.pod.live.as_mut(), now);
    }

    pub fn delete_job(&mut self, now: Timestamp) {
        mark(self.job.live.as_mut(), now);
        mark(self.bootstrap_pod.live.as_mut(), now);
    }

    /// A user deletes the claim.
    pub fn delete_claim(&mut self, now: Timestamp) {
        if let Some(claim) = &mut self.claim.live {
            claim.deleted_at.get_or_insert(now);
        }
    }

    /// The garbage collector deletes the claim with its SeiNode; an imported one has no owner.
    pub fn collect_claim(&mut self, now: Timestamp) {
        if !self.is_import {
            self.delete_claim(now);
        }
    }

    /// Whether the claim that the node imports does not exist.
    pub fn lacks_import(&self) -> bool {
        self.backup.is_some()
    }

    /// A user restores the imported claim from a backup, with its annotations. Returns whether it was missing.
    pub fn restore_import(&mut self) -> bool {
        let Some((claim, volume)) = self.backup.take() else { return false };
        let uid = self.uid("claim");
        (self.claim.live, self.volume) = (Some(Claim { uid, deleted_at: None, ..claim }), Some(volume));
        true
    }

    /// A user creates an empty claim in place of the deleted imported one.
    pub fn replace_import(&mut self) {
        if let Some((claim, _)) = self.backup.take() {
            let uid = self.uid("claim");
            self.claim.live = Some(Claim { is_owned: false, ..bound(claim.name, uid) });
            self.volume = Some(Volume::default());
        }
    }

    /// The running tasks of the sidecar end with an error.
    pub fn fail_tasks(&mut self, error: &str) {
        let records = self.volume.iter_mut().flat_map(|volume| &mut volume.records);
        for record in records.filter(|record| record.state == State::Running) {
            record.state = State::Failed(error.to_owned());
        }
    }

    /// Ends the Job and its pod.
    pub fn end_job(&mut self, how: &str, message: &str) {
        if let Some(job) = &mut self.job.live {
            let condition = json!({ "type": how, "status": "True", "message": message });
            job.status = serde_json::from_value(json!({ "conditions": [condition] })).unwrap();
            self.bootstrap_pod.live = None;
        }
    }
}

/// A bound claim.
pub fn bound(name: String, uid: String) -> Claim {
    Claim {
        name,
        uid,
        phase: Some("Bound".to_owned()),
        volume: None,
        deleted_at: None,
        is_owned: true,
        is_retained: false,
        has_state: false,
        config_mode: None,
    }
}

fn mark<K: kube::Resource>(object: Option<&mut K>, now: Timestamp) {
    if let Some(object) = object {
        object.meta_mut().deletion_timestamp.get_or_insert(Time(now));
    }
}

/// Whether its containers are running.
fn runs(pod: &Pod) -> bool {
    pod.status.as_ref().is_some_and(|status| status.container_statuses.is_some())
}
