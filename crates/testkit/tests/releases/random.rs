//! Changes and restarts at random moments, over every mode and release: the node ends with what its spec says, as if nothing
//! had happened.

use proptest::prelude::*;
use sei_api::v1alpha1::ConfigRollout;
use sei_testkit::sidecar::Generation;
use tokio::runtime::Builder;

use crate::{
    MODES,
    crash::Crash,
    life::{Case, Configuration, configure},
    node::Node,
};

#[derive(Clone, Copy, Debug)]
enum Event {
    /// Passes, at the end of the last of which the operator may end.
    Go(u8, Option<Crash>),
    /// The sidecar is terminated.
    Terminate,
    /// The sidecar is killed.
    Kill,
    /// Another pod starts.
    ReplacePod,
    /// Whether the sidecar ends as soon as it has accepted a task.
    EndsEarly(bool),
    /// Whether tasks end before the next pass.
    Waits(bool),
    Image(u8),
    Configure(u8),
    Rollout(bool),
}

fn event() -> impl Strategy<Value = Event> {
    let crash = prop::option::of(prop::sample::select(Crash::ALL.to_vec()));
    prop_oneof![
        12 => (1..6u8, crash).prop_map(|(passes, crash)| Event::Go(passes, crash)),
        2 => Just(Event::Terminate),
        2 => Just(Event::Kill),
        1 => Just(Event::ReplacePod),
        1 => any::<bool>().prop_map(Event::EndsEarly),
        2 => any::<bool>().prop_map(Event::Waits),
        2 => (0..3u8).prop_map(Event::Image),
        2 => (0..3u8).prop_map(Event::Configure),
        1 => any::<bool>().prop_map(Event::Rollout),
    ]
}

async fn take(node: &mut Node, event: Event) {
    match event {
        Event::Go(passes, crash) => {
            for left in (0..passes).rev() {
                node.turn(crash.filter(|_| left == 0)).await;
            }
        }
        Event::Terminate => node.volume.restart(),
        Event::Kill => node.volume.kill(),
        Event::ReplacePod if node.pod.is_some() => node.start_pod(),
        Event::ReplacePod => {}
        Event::EndsEarly(does) => node.volume.restarts = does,
        Event::Waits(does) => node.volume.waits = does,
        Event::Image(which) => node.change(|node| node.spec.image = format!("seid:{which}")),
        Event::Configure(change) => configure(node, change.into()),
        Event::Rollout(is_immediate) => node.change(|node| {
            node.spec.config_rollout = is_immediate.then_some(ConfigRollout::Immediate);
        }),
    }
}

/// What seid of the node was started with at the end.
async fn end(case: &Case, generation: Generation, events: &[Event]) -> Configuration {
    let mut node = Node::new(&case.spec, generation);
    for event in events {
        take(&mut node, *event).await;
    }
    node.volume.waits = true;
    configure(&mut node, 9);
    node.change(|node| {
        node.spec.image = "seid:9".to_owned();
        node.spec.config_rollout = Some(ConfigRollout::Immediate);
    });
    let story = format!("{generation}");
    node.until_ready(&story).await;
    assert_eq!(node.status().current_image.as_deref(), Some("seid:9"), "{story}");
    case.check_configured(&node, 9, &story)
}

/// As many cases as fit in a test run; more with `PROPTEST_CASES`.
pub fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(cases.unwrap_or(16))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_node_ends_as_its_spec_says_whatever_restarts_and_changes(
        (name, case) in prop::sample::select(MODES.to_vec()),
        generation in prop::sample::select(Generation::ALL.to_vec()),
        events in prop::collection::vec(event(), 0..40),
    ) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (ends, expected) = runtime.block_on(async {
            (end(&case(), generation, &events).await, end(&case(), generation, &[]).await)
        });
        prop_assert_eq!(ends, expected, "{}, {}", name, generation);
    }
}
