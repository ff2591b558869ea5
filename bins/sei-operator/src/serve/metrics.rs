//! Metrics of the process, with the names of client-go: leader election, and responses of the API server.

use std::{
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use kube::client::Body;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use tower::{Layer, Service};

/// Counters of the process.
#[derive(Clone)]
pub(super) struct Process {
    leader: Family<LeaseLabels, Gauge>,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<MethodLabels, Histogram, fn() -> Histogram>,
}

/// In seconds, the same as in client-go.
const SECONDS: [f64; 11] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 30.0, 60.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeaseLabels {
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    code: String,
    method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

impl Process {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let process = Self {
            leader: Family::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        };
        registry.register(
            "leader_election_master_status",
            "1 for the replica that holds the lease, 0 for one that waits",
            process.leader.clone(),
        );
        registry.register(
            "rest_client_requests",
            "Requests to the API server, by method and by status code of the response",
            process.requests.clone(),
        );
        registry.register(
            "rest_client_request_duration_seconds",
            "Time until the API server responds, by method; a watch responds when it starts",
            process.seconds.clone(),
        );
        let build: Family<BuildLabels, Gauge> = Family::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("sei_operator_build_info", "1, with the version as a label", build);
        process
    }

    /// Sets whether this replica holds `lease`.
    pub(super) fn leads(&self, lease: &str, leads: bool) {
        self.leader.get_or_create(&LeaseLabels { name: lease.to_owned() }).set(i64::from(leads));
    }

    fn answered(&self, method: String, code: String, took: Duration) {
        self.seconds.get_or_create(&MethodLabels { method: method.clone() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { code, method }).inc();
    }
}

/// Wraps the client's stack: each request counts once, regardless of retries inside.
impl<S> Layer<S> for Process {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, process: self.clone() }
    }
}

/// A service whose responses are counted.
#[derive(Clone)]
pub(super) struct Counted<S> {
    inner: S,
    process: Process,
}

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (process, method) = (self.process.clone(), request.method().to_string());
        let started = Instant::now();
        let count = move |answer: &Result<Response<B>, S::Error>| {
            let code =
                answer.as_ref().map_or("<error>".to_owned(), |answer| answer.status().as_str().to_owned());
            process.answered(method, code, started.elapsed());
        };
        self.inner.call(request).inspect(count).boxed()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use sei_testkit::metrics::documented;
    use tower::{ServiceExt, service_fn};

    use super::*;

    fn served(registry: &Registry) -> String {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text
    }

    #[tokio::test]
    async fn answers_are_counted_by_method_and_code() {
        let mut registry = Registry::default();
        let process = Process::register(&mut registry);
        let forbidden = service_fn(async |_: Request<Body>| {
            Ok::<_, std::io::Error>(Response::builder().status(403).body(()).unwrap())
        });
        let refused =
            service_fn(async |_: Request<Body>| Err::<Response<()>, _>(std::io::Error::other("refused")));
        for _ in 0..2 {
            let request = Request::post("/").body(Body::empty()).unwrap();
            process.layer(forbidden).oneshot(request).await.unwrap();
        }
        process.layer(refused).oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap_err();
        let text = served(&registry);
        assert!(text.contains("rest_client_requests_total{code=\"403\",method=\"POST\"} 2"), "{text}");
        assert!(text.contains("rest_client_requests_total{code=\"<error>\",method=\"GET\"} 1"), "{text}");
    }

    #[test]
    fn every_served_metric_is_documented_and_every_documented_one_served() {
        let mut registry = Registry::default();
        let process = Process::register(&mut registry);
        process.leads("lease", true);
        process.answered("GET".into(), "200".into(), Duration::from_millis(5));
        let documented = documented().into_iter().filter(|metric| {
            // The other metrics belong to the controller.
            let prefixes = ["sei_controller_", "controller_runtime_", "workqueue_"];
            !prefixes.iter().any(|prefix| metric.name.starts_with(prefix))
        });
        assert_eq!(sei_testkit::metrics::served(&served(&registry)), documented.collect());
    }
}
