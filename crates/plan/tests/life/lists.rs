//! The tasks of each kind of spec: one row for every condition that adds a task to a plan.

use std::fmt::Write;

use sei_node::Node;
use sei_plan::build;
use serde_json::{Value, json};

use crate::world::World;

fn peers() -> Value {
    json!([{ "static": { "addresses": ["0123456789abcdef0123456789abcdef01234567@b:1"] } }])
}

fn cases() -> Vec<(&'static str, Value)> {
    let key = |name: &str| json!({ "secret": { "secretName": name } });
    let keyring = json!({ "secret": {
        "secretName": "k", "passphraseSecretRef": { "secretName": "p", "key": "word" },
    }});
    let s3 = json!({ "s3": { "targetHeight": 7 } });
    let bootstrap = json!({ "s3": { "targetHeight": 7 }, "bootstrapImage": "seid:old" });
    let publish = json!({ "tendermint": { "keepRecent": 3, "publish": {} } });
    let ceremony = json!({ "chainId": "c", "stakingAmount": "1usei", "accountBalance": "2usei", "index": 0 });
    let tls = json!({ "tls": { "secretName": "t" } });
    vec![
        ("full", json!({ "fullNode": {} })),
        ("full, peers", json!({ "fullNode": {}, "peers": peers() })),
        ("full, TLS", json!({ "fullNode": {}, "sidecar": tls })),
        (
            "full, state sync, peers",
            json!({ "fullNode": { "snapshot": { "stateSync": {} } }, "peers": peers() }),
        ),
        (
            "full, S3, published",
            json!({ "fullNode": { "snapshot": s3, "snapshotGeneration": publish }, "peers": peers() }),
        ),
        (
            "full, bootstrap, peers, TLS, published",
            json!({
                "fullNode": { "snapshot": bootstrap, "snapshotGeneration": publish },
                "peers": peers(),
                "sidecar": tls,
            }),
        ),
        ("archive, published", json!({ "archive": { "snapshotGeneration": publish } })),
        ("archive", json!({ "archive": { "snapshotGeneration": { "tendermint": { "keepRecent": 1 } } } })),
        ("replayer", json!({ "replayer": { "snapshot": s3 }, "peers": peers() })),
        ("replayer, bootstrap", json!({ "replayer": { "snapshot": bootstrap }, "peers": peers() })),
        ("validator", json!({ "validator": {} })),
        (
            "validator, all keys, state sync, TLS",
            json!({
                "validator": {
                    "signingKey": key("s"), "nodeKey": key("n"), "operatorKeyring": keyring,
                    "snapshot": { "stateSync": {} },
                },
                "peers": peers(),
                "sidecar": tls,
            }),
        ),
        (
            "validator, keys, bootstrap",
            json!({
                "validator": { "signingKey": key("s"), "nodeKey": key("n"), "snapshot": bootstrap },
                "peers": peers(),
            }),
        ),
        (
            "ceremony, keyring, TLS; peers and snapshot have no effect",
            json!({
                "validator": { "genesisCeremony": ceremony, "operatorKeyring": keyring, "snapshot": bootstrap },
                "peers": peers(),
                "sidecar": tls,
            }),
        ),
    ]
}

#[test]
fn every_spec_has_the_expected_tasks() {
    let mut text = String::new();
    for (case, more) in cases() {
        let mut spec = json!({ "chainId": "arctic-1", "image": "seid:a" });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let object = World::new(spec).node;
        let node = Node::of(&object);
        assert_eq!(node.faults(), [], "{case}");
        for (name, plan) in [
            ("first", build::init(&node, "p")),
            ("update", build::update(&node, "p")),
            ("mark-ready", build::mark_ready(&node, "p")),
        ] {
            let tasks: Vec<_> = plan.tasks.iter().map(|task| task.type_.as_str()).collect();
            writeln!(text, "{case}: {name}\n    {}", tasks.join("\n    ")).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}
