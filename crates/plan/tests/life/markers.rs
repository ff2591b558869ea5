//! Plans whose spec is corrected at every point, on a volume with the sidecar's markers: the node starts with
//! the configuration of the last spec, and no work was done twice.

use sei_node::{FirstState, Node};
use sei_plan::{OfKind, Outcome, PlanInputs, Step, Task, TaskKind};
use serde_json::{Value, json};

use crate::{
    volume::{State, Volume},
    world::World,
};

fn world(more: &Value) -> World {
    let peers = json!([{ "static": { "addresses": ["a@b:1"] } }]);
    let mut spec = json!({ "chainId": "arctic-1", "image": "seid:a", "peers": peers });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut world = World::new(spec);
    world.inputs = PlanInputs {
        claim_uid: Some("claim-1".to_owned()),
        sidecar_image: Some("seictl:v0.0.61".to_owned()),
        ..PlanInputs::default()
    };
    world
}

/// One step, in which the sidecar runs the requested task on `volume`. Returns whether there was a step to
/// take.
fn step(world: &mut World, volume: &mut Volume) -> bool {
    world.propose();
    let mut released = None;
    let step = world.step(|plan| {
        let (_, planned) = plan.current().unwrap();
        let Task::Sidecar(task) = Task::read(planned).unwrap() else { return Outcome::Done };
        let (id, kind) = (planned.id.clone(), planned.kind().unwrap());
        let params = task.request_params(&[]).unwrap().unwrap_or_else(|| json!({}));
        volume.submit(&id, kind, params);
        volume.work();
        let state = volume.record(&id).unwrap().state.clone();
        if kind == TaskKind::MarkReady {
            released = Some(());
        }
        match (kind, state) {
            (TaskKind::SnapshotUpload, _) | (_, State::Completed) => Outcome::Done,
            (_, State::Running) => Outcome::Running,
            (_, State::Failed(error)) => Outcome::AttemptFailed { error },
        }
    });
    if released.is_some() {
        let config = volume.config.clone().unwrap();
        let is_wanted = Node::of(&world.node).first_state() != FirstState::Genesis && !volume.has_chain;
        assert!(config.state_sync || !is_wanted, "seid starts without state sync");
        volume.has_chain = true;
    }
    match step {
        Some(Step::Later(delay)) => world.pass(delay),
        Some(_) => {}
        None => return false,
    }
    true
}

fn set_port(world: &mut World, port: &str) {
    world.change_spec(|node| {
        let overrides = node.spec.overrides.get_or_insert_default();
        overrides.insert("evm.http_port".to_owned(), port.to_owned());
    });
}

#[test]
fn corrections_at_any_two_points_take_effect_and_keep_state_sync() {
    let s3 = json!({ "s3": { "targetHeight": 7 } });
    let bootstrap = json!({ "s3": { "targetHeight": 7 }, "bootstrapImage": "seid:old" });
    for spec in [
        json!({ "fullNode": {} }),
        json!({ "fullNode": { "snapshot": { "stateSync": {} } } }),
        json!({ "fullNode": { "snapshot": s3 } }),
        json!({ "fullNode": { "snapshot": bootstrap } }),
    ] {
        for (first, second) in (0..12).flat_map(|first| (first..12).map(move |second| (first, second))) {
            let (mut world, mut volume) = (world(&spec), Volume::default());
            let mut is_over = false;
            for taken in 0..200 {
                if taken == first {
                    set_port(&mut world, "8546");
                }
                if taken == second {
                    set_port(&mut world, "8547");
                    is_over = volume.has_chain;
                }
                if !step(&mut world, &mut volume) && taken > second {
                    break;
                }
            }
            let config = volume.config.unwrap();
            let point = format!("{spec} {first} {second}");
            assert!(volume.violations.is_empty(), "{point}: {:?}", volume.violations);
            assert!(config.peers, "{point}");
            if !is_over {
                assert_eq!(config.overrides.get("evm.http_port").unwrap(), "8547", "{point}");
            }
        }
    }
}
