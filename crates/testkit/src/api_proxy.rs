//! A proxy between the operator and an API server that injects faults of the connection: watches that lag,
//! break or are denied. It records the requests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{
    Router,
    extract::{Request, State},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http_body_util::BodyExt;
use kube::{
    Client, Config,
    client::Body,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::cluster::Cluster;

/// A running proxy; stopped when dropped.
pub struct ApiProxy {
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    upstream: Client,
    orders: Mutex<Orders>,
    /// Counts how often all watches were broken.
    breaks: watch::Sender<u64>,
    requests: Mutex<Vec<Recorded>>,
}

#[derive(Default)]
struct Orders {
    /// Delay of the events of a kind, by its plural; `""` for all other kinds.
    delays: BTreeMap<String, Duration>,
    /// Kinds whose lists and watches are denied, by their plurals.
    denied: BTreeSet<String>,
    /// Kinds whose lists and watches never get a response, by their plurals.
    hung: BTreeSet<String>,
}

/// A request of the operator.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// When it arrived.
    pub at: Instant,
    /// `PATCH` and so on.
    pub method: Method,
    /// Its path.
    pub path: String,
    /// Whether it is a watch.
    pub is_watch: bool,
}

impl Recorded {
    /// Method, kind and subresource.
    pub fn summary(&self) -> String {
        let kind = plural(&self.path);
        let subresource = match self.path.rsplit('/').next() {
            Some(last @ ("status" | "token")) => format!("/{last}"),
            _ => String::new(),
        };
        format!("{} {kind}{subresource}", self.method)
    }
}

impl ApiProxy {
    /// Puts a proxy in front of the API server for operators that start from now on.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn in_front_of(cluster: &Cluster) -> anyhow::Result<Self> {
        let path = cluster.operator_kubeconfig();
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let mut kubeconfig: Value = serde_json::from_str(&text)?;
        let mut anonymous = kubeconfig.clone();
        // The caller's token is forwarded.
        anonymous["users"][0]["user"] = json!({});
        let anonymous: Kubeconfig = serde_json::from_value(anonymous)?;
        let mut config = Config::from_custom_kubeconfig(anonymous, &KubeConfigOptions::default()).await?;
        config.default_retry = false;
        let shared = Arc::new(Shared {
            upstream: Client::try_from(config)?,
            orders: Mutex::default(),
            breaks: watch::Sender::new(0),
            requests: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        kubeconfig["clusters"][0]["cluster"] = json!({ "server": format!("http://{address}") });
        fs::write(&path, kubeconfig.to_string())?;
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // Ends with the tests.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { shared, server })
    }

    /// From now on events of the kind `plural` arrive with this delay; `""` means all kinds without a
    /// separate delay.
    pub fn delay(&self, plural: &str, delay: Duration) {
        lock(&self.shared.orders).delays.insert(plural.to_owned(), delay);
    }

    /// From now on the kind `plural` can neither be listed nor watched. Open watches remain.
    pub fn deny(&self, plural: &str) {
        lock(&self.shared.orders).denied.insert(plural.to_owned());
    }

    /// From now on it can be listed and watched.
    pub fn allow(&self, plural: &str) {
        lock(&self.shared.orders).denied.remove(plural);
    }

    /// From now on lists and watches of the kind `plural` never get a response.
    pub fn hang(&self, plural: &str) {
        lock(&self.shared.orders).hung.insert(plural.to_owned());
    }

    /// Ends every open watch with status 410, as an API server does for an expired resource version.
    pub fn break_watches(&self) {
        self.shared.breaks.send_modify(|count| *count += 1);
    }

    /// The kinds that were watched so far, by their plurals.
    pub fn watched(&self) -> BTreeSet<String> {
        let requests = lock(&self.shared.requests);
        let watches = requests.iter().filter(|request| request.is_watch);
        watches.map(|request| plural(&request.path).to_owned()).collect()
    }

    /// The requests since `start`, except watches and requests for leases.
    pub fn requests_since(&self, start: Instant) -> Vec<Recorded> {
        let requests = lock(&self.shared.requests);
        let is_counted = |request: &&Recorded| {
            request.at >= start && !request.is_watch && plural(&request.path) != "leases"
        };
        requests.iter().filter(is_counted).cloned().collect()
    }

    /// Those of them that change something.
    pub fn writes_since(&self, start: Instant) -> Vec<Recorded> {
        self.requests_since(start).into_iter().filter(|request| request.method != Method::GET).collect()
    }
}

impl Drop for ApiProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let plural = plural(parts.uri.path()).to_owned();
    let is_read = parts.method == Method::GET;
    let is_watch = is_read && is_watch(&parts.uri);
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    lock(&shared.requests).push(Recorded { at: Instant::now(), method, path, is_watch });
    if is_read && lock(&shared.orders).denied.contains(&plural) {
        return status(StatusCode::FORBIDDEN, "Forbidden", &format!("{plural} is forbidden")).into_response();
    }
    if is_read && lock(&shared.orders).hung.contains(&plural) {
        return std::future::pending().await;
    }
    let Ok(body) = body.collect().await else { return StatusCode::BAD_REQUEST.into_response() };
    let mut request = http::Request::from_parts(parts, Body::from(body.to_bytes().to_vec()));
    request.headers_mut().remove(http::header::HOST);
    let answer = match shared.upstream.send(request).await {
        Ok(answer) => answer,
        Err(error) => {
            return status(StatusCode::BAD_GATEWAY, "BadGateway", &error.to_string()).into_response();
        }
    };
    let (mut parts, body) = answer.into_parts();
    // The body may have another length now.
    parts.headers.remove(http::header::CONTENT_LENGTH);
    parts.headers.remove(http::header::TRANSFER_ENCODING);
    let body = match is_watch && parts.status.is_success() {
        true => axum::body::Body::from_stream(watched(&shared, &plural, body)),
        false => axum::body::Body::new(body),
    };
    Response::from_parts(parts, body)
}

