//! A stand-in that runs, and how it is asked.

use std::{
    io::Read,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

/// Long enough for a busy machine; nothing is measured by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A process; killed when dropped.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Asks it to end as the kubelet does; its exit code and what it wrote.
    pub(crate) fn terminate(self) -> (i32, String) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.end()
    }

    /// Waits for its end; its exit code and what it wrote.
    pub(crate) fn end(mut self) -> (i32, String) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut told = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut told).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        (status.code().unwrap(), told)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already ended is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ports that nothing listens on now.
pub(crate) fn ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// Answer to a request over plain HTTP: status and body. Waits until somebody listens.
pub(crate) async fn ask(request: impl Fn() -> Request<Body>) -> (StatusCode, String) {
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let began = Instant::now();
    loop {
        match client.request(request()).await {
            Ok(answer) => {
                let status = answer.status();
                let body = to_bytes(Body::new(answer.into_body()), 1 << 20).await.unwrap();
                return (status, String::from_utf8(body.to_vec()).unwrap());
            }
            Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Answer to a GET.
pub(crate) async fn get(port: u16, path: &str) -> (StatusCode, String) {
    ask(|| Request::get(format!("http://127.0.0.1:{port}{path}")).body(Body::empty()).unwrap()).await
}

/// Answer to a GET, as JSON.
pub(crate) async fn get_json(port: u16, path: &str) -> Value {
    let (status, body) = get(port, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Waits until `holds` does.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
