//! Every operation of a SeiNodeTask with every release of the sidecar: run once or rejected, whenever the operator and
//! the sidecar restart.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sei_api::{
    SeiNode, SeiNodeTask, SeiNodeTaskStatus, task_conditions::ConditionType, v1alpha1::task::NodeTaskPhase,
};
use sei_node_task::{Node, Observed, decide};
use sei_testkit::sidecar::Generation;
use serde_json::{Value, json};

use crate::sidecar::{CHAIN, Order, Volume};

/// How many passes a task may take.
const PASSES: usize = 100;
/// The passes in which something restarts: before the submission, during the operation, and after it.
const CUTS: std::ops::Range<usize> = 0..6;

/// What restarts in a pass.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    Nothing,
    /// The sidecar, as soon as it has accepted the task.
    Accepted,
    /// The operator, after it has ordered the task, and before it stores the resulting status.
    Operator(usize),
    /// The sidecar.
    Sidecar(usize),
    /// Both.
    Both(usize),
}

impl Cut {
    fn all() -> impl Iterator<Item = Self> {
        let at = |pass| [Self::Operator(pass), Self::Sidecar(pass), Self::Both(pass)];
        [Self::Nothing, Self::Accepted].into_iter().chain(CUTS.flat_map(at))
    }

    fn operator(self, pass: usize) -> bool {
        self == Self::Operator(pass) || self == Self::Both(pass)
    }

    fn sidecar(self, pass: usize) -> bool {
        self == Self::Sidecar(pass) || self == Self::Both(pass)
    }
}

/// A SeiNodeTask and its validator.
struct Bed {
    task: SeiNodeTask,
    node: Arc<SeiNode>,
    volume: Volume,
    now: Timestamp,
}

