//! The responses of the sidecar, row by row: the simulator and the stand-in's process respond the same.

use http::{Method, StatusCode};
use sei_testkit::sidecar::Generation;
use serde_json::{Value, json};

use crate::harness::TestSidecar;

const INVALID: &str = "invalid request body";
/// A POST and the error that it is rejected with.
const REFUSED: &[(&str, &str)] = &[
    ("", INVALID),
    ("{", INVALID),
    ("[]", INVALID),
    ("\"a\"", INVALID),
    ("null", "type is required"),
    ("{}", "type is required"),
    (r#"{"type":5}"#, INVALID),
    (r#"{"type":"mark-ready","id":5}"#, INVALID),
    (r#"{"type":"mark-ready","params":[]}"#, INVALID),
    (r#"{"type":"mark-ready","params":"x"}"#, INVALID),
    (r#"{"type":"dance","id":"7"}"#, "unknown task type: dance"),
    (r#"{"type":"mark-ready","id":"7"}"#, "task ID must be a valid UUID: \"7\""),
];
/// Parameters of tasks and their errors; empty for those that complete.
const TASKS: &[(&str, &str, &str)] = &[
    ("config-apply", r#"{"mode":"odd"}"#, "config-apply: invalid mode \"odd\""),
    (
        "config-apply",
        r#"{"mode":"full","overrides":{"no.key":"1"}}"#,
        "config-apply: unknown override key \"no.key\"",
    ),
    ("config-apply", r#"{"mode":"full","overrides":{"chain.occ_enabled":"maybe"}}"#, "chain.occ_enabled"),
    ("config-apply", r#"{"mode":"full","overrides":{"chain.halt_height":5}}"#, "parsing params: "),
    ("config-apply", r#"{"mode":"full","overrides":{"chain.halt_height":"5"},"unknown":true}"#, ""),
    ("config-validate", "{}", ""),
    ("config-apply", r#"{"mode":"full","targetVersion":2}"#, ""),
    ("config-validate", "{}", "config version 2 is newer than supported version 1"),
    ("config-apply", r#"{"incremental":true}"#, "config version 2 is newer than supported version 1"),
    ("config-apply", r#"{"mode":"full","targetVersion":1}"#, ""),
    ("config-reload", "{}", "missing required param 'fields'"),
    ("config-reload", r#"{"fields":{"no.key":"1"}}"#, "unknown field \"no.key\""),
    ("config-reload", r#"{"fields":{"chain.moniker":"a"}}"#, "fields [chain.moniker] are not hot-reloadable"),
    ("config-patch", "{}", "missing required param 'files'"),
    ("result-export", "{}", "missing required param 'bucket'"),
    (
        "generate-gentx",
        r#"{"chainId":"c","stakingAmount":"1usei","accountBalance":"2usei"}"#,
        "generate-identity may not",
    ),
    ("generate-identity", "{}", "missing required param 'chainId'"),
    ("generate-identity", r#"{"chainId":"c","moniker":"m"}"#, ""),
    ("generate-gentx", r#"{"chainId":"c","stakingAmount":"1usei","accountBalance":"2usei"}"#, ""),
    ("upload-genesis-artifacts", "{}", "missing required param 'nodeName'"),
    ("configure-genesis", "{}", ""),
    ("configure-state-sync", "{}", "no peers available"),
    ("discover-peers", "{}", "missing required param 'sources'"),
    ("discover-peers", r#"{"sources":[{"type":"static"}]}"#, "source[0]: static source has empty addresses"),
    (
        "discover-peers",
        r#"{"sources":[{"type":"dnsEndpoints","endpoints":["absent.svc.cluster.local"]}]}"#,
        "no reachable peers found via dnsEndpoints (1 endpoints tried)",
    ),
    ("discover-peers", r#"{"sources":[{"type":"static","addresses":["ab@c:1"]}]}"#, ""),
    ("await-condition", r#"{"condition":"dance"}"#, "unknown condition \"dance\""),
    ("await-condition", r#"{"condition":"catchingUp"}"#, "unknown condition \"catchingUp\""),
    ("await-condition", r#"{"condition":"height"}"#, "targetHeight must be greater than 0"),
    (
        "gov-vote",
        r#"{"chainId":"other","keyName":"k","fees":"1usei","gas":1,"proposalId":1,"option":"no"}"#,
        "chain mismatch: params.chainId=\"other\" sidecar.SEI_CHAIN_ID=\"arctic-1\"",
    ),
    (
        "gov-vote",
        r#"{"chainId":"arctic-1","keyName":"k","fees":"1usei","gas":1,"proposalId":1,"option":"no"}"#,
        "query local seid /status: ",
    ),
    ("mark-ready", "{}", ""),
];

#[tokio::test]
async fn submissions_are_rejected_with_the_messages_of_the_real_sidecar() {
    for bed in TestSidecar::both(Generation::V50).await {
        for (body, error) in REFUSED {
            let answer = bed.ask(Method::POST, "/v0/tasks", &[], *body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}: {body}", bed.name);
            assert_eq!(answer.body, format!("{}\n", json!({ "error": error })), "{}: {body}", bed.name);
        }
        let broken = b"{\"type\":\"\xff\"}";
        let answer = bed.ask(Method::POST, "/v0/tasks", &[], *broken).await;
        assert!(answer.body.contains("unknown task type: \u{fffd}"), "{}: {}", bed.name, answer.body);
        assert_eq!(bed.get("/v0/tasks").await.body, "[]\n", "{}: nothing was stored", bed.name);
    }
}

#[tokio::test]
async fn submissions_are_accepted_as_leniently_as_by_the_real_sidecar() {
    for bed in TestSidecar::both(Generation::V50).await {
        let large = format!(r#"{{"type":"mark-ready","params":{{"x":"{}"}}}}"#, "x".repeat(2 << 20));
        for body in [
            r#"{"type":"mark-ready","id":""}"#,
            r#"{"type":"mark-ready","id":null,"params":null}"#,
            r#"{"TYPE":"mark-ready"} and more"#,
            &large,
        ] {
            let answer = bed.ask(Method::POST, "/v0/tasks", &[], body).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{}: {}", bed.name, answer.body);
        }
        let spelled = "F086A797-DFFA-53E3-80C5-507A7258CC28";
        bed.post(&json!({ "type": "mark-ready", "id": spelled, "params": {} })).await;
        let record = bed.ended(spelled).await;
        assert_eq!(record["id"], spelled, "{}: the ID is kept as sent", bed.name);
        assert_eq!(record["params"], Value::Null, "{}: empty params are omitted", bed.name);
        assert_eq!(bed.record(&spelled.to_lowercase()).await, Value::Null, "{}", bed.name);
    }
}

#[tokio::test]
async fn responses_by_path_and_method_match_the_real_sidecar() {
    for bed in TestSidecar::both(Generation::V50).await {
        for (method, path, status) in [
            (Method::HEAD, "/v0/healthz", 503),
            (Method::GET, "/v0/startupz", 503),
            (Method::GET, "/v0/livez", 200),
            (Method::HEAD, "/v0/tasks", 200),
            (Method::GET, "/v0/tasks/", 404),
            (Method::GET, "/v0/tasks/a/b", 404),
            (Method::GET, "/v0/nothing", 404),
            (Method::GET, "//v0/healthz", 307),
            (Method::PUT, "/v0/tasks", 405),
            (Method::POST, "/v0/healthz", 405),
        ] {
            let answer = bed.ask(method.clone(), path, &[], "").await;
            assert_eq!(answer.status, status, "{}: {method} {path}", bed.name);
            let nosniff = answer.headers.contains_key("x-content-type-options");
            assert_eq!(nosniff, [404, 405].contains(&status), "{}: {method} {path}", bed.name);
        }
        let answer = bed.ask(Method::PUT, "/v0/tasks", &[], "").await;
        assert_eq!(answer.headers["allow"], "GET, HEAD, POST", "{}", bed.name);
        assert_eq!(bed.get("/v0/nothing").await.body, "404 page not found\n", "{}", bed.name);
        assert_eq!(bed.get("/v0/tasks/x").await.body, "{\"error\":\"task not found\"}\n", "{}", bed.name);
        assert_eq!(bed.get("//v0/healthz").await.headers["location"], "/v0/healthz", "{}", bed.name);
        assert!(!bed.get("/v0/metrics").await.body.contains("seictl_ready"), "{}", bed.name);
        let answer = bed.get("/v0/node-id").await;
        assert_eq!(answer.status, 500, "{}", bed.name);
        assert!(answer.body.contains("node_key.json not found — generate-identity"), "{}", answer.body);
        let long = "x".repeat(40 << 10);
        let answer = bed.ask(Method::GET, "/v0/livez", &[("x-long", &long)], "").await;
        assert_eq!(answer.status, 431, "{}", bed.name);
    }
}

#[tokio::test]
async fn tasks_end_as_in_the_real_sidecar() {
    for bed in TestSidecar::both(Generation::V50).await {
        for (type_, params, error) in TASKS {
            let params: Value = serde_json::from_str(params).unwrap();
            let record = bed.done(type_, params.clone()).await;
            let wanted = if error.is_empty() { "completed" } else { "failed" };
            assert_eq!(record["status"], wanted, "{}: {type_} {params}: {record}", bed.name);
            let reported = record["error"].as_str().unwrap_or_default();
            assert!(reported.contains(error), "{}: {type_} {params}: {reported}", bed.name);
            assert_eq!(record["result"], Value::Null, "{}: no results yet", bed.name);
        }
        assert!(bed.is_ready().await, "{}", bed.name);
    }
}
