//! Wiring: one controller a scope (all namespaces, or one each), fed by the watches of its cache.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::{
    FutureExt, StreamExt,
    future::{self, BoxFuture, Shared},
    stream,
};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Client, ResourceExt,
    api::PartialObjectMeta,
    runtime::{
        Controller,
        controller::{self, Action},
        reflector::{ObjectRef, Store},
    },
};
use sei_api::{SeiNode, labels, names::full_name};
use sei_sidecar::Transport;
use tokio::sync::{mpsc, watch};

use crate::{
    cache::{Cache, Feeds},
    context::{Context, Options, SecretAccess},
    error::{Error, PassError},
    exclusives::{Exclusives, Stores},
    metrics::Metrics,
    neighbours::Neighbours,
    reconcile::reconcile,
    references::References,
    sidecar::{Permits, Sidecars, Tokens},
};

/// No pass takes longer: its calls have deadlines of their own, this one is for what nobody thought of.
const PASS_LIMIT: Duration = Duration::from_secs(120);
/// Retry delays of failed passes: the first, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(300));

/// Runs the controller until `shutdown` resolves and the passes under way have ended. `ready` is called once,
/// when all caches have been filled.
///
/// # Errors
/// [`Error::WatchEnded`] when a watch ends before `shutdown` does, which is a defect.
pub async fn run(
    client: Client,
    options: Options,
    metrics: Arc<Metrics>,
    ready: impl Fn() + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let transport = Transport::new(options.connect_to.clone(), Arc::clone(&options.gate));
    let tokens = Tokens::new(&client, options.token_file.clone());
    let permits = Permits::default();
    let scopes: Vec<Option<&str>> = match options.namespaces.as_slice() {
        [] => vec![None],
        namespaces => namespaces.iter().map(|namespace| Some(namespace.as_str())).collect(),
    };
    metrics.workers(usize::from(options.workers.max(1)) * scopes.len());
    let all_tls_secrets = options.secret_access == SecretAccess::Watch;
    let watched: Vec<_> = scopes.iter().map(|scope| Cache::watch(&client, *scope, all_tls_secrets)).collect();
    let stores = scopes.iter().zip(&watched).map(|(scope, (cache, _))| Stores {
        namespace: scope.map(str::to_owned),
        nodes: cache.nodes.clone(),
        stateful_sets: cache.stateful_sets.clone(),
        jobs: cache.jobs.clone(),
        pods: cache.pods.clone(),
    });
    let stores = stores.collect();
    let fleet: Arc<[Store<SeiNode>]> = watched.iter().map(|(cache, _)| cache.nodes.clone()).collect();

    let (stop, stopped) = watch::channel(false);
    let (wakes, mut woken): (Vec<_>, Vec<_>) = watched.iter().map(|_| mpsc::unbounded_channel()).unzip();
    let exclusives = Arc::new(Exclusives::new(stores, wakes.clone()));
    let filled = watched.iter().map(|(cache, _)| cache.synced());
    let filled = future::join_all(filled).map(drop).boxed().shared();
    let mut scopes = Vec::new();
    for (cache, feeds) in watched {
        let woken = woken.remove(0);
        let context = Context {
            client: client.clone(),
            platform: options.platform.clone(),
            sidecars: Sidecars {
                transport: transport.clone(),
                tokens: tokens.clone(),
                permits: permits.clone(),
                metrics: Arc::clone(&metrics),
                wake: wakes[scopes.len()].clone(),
            },
            genesis_bucket: options.genesis_bucket.clone(),
            cache,
            references: References::new(client.clone(), wakes[scopes.len()].clone()),
            neighbours: Neighbours { fleet: Arc::clone(&fleet), wakes: wakes.clone() },
            exclusives: Arc::clone(&exclusives),
            metrics: Arc::clone(&metrics),
            memories: Mutex::default(),
        };
        scopes.push(
            scope(Arc::new(context), feeds, woken, options.workers, filled.clone(), stopped.clone()).boxed(),
        );
    }
    let announce = filled.then(|()| async move {
        ready();
        future::pending::<()>().await;
    });
    let end = async move {
        shutdown.await;
        // The scopes hold the receivers for as long as they run.
        let _ = stop.send(true);
        future::pending::<()>().await;
    };
    tokio::select! {
        () = announce => Ok(()),
        () = end => Ok(()),
        _ = future::join_all(scopes) => match *stopped.borrow() {
            true => Ok(()),
            false => Err(Error::WatchEnded { kind: "SeiNode" }),
        },
    }
}

