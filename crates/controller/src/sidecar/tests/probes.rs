//! How often a sidecar is called, and how its responses are used.

use std::time::Duration;

use sei_decide::{Health, Sidecar, TaskProgress, Trouble, TroubleKind};
use tokio::time::{Instant, sleep, timeout};

use super::{
    super::permits::Permits,
    fake::Mode,
    node::{TestNode, health, order, progress, target, verified_target},
};

#[tokio::test(start_paused = true)]
async fn probe_intervals_of_an_idle_sidecar_grow() {
    let mut bed = TestNode::new(true);
    bed.fake.change(|world| world.ready = true);
    bed.pass(None);
    let probes = async |bed: &TestNode, hours: u64| {
        let before = bed.fake.count("healthz");
        sleep(Duration::from_secs(3600 * hours)).await;
        bed.fake.count("healthz") - before
    };
    let first = probes(&bed, 1).await;
    let later = probes(&bed, 1).await;
    assert!((15..40).contains(&first) && (9..=12).contains(&later), "{first} then {later}");
    assert_eq!(bed.passes.count(), 1);
    bed.fake.change(|world| world.ready = false);
    sleep(Duration::from_secs(400)).await;
    assert_eq!(bed.begin_pass().health.unwrap().value, Health::NotReady);
    assert_eq!(bed.passes.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_does_not_respond_is_retried_with_backoff_and_at_once_when_its_pod_changes() {
    let mut bed = TestNode::new(true);
    bed.fake.change(|world| world.mode = Mode::Refuses);
    bed.pass(None);
    let known = bed.woken(None).await;
    assert_eq!(known.trouble.map(|trouble| trouble.kind), Some(TroubleKind::Unreachable));
    sleep(Duration::from_secs(3600)).await;
    assert!((18..26).contains(&bed.fake.count("healthz")), "{}", bed.fake.count("healthz"));
    assert_eq!(bed.passes.count(), 1, "the same problem is reported once");
    bed.fake.change(|world| (world.mode, world.ready) = (Mode::Answers, true));
    bed.watched.begin_pass(Ok(target("u1")), Some("restarted".to_owned()), health());
    let changed = bed.passes.0.1.notified();
    timeout(Duration::from_millis(10), changed).await.expect("queried at once");
    let known = bed.watched.begin_pass(Ok(target("u1")), Some("restarted".to_owned()), health());
    assert_eq!((known.trouble, known.health.unwrap().value), (None, Health::Ready));
}

#[tokio::test(start_paused = true)]
async fn responses_of_another_pod_are_dropped() {
    let mut bed = TestNode::new(true);
    bed.fake.change(|world| world.ready = true);
    bed.pass(None);
    assert!(bed.woken(None).await.health.is_some());
    bed.fake.change(|world| world.mode = Mode::Hangs);
    let known = bed.watched.begin_pass(Ok(target("u2")), None, health());
    assert_eq!(known, Sidecar { pod: Some("u2".to_owned()), ..Sidecar::default() });
    sleep(Duration::from_secs(1)).await;
    bed.fake.change(|world| (world.mode, world.ready) = (Mode::Answers, false));
    bed.watched.begin_pass(Ok(target("u3")), None, health());
    let start = Instant::now();
    bed.passes.0.1.notified().await;
    assert!(start.elapsed() < Duration::from_millis(10), "the call to the previous pod is aborted");
    let known = bed.watched.begin_pass(Ok(target("u3")), None, health());
    assert_eq!((known.pod.as_deref(), known.health.unwrap().value), (Some("u3"), Health::NotReady));
}

#[tokio::test(start_paused = true)]
async fn without_a_pod_no_sidecar_is_called() {
    let mut bed = TestNode::new(true);
    let trouble = Trouble { kind: TroubleKind::Unreachable, message: "there is no pod".to_owned() };
    let known = bed.watched.begin_pass(Err(trouble.clone()), None, health());
    assert_eq!(known.trouble, Some(trouble));
    bed.watched.order(order(0));
    bed.watched.end_pass();
    sleep(Duration::from_secs(600)).await;
    assert!(bed.fake.change(|world| world.calls.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn an_actor_ends_with_its_node() {
    let mut bed = TestNode::new(true);
    bed.pass(None);
    sleep(Duration::from_secs(60)).await;
    let (fake, before) = (bed.fake.clone(), bed.fake.count("healthz"));
    drop(bed);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(fake.count("healthz"), before);
}

#[tokio::test(start_paused = true)]
async fn hung_sidecars_do_not_delay_other_nodes() {
    let permits = Permits::default();
    let mut hung: Vec<TestNode> = (0..300).map(|_| TestNode::sharing(true, &permits)).collect();
    for bed in &mut hung {
        bed.fake.change(|world| world.mode = Mode::Hangs);
        bed.pass(Some(&order(0)));
    }
    // Once when each is called for the first time, and once when it is known that they hang.
    for _ in 0..2 {
        let mut healthy: Vec<TestNode> = (0..2700).map(|_| TestNode::sharing(true, &permits)).collect();
        let start = Instant::now();
        for bed in &mut healthy {
            bed.fake.change(|world| world.takes = Duration::from_millis(50));
            bed.pass(Some(&order(0)));
        }
        for bed in &mut healthy {
            while progress(&bed.begin_pass()) != Some(&TaskProgress::Completed) {
                bed.watched.order(order(0));
                bed.watched.end_pass();
                bed.passes.0.1.notified().await;
            }
        }
        assert!(start.elapsed() <= Duration::from_millis(150), "{:?}", start.elapsed());
        sleep(Duration::from_secs(300)).await;
    }
    let calls: usize = hung.iter().map(|bed| bed.fake.count("get")).sum();
    assert!(calls < 300 * 20, "{calls} calls to sidecars that hang, in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn the_id_is_queried_until_there_is_one_and_once_per_pod() {
    let mut bed = TestNode::new(true);
    bed.queries.node_id = true;
    bed.pass(None);
    assert_eq!(bed.woken(None).await.node_id, None);
    sleep(Duration::from_secs(3600)).await;
    let asked = bed.fake.count("node-id");
    assert!((5..30).contains(&asked), "{asked}");
    bed.fake.change(|world| world.node_id = Some("ab".to_owned()));
    assert_eq!(bed.woken(None).await.node_id.as_deref(), Some("ab"));
    let asked = bed.fake.count("node-id");
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(bed.fake.count("node-id"), asked, "it is known");
    bed.watched.begin_pass(Ok(target("u2")), None, bed.queries.clone());
    bed.watched.end_pass();
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(bed.fake.count("node-id"), asked + 1, "another pod");
}

#[tokio::test(start_paused = true)]
async fn only_the_task_types_of_interest_are_queried() {
    let mut bed = TestNode::new(true);
    bed.pass(None);
    bed.woken(None).await;
    sleep(Duration::from_secs(600)).await;
    assert_eq!((bed.fake.count("supports"), bed.fake.count("node-id")), (0, 0));
    // The node has no ID yet, which does not block other queries.
    bed.queries.node_id = true;
    bed.queries.task_types = vec!["discover-peers", "mark-ready"];
    bed.pass(None);
    sleep(Duration::from_secs(600)).await;
    let known = bed.pass(None).task_types;
    assert_eq!(known, [("discover-peers", false), ("mark-ready", true)].into());
    assert_eq!(bed.fake.count("supports"), 2);
}

#[tokio::test(start_paused = true)]
async fn the_plain_port_is_called_once_per_pod_behind_tls() {
    let mut bed = TestNode::new(true);
    bed.fake.change(|world| (world.ready, world.plain_port) = (true, true));
    bed.pass(None);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(bed.fake.count("plain"), 0, "without TLS it is the port of the API");
    for (pod, answers, calls) in [("u2", true, 1), ("u3", false, 2)] {
        bed.fake.change(|world| world.plain_port = answers);
        bed.watched.begin_pass(Ok(verified_target(pod)), None, health());
        bed.watched.end_pass();
        let before = bed.passes.count();
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(bed.fake.count("plain"), calls, "{pod}");
        let known = bed.watched.begin_pass(Ok(verified_target(pod)), None, health());
        assert_eq!(known.plain_port_answers, Some(answers), "{pod}");
        let health_and_port = 1 + usize::from(answers);
        assert_eq!(bed.passes.count() - before, health_and_port, "{pod}: an open port starts a pass");
    }
}
