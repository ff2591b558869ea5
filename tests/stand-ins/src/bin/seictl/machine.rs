//! The machine that the sidecar runs on: the RPC of nodes that it can reach, and the seid next to it.

use std::{fs, time::Duration};

use anyhow::Context;
use axum::body::{Body, to_bytes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustix::process::{Pid, Signal, kill_process};
use sei_testkit::sidecar::{Answer, World};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(10);
/// How long the SDK retries.
const EC2: Duration = Duration::from_secs(11);
/// Time limit for seid to exit.
const ENDING: Duration = Duration::from_secs(90);
const PERIOD: Duration = Duration::from_millis(100);

/// The machine.
pub(crate) struct Machine;

impl World for Machine {
    fn rpc(&self, address: &str, path: &str) -> Answer<Value> {
        let url = format!("http://{address}{path}");
        Box::pin(async move { get(&url).await.map_err(|error| format!("{error:#}")) })
    }

    fn instances(&self) -> Answer<Vec<String>> {
        Box::pin(async {
            tokio::time::sleep(EC2).await;
            Err("failed to describe instances: no EC2 API is reachable".to_owned())
        })
    }

    fn stop_seid(&self) -> Answer<()> {
        Box::pin(async {
            let Some(seid) = seid() else { return Ok(()) };
            kill_process(seid, Signal::TERM).map_err(|error| format!("failed to signal seid: {error}"))?;
            let ended = async {
                while self::seid() == Some(seid) {
                    tokio::time::sleep(PERIOD).await;
                }
            };
            tokio::time::timeout(ENDING, ended).await.map_err(|_| "seid did not end".to_owned())
        })
    }
}

/// The visible process `seid start`, in a pod with a shared process namespace.
fn seid() -> Option<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let process = processes.find(|process| {
        let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let mut words = command.split(|byte| *byte == 0);
        words.next().is_some_and(|program| program == b"seid" || program.ends_with(b"/seid"))
            && words.next() == Some(b"start")
    })?;
    Pid::from_raw(process)
}

async fn get(url: &str) -> anyhow::Result<Value> {
    let uri = url.parse().with_context(|| format!("{url} is not a URL"))?;
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let asked = async {
        let answer = client.get(uri).await.with_context(|| format!("failed to get {url}"))?;
        let body =
            to_bytes(Body::new(answer.into_body()), 1 << 20).await.context("failed to read the answer")?;
        serde_json::from_slice(&body).context("failed to parse the answer")
    };
    tokio::time::timeout(DEADLINE, asked).await.with_context(|| format!("no answer from {url}"))?
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn without_the_ec2_api_the_error_follows_the_retries_of_the_sdk() {
        let began = Instant::now();
        let error = Machine.instances().await.unwrap_err();
        assert_eq!(
            (began.elapsed().as_secs(), error.as_str()),
            (11, "failed to describe instances: no EC2 API is reachable")
        );
    }
}
