//! Actors against sidecars that exist in memory, in paused time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sei_decide::{Health, Refusal, Sidecar, TaskProgress, Trouble, TroubleKind};
use sei_sidecar::{Error, Health as Healthz, RefusalKind, TaskRecord, TaskRequest, TaskState};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use super::{
    Order, Target, Watched,
    actor::{Actor, Report},
    calls::{Api, Dial},
    permits::Permits,
    state::Shared,
};

/// How a sidecar behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Mode {
    #[default]
    Answers,
    Hangs,
    Refuses,
}

#[derive(Default)]
struct World {
    mode: Mode,
    ready: bool,
    held: bool,
    plain_port: bool,
    /// How long tasks take.
    takes: Duration,
    /// How many runs of each task fail.
    failures: i64,
    tasks: BTreeMap<Uuid, (Instant, i64)>,
    calls: Vec<(Instant, &'static str)>,
}

/// A sidecar, and the connections to it. Clones are the same one.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<World>>);

impl Fake {
    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    async fn call(&self, name: &'static str) -> Result<(), Error> {
        let mode = self.change(|world| {
            world.calls.push((Instant::now(), name));
            world.mode
        });
        let url = name.to_owned();
        match mode {
            Mode::Answers => Ok(()),
            Mode::Refuses => Err(Error::Unreachable { url, why: "connection refused".to_owned() }),
            Mode::Hangs => {
                sleep(Duration::from_secs(10)).await;
                Err(Error::Timeout { url, seconds: 10 })
            }
        }
    }

    fn count(&self, name: &str) -> usize {
        self.change(|world| world.calls.iter().filter(|(_, call)| *call == name).count())
    }
}

impl Dial for Fake {
    type Line = Self;

    fn dial(&mut self, _: &Target) -> Result<Self, Error> {
        Ok(self.clone())
    }
}

impl Api for Fake {
    async fn healthz(&self) -> Result<Healthz, Error> {
        self.call("healthz").await?;
        Ok(if self.change(|world| world.ready) { Healthz::Ready } else { Healthz::NotReady })
    }

    async fn is_held(&self) -> Result<bool, Error> {
        self.call("list").await?;
        Ok(self.change(|world| world.held))
    }

    async fn task(&self, id: Uuid) -> Result<Option<TaskRecord>, Error> {
        self.call("get").await?;
        Ok(self.change(|world| {
            let (since, run) = *world.tasks.get(&id)?;
            let status = match since.elapsed() < world.takes {
                true => TaskState::Running,
                false if run <= world.failures => TaskState::Failed,
                false => TaskState::Completed,
            };
            let error = (status == TaskState::Failed).then(|| format!("run {run} failed"));
            Some(TaskRecord { id, type_: "config-apply".to_owned(), status, run: Some(run), error })
        }))
    }

    async fn submit(&self, request: &TaskRequest) -> Result<(), Error> {
        self.call("post").await?;
        self.change(|world| match request.type_.as_str() {
            "dance" => Err(Error::BadRequest {
                refusal: RefusalKind::UnknownTask,
                message: "unknown task type: dance".to_owned(),
            }),
            _ => {
                let run = world.tasks.get(&request.id).map_or(1, |(_, run)| run + 1);
                world.tasks.insert(request.id, (Instant::now(), run));
                world.ready |= request.type_ == "mark-ready";
                Ok(())
            }
        })
    }

    async fn plain_port_answers(&self) -> bool {
        let _ = self.call("plain").await;
        self.change(|world| world.plain_port)
    }
}

/// The passes of a node: they are woken, and counted.
#[derive(Clone, Default)]
struct Passes(Arc<(AtomicUsize, Notify)>);

impl Report for Passes {
    fn changed(&self) {
        self.0.0.fetch_add(1, Ordering::AcqRel);
        self.0.1.notify_one();
    }

    fn probed(&self, _: Option<Health>) {}
}

impl Passes {
    fn count(&self) -> usize {
        self.0.0.load(Ordering::Acquire)
    }
}

struct Bed {
    fake: Fake,
    passes: Passes,
    watched: Watched,
    probes: bool,
}

fn target(pod: &str) -> Target {
    Target { pod: pod.to_owned(), host: "node-0-0".to_owned(), port: 7777, tls: None }
}

fn order(retries: i64) -> Order {
    let id = Uuid::from_u128(1);
    let request = TaskRequest { id, type_: "config-apply".to_owned(), params: None };
    Order { id, retries, was_submitted: false, marks_ready: false, request: Some(request) }
}

fn mark_ready() -> Order {
    let request = TaskRequest { type_: "mark-ready".to_owned(), ..order(0).request.unwrap() };
    Order { marks_ready: true, request: Some(request), ..order(0) }
}

impl Bed {
    fn new(probes: bool) -> Self {
        Self::sharing(probes, &Permits::default())
    }