/// The events of a watch, with their delay, until all watches are broken. What is delayed by then is lost.
fn watched(
    shared: &Arc<Shared>,
    plural: &str,
    body: Body,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + use<> {
    let (late, arrived) = mpsc::unbounded_channel();
    let broken = shared.breaks.subscribe();
    let (shared, plural) = (Arc::clone(shared), plural.to_owned());
    tokio::spawn(async move {
        let mut events = std::pin::pin!(body.into_data_stream());
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = late.closed() => return,
            };
            let Some(Ok(event)) = event else { return };
            let delay = {
                let orders = lock(&shared.orders);
                orders.delays.get(&plural).or_else(|| orders.delays.get("")).copied().unwrap_or_default()
            };
            if late.send((Instant::now() + delay, event)).is_err() {
                return;
            }
        }
    });
    stream::unfold(Some((arrived, broken)), |open| async move {
        let (mut arrived, mut broken) = open?;
        let due = async {
            let (due, event) = arrived.recv().await?;
            tokio::time::sleep_until(due.into()).await;
            Some(event)
        };
        tokio::select! {
            event = due => Some((Ok(event?), Some((arrived, broken)))),
            _ = broken.changed() => {
                let (_, gone) = status(StatusCode::GONE, "Expired", "too old resource version");
                Some((Ok(Bytes::from(format!("{{\"type\":\"ERROR\",\"object\":{gone}}}\n"))), None))
            }
        }
    })
}

fn status(code: StatusCode, reason: &str, message: &str) -> (StatusCode, String) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code.as_u16(), "reason": reason, "message": message,
    });
    (code, status.to_string())
}

/// The plural of the kind in `/api/v1/...` or `/apis/GROUP/VERSION/...`.
fn plural(path: &str) -> &str {
    let mut parts = path.trim_start_matches('/').split('/');
    let skipped = if parts.next() == Some("apis") { 2 } else { 1 };
    let mut parts = parts.skip(skipped);
    match parts.next() {
        Some("namespaces") => parts.nth(1).unwrap_or("namespaces"),
        plural => plural.unwrap_or_default(),
    }
}

fn is_watch(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_parsed_from_a_path() {
        for (path, expected) in [
            ("/api/v1/pods", "pods"),
            ("/api/v1/namespaces/a/pods/b", "pods"),
            ("/apis/sei.io/v1alpha1/namespaces/a/seinodes/b/status", "seinodes"),
            ("/apis/batch/v1/jobs", "jobs"),
            ("/api/v1/namespaces/a", "namespaces"),
            ("/version", ""),
        ] {
            assert_eq!(plural(path), expected, "{path}");
        }
    }
}