impl Bed {
    fn new(operation: &Value, generation: Generation) -> Self {
        let mut spec = json!({ "nodeRef": { "name": "val-0" } });
        spec.as_object_mut().unwrap().extend(operation.as_object().unwrap().clone());
        let metadata = json!({
            "name": "task", "namespace": "sei", "uid": "t", "generation": 1,
            "creationTimestamp": "2027-01-01T00:00:00Z",
        });
        let passphrase = json!({ "secretName": "p", "key": "passphrase" });
        let keyring = json!({ "secret": { "secretName": "k", "passphraseSecretRef": passphrase } });
        let node = json!({
            "metadata": { "name": "val-0", "namespace": "sei", "uid": "n" },
            "spec": { "chainId": CHAIN, "image": "seid:0", "validator": { "operatorKeyring": keyring } },
            "status": { "phase": "Running", "nodeTask": { "name": "task", "uid": "t" } },
        });
        let task = json!({ "metadata": metadata, "spec": spec });
        Self {
            task: serde_json::from_value(task).unwrap(),
            node: Arc::new(serde_json::from_value(node).unwrap()),
            volume: Volume::new(generation),
            now: "2027-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    /// Runs the task to its end.
    async fn run(&mut self, cut: Cut) -> SeiNodeTaskStatus {
        self.volume.restarts = cut == Cut::Accepted;
        for pass in 0..PASSES {
            let decision = decide(&Observed {
                task: Arc::new(self.task.clone()),
                node: Node::Found(Arc::clone(&self.node)),
                sidecar: self.volume.known.clone(),
                now: self.now,
            });
            let is_new = self.task.status.as_ref() != Some(&decision.status);
            // An order is given once its status is stored.
            if !(is_new && cut.operator(pass)) {
                self.task.status = Some(decision.status);
                let phase = self.task.status.as_ref().and_then(|status| status.phase);
                if phase.is_some_and(NodeTaskPhase::is_finished) {
                    return self.task.status.clone().unwrap();
                }
                let order = decision.order.map(|order| Order {
                    id: order.id.to_string(),
                    type_: order.type_.to_owned(),
                    retries: 0,
                    was_submitted: order.was_submitted,
                    once: true,
                    needs_type: order.needs_type,
                    params: order.submits.then_some(order.params),
                });
                self.volume.ask(order.as_ref(), self.now).await;
            }
            if cut.operator(pass) {
                self.volume.forget();
            }
            if cut.sidecar(pass) {
                self.volume.restart();
            }
            self.now += SignedDuration::from_secs(1);
        }
        panic!("{cut:?}: it never ends: {:#?}", self.task.status);
    }
}

/// Why it failed; empty if it did not.
fn failure(status: &SeiNodeTaskStatus) -> &str {
    status.condition(ConditionType::Stalled).map_or("", |condition| condition.reason.as_str())
}

fn transactions() -> [Value; 2] {
    [
        json!({ "governanceVote": {
            "proposalId": 7, "option": "NoWithVeto", "fees": "4000usei", "gas": 200_000, "memo": "m".repeat(212),
        } }),
        json!({ "softwareUpgradeProposal": {
            "title": "v7", "description": "Release notes.", "upgradeName": "v7", "upgradeHeight": 1_000_000,
            "initialDeposit": "10000000usei", "fees": "4000usei", "gas": 200_000,
        } }),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_transaction_is_sent_once_whatever_restarts_and_never_by_a_release_that_may_sign_it_twice() {
    for (generation, operation) in
        Generation::ALL.into_iter().flat_map(|generation| transactions().map(|it| (generation, it)))
    {
        for cut in Cut::all() {
            let story = format!("{generation}, {cut:?}, {operation}");
            let mut bed = Bed::new(&operation, generation);
            let ended = bed.run(cut).await;
            let (sent, _) = bed.volume.effects();
            if generation < Generation::V64 {
                assert_eq!((failure(&ended), sent), ("NotSupported", 0), "{story}");
            } else {
                assert_eq!((failure(&ended), sent), ("", 1), "{story}: {ended:#?}");
                assert!(ended.result.unwrap().tx_hash.is_some(), "{story}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn seid_is_restarted_once_and_an_operation_that_the_sidecar_did_not_complete_is_reported() {
    for generation in Generation::ALL {
        for cut in Cut::all() {
            let story = format!("{generation}, {cut:?}");
            let mut bed = Bed::new(&json!({ "restartSeid": {} }), generation);
            let ended = bed.run(cut).await;
            let (_, restarts) = bed.volume.effects();
            let runs: u32 = bed.volume.records().iter().map(|record| record.run).sum();
            match failure(&ended) {
                "NotSupported" => assert!(generation < Generation::V56 && runs == 0, "{story}"),
                // Its process was terminated during the operation, which that release records as a failure.
                "OutcomeUnknown" => assert!(generation < Generation::V61 && cut == Cut::Accepted, "{story}"),
                other => {
                    assert_eq!((other, generation >= Generation::V56, restarts), ("", true, 1), "{story}")
                }
            }
            assert!(runs <= 1 && restarts <= 1, "{story}: submitted {runs} times");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_upload_and_a_mark_ready_are_done_with_every_release_that_supports_them() {
    for (operation, type_) in [("snapshotUpload", "snapshot-upload-once"), ("markReady", "mark-ready")] {
        for (generation, cut) in
            Generation::ALL.into_iter().flat_map(|generation| Cut::all().map(move |cut| (generation, cut)))
        {
            let story = format!("{operation}, {generation}, {cut:?}");
            let mut bed = Bed::new(&json!({ operation: {} }), generation);
            let ended = bed.run(cut).await;
            let expected = if generation.knows(type_) { "" } else { "NotSupported" };
            let is_canceled = generation < Generation::V61 && cut == Cut::Accepted;
            let expected = if expected.is_empty() && is_canceled { "OutcomeUnknown" } else { expected };
            assert_eq!(failure(&ended), expected, "{story}: {ended:#?}");
            assert!(bed.volume.records().iter().all(|record| record.run == 1), "{story}");
        }
    }
}
