//! Whom a connection trusts while a certificate is being replaced.

use std::time::Duration;

use sei_sidecar::ServerTrust;
use tokio::time::Instant;

/// How long the certificate that was served before is accepted after the Secret changed: the kubelet brings the new
/// one to the pod within two minutes, and the proxy loads it within another half.
const GRACE: Duration = Duration::from_secs(300);

/// Which certificates were accepted.
#[derive(Default)]
pub(super) struct Trusted {
    pod: String,
    trust: Option<ServerTrust>,
    /// Presented by the server that was verified last against `trust`.
    served: Option<ServerTrust>,
    /// Presented before `trust` took the place of another, and until when it is accepted.
    before: Option<(ServerTrust, Instant)>,
}

impl Trusted {
    /// `trust` is what the certificate of `pod` is verified against from now on. What the same pod served under
    /// another one may be served for a while yet.
    pub(super) fn replace(&mut self, pod: &str, trust: &ServerTrust, now: Instant) {
        if self.pod != pod {
            *self = Self { pod: pod.to_owned(), trust: Some(trust.clone()), ..Self::default() };
        } else if self.trust.as_ref() != Some(trust) {
            self.trust = Some(trust.clone());
            if let Some(served) = self.served.take() {
                self.before = Some((served, now + GRACE));
            }
        }
    }

    /// The certificate that is accepted beside the trust.
    pub(super) fn before(&mut self, now: Instant) -> Option<ServerTrust> {
        self.before.take_if(|(_, until)| *until <= now);
        self.before.as_ref().map(|(leaf, _)| leaf.clone())
    }

    /// The server was verified, and presented `served`: nothing else is accepted any more.
    pub(super) fn verified(&mut self, served: Option<ServerTrust>) {
        self.served = served;
        self.before = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_served_before_is_accepted_for_minutes() {
        let (old, new) = (ServerTrust::Roots(Vec::new()), ServerTrust::Leaf(vec![1].into()));
        let leaf = ServerTrust::Leaf(vec![2].into());
        let now = Instant::now();
        let mut trusted = Trusted::default();
        trusted.replace("u1", &old, now);
        trusted.verified(Some(leaf.clone()));
        assert_eq!(trusted.before(now), None);
        trusted.replace("u1", &new, now);
        trusted.replace("u1", &new, now + GRACE / 2);
        assert_eq!(trusted.before(now + GRACE / 2), Some(leaf));
        assert_eq!(trusted.before(now + GRACE), None);
    }
}
