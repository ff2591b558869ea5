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
    Interest, Order, Target, Watched,
    actor::{Actor, Report},
    line::Dialer,
    permits::Permits,
    state::Shared,
    token::Tokens,
};

const HEALTHY: usize = 2700;
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
    watched: Watched,
    task: u128,
}

impl Node {
    fn host(index: usize) -> String {
        format!("node-{index}-0.node-{index}.sei.svc.cluster.local")
    }

    fn order(&self) -> Order {
        let id = Uuid::from_u128(self.task);
        let request = Some(TaskRequest { id, type_: "mark-ready".to_owned(), params: None });
        Order {
            id,
            retries: 0,
            was_submitted: false,
            marks_ready: false,
            once: false,
            needs_type: None,
            request,
        }
    }

    /// One pass, like the reconciler's. Returns whether a task is complete.
    fn pass(&mut self) -> bool {
        let index = self.index;
        let target = Target { pod: format!("u{index}"), host: Self::host(index), port: 7777, tls: None };
        let known = self.watched.begin_pass(Ok(target), None, Interest::default());
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
}

impl Fleet {
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
            self.nodes.push(Node { index, watched, task: 0 });
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
    for index in 0..HEALTHY + HUNG {
        simulator.run(&Node::host(index));
        simulator.faults(&Node::host(index), |faults| faults.hang = index >= HEALTHY);
    }
    let rules = simulator.connect_to().iter().map(|rule| rule.parse().unwrap()).collect();
    let client = kube::Client::try_from(kube::Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap();
    let (wake, woken) = unbounded_channel();
    let mut fleet = Fleet {
        transport: Transport::new(rules, Arc::new(AlwaysOpen)),
        tokens: Tokens::new(&client, None),
        permits: Permits::default(),
        wake,
        woken,
        nodes: Vec::new(),
    };
    fleet.grow(HEALTHY).await;
    fleet.work().await;
    let without = fleet.work().await;
    fleet.grow(HEALTHY + HUNG).await;
    let with = fleet.work().await;
    println!("{HEALTHY} sidecars: {without:.1?}, beside {HUNG} that hang: {with:.1?}");
    assert!(with < 3 * without, "{with:?} instead of {without:?}");
    let calls: usize = (HEALTHY..HEALTHY + HUNG).map(|index| simulator.calls(&Node::host(index)).len()).sum();
    let healthy: usize = (0..HEALTHY).map(|index| simulator.calls(&Node::host(index)).len()).sum();
    println!("{healthy} calls to sidecars that answer, {calls} to those that hang");
    assert!(calls >= HUNG, "each was called");
    assert!(calls / HUNG < healthy / HEALTHY, "{calls} calls to sidecars that hang");
}
