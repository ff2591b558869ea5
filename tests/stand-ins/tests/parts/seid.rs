//! seid: what the scripts and probes of pods need.

use std::{fs, path::Path, process::Command};

use crate::process::{Process, eventually, get, get_json, ports};

fn seid() -> Command {
    Command::new(env!("CARGO_BIN_EXE_seid"))
}

fn init(home: &Path) {
    let init = ["init", "arctic-1", "--chain-id", "arctic-1", "--overwrite", "--home"];
    assert!(seid().args(init).arg(home).status().unwrap().success());
}

fn start(home: &Path, rpc: u16, more: &[&str]) -> Process {
    start_version("a", home, rpc, more)
}

fn start_version(version: &str, home: &Path, rpc: u16, more: &[&str]) -> Process {
    let [p2p, grpc] = ports();
    let mut command = seid();
    command.arg("start").arg("--home").arg(home).args(more).args([
        format!("--rpc.laddr=tcp://127.0.0.1:{rpc}"),
        format!("--p2p.laddr=tcp://127.0.0.1:{p2p}"),
        format!("--grpc.address=127.0.0.1:{grpc}"),
    ]);
    Process::start(command.env("SEID_VERSION", version))
}

async fn height(rpc: u16) -> u64 {
    let status = get_json(rpc, "/status").await;
    status["sync_info"]["latest_block_height"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_block_height_continues_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    init(home.path());
    let [rpc] = ports();
    let first = start(home.path(), rpc, &[]);
    eventually("three blocks", async || height(rpc).await >= 3).await;
    let status = get_json(rpc, "/status").await;
    assert_eq!(status["node_info"]["network"], "arctic-1");
    assert_eq!(status["node_info"]["version"], "a");
    assert_eq!(status["node_info"]["id"].as_str().unwrap().len(), 40);
    assert_eq!(get(rpc, "/lag_status").await.0, 200);
    assert_eq!(first.terminate().0, 128 + 15);

    let second = start(home.path(), rpc, &[]);
    assert!(height(rpc).await >= 3, "the data directory is reused");
    drop(second);
}

#[tokio::test]
async fn seid_interrupts_itself_at_its_halt_height() {
    let home = tempfile::tempdir().unwrap();
    init(home.path());
    let [rpc] = ports();
    assert_eq!(start(home.path(), rpc, &["--halt-height", "1234567"]).end().0, 130);
    assert_eq!(fs::read_to_string(home.path().join("data/height")).unwrap(), "1234567");
}

#[tokio::test]
async fn seid_halts_at_an_upgrade_and_the_next_version_does_not_run_before_it() {
    let home = tempfile::tempdir().unwrap();
    init(home.path());
    fs::write(home.path().join("data/upgrade.json"), "{\"name\":\"b\",\"height\":3}\n").unwrap();
    let [rpc] = ports();
    let ends = |version: &str| start_version(version, home.path(), rpc, &[]).end();
    let (code, output) = ends("b");
    assert!(code == 2 && output.contains("BINARY UPDATED BEFORE TRIGGER"), "{code}: {output}");
    // It is started again, and replays the block at which it halted.
    for _ in 0..2 {
        let (code, output) = ends("a");
        assert!(code == 2 && output.contains("UPGRADE \"b\" NEEDED at height: 3"), "{code}: {output}");
        assert_eq!(fs::read_to_string(home.path().join("data/height")).unwrap(), "2");
    }
    let next = start_version("b", home.path(), rpc, &[]);
    eventually("the chain continues", async || height(rpc).await >= 4).await;
    drop(next);
}

#[test]
fn seid_needs_a_genesis_and_init_does_not_overwrite_one() {
    let home = tempfile::tempdir().unwrap();
    let output = seid().arg("start").arg("--home").arg(home.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("genesis.json"), "{output:?}");
    init(home.path());
    let again = ["init", "x", "--chain-id", "x", "--home"];
    assert!(!seid().args(again).arg(home.path()).output().unwrap().status.success());
}
