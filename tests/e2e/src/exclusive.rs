//! Watches that no volume and no Secret with a signing key is used by two pods at the same time.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    runtime::{
        WatchStreamExt, watcher,
        watcher::Event::{Apply, Delete, Init, InitApply},
    },
};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{nodes::NAMESPACE, world::World};

/// A watch in progress.
pub(crate) struct Exclusive {
    end: oneshot::Sender<()>,
    watch: JoinHandle<anyhow::Result<usize>>,
}

impl Exclusive {
    /// Watches the pods of the namespace from now on.
    pub(crate) fn watch(world: &World) -> Self {
        let (end, ended) = oneshot::channel();
        Self { end, watch: tokio::spawn(watch(Api::namespaced(world.client.clone(), NAMESPACE), ended)) }
    }

    /// Ends the watch. Returns how many pods there were; fails if two of them shared anything.
    pub(crate) async fn end(self) -> anyhow::Result<usize> {
        // Sending fails only if the watch has failed.
        let _ = self.end.send(());
        self.watch.await.context("watch the pods")?
    }
}

async fn watch(pods: Api<Pod>, mut ended: oneshot::Receiver<()>) -> anyhow::Result<usize> {
    let mut events = watcher(pods, watcher::Config::default()).default_backoff().boxed();
    let (mut seen, mut users) = (BTreeSet::new(), BTreeMap::<String, String>::new());
    loop {
        let event = tokio::select! {
            event = events.next() => event.context("the watch has ended")?,
            _ = &mut ended => return Ok(seen.len()),
        };
        match event {
            // A broken watch lists the pods again; some may have been deleted.
            Ok(Init) => users.clear(),
            Ok(Apply(pod) | InitApply(pod)) if !has_ended(&pod) => {
                let uid = pod.uid().unwrap_or_default();
                for thing in exclusive_resources(&pod) {
                    let user = users.entry(thing.clone()).or_insert_with(|| uid.clone());
                    if *user != uid {
                        bail!("pod {} uses {thing}, and so does another one", pod.name_any());
                    }
                }
                seen.insert(uid);
            }
            Ok(Apply(pod) | InitApply(pod) | Delete(pod)) => {
                users.retain(|_, user| Some(&*user) != pod.uid().as_ref());
            }
            _ => {}
        }
    }
}

/// Whether no container of the pod runs or will run.
fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Resources that only one pod at a time may use.
fn exclusive_resources(pod: &Pod) -> Vec<String> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let thing = |volume: &k8s_openapi::api::core::v1::Volume| {
        let claim =
            volume.persistent_volume_claim.as_ref().map(|claim| format!("claim {}", claim.claim_name));
        let key = volume.secret.as_ref().filter(|_| volume.name == "signing-key");
        claim.or_else(|| Some(format!("Secret {}", key?.secret_name.as_deref()?)))
    };
    volumes.filter_map(thing).collect()
}
