//! Ceremonies with restarts at random moments.

use proptest::prelude::*;
use sei_testkit::sidecar::Generation;
use tokio::runtime::Builder;

use super::{genesis, group::Group};
use crate::{crash::Crash, random::config};

#[derive(Clone, Copy, Debug)]
enum Event {
    /// A pass over the group, in which the operator may end.
    Group(Option<Crash>),
    /// Passes over a validator, in the last of which the operator may end.
    Node(u8, Option<Crash>),
    /// The sidecar is terminated.
    Terminate,
    /// The sidecar is killed.
    Kill,
    /// Whether the sidecar ends as soon as it has accepted a task.
    EndsEarly(bool),
    /// Whether tasks end before the next pass.
    Waits(bool),
    /// Time passes in the sidecar.
    Work(u8),
}

fn event() -> impl Strategy<Value = (usize, Event)> {
    let crash = || prop::option::of(prop::sample::select(Crash::ALL.to_vec()));
    let event = prop_oneof![
        6 => crash().prop_map(Event::Group),
        8 => (1..6u8, crash()).prop_map(|(passes, crash)| Event::Node(passes, crash)),
        2 => Just(Event::Terminate),
        2 => Just(Event::Kill),
        1 => any::<bool>().prop_map(Event::EndsEarly),
        2 => any::<bool>().prop_map(Event::Waits),
        2 => (1..30u8).prop_map(Event::Work),
    ];
    (0..2usize, event)
}

async fn take(group: &mut Group, index: usize, event: Event) {
    if let Event::Group(crash) = event {
        return group.turn(crash).await;
    }
    let Some(node) = group.members.values_mut().nth(index) else { return };
    match event {
        Event::Group(_) => {}
        Event::Node(passes, crash) => {
            for left in (0..passes).rev() {
                node.turn(crash.filter(|_| left == 0)).await;
            }
        }
        Event::Terminate => node.volume.restart(),
        Event::Kill => node.volume.kill(),
        Event::EndsEarly(does) => node.volume.restarts = does,
        Event::Waits(does) => node.volume.waits = does,
        Event::Work(milliseconds) => {
            tokio::time::sleep(std::time::Duration::from_millis(milliseconds.into())).await
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_ceremony_ends_with_one_genesis_whatever_restarts(
        generation in prop::sample::select(Generation::ALL.to_vec()),
        has_credentials in any::<bool>(),
        events in prop::collection::vec(event(), 0..60),
    ) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let has_overrides = generation >= Generation::V50;
            let mut group = Group::new(&genesis(has_overrides), generation, has_credentials);
            for (index, event) in events {
                take(&mut group, index, event).await;
            }
            group.members.values_mut().for_each(|node| node.volume.waits = true);
            let story = format!("{generation}");
            group.until(Group::is_complete, &story).await;
            group.check(&story);
        });
    }
}
