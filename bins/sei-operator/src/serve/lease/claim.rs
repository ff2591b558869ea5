//! Which process holds a lease, and how it is taken and renewed.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::ResourceExt;

use super::identity::Identity;

/// The process that last wrote the lease: the holder is the same for all processes of its pod.
pub(super) const PROCESS_ANNOTATION: &str = "sei.io/lease-process";

/// The holder of the lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// This process.
    Ours,
    /// No process: it was released, has expired, or its holder was an earlier process of this pod.
    Free,
    /// A holder with this name.
    Held(String),
}

/// The holder of `lease`, as seen by a process that does not hold it yet.
pub(super) fn claim(lease: &Lease, identity: &Identity, expired: bool) -> Claim {
    let holder = holder(lease);
    if identity.wrote(lease) {
        Claim::Ours
    } else if holder.is_empty() || holder == identity.holder || expired {
        Claim::Free
    } else {
        Claim::Held(holder.to_owned())
    }
}

fn holder(lease: &Lease) -> &str {
    lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default()
}

impl Identity {
    /// Whether this process was the last to write the lease, as its holder.
    pub(super) fn wrote(&self, lease: &Lease) -> bool {
        holder(lease) == self.holder
            && lease.annotations().get(PROCESS_ANNOTATION).is_some_and(|process| *process == self.process)
    }

    /// A value from 0 to 1 per process, so that replicas do not send requests in step.
    pub(super) fn spread(&self) -> f64 {
        f64::from(self.process.bytes().last().unwrap_or_default() % 16) / 16.0
    }
}

/// The lease as written by its new holder.
pub(super) fn taken(mut lease: Lease, identity: &Identity, duration: Duration) -> Lease {
    lease.annotations_mut().insert(PROCESS_ANNOTATION.to_owned(), identity.process.clone());
    let now = MicroTime(Timestamp::now());
    let before = lease.spec.take().unwrap_or_default();
    let changes = before.lease_transitions.map_or(0, |changes| changes.saturating_add(1));
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(identity.holder.clone()),
        lease_duration_seconds: Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)),
        acquire_time: Some(now.clone()),
        renew_time: Some(now),
        lease_transitions: Some(changes),
        ..before
    });
    lease
}

/// The lease as renewed by its holder.
pub(super) fn renewed(mut lease: Lease) -> Lease {
    lease.spec.get_or_insert_default().renew_time = Some(MicroTime(Timestamp::now()));
    lease
}

/// The last observed change of the lease. Its age is measured with the local clock, since other clocks may be wrong.
#[derive(Default)]
pub(super) struct ObservedChange {
    version: Option<String>,
    at: Option<Instant>,
}

impl ObservedChange {
    /// Whether `lease`, as just read, has not changed for its duration.
    pub(super) fn is_expired(&mut self, lease: &Lease) -> bool {
        let now = Instant::now();
        if self.at.is_none() || self.version != lease.metadata.resource_version {
            *self = Self { version: lease.metadata.resource_version.clone(), at: Some(now) };
        }
        let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
        let lasts = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        self.at.is_some_and(|at| now.duration_since(at) >= lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_secs(15);

    fn process(holder: &str, process: &str) -> Identity {
        Identity::new(holder.to_owned(), process.to_owned())
    }

    #[test]
    fn a_lease_is_taken_only_when_its_holder_cannot_be_alive() {
        let holder = process("pod-a_uid", "1");
        let lease = taken(Lease::default(), &holder, DURATION);
        assert_eq!(claim(&lease, &holder, false), Claim::Ours);
        // The container restarted: a pod runs one process at a time.
        assert_eq!(claim(&lease, &process("pod-a_uid", "2"), false), Claim::Free);
        let other = process("pod-b_uid", "3");
        assert_eq!(claim(&lease, &other, false), Claim::Held("pod-a_uid".to_owned()));
        assert_eq!(claim(&lease, &other, true), Claim::Free);
        assert_eq!(claim(&Lease::default(), &other, false), Claim::Free, "released");
    }

    #[test]
    fn a_holder_detects_another_process_with_its_name() {
        let (first, second) = (process("pod-a_uid", "1"), process("pod-a_uid", "2"));
        let lease = taken(taken(Lease::default(), &first, DURATION), &second, DURATION);
        assert!(second.wrote(&renewed(lease.clone())));
        assert!(!first.wrote(&lease));
        assert_eq!(lease.spec.unwrap().lease_transitions, Some(1));
    }

    #[test]
    fn a_lease_expires_by_the_time_since_its_last_observed_change() {
        let mut lease = taken(Lease::default(), &process("pod-a_uid", "1"), Duration::from_secs(3600));
        lease.metadata.resource_version = Some("7".into());
        let mut seen = ObservedChange::default();
        assert!(!seen.is_expired(&lease));
        // Read again after it expired, without a renewal in between.
        seen.at = Instant::now().checked_sub(Duration::from_secs(3601));
        assert!(seen.at.is_none() || seen.is_expired(&lease));
        lease.metadata.resource_version = Some("8".into());
        assert!(!seen.is_expired(&lease), "it was renewed");
    }
}
