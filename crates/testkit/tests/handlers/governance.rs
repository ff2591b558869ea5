//! What the sidecar refuses to sign, and how often it signs when it restarts.

use std::sync::{Arc, Mutex};

use sei_testkit::sidecar::{Answer, Failure, Generation, Unreachable, World};
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use crate::bed::{Bed, ID};

/// A seid of a network, which is down if that is empty, and the transactions that it has received.
#[derive(Clone)]
struct Chain {
    network: &'static str,
    received: Arc<Mutex<Vec<String>>>,
}

impl Chain {
    fn new(network: &'static str) -> Self {
        Self { network, received: Arc::default() }
    }

    /// The number of distinct transactions.
    fn transactions(&self) -> usize {
        let mut received = self.received.lock().unwrap().clone();
        received.sort();
        received.dedup();
        received.len()
    }
}

impl World for Chain {
    fn rpc(&self, _: &str, _: &str) -> Answer<Value> {
        let network = self.network;
        let status = json!({ "node_info": { "network": network } });
        Box::pin(
            async move { if network.is_empty() { Err("connection refused".to_owned()) } else { Ok(status) } },
        )
    }

    fn instances(&self) -> Answer<Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn stop_seid(&self) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }

    fn sequence(&self) -> Answer<u64> {
        let sequence = self.transactions() as u64;
        Box::pin(async move { Ok(sequence) })
    }

    fn broadcast(&self, transaction: String) -> Answer<()> {
        self.received.lock().unwrap().push(transaction);
        Box::pin(async { Ok(()) })
    }
}

fn bed(generation: Generation, chain: &Chain) -> Bed {
    let mut bed = Bed::new(generation, Unreachable { after: Duration::ZERO }, chain.clone());
    bed.handlers.keyring = true;
    bed
}

fn vote() -> Value {
    json!({
        "chainId": "devnet-1", "keyName": "k", "fees": "4000usei", "gas": 200_000, "proposalId": 7, "option": "no",
    })
}

fn proposal() -> Value {
    json!({
        "chainId": "devnet-1", "keyName": "k", "fees": "4000usei", "gas": 200_000, "title": "v7",
        "description": "Release notes.", "upgradeName": "v7", "upgradeHeight": 100, "initialDeposit": "1usei",
    })
}

#[tokio::test(start_paused = true)]
async fn nothing_invalid_is_signed() {
    let with = |mut params: Value, field: &str, value: Value| {
        params[field] = value;
        params
    };
    let chain = Chain::new("devnet-1");
    let bed = bed(Generation::NEWEST, &chain);
    for (task, params, error) in [
        ("gov-vote", with(vote(), "proposalId", json!(0)), "proposalId required"),
        ("gov-vote", with(vote(), "option", json!("perhaps")), "invalid vote option \"perhaps\""),
        ("gov-vote", with(vote(), "keyName", json!("")), "keyName required"),
        ("gov-vote", with(vote(), "chainId", json!("pacific-1")), "chain mismatch"),
        ("gov-vote", with(vote(), "gas", json!(0)), "gas required"),
        ("gov-vote", with(vote(), "gas", json!("200000")), "parsing params: "),
        ("gov-vote", with(vote(), "fees", json!("")), "fees required"),
        ("gov-vote", with(vote(), "fees", json!("0usei")), "resolves to zero"),
        ("gov-vote", with(vote(), "fees", json!("4000usei,1uatom")), "denom \"uatom\" not permitted"),
        ("gov-vote", with(vote(), "memo", json!("m".repeat(213))), "memo length 257 exceeds 256 bytes"),
        ("gov-vote", with(vote(), "memo", json!("a taskID=b")), "memo must not contain"),
        ("gov-vote", with(vote(), "memo", json!("a\tb")), "non-printable character U+0009"),
        ("gov-software-upgrade", with(proposal(), "title", json!("")), "title required"),
        ("gov-software-upgrade", with(proposal(), "description", json!("")), "description required"),
        ("gov-software-upgrade", with(proposal(), "upgradeName", json!("")), "upgradeName required"),
        ("gov-software-upgrade", with(proposal(), "upgradeHeight", json!(0)), "upgradeHeight required"),
        (
            "gov-software-upgrade",
            with(proposal(), "initialDeposit", json!("1sei")),
            "denom \"sei\" not permitted",
        ),
        ("gov-software-upgrade", with(proposal(), "initialDeposit", json!("usei")), "parse initialDeposit"),
        ("gov-param-change", proposal(), "changes required"),
    ] {
        let Err(Failure { error: found, result }) = bed.run(task, params.clone()).await else {
            panic!("{task} {params} completed");
        };
        assert!(found.contains(error), "{task} {params}: {found}");
        assert_eq!(result, None, "nothing was sent");
    }
    assert_eq!(chain.transactions(), 0);
    bed.run("gov-vote", with(vote(), "memo", json!("m".repeat(212)))).await.unwrap();
    assert!(chain.received.lock().unwrap()[0].contains(&format!("m taskID={ID}")));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_signed_while_the_seid_beside_it_is_down_or_of_another_chain_or_without_a_keyring() {
    for (network, error) in [("", "query local seid /status"), ("arctic-1", "node.network=\"arctic-1\"")] {
        let Err(failure) = bed(Generation::NEWEST, &Chain::new(network)).run("gov-vote", vote()).await else {
            panic!("it completed");
        };
        assert!(failure.error.contains(error), "{}", failure.error);
    }
    let mut bed = bed(Generation::NEWEST, &Chain::new("devnet-1"));
    bed.handlers.keyring = false;
    let Err(failure) = bed.run("gov-vote", vote()).await else { panic!("it completed") };
    assert!(failure.error.starts_with("keyring not configured"), "{}", failure.error);
}

#[tokio::test(start_paused = true)]
async fn a_run_after_a_restart_sends_the_same_transaction_from_v0_0_61_on_and_another_one_before() {
    for (generation, transactions) in [(Generation::V59, 2), (Generation::V61, 1), (Generation::NEWEST, 1)] {
        let chain = Chain::new("devnet-1");
        let bed = bed(generation, &chain);
        let first = timeout(Duration::from_millis(100), bed.run("gov-software-upgrade", proposal())).await;
        assert!(first.is_err(), "it waits for the block");
        let result = bed.run("gov-software-upgrade", proposal()).await.unwrap().unwrap();
        assert_eq!(chain.transactions(), transactions, "{generation}");
        assert_eq!(result["proposalId"] == 1, generation >= Generation::V67, "{generation}: {result}");
    }
}
