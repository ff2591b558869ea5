//! A client of a Service that counts its failed requests.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, ensure};
use sei_api::ports;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, lookup_host},
    sync::watch,
    task::JoinSet,
};

use crate::nodes::NAMESPACE;

/// Number of concurrent requests.
const LANES: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(10);

/// Requests in progress, each on a new connection.
pub(crate) struct Requests {
    end: watch::Sender<bool>,
    lanes: JoinSet<anyhow::Result<usize>>,
}

impl Requests {
    /// Requests the status of seid from a Service until [`end`](Self::end).
    pub(crate) async fn to(service: &str) -> anyhow::Result<Self> {
        let host = format!("{service}.{NAMESPACE}.svc.cluster.local");
        let mut found =
            lookup_host((host.as_str(), ports::RPC)).await.with_context(|| format!("resolve {host}"))?;
        let address = found.next().with_context(|| format!("{host} has no address"))?;
        let (end, ended) = watch::channel(false);
        let mut lanes = JoinSet::new();
        for _ in 0..LANES {
            lanes.spawn(lane(address, ended.clone()));
        }
        Ok(Self { end, lanes })
    }

    /// Ends the requests. Returns how many there were; fails if any failed.
    pub(crate) async fn end(mut self) -> anyhow::Result<usize> {
        self.end.send_replace(true);
        let mut count = 0;
        while let Some(lane) = self.lanes.join_next().await {
            count += lane.context("request the status")??;
        }
        Ok(count)
    }
}

/// Continues after a failure, so that all of them are counted.
async fn lane(address: SocketAddr, ended: watch::Receiver<bool>) -> anyhow::Result<usize> {
    let (mut count, mut failed) = (0, Vec::new());
    while !*ended.borrow() {
        let answer = tokio::time::timeout(LIMIT, request(address)).await;
        count += 1;
        if let Err(error) = answer.context("no response in time").flatten() {
            failed.push(format!("{error:#}"));
        }
        tokio::time::sleep(PAUSE).await;
    }
    ensure!(failed.is_empty(), "{} of {count} requests failed: {failed:?}", failed.len());
    Ok(count)
}

async fn request(address: SocketAddr) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address).await.context("connect")?;
    let request = format!("GET /status HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.context("send the request")?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await.context("read the response")?;
    let status = response.lines().next().unwrap_or_default();
    ensure!(status == "HTTP/1.1 200 OK", "the response is {status:?}");
    Ok(())
}
