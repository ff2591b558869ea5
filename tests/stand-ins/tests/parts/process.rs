//! A running stand-in, and requests to it.

use std::{
    io::Read,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum::body::{Body, to_bytes};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};

/// Long enough for a busy machine; nothing is measured with it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A process; killed when dropped.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Sends SIGTERM, like the kubelet; returns its exit code and output.
    pub(crate) fn terminate(self) -> (i32, String) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.end()
    }

    /// Waits until it exits; returns its exit code and output.
    pub(crate) fn end(mut self) -> (i32, String) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not exit");
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut output = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut output).unwrap();
        (status.code().unwrap(), output)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ports that are free now.
pub(crate) fn ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// Response to a request over plain HTTP. Waits until a process listens.
pub(crate) async fn answer(request: impl Fn() -> Request<Body>) -> Response<Incoming> {
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let began = Instant::now();
    loop {
        match client.request(request()).await {
            Ok(answer) => return answer,
            Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Status and body of a response.
pub(crate) async fn ask(request: impl Fn() -> Request<Body>) -> (StatusCode, String) {
    let (parts, body) = answer(request).await.into_parts();
    let body = to_bytes(Body::new(body), 1 << 20).await.unwrap();
    (parts.status, String::from_utf8(body.to_vec()).unwrap())
}

/// Response to a GET.
pub(crate) async fn get(port: u16, path: &str) -> (StatusCode, String) {
    ask(|| Request::get(format!("http://127.0.0.1:{port}{path}")).body(Body::empty()).unwrap()).await
}

/// Response to a GET, as JSON.
pub(crate) async fn get_json(port: u16, path: &str) -> Value {
    let (status, body) = get(port, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Waits until `holds` returns true.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Response to the submission of a task to a sidecar.
pub(crate) async fn submit(port: u16, body: Value) -> (StatusCode, Value) {
    let request = || {
        let uri = format!("http://127.0.0.1:{port}/v0/tasks");
        Request::post(uri).body(Body::from(body.to_string())).unwrap()
    };
    let (status, body) = ask(request).await;
    (status, serde_json::from_str(&body).unwrap())
}

/// Submits a task to a sidecar and waits until it ends.
pub(crate) async fn done(port: u16, type_: &str, params: Value) -> Value {
    let (status, answer) = submit(port, json!({ "type": type_, "params": params })).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let path = format!("/v0/tasks/{}", answer["id"].as_str().unwrap());
    eventually(type_, async || get_json(port, &path).await["status"] != "running").await;
    get_json(port, &path).await
}

/// Waits until a process listens on a port.
pub(crate) async fn listening(port: u16) {
    eventually("listening", async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
}
