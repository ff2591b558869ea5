//! Reads the conformance cases.
#![allow(dead_code, unreachable_pub)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use k8s_openapi::api::core::v1::{Container, PodSpec};
use sei_api::SeiNode;
use sei_node::Node;
use sei_render::{Platform, Rendered};
use serde_json::Value;

pub const CASES: [&str; 5] =
    ["full-plain", "full-tls", "validator-tls", "archive-publish", "full-s3-bootstrap"];

fn path(case: &str, file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance").join(case).join(file)
}

pub fn seinode(case: &str) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path(case, "seinode.yaml")).unwrap()).unwrap()
}

pub fn node(case: &str) -> SeiNode {
    serde_json::from_value(seinode(case)).unwrap()
}

pub fn settings(case: &str) -> BTreeMap<String, String> {
    let env = fs::read_to_string(path(case, "platform.env")).unwrap();
    env.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

pub fn platform(case: &str) -> Platform {
    Platform::from_settings(&settings(case)).unwrap()
}

/// The object that the Go controller writes; `None` if the case has none.
pub fn expected(case: &str, file: &str) -> Option<Value> {
    Some(serde_json::from_str(&fs::read_to_string(path(case, file)).ok()?).unwrap())
}

pub fn rendered(node: &SeiNode, platform: &Platform) -> Rendered {
    Rendered::of(Node::of(node), platform).unwrap()
}

/// The pods of `node`: that of its StatefulSet, and that of its bootstrap Job.
pub fn pods(node: &SeiNode, case: &str) -> Vec<PodSpec> {
    let rendered = rendered(node, &platform(case));
    let own = rendered.stateful_set.spec.unwrap().template.spec;
    let bootstrap = rendered.bootstrap_job.and_then(|job| job.spec.unwrap().template.spec);
    own.into_iter().chain(bootstrap).collect()
}

pub fn containers(pod: &PodSpec) -> impl Iterator<Item = &Container> {
    pod.init_containers.iter().flatten().chain(&pod.containers)
}
