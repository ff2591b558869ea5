//! Every plan of every mode, every operation, and genesis ceremonies with every release of the sidecar, without interruption
//! and with an operator and a sidecar that restart at any moment.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod act;
mod ceremony;
mod crash;
mod life;
mod node;
mod operations;
mod outside;
mod random;
mod records;
mod sidecar;

use serde_json::{Value, json};

use life::{Case, PEER};

/// Time is paused: no test waits for a task.
macro_rules! modes {
    ($($name:ident: $case:expr,)+) => {
        $(mod $name {
            #[tokio::test(start_paused = true)]
            async fn with_restarts_of_the_sidecar() {
                super::$name().live().await;
            }

            #[tokio::test(start_paused = true)]
            async fn with_an_operator_that_forgets_at_every_step() {
                super::$name().live_with_crashes().await;
            }
        }

        fn $name() -> Case {
            $case
        })+

        /// All of them, with their names.
        const MODES: &[(&str, fn() -> Case)] = &[$((stringify!($name), $name)),+];
    };
}

fn publish() -> Value {
    json!({ "tendermint": { "keepRecent": 3, "publish": {} } })
}

fn s3() -> Value {
    json!({ "s3": { "targetHeight": 7 } })
}

fn key(name: &str) -> Value {
    json!({ "secret": { "secretName": name } })
}

modes! {
    full: Case::new(json!({ "fullNode": {} })),
    full_with_tls: Case::new(json!({
        "fullNode": {}, "sidecar": { "image": "seictl:main", "tls": { "secretName": "t" } },
    })),
    full_that_syncs: Case::new(json!({ "fullNode": { "snapshot": { "stateSync": {} } } })).syncs(),
    full_that_restores_and_publishes:
        Case::new(json!({ "fullNode": { "snapshot": s3(), "snapshotGeneration": publish() } })).syncs(),
    full_with_bootstrap: Case::new(json!({
        "fullNode": { "snapshot": { "s3": { "targetHeight": 7 }, "bootstrapImage": "seid:old" } },
    })),
    full_on_an_imported_volume:
        Case::new(json!({ "fullNode": {}, "dataVolume": { "import": { "pvcName": "old" } } })).has_data(),
    full_with_instances_of_ec2: Case::new(json!({ "fullNode": {}, "peers": [
        { "static": { "addresses": [PEER] } },
        { "ec2Tags": { "region": "eu-central-1", "tags": { "chain": "devnet-1" } } },
    ] })),
    archive_that_publishes: Case::new(json!({ "archive": { "snapshotGeneration": publish() } })),
    replayer: Case::new(json!({ "replayer": { "snapshot": s3() } })).syncs(),
    validator: Case::new(json!({ "validator": { "signingKey": key("s"), "nodeKey": key("n") } })),
    validator_that_syncs: Case::new(json!({ "validator": {
        "signingKey": key("s"), "nodeKey": key("n"), "snapshot": { "stateSync": {} },
    } })).syncs(),
    validator_of_a_ceremony: Case::new(json!({ "peers": null, "validator": { "genesisCeremony": {
        "chainId": "devnet-1", "stakingAmount": "1usei", "accountBalance": "2usei", "index": 0,
    } } })),
}
