//! Random lives.

use proptest::prelude::*;
use sei_api::{SeiNodeTaskStatus, v1alpha1::task::NodeTaskPhase};
use sei_decide::{Sidecar, TaskProgress};
use sei_node_task::{Order, decide, task_id};

use crate::world::World;

/// What happens in the random lives.
#[derive(Clone, Debug)]
enum Event {
    Time(u16),
    Grant(bool),
    Pause(bool),
    DeleteNode,
    /// The sidecar responds, or not.
    Respond(bool),
    /// The running operation ends.
    End(bool),
    /// The operator restarts, and remembers only what is stored.
    Crash,
    /// The volume is replaced: the records of the sidecar are lost.
    LoseRecords,
    /// A pass; its status write may be lost, and so may its order.
    Pass {
        stored: bool,
    },
    /// The actor executes the last order; the response to a submission may be lost.
    Act {
        answered: bool,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (0u16..400).prop_map(Event::Time),
        2 => any::<bool>().prop_map(Event::Grant),
        1 => any::<bool>().prop_map(Event::Pause),
        1 => Just(Event::DeleteNode),
        1 => any::<bool>().prop_map(Event::Respond),
        2 => any::<bool>().prop_map(Event::End),
        2 => Just(Event::Crash),
        1 => Just(Event::LoseRecords),
        6 => any::<bool>().prop_map(|stored| Event::Pass { stored }),
        6 => any::<bool>().prop_map(|answered| Event::Act { answered }),
    ]
}

/// The sidecar and its actor.
#[derive(Default)]
struct Executor {
    order: Option<Order>,
    /// The record of the sidecar: running, or how it ended.
    record: Option<Option<bool>>,
    /// Whether the actor of this process has seen the record.
    saw: bool,
    silent: bool,
    runs: u32,
    losses: u32,
}

impl Executor {
    fn act(&mut self, answered: bool) -> Option<TaskProgress> {
        let order = self.order.clone().filter(|_| !self.silent)?;
        match self.record {
            Some(ended) => {
                self.saw = true;
                Some(match ended {
                    None => TaskProgress::Running,
                    Some(true) => TaskProgress::Completed,
                    Some(false) => TaskProgress::Failed("boom".to_owned()),
                })
            }
            None if self.saw || order.was_submitted => Some(TaskProgress::Lost),
            None if !order.submits => Some(TaskProgress::Unknown),
            None => {
                self.record = Some(None);
                self.runs += 1;
                self.saw = answered;
                answered.then_some(TaskProgress::Submitted)
            }
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_submitted_twice_and_every_task_ends(events in prop::collection::vec(event(), 0..80)) {
        let mut world = World::restart();
        let mut executor = Executor::default();
        let mut ended: Option<SeiNodeTaskStatus> = None;
        for event in events {
            match event {
                Event::Time(seconds) => world.wait(seconds.into()),
                Event::Grant(true) if world.node.is_some() => {
                    let paused = world.node.as_ref().unwrap().spec.paused;
                    world.grant();
                    world.node.as_mut().unwrap().spec.paused = paused;
                }
                Event::Grant(_) => {}
                Event::Pause(paused) => {
                    world.node.iter_mut().for_each(|node| node.spec.paused = Some(paused));
                }
                Event::DeleteNode => world.node = None,
                Event::Respond(responds) => executor.silent = !responds,
                Event::End(success) => {
                    if executor.record == Some(None) {
                        executor.record = Some(Some(success));
                    }
                }
                Event::Crash => {
                    (executor.order, executor.saw) = (None, false);
                    world.sidecar = Sidecar::default();
                }
                Event::LoseRecords => {
                    executor.losses += u32::from(executor.record.take().is_some());
                }
                Event::Pass { stored } => {
                    let decision = decide(&world.observe());
                    let changed = world.task.status.as_ref() != Some(&decision.status);
                    prop_assert!(ended.is_none() || !changed, "a finished task changes");
                    if changed && !stored {
                        continue;
                    }
                    world.task.status = Some(decision.status);
                    let phase = world.task.status.as_ref().and_then(|status| status.phase);
                    if let Some(order) = &decision.order {
                        prop_assert!(phase == Some(NodeTaskPhase::Running), "it is requested before it is stored");
                        prop_assert_eq!(order.id, task_id(&world.task));
                    }
                    if phase.is_some_and(NodeTaskPhase::is_finished) {
                        ended = world.task.status.clone();
                    } else {
                        prop_assert!(decision.next.is_some(), "it waits without a limit");
                    }
                    executor.order = decision.order;
                }
                Event::Act { answered } => {
                    if let Some(progress) = executor.act(answered) {
                        world.says(progress, None);
                    }
                }
            }
            // The operation is run twice only if the sidecar loses its record before the operator has stored that the
            // sidecar had it.
            prop_assert!(executor.runs <= 1 + executor.losses, "{} runs", executor.runs);
        }
        // Only the time limit ends it.
        executor.silent = true;
        for _ in 0..4 {
            world.wait(1000);
            world.pass();
        }
        prop_assert!(world.task.status.unwrap().phase.unwrap().is_finished());
    }
}
