//! Leader election like client-go. Every write is a PUT with the resourceVersion of the last read or write,
//! so that one of two concurrent writes is rejected.

mod claim;
mod identity;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

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
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use self::{
    claim::{Claim, ObservedChange, claim, renewed, taken},
    identity::Identity,
};
use super::{gate::Gate, readiness::Readiness, shutdown};
use crate::words::words;

/// How long a lease is valid after its last renewal.
const DURATION: Duration = Duration::from_secs(15);
/// The holder gives up if it could not renew for this long.
const DEADLINE: Duration = Duration::from_secs(10);
/// Interval between attempts.
const PERIOD: Duration = Duration::from_secs(2);

/// The lease, held and renewed in the background.
pub(super) struct Held {
    lock: Arc<Lock>,
    gate: Gate,
    renewals: JoinHandle<anyhow::Error>,
}

/// Waits for lease `name`, and then keeps `gate` open while the lease is valid. `None` if stopped before that.
/// `readiness` reflects whether the lease can be read and written at all.
pub(super) async fn acquire(
    client: Client,
    (namespace, name): (&str, &str),
    gate: Gate,
    readiness: &Readiness,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<Option<Held>> {
    let identity = Identity::of_process()?;
    tracing::info!(lease = name, namespace, identity = identity.holder, "waiting for the lease");
    let lock = Arc::new(Lock { api: Api::namespaced(client, namespace), name: name.to_owned(), identity });
    let mut attempts = Attempts { lock: Arc::clone(&lock), written: None, seen: ObservedChange::default() };
    let taken = tokio::select! {
        taken = attempts.until_taken(readiness) => taken,
        () = shutdown::requested(stopped) => return Ok(None),
    };
    gate.open_until(taken + DEADLINE);
    tracing::info!(lease = name, namespace, identity = lock.identity.holder, "acquired the lease");
    let renewals = tokio::spawn(attempts.keep(gate.clone(), taken));
    Ok(Some(Held { lock, gate, renewals }))
}

impl Held {
    /// Resolves when the lease is lost.
    pub(super) async fn lost(&mut self) -> anyhow::Error {
        match (&mut self.renewals).await {
            Ok(why) => why,
            Err(error) => anyhow!(error),
        }
    }

    /// Releases the lease, so that the next holder does not have to wait until it expires. Nothing is written
    /// after that.
    pub(super) async fn release(self) {
        self.renewals.abort();
        self.gate.shut();
        let lease = &self.lock.name;
        match timeout(PERIOD, self.lock.give_back()).await {
            Ok(Ok(())) => tracing::info!(lease, "released the lease"),
            Ok(Err(error)) => tracing::warn!(%error, lease, "failed to release the lease; it expires"),
            Err(_) => tracing::warn!(lease, "failed to release the lease in time; it expires"),
        }
    }
}

/// The lease and its holder.
struct Lock {
    api: Api<Lease>,
    name: String,
    identity: Identity,
}

impl Lock {
    /// Reads the lease, and creates it if it does not exist. Returns it, and whether this process created it.
    async fn read(&self) -> anyhow::Result<Option<(Lease, bool)>> {
        let read = self.api.get_opt(&self.name).await;
        if let Some(lease) = read.with_context(|| format!("failed to read lease {}", self.name))? {
            return Ok(Some((lease, false)));
        }
        let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
        let lease = taken(Lease { metadata, spec: Some(LeaseSpec::default()) }, &self.identity, DURATION);
        let created = self.written(self.api.create(&PostParams::default(), &lease).await)?;
        Ok(created.map(|lease| (lease, true)))
    }

    async fn write(&self, lease: &Lease) -> anyhow::Result<Option<Lease>> {
        self.written(self.api.replace(&self.name, &PostParams::default(), lease).await)
    }

    /// `None` on a conflict, which means that another process was faster.
    fn written(&self, written: kube::Result<Lease>) -> anyhow::Result<Option<Lease>> {
        match written {
            Ok(lease) => Ok(Some(lease)),
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(None),
            Err(error) => Err(error).with_context(|| format!("failed to write lease {}", self.name)),
        }
    }

    async fn give_back(&self) -> kube::Result<()> {
        let mut lease = self.api.get(&self.name).await?;
        if !self.identity.wrote(&lease) {
            return Ok(());
        }
        let spec = lease.spec.get_or_insert_default();
        let now = MicroTime(Timestamp::now());
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        spec.acquire_time = Some(now.clone());
        spec.renew_time = Some(now);
        self.api.replace(&self.name, &PostParams::default(), &lease).await.map(drop)
    }
}

/// Result of an attempt to take or renew the lease.
enum Attempt {
    /// This process holds it.
    Held,
    /// Another process holds it, with this name.
    Other(String),
    /// Another process wrote first.
    Conflict,
}

/// The attempts of one process.
struct Attempts {
    lock: Arc<Lock>,
    /// The lease as this process last wrote it.
    written: Option<Lease>,
    seen: ObservedChange,
}

impl Attempts {
    /// Retries until the lease is taken. Returns when the successful attempt started.
    async fn until_taken(&mut self, readiness: &Readiness) -> Instant {
        let pause = PERIOD.mul_f64(1.0 + self.lock.identity.spread());
        let mut holder = None;
        loop {
            let asked = Instant::now();
            match timeout(DEADLINE, self.take()).await.map_err(|_| anyhow!("no answer in time")).flatten() {
                Ok(Attempt::Held) => return asked,
                Ok(Attempt::Other(other)) => {
                    readiness.set();
                    if holder.as_ref() != Some(&other) {
                        tracing::info!(lease = self.lock.name, holder = other, "another replica is active");
                        holder = Some(other);
                    }
                }
                Ok(Attempt::Conflict) => readiness.set(),
                Err(error) => {
                    let error = words(&error);
                    tracing::warn!(error, lease = self.lock.name, "failed to get the lease; retrying");
                    readiness.unset(format!("failed to get the lease: {error}"));
                }
            }
            sleep(pause).await;
        }
    }

    /// Renews the lease, last renewed at `renewed`, until it is lost. Returns why.
    async fn keep(mut self, gate: Gate, mut renewed: Instant) -> anyhow::Error {
        loop {
            sleep(PERIOD).await;
            let left = DEADLINE.saturating_sub(renewed.elapsed());
            let asked = Instant::now();
            match timeout(left, self.renew()).await {
                Ok(Ok(Attempt::Held)) => {
                    renewed = asked;
                    gate.open_until(renewed + DEADLINE);
                }
                Ok(Ok(Attempt::Other(holder))) => {
                    gate.shut();
                    return anyhow!("{holder} acquired it");
                }
                Ok(Ok(Attempt::Conflict)) => {}
                Ok(Err(error)) => {
                    let error = words(&error);
                    tracing::warn!(error, lease = self.lock.name, "failed to renew the lease; retrying");
                }
                Err(_) => {}
            }
            if renewed.elapsed() >= DEADLINE {
                return anyhow!("it could not be renewed for {} s", DEADLINE.as_secs());
            }
        }
    }

    /// Takes the lease if it is free, has expired, or was held by an earlier process of this pod.
    async fn take(&mut self) -> anyhow::Result<Attempt> {
        let Some((lease, created)) = self.lock.read().await? else { return Ok(Attempt::Conflict) };
        if created {
            self.written = Some(lease);
            return Ok(Attempt::Held);
        }
        let expired = self.seen.is_expired(&lease);
        match claim(&lease, &self.lock.identity, expired) {
            Claim::Free => self.write(taken(lease, &self.lock.identity, DURATION)).await,
            Claim::Ours => self.write(renewed(lease)).await,
            Claim::Held(other) => Ok(Attempt::Other(other)),
        }
    }

    /// Renews the lease, based on the last write of this process. It is read only if that fails.
    async fn renew(&mut self) -> anyhow::Result<Attempt> {
        if let Some(lease) = self.written.take()
            && let Attempt::Held = self.write(renewed(lease)).await?
        {
            return Ok(Attempt::Held);
        }
        let Some((lease, created)) = self.lock.read().await? else { return Ok(Attempt::Conflict) };
        if created {
            self.written = Some(lease);
            return Ok(Attempt::Held);
        }
        if self.lock.identity.wrote(&lease) {
            return self.write(renewed(lease)).await;
        }
        let holder = lease.spec.and_then(|spec| spec.holder_identity).unwrap_or_default();
        Ok(Attempt::Other(if holder.is_empty() { "no holder".to_owned() } else { holder }))
    }

    async fn write(&mut self, lease: Lease) -> anyhow::Result<Attempt> {
        self.written = self.lock.write(&lease).await?;
        Ok(if self.written.is_some() { Attempt::Held } else { Attempt::Conflict })
    }
}