/// The controller of one scope.
async fn scope(
    ctx: Arc<Context>,
    feeds: Feeds,
    woken: mpsc::UnboundedReceiver<ObjectRef<SeiNode>>,
    workers: u16,
    hold: Shared<BoxFuture<'static, ()>>,
    mut stopped: watch::Receiver<bool>,
) {
    let exclusives = Arc::clone(&ctx.exclusives);
    let config = controller::Config::default().concurrency(workers.max(1));
    let woken = stream::unfold(woken, |mut woken| async move { Some((woken.recv().await?, woken)) });
    let controller = Controller::for_stream(feeds.nodes, ctx.cache.nodes.clone())
        .with_config(config)
        .owns_stream(feeds.stateful_sets)
        .owns_stream(feeds.services)
        .owns_stream(feeds.config_maps)
        .owns_stream(feeds.claims)
        .owns_stream(feeds.jobs)
        .watches_stream(feeds.pods, move |pod| {
            exclusives.wake_held();
            node_of_pod(pod)
        })
        .reconcile_on(woken);
    let controller = match feeds.tls_secrets {
        Some(secrets) => controller.watches_stream(secrets, naming(ctx.cache.nodes.clone())),
        None => controller,
    };
    let controller = controller.graceful_shutdown_on(async move {
        // An error means that the sender is gone, which is a shutdown too.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    });
    // No pass starts before the caches of all scopes are filled: what is in none of them could be missing by mistake.
    let passes = controller.run(
        move |node, ctx| {
            let hold = hold.clone();
            async move {
                hold.await;
                pass(node, ctx).await
            }
        },
        retry,
        ctx,
    );
    passes
        .for_each(|result| {
            if let Err(error @ controller::Error::QueueError(_)) = result {
                tracing::warn!(%error, "watch failed, trying again");
            }
            future::ready(())
        })
        .await;
}

/// One pass with its deadline; a panic in it is an error of that node alone.
async fn pass(node: Arc<SeiNode>, ctx: Arc<Context>) -> Result<Action, PassError> {
    let began = Instant::now();
    let _begun = ctx.metrics.begun();
    let guarded = AssertUnwindSafe(reconcile(Arc::clone(&node), &ctx)).catch_unwind();
    let result = match tokio::time::timeout(PASS_LIMIT, guarded).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(PassError::Panicked { node: full_name(&node) }),
        Err(_) => Err(PassError::Deadline { node: full_name(&node), seconds: PASS_LIMIT.as_secs() }),
    };
    if result.is_ok() {
        ctx.memory(&node, |memory| memory.failures = 0);
    }
    ctx.metrics.reconciled(result.as_ref().err().map(PassError::category), began.elapsed());
    result
}

/// A failed pass is repeated after a delay that doubles with each failure in a row.
fn retry(node: Arc<SeiNode>, error: &PassError, ctx: Arc<Context>) -> Action {
    let failures = ctx.memory(&node, |memory| {
        memory.failures = memory.failures.saturating_add(1);
        memory.failures
    });
    // Somebody wrote the object meanwhile; that is everyday life and not worth a line.
    if error.category() == "conflict" {
        tracing::debug!(node = full_name(&node), %error, "pass is repeated");
    } else {
        tracing::warn!(node = full_name(&node), %error, failures, "pass failed and is repeated");
    }
    let delay = RETRY.0.saturating_mul(1 << (failures - 1).min(12)).min(RETRY.1);
    Action::requeue(delay.mul_f64(1.0 + 0.25 * ctx.jitter()))
}

fn node_of_pod(pod: Pod) -> Option<ObjectRef<SeiNode>> {
    let name = pod.labels().get(labels::NODE)?;
    Some(ObjectRef::new(name).within(&pod.namespace()?))
}

/// The nodes that name a TLS Secret.
fn naming(
    nodes: Store<SeiNode>,
) -> impl Fn(PartialObjectMeta<Secret>) -> Vec<ObjectRef<SeiNode>> + Send + Sync + 'static {
    move |secret| {
        let names_it = |node: &SeiNode| {
            node.spec.tls().is_some_and(|tls| Some(&tls.secret_name) == secret.metadata.name.as_ref())
                && node.metadata.namespace == secret.metadata.namespace
        };
        let nodes = nodes.state_filter(names_it);
        nodes.iter().map(|node| ObjectRef::from_obj(&**node)).collect()
    }
}
