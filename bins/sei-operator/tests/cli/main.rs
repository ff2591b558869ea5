//! The program as used in a pipeline: its output, its exit codes, and one line for invalid input.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod groups;
mod input;
mod nodes;
mod process;
mod servers;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use sei_testkit::builders;
use serde_json::Value;

const NODE: &str = "tests/conformance/full-tls/seinode.yaml";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn call(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sei-operator"))
        .args(arguments)
        .current_dir(root())
        .env_clear()
        .envs(builders::platform())
        .envs([
            ("SEI_GATEWAY_NAME", "public"),
            ("SEI_GATEWAY_NAMESPACE", "gateway"),
            ("SEI_GATEWAY_DOMAIN", "sei.example"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may exit before it reads its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn node_with(change: impl FnOnce(&mut Value)) -> String {
    let text = std::fs::read_to_string(root().join(NODE)).unwrap();
    let mut node: Value = serde_saphyr::from_str(&text).unwrap();
    change(&mut node);
    node.to_string()
}
