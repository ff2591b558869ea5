//! The controllers from start to shutdown. None starts before every cache of all scopes has synced or is denied, since
//! nodes are observed across scopes.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future};
use kube::Client;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    cache::Filling, context::Options, error::Error, events::Publisher, metrics::Metrics, scopes::Scopes,
};

/// Time limit for active passes once the operator must stop. The next process resumes aborted passes, as after a crash.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);
/// How often the operator logs what it waits for at startup.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs the controller until `shutdown` resolves and the active passes have ended or exceeded their time limit. `ready`
/// is called once, when all caches have synced.
///
/// # Errors
/// [`Error::Ended`] when a watch ends before `shutdown` does, which is a bug.
pub async fn run(
    client: Client,
    options: Options,
    metrics: Arc<Metrics>,
    ready: impl Fn() + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let mut feeds = JoinSet::new();
    let events = Publisher::new(client.clone());
    let scopes = Scopes::watch(&client, &options, &metrics, &events, &mut feeds);
    let shutdown = shutdown.shared();
    let settled = async {
        while tokio::time::timeout(PATIENCE, scopes.settled()).await.is_err() {
            tracing::warn!(kinds = ?scopes.kinds(Filling::Waiting), "waiting for caches to sync");
        }
    };
    tokio::select! {
        () = settled => {}
        // No pass is active yet.
        () = shutdown.clone() => return Ok(()),
        ended = ended(&mut feeds) => return Err(ended),
    }
    let denied = scopes.kinds(Filling::Denied);
    if !denied.is_empty() {
        tracing::error!(kinds = ?denied, "not allowed to list and watch; nodes that depend on these kinds are not reconciled");
    }
    let announced = scopes.synced().then(|()| async move {
        ready();
        future::pending::<()>().await;
    });
    let (stop, stopped) = watch::channel(false);
    let limit = async move {
        shutdown.await;
        let _ = stop.send(true);
        tokio::time::sleep(SHUTDOWN_LIMIT).await;
    };
    let controllers = scopes.run(options.workers.max(1), &stopped);
    let ended = tokio::select! {
        () = announced => Ok(()),
        () = limit => {
            tracing::warn!(seconds = SHUTDOWN_LIMIT.as_secs(), "reconciles did not finish in time and were cancelled");
            Ok(())
        }
        () = controllers => match *stopped.borrow() {
            true => Ok(()),
            false => Err(Error::Ended { what: "the queue of SeiNodes" }),
        },
        ended = ended(&mut feeds) => Err(ended),
    };
    events.flush().await;
    ended
}

/// Resolves when a watch ends, which must not happen.
async fn ended(feeds: &mut JoinSet<()>) -> Error {
    if let Some(Err(error)) = feeds.join_next().await {
        tracing::error!(%error, "a watch panicked");
    }
    Error::Ended { what: "a watch" }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Method, Request, Response};
    use kube::client::Body;
    use prometheus_client::registry::Registry;
    use serde_json::{Value, json};
    use tokio::{sync::mpsc, time::timeout};

    use super::*;
    use crate::testbed;

    fn options(namespaces: &[&str]) -> Options {
        let namespaces = namespaces.iter().map(|name| (*name).into()).collect();
        Options { namespaces, ..Options::new(testbed::platform(&[])) }
    }

    fn metrics() -> Arc<Metrics> {
        Arc::new(Metrics::register(&mut Registry::default()))
    }

    /// How SeiNodes of namespace `theirs` are listed.
    #[derive(Clone, Copy, PartialEq)]
    enum Theirs {
        Slow,
        Refused,
        Listed,
    }

    /// An API server with one node in `ours`, which selects peers in `theirs`. Writes are reported but never answered.
    fn api_server(theirs: watch::Receiver<Theirs>, changes: mpsc::UnboundedSender<String>) -> Client {
        let peers = json!([{ "label": { "selector": { "net": "a" }, "namespace": "theirs" } }]);
        let mut node =
            serde_json::to_value(&*testbed::node("u", json!({ "fullNode": {}, "peers": peers }))).unwrap();
        node["metadata"]["namespace"] = "ours".into();
        let service = tower::service_fn(move |request: Request<Body>| {
            let (mut theirs, changes, node) = (theirs.clone(), changes.clone(), node.clone());
            async move {
                let path = request.uri().path().to_owned();
                if request.method() != Method::GET {
                    let _ = changes.send(path);
                    return future::pending().await;
                }
                if request.uri().query().is_some_and(|query| query.contains("watch=")) {
                    return future::pending().await;
                }
                let mut items: Vec<Value> = Vec::new();
                if path.ends_with("/namespaces/ours/seinodes") {
                    items.push(node);
                }
                let mut answer = (200, json!({ "metadata": { "resourceVersion": "1" }, "items": items }));
                if path.ends_with("/namespaces/theirs/seinodes") {
                    let settled = theirs.wait_for(|theirs| *theirs != Theirs::Slow).await;
                    if settled.is_ok_and(|theirs| *theirs == Theirs::Refused) {
                        answer = testbed::failure(403);
                        answer.1["reason"] = "Forbidden".into();
                    }
                }
                let body = Body::from(answer.1.to_string().into_bytes());
                Ok::<_, Infallible>(Response::builder().status(answer.0).body(body).unwrap())
            }
        });
        Client::new(service, "default")
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_not_reconciled_before_the_nodes_of_the_namespace_of_its_peers_are_known() {
        let (theirs, listed) = watch::channel(Theirs::Slow);
        let (changes, mut changed) = mpsc::unbounded_channel();
        let client = api_server(listed, changes);
        tokio::spawn(run(client, options(&["ours", "theirs"]), metrics(), || {}, future::pending()));
        let minute = Duration::from_secs(60);
        for state in [Theirs::Slow, Theirs::Refused] {
            theirs.send_replace(state);
            assert!(timeout(minute, changed.recv()).await.is_err(), "its peers would seem absent");
        }
        theirs.send_replace(Theirs::Listed);
        let first = timeout(10 * minute, changed.recv()).await.expect("it is reconciled then").unwrap();
        assert!(first.ends_with("/namespaces/ours/seinodes/node-0"), "{first}");
    }
}
