//! The parsers agree with the rules of the CRD: the operator can use everything that the API server admits.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use kube::core::cel::Validator;
use proptest::{prelude::*, sample::select};
use sei_node::{ImageReference, is_peer_address};
use serde_json::{Value, json};

fn spec_schema() -> Value {
    let crd = sei_api::crd_manifest().unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
}

fn is_admitted_image(schema: &Value, image: &str) -> bool {
    Validator::new().validate(schema, &json!(image), None).is_ok()
}

/// Texts that are similar to image references.
fn images() -> impl Strategy<Value = String> {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let parts = [
        "a", "Z", "0", ".", "_", "-", "/", ":", "@", "[", "]", "::1", "sei", "ghcr.io", ":5000/", "@sha256:",
        " ",
    ];
    let parts: Vec<String> = parts.into_iter().map(str::to_owned).chain([digest]).collect();
    prop::collection::vec(select(parts), 1..9).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn images_are_parsed_as_the_crd_admits_them(image in images()) {
        let schema = &spec_schema()["properties"]["image"];
        prop_assert_eq!(ImageReference::parse(&image).is_ok(), is_admitted_image(schema, &image));
    }
}

#[test]
fn peers_are_parsed_at_least_as_strictly_as_the_crd_admits_them() {
    let item = &spec_schema()["properties"]["peers"]["items"]["properties"]["static"]["properties"]["addresses"]
        ["items"];
    let pattern = item["pattern"].as_str().unwrap();
    let matches = |text: &str| Validator::new().validate(&rule(pattern), &json!(text), None).is_ok();
    let id = "0123456789abcdef0123456789abcdef01234567";
    for host in ["a:1", "10.0.0.1:26656", "[2001:db8::1]:26656", "a.b-c:65535"] {
        let address = format!("{id}@{host}");
        assert!(matches(&address) && is_peer_address(&address), "{address}");
    }
    for address in ["", "10.0.0.1:1", "0123@a:1", &format!("{id}@a"), &format!("{id}@2001:db8::1:26656")] {
        assert!(!matches(address) && !is_peer_address(address), "{address}");
    }
    // Cases that a pattern cannot express.
    for host in ["a:0", "a:65536", "[::::]:1", "a..b:1"] {
        let address = format!("{id}@{host}");
        assert!(matches(&address) && !is_peer_address(&address), "{address}");
    }
}

/// The pattern as a rule, so that the same evaluator is used for both.
fn rule(pattern: &str) -> Value {
    let rule = format!("self.matches({})", json!(pattern));
    json!({ "type": "string", "x-kubernetes-validations": [{ "rule": rule, "message": "no match" }] })
}
