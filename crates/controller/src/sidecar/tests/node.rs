//! A node with an in-memory sidecar.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sei_decide::{Health, Sidecar, TaskProgress};
use sei_sidecar::{ServerTrust, TaskRequest};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    super::{
        Order, Queries, Target, Watched,
        actor::{Actor, Report},
        permits::Permits,
        state::Shared,
        target::Verification,
    },
    fake::Fake,
};

/// The passes of a node: when one is requested, and how many there were.
#[derive(Clone, Default)]
pub(super) struct Passes(pub(super) Arc<(AtomicUsize, Notify)>);

impl Report for Passes {
    fn changed(&self) {
        self.0.0.fetch_add(1, Ordering::AcqRel);
        self.0.1.notify_one();
    }

    fn probed(&self, _: Option<Health>) {}
}

impl Passes {
    pub(super) fn count(&self) -> usize {
        self.0.0.load(Ordering::Acquire)
    }
}

pub(super) struct TestNode {
    pub(super) fake: Fake,
    pub(super) passes: Passes,
    pub(super) watched: Watched,
    pub(super) queries: Queries,
}

/// Requests health.
pub(super) fn health() -> Queries {
    Queries { health: true, ..Queries::default() }
}

pub(super) fn target(pod: &str) -> Target {
    Target { pod: pod.to_owned(), host: "node-0-0".to_owned(), port: 7777, tls: None }
}

/// The same target behind TLS.
pub(super) fn verified_target(pod: &str) -> Target {
    let tls = Verification { trust: ServerTrust::Roots(Vec::new()), audience: "node-0".to_owned() };
    Target { tls: Some(tls), ..target(pod) }
}

pub(super) fn order(retries: i64) -> Order {
    let id = Uuid::from_u128(1);
    let request = TaskRequest { id, type_: "config-apply".to_owned(), params: None };
    Order {
        id,
        retries,
        was_submitted: false,
        is_new: false,
        marks_ready: false,
        once: false,
        needs_type: None,
        request: Some(request),
    }
}

pub(super) fn mark_ready() -> Order {
    let request = TaskRequest { type_: "mark-ready".to_owned(), ..order(0).request.unwrap() };
    Order { marks_ready: true, request: Some(request), ..order(0) }
}

impl TestNode {
    pub(super) fn new(probes: bool) -> Self {
        Self::sharing(probes, &Permits::default())
    }

    pub(super) fn sharing(probes: bool, permits: &Permits) -> Self {
        Self::with(Fake::default(), probes, permits)
    }

    /// The same node in another process of the operator.
    pub(super) fn restarted(&self) -> Self {
        let mut node = Self::with(self.fake.clone(), self.queries.health, &Permits::default());
        node.pass(None);
        node
    }

    fn with(fake: Fake, probes: bool, permits: &Permits) -> Self {
        let (passes, shared) = (Passes::default(), Shared::default());
        let actor = Actor::new(shared.clone(), fake.clone(), permits.clone(), passes.clone(), Duration::ZERO);
        let watched = Watched { shared, fingerprint: None, ordered: None, task: tokio::spawn(actor.run()) };
        Self { fake, passes, watched, queries: Queries { health: probes, ..Queries::default() } }
    }

    pub(super) fn begin_pass(&mut self) -> Sidecar {
        self.watched.begin_pass(Ok(target("u1")), None, self.queries.clone())
    }

    /// A pass with this order.
    pub(super) fn pass(&mut self, order: Option<&Order>) -> Sidecar {
        let known = self.begin_pass();
        if let Some(order) = order {
            self.watched.order(order.clone());
        }
        self.watched.end_pass();
        known
    }

    /// Waits until a pass is requested, and runs it.
    pub(super) async fn woken(&mut self, order: Option<&Order>) -> Sidecar {
        self.passes.0.1.notified().await;
        self.pass(order)
    }

    /// Runs a pass with this order whenever one is requested, until the task has progress `wanted`.
    pub(super) async fn until(&mut self, order: &Order, wanted: &TaskProgress) -> Sidecar {
        loop {
            let known = self.woken(Some(order)).await;
            if progress(&known) == Some(wanted) {
                return known;
            }
        }
    }
}

pub(super) fn progress(known: &Sidecar) -> Option<&TaskProgress> {
    known.task.as_ref().map(|task| &task.value.progress)
}
