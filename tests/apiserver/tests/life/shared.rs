//! A cluster with an operator that tests share while they run at the same time. Each uses nodes with different names.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use sei_testkit::{cluster::Cluster, operator::Operator};
use tokio::runtime::Runtime;

use crate::{harness, pool::TestCluster};

/// The cluster of the tests that run now. The last of them stops it: nothing stops a process that a static holds.
static RUNNING: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// Its fields are dropped in this order.
struct Shared {
    _operator: Operator,
    cluster: TestCluster,
    /// The runtime of the cluster's clients, which outlive the test that started them.
    runtime: Runtime,
}

/// Runs a scenario on the shared cluster.
pub fn run(scenario: impl AsyncFnOnce(&Cluster)) {
    let shared = running();
    shared.runtime.block_on(scenario(&shared.cluster));
}

fn running() -> Arc<Shared> {
    // A test that failed to start the cluster has left nothing behind.
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.upgrade().unwrap_or_else(|| {
        let shared = Arc::new(Shared::start());
        *running = Arc::downgrade(&shared);
        shared
    })
}

impl Shared {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let cluster = runtime.block_on(harness::cluster());
        Self { _operator: harness::operator(&cluster), cluster, runtime }
    }
}