    fn sharing(probes: bool, permits: &Permits) -> Self {
        let (fake, passes, shared) = (Fake::default(), Passes::default(), Shared::default());
        let actor = Actor::new(shared.clone(), fake.clone(), permits.clone(), passes.clone(), Duration::ZERO);
        let watched = Watched { shared, fingerprint: None, task: tokio::spawn(actor.run()) };
        Self { fake, passes, watched, probes }
    }

    fn begin_pass(&mut self) -> Sidecar {
        self.watched.begin_pass(Ok(target("u1")), None, self.probes)
    }

    /// A pass that orders this.
    fn pass(&mut self, order: Option<&Order>) -> Sidecar {
        let known = self.begin_pass();
        if let Some(order) = order {
            self.watched.order(order.clone());
        }
        self.watched.end_pass();
        known
    }

    /// Waits until a pass is wanted, and makes it.
    async fn woken(&mut self, order: Option<&Order>) -> Sidecar {
        self.passes.0.1.notified().await;
        self.pass(order)
    }

    /// Makes a pass with this order whenever one is wanted, until it is as far as `wanted`.
    async fn until(&mut self, order: &Order, wanted: &TaskProgress) -> Sidecar {
        loop {
            let known = self.woken(Some(order)).await;
            if progress(&known) == Some(wanted) {
                return known;
            }
        }
    }
}

fn progress(known: &Sidecar) -> Option<&TaskProgress> {
    known.task.as_ref().map(|task| &task.value.progress)
}

#[tokio::test(start_paused = true)]
async fn a_short_task_is_submitted_once_and_noticed_at_once() {
    let mut bed = Bed::new(false);
    bed.fake.change(|world| world.takes = Duration::from_millis(50));
    let start = Instant::now();
    assert_eq!(progress(&bed.pass(Some(&order(0)))), None);
    let known = bed.woken(Some(&order(0))).await;
    assert_eq!(progress(&known), Some(&TaskProgress::Completed));
    assert!(start.elapsed() <= Duration::from_millis(130), "{:?}", start.elapsed());
    assert_eq!((bed.fake.count("get"), bed.fake.count("post"), bed.passes.count()), (2, 1, 1));
    sleep(Duration::from_secs(600)).await;
    assert_eq!(bed.fake.count("get"), 2, "a task that is over is not asked about");
}

#[tokio::test(start_paused = true)]
async fn a_long_task_is_polled_ever_more_rarely() {
    let mut bed = Bed::new(false);
    bed.fake.change(|world| world.takes = Duration::from_secs(600));
    bed.pass(Some(&order(0)));
    let known = bed.woken(Some(&order(0))).await;
    assert_eq!(progress(&known), Some(&TaskProgress::Running));
    sleep(Duration::from_secs(300)).await;
    assert!((55..90).contains(&bed.fake.count("get")), "{} polls", bed.fake.count("get"));
    assert_eq!(bed.passes.count(), 1, "only a change wakes the node");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_the_sidecar_knows_is_not_submitted() {
    let mut bed = Bed::new(false);
    bed.fake.change(|world| world.tasks.insert(Uuid::from_u128(1), (Instant::now(), 1)));
    bed.pass(Some(&order(0)));
    assert_eq!(progress(&bed.woken(None).await), Some(&TaskProgress::Completed));
    assert_eq!(bed.fake.count("post"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_repeated_only_when_that_is_ordered() {
    let mut bed = Bed::new(false);
    bed.fake.change(|world| world.failures = 1);
    bed.pass(Some(&order(0)));
    assert_eq!(
        progress(&bed.woken(Some(&order(0))).await),
        Some(&TaskProgress::Failed("run 1 failed".to_owned()))
    );
    sleep(Duration::from_secs(60)).await;
    assert_eq!(bed.fake.count("post"), 1);
    bed.pass(Some(&order(1)));
    let known = bed.woken(Some(&order(1))).await;
    assert_eq!(known.task.unwrap().value, order(1).report(TaskProgress::Completed));
    assert_eq!(bed.fake.count("post"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_refused_is_not_sent_again() {
    let mut bed = Bed::new(false);
    let mut dance = order(0);
    dance.request = dance.request.map(|request| TaskRequest { type_: "dance".to_owned(), ..request });
    bed.pass(Some(&dance));
    let refused = TaskProgress::Refused(Refusal::TaskUnknown, "unknown task type: dance".to_owned());
    assert_eq!(progress(&bed.woken(Some(&dance)).await), Some(&refused));
    sleep(Duration::from_secs(600)).await;
    assert_eq!(bed.fake.count("post"), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_submitted_while_a_pass_may_withdraw_it() {
    let mut bed = Bed::new(false);
    bed.fake.change(|world| world.mode = Mode::Refuses);
    bed.pass(Some(&order(0)));
    assert!(bed.woken(Some(&order(0))).await.trouble.is_some());
    bed.begin_pass();
    bed.fake.change(|world| world.mode = Mode::Answers);
    sleep(Duration::from_secs(120)).await;
    assert!(bed.fake.count("get") < 12, "a pass that lasts is no reason to ask");
    assert_eq!(bed.fake.count("post"), 0);
    bed.watched.end_pass();
    sleep(Duration::from_secs(120)).await;
    assert_eq!(bed.fake.count("post"), 0, "it was withdrawn");
    bed.begin_pass();
    bed.watched.order(order(0));
    bed.until(&order(0), &TaskProgress::Completed).await;
    assert_eq!(bed.fake.count("post"), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_request_the_sidecar_is_only_asked() {
    let mut bed = Bed::new(false);
    bed.pass(Some(&Order { request: None, ..order(0) }));
    assert_eq!(progress(&bed.woken(Some(&order(0))).await), Some(&TaskProgress::Unknown));
    assert_eq!(progress(&bed.woken(None).await), Some(&TaskProgress::Completed));
}

#[tokio::test(start_paused = true)]
async fn marking_ready_is_answered_together_with_health() {
    let mut bed = Bed::new(true);
    bed.pass(Some(&mark_ready()));
    let known = bed.until(&mark_ready(), &TaskProgress::Completed).await;
    assert_eq!(known.health.unwrap().value, Health::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_hold_of_others_is_respected_until_it_is_released() {
    let mut bed = Bed::new(true);
    bed.fake.change(|world| world.held = true);
    bed.pass(Some(&mark_ready()));
    bed.until(&mark_ready(), &TaskProgress::Held).await;
    sleep(Duration::from_secs(300)).await;
    assert_eq!(bed.begin_pass().health.unwrap().value, Health::Held);
    assert_eq!(bed.fake.count("post"), 0);
    bed.watched.order(mark_ready());
    bed.fake.change(|world| world.held = false);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(progress(&bed.begin_pass()), Some(&TaskProgress::Completed));
}

#[tokio::test(start_paused = true)]
async fn an_idle_sidecar_is_probed_ever_more_rarely() {
    let mut bed = Bed::new(true);
    bed.fake.change(|world| world.ready = true);
    bed.pass(None);
    let probes = async |bed: &Bed, hours: u64| {
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
async fn one_that_does_not_answer_is_asked_with_growing_delays_and_at_once_when_its_pod_changes() {
    let mut bed = Bed::new(true);
    bed.fake.change(|world| world.mode = Mode::Refuses);
    bed.pass(None);
    let known = bed.woken(None).await;
    assert_eq!(known.trouble.map(|trouble| trouble.kind), Some(TroubleKind::Unreachable));
    sleep(Duration::from_secs(3600)).await;
    assert!((18..26).contains(&bed.fake.count("healthz")), "{}", bed.fake.count("healthz"));
    assert_eq!(bed.passes.count(), 1, "the same trouble is told once");
    bed.fake.change(|world| (world.mode, world.ready) = (Mode::Answers, true));
    bed.watched.begin_pass(Ok(target("u1")), Some("restarted".to_owned()), true);
    let changed = bed.passes.0.1.notified();
    timeout(Duration::from_millis(10), changed).await.expect("asked at once");
    let known = bed.watched.begin_pass(Ok(target("u1")), Some("restarted".to_owned()), true);
    assert_eq!((known.trouble, known.health.unwrap().value), (None, Health::Ready));
}

#[tokio::test(start_paused = true)]
async fn answers_of_another_pod_are_dropped() {
    let mut bed = Bed::new(true);
    bed.fake.change(|world| world.ready = true);
    bed.pass(None);
    assert!(bed.woken(None).await.health.is_some());
    bed.fake.change(|world| world.mode = Mode::Hangs);
    let known = bed.watched.begin_pass(Ok(target("u2")), None, true);
    assert_eq!(known, Sidecar { pod: Some("u2".to_owned()), ..Sidecar::default() });
    sleep(Duration::from_secs(1)).await;
    bed.fake.change(|world| (world.mode, world.ready) = (Mode::Answers, false));
    bed.watched.begin_pass(Ok(target("u3")), None, true);
    let start = Instant::now();
    bed.passes.0.1.notified().await;
    assert!(start.elapsed() < Duration::from_millis(10), "the call to the pod before is not waited for");
    let known = bed.watched.begin_pass(Ok(target("u3")), None, true);
    assert_eq!((known.pod.as_deref(), known.health.unwrap().value), (Some("u3"), Health::NotReady));
}

#[tokio::test(start_paused = true)]
async fn what_ended_is_asked_for_again_after_a_moment_without_a_pod_and_at_another_pod() {
    let mut bed = Bed::new(true);
    bed.fake.change(|world| world.ready = true);
    bed.pass(Some(&order(0)));
    bed.until(&order(0), &TaskProgress::Completed).await;
    for pod in ["u1", "u2"] {
        let gone = Trouble { kind: TroubleKind::NoPod, message: "there is no pod".to_owned() };
        bed.watched.begin_pass(Err(gone), None, true);
        // The actor runs only after this.
        assert_eq!(progress(&bed.watched.begin_pass(Ok(target(pod)), None, true)), None);
        bed.watched.order(order(0));
        sleep(Duration::from_secs(1)).await;
        let known = bed.watched.begin_pass(Ok(target(pod)), None, true);
        assert_eq!(progress(&known), Some(&TaskProgress::Completed), "{pod}");
        assert!(known.health.is_some(), "{pod}");
    }
    assert_eq!(bed.fake.count("post"), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_pod_nobody_is_called() {
    let mut bed = Bed::new(true);
    let trouble = Trouble { kind: TroubleKind::Unreachable, message: "there is no pod".to_owned() };
    let known = bed.watched.begin_pass(Err(trouble.clone()), None, true);
    assert_eq!(known.trouble, Some(trouble));
    bed.watched.order(order(0));
    sleep(Duration::from_secs(600)).await;
    assert!(bed.fake.change(|world| world.calls.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn an_actor_ends_with_its_node() {
    let mut bed = Bed::new(true);
    bed.pass(None);
    sleep(Duration::from_secs(60)).await;
    let (fake, before) = (bed.fake.clone(), bed.fake.count("healthz"));
    drop(bed);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(fake.count("healthz"), before);
}

#[tokio::test(start_paused = true)]
async fn hung_sidecars_hold_up_nobody_else() {
    let permits = Permits::default();
    let mut hung: Vec<Bed> = (0..300).map(|_| Bed::sharing(true, &permits)).collect();
    for bed in &mut hung {
        bed.fake.change(|world| world.mode = Mode::Hangs);
        bed.pass(Some(&order(0)));
    }
    // Once while all of them are asked for the first time, once when they are known to hang.
    for _ in 0..2 {
        let mut healthy: Vec<Bed> = (0..2700).map(|_| Bed::sharing(true, &permits)).collect();
        let start = Instant::now();
        for bed in &mut healthy {
            bed.fake.change(|world| world.takes = Duration::from_millis(50));
            bed.pass(Some(&order(0)));
        }
        for bed in &mut healthy {
            while progress(&bed.begin_pass()) != Some(&TaskProgress::Completed) {
                bed.watched.order(order(0));
                bed.passes.0.1.notified().await;
            }
        }
        assert!(start.elapsed() <= Duration::from_millis(150), "{:?}", start.elapsed());
        sleep(Duration::from_secs(300)).await;
    }
    let calls: usize = hung.iter().map(|bed| bed.fake.count("get")).sum();
    assert!(calls < 300 * 20, "{calls} calls to sidecars that hang, in ten minutes");
}
