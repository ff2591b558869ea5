//! The simulator: thousands of nodes, each with separate faults and a separate volume.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use axum::body::{Body, to_bytes};
use futures::{StreamExt, stream};
use http::{Method, Request, StatusCode, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sei_testkit::sidecar::{Access, Generation, Simulator, Status};
use serde_json::{Value, json};

const HOST: &str = "rpc-0-0.rpc-0.default.svc.cluster.local";

struct Caller {
    client: Client<HttpConnector, Body>,
    address: String,
}

impl Caller {
    fn of(simulator: &Simulator) -> Self {
        let address = simulator.connect_to()[1].trim_start_matches(':').to_owned();
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Self { client, address }
    }

    async fn ask(&self, method: Method, host: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        let request = request.header(header::HOST, host).body(Body::from(body.to_string())).unwrap();
        let (parts, body) = self.client.request(request).await.unwrap().into_parts();
        let body = to_bytes(Body::new(body), 1 << 20).await.unwrap();
        (parts.status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn healthz(&self, host: &str) -> StatusCode {
        self.ask(Method::GET, host, "/v0/healthz", Value::Null).await.0
    }

    /// Submits a task and waits until it has ended.
    async fn done(&self, type_: &str, params: Value) -> Value {
        let body = json!({ "type": type_, "params": params });
        let (_, answer) = self.ask(Method::POST, HOST, "/v0/tasks", body).await;
        let path = format!("/v0/tasks/{}", answer["id"].as_str().unwrap());
        loop {
            let (_, record) = self.ask(Method::GET, HOST, &path, Value::Null).await;
            if record["status"] != "running" {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_sidecars_do_not_affect_the_others() {
    let simulator = Simulator::start(Access::AnyToken).await.unwrap();
    let host = |index: usize| format!("rpc-{index}-0.rpc-{index}.default.svc.cluster.local");
    let (hung, healthy): (Vec<usize>, Vec<usize>) = (0..3000).partition(|index| index % 10 == 0);
    for index in 0..3000 {
        simulator.run_ready(&host(index));
    }
    for index in &hung {
        simulator.faults(&host(*index), |faults| faults.hang = true);
    }
    let caller = Caller::of(&simulator);
    let asked = hung.iter().map(|index| {
        let host = host(*index);
        let caller = &caller;
        async move { caller.healthz(&host).await }
    });
    let waiting = futures::future::select_all(asked.map(Box::pin));
    let answered = stream::iter(&healthy)
        .map(|index| {
            let (host, caller) = (host(*index), &caller);
            async move { caller.healthz(&host).await }
        })
        .buffer_unordered(50)
        .filter(|status| std::future::ready(*status == StatusCode::OK))
        .count();
    tokio::select! {
        (status, index, _) = waiting => panic!("hung node {} answered {status}", hung[index]),
        answered = tokio::time::timeout(Duration::from_secs(120), answered) => {
            assert_eq!(answered.unwrap(), healthy.len());
        }
    }
    assert!(hung.iter().all(|index| simulator.calls(&host(*index)).len() == 1), "every call arrived");
    simulator.faults(&host(0), |faults| faults.hang = false);
    assert_eq!(caller.healthz(&host(0)).await, StatusCode::OK);
}

#[tokio::test]
async fn work_on_another_volume_is_not_done_on_this_one() {
    let simulator = Simulator::start(Access::AnyToken).await.unwrap();
    simulator.mount(HOST, "claim-a");
    simulator.run(HOST);
    let caller = Caller::of(&simulator);
    assert_eq!(caller.done("snapshot-restore", json!({})).await["status"], "completed");
    let marker = ".sei-sidecar-snapshot-done";
    assert!(simulator.home(HOST).has(marker));

    simulator.stop(HOST);
    simulator.mount(HOST, "claim-b");
    simulator.run(HOST);
    assert!(!simulator.home(HOST).has(marker) && simulator.records(HOST).is_empty());

    simulator.stop(HOST);
    simulator.mount(HOST, "claim-a");
    simulator.run(HOST);
    assert!(simulator.home(HOST).has(marker), "a volume is mounted again");
    assert_eq!(simulator.records(HOST).len(), 1);
}

#[tokio::test]
async fn before_v0_0_61_a_terminated_sidecar_may_record_cancelled_tasks_as_failed() {
    for (generation, status) in [(Generation::V57, Status::Failed), (Generation::V61, Status::Running)] {
        let simulator = Simulator::start(Access::AnyToken).await.unwrap();
        simulator.play(HOST, generation);
        simulator.run(HOST);
        let caller = Caller::of(&simulator);
        caller.ask(Method::POST, HOST, "/v0/tasks", json!({ "type": "snapshot-upload" })).await;
        simulator.terminate(HOST);
        let record = simulator.records(HOST).remove(0);
        assert_eq!(record.status, status, "{generation}");
        let error = (status == Status::Failed).then_some("context canceled");
        assert_eq!(record.error.as_deref(), error, "{generation}");
    }
}

#[tokio::test]
async fn peers_are_found_once_they_are_ready() {
    let simulator = Simulator::start(Access::AnyToken).await.unwrap();
    let other = "rpc-1-0.rpc-1.default.svc.cluster.local";
    simulator.play(HOST, Generation::V56);
    simulator.run(HOST);
    let caller = Caller::of(&simulator);
    let sources = json!({ "sources": [{ "type": "dnsEndpoints", "endpoints": [other] }] });
    let silent = caller.done("discover-peers", sources.clone()).await;
    assert_eq!(silent["error"], "no reachable peers found via dnsEndpoints (1 endpoints tried)");
    simulator.run_ready(other);
    assert_eq!(caller.done("discover-peers", sources).await["status"], "completed");
    let config = simulator.home(HOST).read("config/config.toml").unwrap().unwrap();
    assert!(config.contains(&format!("@{other}:26656")), "{config}");
}
