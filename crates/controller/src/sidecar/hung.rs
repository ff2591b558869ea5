//! Thousands of actors and the real sockets of as many simulated sidecars, some of which hang.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sei_decide::{Health, TaskProgress};
use sei_sidecar::{AlwaysOpen, TaskRequest, Transport};
use sei_testkit::sidecar::{Access, Simulator};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

use super::{
    Order, Queries, Target, Watched,
    actor::{Actor, Report},
    connection::Dialer,
    permits::Permits,
    state::Shared,
    token::Tokens,
};

/// Number of healthy nodes of each of the two fleets, one of which has hung sidecars as well.
const HEALTHY: usize = 1350;
const HUNG: usize = 300;
/// Number of tasks that each healthy sidecar gets, one after another.
const ROUNDS: u128 = 3;

struct Waker {
    index: usize,
    wake: UnboundedSender<usize>,
}

impl Report for Waker {
    fn changed(&self) {
        let _ = self.wake.send(self.index);
    }

    fn probed(&self, _: Option<Health>) {}
}

/// A node, and the current task of its passes.
struct Node {
    index: usize,
    host: String,
    watched: Watched,
    task: u128,
}

impl Node {
    fn order(&self) -> Order {
        let id = Uuid::from_u128(self.task);
        let request = Some(TaskRequest { id, type_: "mark-ready".to_owned(), params: None });
        Order {
            id,
            retries: 0,
            was_submitted: false,
            is_new: false,
            marks_ready: false,
            once: false,
            needs_type: None,
            request,
        }
    }

    /// One pass, like the reconciler's. Returns whether a task is complete.
    fn pass(&mut self) -> bool {
        let index = self.index;
        let target = Target { pod: format!("u{index}"), host: self.host.clone(), port: 7777, tls: None };
        let known = self.watched.begin_pass(Ok(target), None, Queries::default());
        let id = Uuid::from_u128(self.task).to_string();
        let is_complete = known.progress(&id, 0) == Some(&TaskProgress::Completed);
        self.task += u128::from(is_complete);
        self.watched.order(self.order());
        self.watched.end_pass();
        is_complete
    }
}

struct Fleet {
    transport: Transport,
    tokens: Tokens,
    permits: Permits,
    wake: UnboundedSender<usize>,
    woken: UnboundedReceiver<usize>,
    nodes: Vec<Node>,
    /// Prefix of the names of the nodes.
    name: &'static str,
}

impl Fleet {
    fn new(name: &'static str, simulator: &Simulator) -> Self {
        let rules = simulator.connect_to().iter().map(|rule| rule.parse().unwrap()).collect();
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let (wake, woken) = unbounded_channel();
        Self {
            transport: Transport::new(rules, Arc::new(AlwaysOpen)),
            tokens: Tokens::new(&kube::Client::try_from(config).unwrap(), None),
            permits: Permits::default(),
            wake,
            woken,
            nodes: Vec::new(),
            name,
        }
    }

    fn host(&self, index: usize) -> String {
        format!("{0}-{index}-0.{0}-{index}.sei.svc.cluster.local", self.name)
    }

    /// Starts the actors of the nodes up to `count`, at the rate at which one listener accepts their
    /// connections.
    async fn grow(&mut self, count: usize) {
        for index in self.nodes.len()..count {
            if index % 32 == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let shared = Shared::default();
            let dialer = Dialer::new(self.transport.clone(), self.tokens.clone(), Arc::default());
            let waker = Waker { index, wake: self.wake.clone() };
            let actor = Actor::new(shared.clone(), dialer, self.permits.clone(), waker, Duration::ZERO);
            let watched =
                Watched { shared, fingerprint: None, ordered: None, task: tokio::spawn(actor.run()) };
            self.nodes.push(Node { index, host: self.host(index), watched, task: 0 });
            self.nodes[index].pass();
        }
    }

    /// Runs the requested passes until every healthy node has completed its tasks. Returns how long that
    /// took.
    async fn work(&mut self) -> Duration {
        let start = Instant::now();
        let mut left: Vec<_> = vec![ROUNDS; HEALTHY];
        let mut open = HEALTHY;
        for node in &mut self.nodes[..HEALTHY] {
            node.pass();
        }
        while open > 0 {
            let index = self.woken.recv().await.unwrap();
            let is_complete = self.nodes[index].pass();
            if index < HEALTHY && is_complete && left[index] > 0 {
                left[index] -= 1;
                open -= usize::from(left[index] == 0);
            }
        }
        start.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_hung_sidecars_do_not_slow_down_thousands_of_healthy_ones() {
    let simulator = Simulator::start(Access::AnyToken).await.unwrap();
    let (mut alone, mut beside) = (Fleet::new("alone", &simulator), Fleet::new("beside", &simulator));
    for (fleet, count) in [(&alone, HEALTHY), (&beside, HEALTHY + HUNG)] {
        for index in 0..count {
            simulator.run(&fleet.host(index));
            simulator.faults(&fleet.host(index), |faults| faults.hang = index >= HEALTHY);
        }
    }
    alone.grow(HEALTHY).await;
    beside.grow(HEALTHY).await;
    tokio::join!(alone.work(), beside.work());
    beside.grow(HEALTHY + HUNG).await;
    // At the same time, so that both get the same share of a busy machine.
    let (without, with) = tokio::join!(alone.work(), beside.work());
    println!("{HEALTHY} sidecars: {without:.1?}, beside {HUNG} that hang: {with:.1?}");
    assert!(with < 3 * without, "{with:?} instead of {without:?}");
    let calls_to = |indices: std::ops::Range<usize>| {
        indices.map(|index| simulator.calls(&beside.host(index)).len()).sum::<usize>()
    };
    let (healthy, calls) = (calls_to(0..HEALTHY), calls_to(HEALTHY..HEALTHY + HUNG));
    println!("{healthy} calls to sidecars that answer, {calls} to those that hang");
    assert!(calls >= HUNG, "each was called");
    assert!(calls / HUNG < healthy / HEALTHY, "{calls} calls to sidecars that hang");
}
