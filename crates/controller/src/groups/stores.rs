//! The stores of the groups of one scope, and what they publish to other scopes.

use k8s_openapi::api::{core::v1::Service, policy::v1::PodDisruptionBudget};
use kube::runtime::reflector::{ObjectRef, Store, store::Writer};
use sei_api::SeiNodeDeployment;
use sei_deployment::HTTPRoute;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::cache::Progress;

/// The groups to reconcile soon.
pub(crate) type Woken = UnboundedReceiver<ObjectRef<SeiNodeDeployment>>;

/// Writers of the stores that the watches of a scope fill.
#[derive(Default)]
pub(crate) struct Writers {
    pub(crate) groups: Writer<SeiNodeDeployment>,
    pub(crate) services: Writer<Service>,
    pub(crate) budgets: Writer<PodDisruptionBudget>,
    pub(crate) http_routes: Writer<HTTPRoute>,
}

/// The stores and the queue of the groups of one scope.
pub(crate) struct Stores {
    pub(super) writers: Writers,
    pub(super) progress: Progress,
    pub(super) wake: UnboundedSender<ObjectRef<SeiNodeDeployment>>,
    pub(super) woken: Woken,
}

/// What the groups of a scope publish to groups of other scopes.
pub(crate) struct Published {
    pub(super) groups: Store<SeiNodeDeployment>,
    pub(super) http_routes: Store<HTTPRoute>,
    pub(super) progress: Progress,
    pub(super) wake: UnboundedSender<ObjectRef<SeiNodeDeployment>>,
}

impl Stores {
    /// Empty stores.
    pub(crate) fn new() -> Self {
        let (wake, woken) = unbounded_channel();
        Self { writers: Writers::default(), progress: Progress::default(), wake, woken }
    }

    /// What other scopes see of these groups.
    pub(crate) fn published(&self) -> Published {
        Published {
            groups: self.writers.groups.as_reader(),
            http_routes: self.writers.http_routes.as_reader(),
            progress: self.progress.clone(),
            wake: self.wake.clone(),
        }
    }
}
