//! The scripts of the pods, run by real shells with a seid that writes down how it was called, and a sidecar that
//! answers 503 before it answers 200.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    thread,
};

use common::{node, platform};
use k8s_openapi::api::core::v1::{Container, PodSpec};
use sei_api::SeiNode;
use serde_json::json;

fn named<'a>(pod: &'a PodSpec, name: &str) -> &'a Container {
    pod.init_containers
        .iter()
        .flatten()
        .chain(&pod.containers)
        .find(|container| container.name == name)
        .unwrap()
}

/// Runs the container's command with a fake seid in front of PATH. seid leaves with `status`.
fn run(container: &Container, dir: &Path, status: i32) -> Output {
    let seid = dir.join("seid");
    fs::write(&seid, format!("#!/bin/sh\nprintf '<%s>' \"$@\" >> {}/calls\nexit {status}\n", dir.display()))
        .unwrap();
    fs::set_permissions(&seid, fs::Permissions::from_mode(0o755)).unwrap();
    let words: Vec<_> = container.command.iter().flatten().chain(container.args.iter().flatten()).collect();
    let path = format!("{}:{}", dir.display(), std::env::var("PATH").unwrap());
    Command::new(words[0]).args(&words[1..]).env("HOME", dir).env("PATH", path).output().unwrap()
}

fn calls(dir: &Path) -> String {
    fs::read_to_string(dir.join("calls")).unwrap_or_default()
}

/// A sidecar that is not ready the first time it is asked. Returns its port.
fn sidecar() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for answer in ["HTTP/1.0 503 Service Unavailable\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"] {
            let (mut stream, _) = listener.accept().unwrap();
            // The shell writes line by line.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            assert_eq!(request, b"GET /v0/healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    port
}

fn node_at(case: &str, port: u16) -> SeiNode {
    let mut object = common::seinode(case);
    object["spec"]["sidecar"] = json!({ "port": port });
    serde_json::from_value(object).unwrap()
}

fn pod(node: &SeiNode) -> PodSpec {
    let set = sei_render::stateful_set(node, &platform("full-plain")).unwrap();
    set.spec.unwrap().template.spec.unwrap()
}

#[test]
fn init_runs_once_and_passes_the_chain_on_as_one_word() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = node("full-plain");
    node.spec.chain_id = "it's $(touch owned); chain".into();
    let pod = pod(&node);
    let init = named(&pod, "seid-init");

    assert!(run(init, dir.path(), 0).status.success());
    let home = dir.path().display();
    let chain = &node.spec.chain_id;
    assert_eq!(
        calls(dir.path()),
        format!("<init><{chain}><--chain-id><{chain}><--home><{home}><--overwrite>")
    );
    assert!(dir.path().join("tmp").is_dir());
    assert!(!Path::new("owned").exists());

    fs::create_dir(dir.path().join("config")).unwrap();
    fs::write(dir.path().join("config/genesis.json"), "{}").unwrap();
    fs::remove_file(dir.path().join("calls")).unwrap();
    assert!(run(init, dir.path(), 0).status.success());
    assert_eq!(calls(dir.path()), "", "a home that is there is left as it is");
}

#[test]
fn a_failed_init_fails_the_container() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(named(&pod(&node("full-plain")), "seid-init"), dir.path(), 7);
    assert_eq!(output.status.code(), Some(7));
    assert!(!dir.path().join("tmp").exists());
}

#[test]
fn seid_starts_when_the_sidecar_is_ready() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(named(&pod(&node_at("full-plain", sidecar())), "seid"), dir.path(), 3);
    assert_eq!(output.status.code(), Some(3), "seid takes the shell's place: {output:?}");
    assert_eq!(calls(dir.path()), format!("<start><--home><{}>", dir.path().display()));
}

#[test]
fn the_bootstrap_counts_the_halt_as_success_and_nothing_else() {
    for (status, expected) in [(130, 0), (0, 0), (1, 1)] {
        let dir = tempfile::tempdir().unwrap();
        let node = node_at("full-s3-bootstrap", sidecar());
        let job = sei_render::bootstrap_job(&node, &platform("full-s3-bootstrap")).unwrap().unwrap();
        let pod = job.spec.unwrap().template.spec.unwrap();
        let output = run(named(&pod, "seid"), dir.path(), status);
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
        let height = node.spec.snapshot().unwrap().bootstrap().unwrap().1;
        let wanted = format!("<start><--home><{}><--halt-height><{height}>", dir.path().display());
        assert_eq!(calls(dir.path()), wanted);
    }
}
