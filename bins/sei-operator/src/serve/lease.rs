//! Leader election as client-go does it, on the Go controller's lease: the two never work at the same time.
//! Every write is a PUT with the resourceVersion that was read, so that of two that try one is refused.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use sei_controller::rbac::LEASE as NAME;
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use super::gate::Gate;

/// How long a lease holds after its last renewal.
const DURATION: Duration = Duration::from_secs(15);
/// The holder gives up when it could not renew for this long.
const DEADLINE: Duration = Duration::from_secs(10);
/// Pause between attempts.
const PERIOD: Duration = Duration::from_secs(2);

/// The lease, held and renewed in the background.
pub(super) struct Held {
    api: Api<Lease>,
    identity: String,
    renewals: JoinHandle<anyhow::Error>,
}

/// Waits for the lease, and from then on keeps `gate` open for as long as it holds. `None` when asked to stop before
/// that.
pub(super) async fn acquire(
    client: Client,
    namespace: &str,
    gate: Gate,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<Option<Held>> {
    let api: Api<Lease> = Api::namespaced(client, namespace);
    let host = std::env::var("HOSTNAME").or_else(|_| std::env::var("POD_NAME"));
    let host = host.unwrap_or_else(|_| "sei-operator".to_owned());
    let identity = format!("{host}_{}", uuid::Uuid::new_v4());
    tracing::info!(lease = NAME, namespace, identity, "waiting for the lease");
    let mut seen = Seen::default();
    let taken = loop {
        let asked = Instant::now();
        match attempt(&api, &identity, &mut seen).await {
            Ok(true) => break asked,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, lease = NAME, namespace, "lease could not be read or written, trying again")
            }
        }
        let pause = PERIOD.mul_f64(1.0 + spread(&identity));
        tokio::select! {
            () = sleep(pause) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return Ok(None),
        }
    };
    gate.open_until(taken + DEADLINE);
    tracing::info!(lease = NAME, namespace, identity, "the lease is held");
    let renewals = tokio::spawn(renew(api.clone(), identity.clone(), gate, taken));
    Ok(Some(Held { api, identity, renewals }))
}

impl Held {
    /// Resolves when the lease can no longer be counted on.
    pub(super) async fn lost(&mut self) -> anyhow::Error {
        match (&mut self.renewals).await {
            Ok(why) => why,
            Err(error) => anyhow!(error),
        }
    }

    /// Gives the lease back, so that the next holder need not wait for its end.
    pub(super) async fn release(self) {
        self.renewals.abort();
        let given_back = async {
            let mut lease = self.api.get(NAME).await?;
            let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
            if holder != Some(self.identity.as_str()) {
                return Ok(());
            }
            let spec = lease.spec.get_or_insert_default();
            let now = MicroTime(Timestamp::now());
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
            spec.acquire_time = Some(now.clone());
            spec.renew_time = Some(now);
            self.api.replace(NAME, &PostParams::default(), &lease).await.map(drop)
        };
        match tokio::time::timeout(PERIOD, given_back).await {
            Ok(Ok(())) => tracing::info!(lease = NAME, "the lease is given back"),
            Ok(Err(error)) => {
                tracing::warn!(%error, lease = NAME, "the lease could not be given back; it ends by itself")
            }
            Err(_) => {
                tracing::warn!(lease = NAME, "the lease could not be given back in time; it ends by itself")
            }
        }
    }
}

async fn renew(api: Api<Lease>, identity: String, gate: Gate, mut renewed: Instant) -> anyhow::Error {
    let mut seen = Seen::default();
    loop {
        sleep(PERIOD).await;
        let left = DEADLINE.saturating_sub(renewed.elapsed());
        let asked = Instant::now();
        match tokio::time::timeout(left, attempt(&api, &identity, &mut seen)).await {
            Ok(Ok(true)) => {
                renewed = asked;
                gate.open_until(renewed + DEADLINE);
            }
            Ok(Ok(false)) => tracing::warn!(lease = NAME, "lease was written by somebody else, trying again"),
            Ok(Err(error)) => tracing::warn!(%error, lease = NAME, "lease was not renewed, trying again"),
            Err(_) => {}
        }
        if renewed.elapsed() >= DEADLINE {
            return anyhow!("it could not be renewed for {} s", DEADLINE.as_secs());
        }
    }
}

/// The lease as it was last seen to change. Its age is measured by our own clock: those of others may be off.
#[derive(Default)]
struct Seen {
    version: Option<String>,
    at: Option<Instant>,
}

/// Takes or renews the lease if it is ours, free or run out. `false` while another holds it.
async fn attempt(api: &Api<Lease>, identity: &str, seen: &mut Seen) -> anyhow::Result<bool> {
    let now = MicroTime(Timestamp::now());
    let Some(mut lease) = api.get_opt(NAME).await.context("read the lease")? else {
        let spec = LeaseSpec {
            holder_identity: Some(identity.to_owned()),
            lease_duration_seconds: Some(seconds(DURATION)),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(0),
            ..LeaseSpec::default()
        };
        let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
        return won(api.create(&PostParams::default(), &Lease { metadata, spec: Some(spec) }).await);
    };
    if seen.version != lease.metadata.resource_version {
        *seen = Seen { version: lease.metadata.resource_version.clone(), at: Some(Instant::now()) };
    }
    let spec = lease.spec.get_or_insert_default();
    let holder = spec.holder_identity.clone().unwrap_or_default();
    let is_ours = holder == identity;
    let lasts = Duration::from_secs(u64::try_from(spec.lease_duration_seconds.unwrap_or(0)).unwrap_or(0));
    let runs = seen.at.is_none_or(|at| at.elapsed() < lasts);
    if !is_ours && !holder.is_empty() && runs {
        return Ok(false);
    }
    if !is_ours {
        spec.acquire_time = Some(now.clone());
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0) + 1);
    }
    spec.holder_identity = Some(identity.to_owned());
    spec.lease_duration_seconds = Some(seconds(DURATION));
    spec.renew_time = Some(now);
    won(api.replace(NAME, &PostParams::default(), &lease).await)
}

/// A conflict means that another was faster.
fn won(written: kube::Result<Lease>) -> anyhow::Result<bool> {
    match written {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(false),
        Err(error) => Err(error).context("write the lease"),
    }
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

/// 0 to 1, one value a process, so that replicas do not ask in step.
fn spread(identity: &str) -> f64 {
    let last = identity.bytes().last().unwrap_or_default();
    f64::from(last % 16) / 16.0
}
