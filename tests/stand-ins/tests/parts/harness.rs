//! A sidecar of a release, in the simulator or as the stand-in's process: both are tested in the same way.

use std::{collections::BTreeMap, path::Path, process::Command};

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode, header};
use sei_testkit::sidecar::{Access, Generation, Home, Simulator, node_key};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{self, Process, ports};

/// The node in the simulator.
pub(crate) const HOST: &str = "rpc-0-0.rpc-0.default.svc.cluster.local";
pub(crate) const CHAIN: &str = "arctic-1";

/// A sidecar.
pub(crate) struct TestSidecar {
    pub(crate) name: &'static str,
    pub(crate) home: Home,
    port: u16,
    kind: Kind,
}

enum Kind {
    Simulated(Simulator),
    Process { generation: Generation, process: Option<Process>, _folder: TempDir },
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl TestSidecar {
    /// Both kinds of sidecar, with empty homes.
    pub(crate) async fn both(generation: Generation) -> [Self; 2] {
        [Self::simulated(generation).await, Self::process(generation)]
    }

    async fn simulated(generation: Generation) -> Self {
        let simulator = Simulator::start(Access::AnyToken).await.unwrap();
        simulator.play(HOST, generation);
        simulator.join(HOST, CHAIN);
        simulator.faults(HOST, |faults| faults.delay = std::time::Duration::ZERO);
        let home = simulator.home(HOST);
        home.remove(node_key::FILE).unwrap();
        simulator.run(HOST);
        let port = simulator.connect_to()[1].rsplit(':').next().unwrap().parse().unwrap();
        Self { name: "simulator", home, port, kind: Kind::Simulated(simulator) }
    }

    pub(crate) fn process(generation: Generation) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [port] = ports();
        let process = Some(start(generation, folder.path(), port));
        let home = Home::new(folder.path().to_owned());
        Self { name: "process", home, port, kind: Kind::Process { generation, process, _folder: folder } }
    }

    /// The sidecar's process is terminated, as by the kubelet, and starts again.
    pub(crate) fn restart(&mut self) {
        self.terminate();
        self.start();
    }

    pub(crate) fn terminate(&mut self) {
        match &mut self.kind {
            Kind::Simulated(simulator) => simulator.stop(HOST),
            Kind::Process { process, .. } => drop(process.take().unwrap().terminate()),
        }
    }

    pub(crate) fn start(&mut self) {
        match &mut self.kind {
            Kind::Simulated(simulator) => simulator.run(HOST),
            Kind::Process { generation, process, .. } => {
                *process = Some(start(*generation, self.home.folder(), self.port));
            }
        }
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let body: Vec<u8> = body.into();
        let request = || {
            let uri = format!("http://127.0.0.1:{}{path}", self.port);
            let request = Request::builder().method(method.clone()).uri(uri).header(header::HOST, HOST);
            let request =
                headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            request.body(Body::from(body.clone())).unwrap()
        };
        let answer = process::answer(request).await;
        let (parts, body) = answer.into_parts();
        let body = to_bytes(Body::new(body), 1 << 22).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    pub(crate) async fn post(&self, body: &Value) -> Answer {
        self.ask(Method::POST, "/v0/tasks", &[], body.to_string()).await
    }

    /// The record of a task; null if there is none.
    pub(crate) async fn record(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v0/tasks/{id}")).await;
        if answer.status == StatusCode::OK {
            serde_json::from_str(&answer.body).unwrap()
        } else {
            Value::Null
        }
    }

    /// Submits a task with a new ID and returns its record when it has ended.
    pub(crate) async fn done(&self, type_: &str, params: Value) -> Value {
        let answer = self.post(&json!({ "type": type_, "params": params })).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}: {type_}: {}", self.name, answer.body);
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        self.ended(answer["id"].as_str().unwrap()).await
    }

    /// The record of a task that has ended.
    pub(crate) async fn ended(&self, id: &str) -> Value {
        process::eventually(id, async || self.record(id).await["status"] != "running").await;
        self.record(id).await
    }

    /// Status of each record, by its ID.
    pub(crate) async fn statuses(&self) -> BTreeMap<String, String> {
        let records: Vec<Value> = serde_json::from_str(&self.get("/v0/tasks").await.body).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        records.iter().map(|record| (text(&record["id"]), text(&record["status"]))).collect()
    }

    pub(crate) async fn is_ready(&self) -> bool {
        self.get("/v0/healthz").await.status == StatusCode::OK
    }
}

/// The stand-in for seictl.
pub(crate) fn seictl(home: &Path, port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seictl"));
    command.arg("serve").env_clear().env("SEI_HOME", home).env("SEI_SIDECAR_PORT", port.to_string()).envs([
        ("SEI_CHAIN_ID", CHAIN),
        ("SEI_GENESIS_BUCKET", "genesis"),
        ("SEI_GENESIS_REGION", "us-east-2"),
        ("SEI_SNAPSHOT_BUCKET", "snapshots"),
        ("SEI_SNAPSHOT_REGION", "us-east-2"),
        ("SEI_KEYRING_BACKEND", "test"),
    ]);
    command
}

fn start(generation: Generation, home: &Path, port: u16) -> Process {
    Process::start(seictl(home, port).env("SEICTL_RELEASE", generation.to_string()))
}
