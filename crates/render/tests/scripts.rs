//! The scripts of the pods, run by real shells with a fake seid that records how it was called, and a sidecar
//! that answers 503 before it answers 200.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::{fs::symlink, process::CommandExt},
    path::Path,
    process::{Command, Output},
    thread,
};

use common::{node, platform, rendered};
use k8s_openapi::api::core::v1::{Container, PodSpec};
use sei_api::SeiNode;
use sei_node::Node;
use serde_json::json;

fn named<'a>(pod: &'a PodSpec, name: &str) -> &'a Container {
    pod.init_containers
        .iter()
        .flatten()
        .chain(&pod.containers)
        .find(|container| container.name == name)
        .unwrap()
}

/// Runs the container's command with the fake seid of `tests/bin` first in PATH; it exits with `status`. The tests do
/// not write it: a file that one of them has open for writing cannot be executed, and a process that another one starts
/// at that moment inherits the open file.
fn run(container: &Container, dir: &Path, status: i32) -> Output {
    let words: Vec<_> = container.command.iter().flatten().chain(container.args.iter().flatten()).collect();
    let path = format!("{}/tests/bin:{}", env!("CARGO_MANIFEST_DIR"), std::env::var("PATH").unwrap());
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("HOME", dir).env("PATH", path).env("SEID_STATUS", status.to_string());
    // Sleeps return immediately.
    command.env("BASH_FUNC_sleep%%", "() { :\n}");
    command.output().unwrap()
}

fn calls(dir: &Path) -> String {
    fs::read_to_string(dir.join("calls")).unwrap_or_default()
}

/// A sidecar that is not ready on the first request. Returns its port.
fn sidecar() -> u16 {
    answering("/v0/healthz", &[503, 200])
}

/// A sidecar that answers requests for `path` with these codes and then closes its port.
fn answering(path: &'static str, codes: &'static [u16]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for code in codes {
            let (mut stream, _) = listener.accept().unwrap();
            // The shell writes line by line.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            assert_eq!(request, format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").into_bytes());
            stream.write_all(format!("HTTP/1.0 {code} Reason\r\n\r\n").as_bytes()).unwrap();
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
    let set = rendered(node, &platform("full-plain")).stateful_set;
    set.spec.unwrap().template.spec.unwrap()
}

#[test]
fn init_runs_once_and_passes_the_chain_id() {
    let dir = tempfile::tempdir().unwrap();
    let node = node("full-plain");
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

    fs::create_dir(dir.path().join("config")).unwrap();
    fs::write(dir.path().join("config/genesis.json"), "{}").unwrap();
    fs::remove_file(dir.path().join("calls")).unwrap();
    assert!(run(init, dir.path(), 0).status.success());
    assert_eq!(calls(dir.path()), "", "an existing home is left unchanged");
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
    assert_eq!(output.status.code(), Some(3), "seid replaces the shell: {output:?}");
    assert_eq!(calls(dir.path()), format!("<start><--home><{}>", dir.path().display()));
}

/// Runs the start script of a node with TLS next to a sidecar, with a `sleep` that returns immediately `rounds` times
/// and then ends the watch, and a `kill` that is only recorded.
fn watch(port: u16, rounds: usize) -> String {
    let dir = tempfile::tempdir().unwrap();
    // A process with that name, which is not really killed: the test shares its process namespace with
    // others.
    let sidecar = dir.path().join("seictl");
    symlink("/bin/sleep", &sidecar).unwrap();
    let mut sidecar = Command::new(sidecar).arg0("sleep").arg("60").spawn().unwrap();

    let count = dir.path().join("count");
    let sleep = format!("() {{ echo >>{0}; [ \"$(wc -l <{0})\" -le {rounds} ]\n}}", count.display());
    let killed = dir.path().join("killed");
    let kill = format!("() {{ echo \"$*\" >>{}\n}}", killed.display());
    let pod = pod_with_tls(port);
    let container = named(&pod, "seid");
    let words: Vec<_> = container.command.iter().flatten().chain(container.args.iter().flatten()).collect();
    // Only the watch: no server here responds to /v0/healthz.
    let script = words[2].split("done &").next().unwrap();
    let script = format!("{script}done");
    let output = Command::new(words[0])
        .args(["-c", &script])
        .env("BASH_FUNC_sleep%%", sleep)
        .env("BASH_FUNC_kill%%", kill)
        .output()
        .unwrap();
    sidecar.kill().unwrap();
    sidecar.wait().unwrap();
    assert!(output.status.code().is_some(), "{output:?}");
    let killed = fs::read_to_string(killed).unwrap_or_default();
    let ours = format!("-9 {}", sidecar.id());
    killed.lines().filter(|line| *line == ours).map(|_| "killed ").collect()
}

fn pod_with_tls(port: u16) -> PodSpec {
    let mut object = common::seinode("full-tls");
    object["spec"]["sidecar"]["port"] = json!(port);
    let set = rendered(&serde_json::from_value(object).unwrap(), &platform("full-tls")).stateful_set;
    set.spec.unwrap().template.spec.unwrap()
}

#[test]
fn behind_tls_a_sidecar_that_misses_three_requests_in_a_row_is_restarted() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(watch(closed, 2), "");
    assert_eq!(watch(closed, 3), "killed ");
    assert_eq!(watch(closed, 5), "killed ", "it gets the same time after a restart");
    assert_eq!(watch(closed, 6), "killed killed ");
    assert_eq!(watch(answering("/v0/livez", &[200, 200, 200, 200]), 4), "");
    assert_eq!(
        watch(answering("/v0/livez", &[503, 503, 200, 503, 503]), 5),
        "",
        "only failures in a row count"
    );
    assert_eq!(watch(answering("/v0/livez", &[503, 503, 503]), 3), "killed ");
}

#[test]
fn seid_starts_the_same_with_and_without_tls() {
    let dir = tempfile::tempdir().unwrap();
    let pod = pod_with_tls(sidecar());
    let mut container = named(&pod, "seid").clone();
    // The watch ends with its first sleep; otherwise it would keep this test's output open.
    let script = container.args.as_mut().unwrap();
    script[0] = script[0].replace("sleep 10", "false");
    let output = run(&container, dir.path(), 3);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(calls(dir.path()), format!("<start><--home><{}>", dir.path().display()));
}

#[test]
fn a_bootstrap_succeeds_only_when_seid_halts_at_the_height() {
    for (status, expected) in [(130, 0), (0, 0), (1, 1)] {
        let dir = tempfile::tempdir().unwrap();
        let node = node_at("full-s3-bootstrap", sidecar());
        let job = rendered(&node, &platform("full-s3-bootstrap")).bootstrap_job.unwrap();
        let pod = job.spec.unwrap().template.spec.unwrap();
        let output = run(named(&pod, "seid"), dir.path(), status);
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
        let height = Node::of(&node).bootstrap().unwrap().1;
        let wanted = format!("<start><--home><{}><--halt-height><{height}>", dir.path().display());
        assert_eq!(calls(dir.path()), wanted);
    }
}
