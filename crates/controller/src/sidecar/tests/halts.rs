//! Whether seid halts at a height.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sei_decide::SeidStatus;
use sei_deployment::Halt;
use tokio::time::sleep;

use super::node::TestNode;
use crate::heights::Awaited;

const HEIGHT: u64 = 1000;

struct Bed {
    node: TestNode,
    /// How often the group was woken.
    woken: Arc<AtomicUsize>,
}

impl Bed {
    fn new() -> Self {
        let mut node = TestNode::new(false);
        node.pass(None);
        Self { node, woken: Arc::default() }
    }

    fn awaited(&self) -> Awaited {
        let woken = Arc::clone(&self.woken);
        let changed = move || {
            woken.fetch_add(1, Ordering::AcqRel);
        };
        Awaited { node: "u1".to_owned(), height: HEIGHT, changed: Arc::new(changed) }
    }

    fn halt(&self) -> Halt {
        self.await_halt(Some(self.awaited()))
    }

    fn await_halt(&self, awaited: Option<Awaited>) -> Halt {
        let asked = self.node.watched.shared.seid_source();
        asked.upgrade().unwrap().await_halt(awaited)
    }

    /// seid has executed the blocks up to this one, and responds.
    fn at(&self, height: u64) {
        self.node.fake.change(|world| {
            world.reached = world.reached.max(height);
            world.seid = Some(SeidStatus { height, catching_up: false, latest_block: None, peers: None });
        });
    }

    fn falls_silent(&self) {
        self.node.fake.change(|world| world.seid = None);
    }

    async fn after(&self, seconds: u64) -> Halt {
        sleep(Duration::from_secs(seconds)).await;
        self.halt()
    }
}

#[tokio::test(start_paused = true)]
async fn seid_that_stops_responding_at_the_height_has_halted() {
    let bed = Bed::new();
    bed.at(1);
    assert_eq!(bed.halt(), Halt::Unknown);
    assert_eq!(bed.after(5).await, Halt::Before);
    bed.at(HEIGHT - 2);
    assert_eq!(bed.after(80).await, Halt::Before);
    // Between two calls of the operator it executes the last block and halts.
    bed.at(HEIGHT - 1);
    bed.falls_silent();
    assert_eq!(bed.after(5).await, Halt::Arrived);
    let woken = bed.woken.load(Ordering::Acquire);
    assert_eq!(bed.after(20).await, Halt::Halted);
    assert!(bed.woken.load(Ordering::Acquire) > woken, "the group is woken");
}

#[tokio::test(start_paused = true)]
async fn seid_that_stops_responding_below_the_height_has_not_halted() {
    let bed = Bed::new();
    bed.at(HEIGHT - 2);
    bed.halt();
    assert_eq!(bed.after(5).await, Halt::Before);
    bed.falls_silent();
    assert_eq!(bed.after(3600).await, Halt::Unknown);
    bed.at(HEIGHT - 2);
    assert_eq!(bed.after(80).await, Halt::Before);
}

#[tokio::test(start_paused = true)]
async fn heights_recorded_by_the_sidecar_survive_a_restart_of_the_operator() {
    let before = Bed::new();
    before.at(1);
    before.halt();
    assert_eq!(before.after(5).await, Halt::Before);
    before.at(HEIGHT - 1);
    before.falls_silent();
    let bed = Bed { node: before.node.restarted(), woken: Arc::default() };
    drop(before);
    bed.halt();
    assert_eq!(bed.after(30).await, Halt::Halted);
}

#[tokio::test(start_paused = true)]
async fn seid_without_new_blocks_for_a_minute_has_halted() {
    let bed = Bed::new();
    bed.at(HEIGHT);
    bed.halt();
    assert_eq!(bed.after(50).await, Halt::Arrived);
    assert_eq!(bed.after(20).await, Halt::Halted);
}

#[tokio::test(start_paused = true)]
async fn seid_that_passed_the_height_has_not_halted() {
    let bed = Bed::new();
    bed.at(HEIGHT + 1);
    bed.halt();
    assert_eq!(bed.after(5).await, Halt::Passed);
    bed.falls_silent();
    assert_eq!(bed.after(3600).await, Halt::Passed);
}

#[tokio::test(start_paused = true)]
async fn calls_are_rare_far_below_the_height_and_stop_with_the_wait() {
    let bed = Bed::new();
    bed.at(1);
    let awaited = Awaited { height: 1_000_000, ..bed.awaited() };
    bed.await_halt(Some(awaited));
    sleep(Duration::from_secs(600)).await;
    let asked = bed.node.fake.count("seid");
    assert!((8..=11).contains(&asked), "{asked}");
    assert_eq!(bed.node.fake.count("post"), 2, "each height is submitted once");
    bed.await_halt(None);
    sleep(Duration::from_secs(600)).await;
    assert!(bed.node.fake.count("seid") <= asked + 1);
}
