//! A scope without a cluster: a function responds to requests for single objects, and tests fill the stores.

use std::{convert::Infallible, future, sync::Arc};

use http::{Request, Response};
use kube::{Client, client::Body};
use prometheus_client::registry::Registry;
use sei_api::SeiNode;
use sei_render::Platform;
use sei_sidecar::{AlwaysOpen, Transport};
use sei_testkit::builders;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    cache::{Cache, Writers},
    context::Context,
    events::Publisher,
    exclusives::Exclusives,
    groups,
    memories::Memories,
    metrics::Metrics,
    neighbours::{Fleet, Neighbours},
    node_tasks,
    references::References,
    sidecar::{Directory, Permits, Sidecars, Tokens},
};

/// A status code and a body.
pub(crate) type Answer = (u16, Value);

/// The response to a request that failed.
pub(crate) fn failure(code: u16) -> Answer {
    let status = json!({ "apiVersion": "v1", "kind": "Status", "status": "Failure", "message": "failed", "code": code });
    (code, status)
}

/// The response for an object that does not exist.
pub(crate) fn not_found() -> Answer {
    let (code, mut status) = failure(404);
    status["reason"] = "NotFound".into();
    (code, status)
}

/// A client whose responses are selected by path. Watches of single objects never report anything. Each
/// request holds a clone of `answer` while it is open.
pub(crate) fn client(answer: impl Fn(&str) -> Answer + Clone + Send + 'static) -> Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let (uri, answer) = (request.uri().clone(), answer.clone());
        async move {
            if uri.query().is_some_and(|query| query.contains("fieldSelector")) {
                return future::pending().await;
            }
            let (code, body) = answer(uri.path());
            let body = Body::from(body.to_string().into_bytes());
            Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
        }
    });
    Client::new(service, "default")
}

/// A small platform with additional `settings`.
pub(crate) fn platform(settings: &[(&str, &str)]) -> Platform {
    let settings = builders::platform().into_iter().chain(settings.iter().copied());
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Platform::from_settings(&settings).unwrap()
}

/// A context with a small platform and additional `settings`, and the writers of its stores.
pub(crate) fn context(client: &Client, settings: &[(&str, &str)]) -> (Arc<Context>, Writers) {
    let platform = platform(settings);
    let metrics = Arc::new(Metrics::register(&mut Registry::default()));
    let events = Publisher::new(client.clone());
    let (cache, writers) = Cache::new(true);
    let (wake, _) = mpsc::unbounded_channel();
    let sidecars = Arc::new(Sidecars {
        transport: Transport::new(Vec::new(), Arc::new(AlwaysOpen)),
        tokens: Tokens::new(client, None),
        permits: Permits::default(),
        metrics: Arc::clone(&metrics),
        wake: wake.clone(),
        directory: Directory::default(),
    });
    let dependencies = groups::Dependencies {
        client: client.clone(),
        platform: &platform,
        sidecars: Arc::clone(&sidecars),
        genesis_bucket: None,
        metrics: Arc::clone(&metrics),
        events: events.clone(),
    };
    let stores = groups::Stores::new();
    let everywhere = Arc::new([stores.published()]);
    let (groups, _, _) = groups::Context::new(dependencies, &cache, stores, everywhere);
    let dependencies = node_tasks::Dependencies {
        client: client.clone(),
        sidecars: Arc::clone(&sidecars),
        metrics: Arc::clone(&metrics),
        events: events.clone(),
        wake_nodes: wake.clone(),
    };
    let (node_tasks, _, _) = node_tasks::Context::new(dependencies, &cache);
    let context = Context {
        client: client.clone(),
        platform,
        sidecars,
        genesis_bucket: None,
        references: References::new(client.clone(), wake.clone(), Arc::clone(&metrics)),
        neighbours: Neighbours {
            fleet: Arc::new([Fleet {
                namespace: None,
                nodes: cache.nodes.clone(),
                progress: cache.progress.clone(),
            }]),
            wakes: vec![wake.clone()],
            node_ids: Arc::default(),
            turns: Arc::default(),
        },
        cache,
        exclusives: Arc::new(Exclusives::new(Vec::new(), vec![wake.clone()])),
        wake,
        metrics,
        events,
        memories: Memories::default(),
        pace: Arc::default(),
        groups,
        node_tasks,
    };
    (Arc::new(context), writers)
}

/// SeiNode `sei/node-0` with this UID, and `parts` in its spec.
pub(crate) fn node(uid: &str, parts: Value) -> Arc<SeiNode> {
    let mut spec = json!({ "chainId": "pacific-1", "image": "seid:a" });
    let Value::Object(parts) = parts else { panic!("the parts of a spec are an object") };
    spec.as_object_mut().unwrap().extend(parts);
    let metadata = json!({ "name": "node-0", "namespace": "sei", "uid": uid, "generation": 1 });
    Arc::new(serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap())
}
