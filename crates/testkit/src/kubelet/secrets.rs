//! The TLS Secrets that pods mount, with one watch for all of them.

use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    runtime::{
        WatchStreamExt,
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};
use tokio::{sync::watch, task::JoinHandle};

/// All Secrets of type `kubernetes.io/tls`. Watched until dropped.
pub(super) struct TlsSecrets {
    store: Store<Secret>,
    changes: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Drop for TlsSecrets {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TlsSecrets {
    pub(super) fn follow(client: &Client) -> Self {
        let (store, writer) = reflector::store();
        let (changed, changes) = watch::channel(0);
        let config = watcher::Config::default().fields("type=kubernetes.io/tls");
        let secrets = watcher(Api::<Secret>::all(client.clone()), config).default_backoff();
        let secrets = secrets.reflect(writer);
        let task = tokio::spawn(async move {
            let mut secrets = std::pin::pin!(secrets);
            // A broken watch restarts automatically.
            while secrets.next().await.is_some() {
                changed.send_modify(|count| *count += 1);
            }
        });
        Self { store, changes, task }
    }

    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<Arc<Secret>> {
        self.store.get(&ObjectRef::new(name).within(namespace))
    }

    /// Changes whenever one of the Secrets changes.
    pub(super) fn renewals(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }
}
