//! What a connection trusts while a certificate is being replaced.

use std::time::Duration;

use sei_sidecar::ServerTrust;
use tokio::time::Instant;

/// How long the previously served certificate is accepted after the Secret changed: the kubelet updates the
/// mounted Secret within two minutes, and the proxy reloads it within another 30 seconds.
const GRACE: Duration = Duration::from_secs(300);

/// The accepted certificates.
#[derive(Default)]
pub(super) struct Trusted {
    pod: String,
    trust: Option<ServerTrust>,
    /// Presented by the last server that was verified against `trust`.
    served: Option<ServerTrust>,
    /// Presented before `trust` replaced another one, and until when it is accepted.
    before: Option<(ServerTrust, Instant)>,
}

impl Trusted {
    /// Sets `trust`, which the certificate of `pod` is verified against from now on. The certificate that the same pod
    /// served before remains accepted for a while.
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

    /// The certificate that is accepted in addition to the trust.
    pub(super) fn before(&mut self, now: Instant) -> Option<ServerTrust> {
        self.before.take_if(|(_, until)| *until <= now);
        self.before.as_ref().map(|(leaf, _)| leaf.clone())
    }

    /// The server was verified, and presented `served`: a previous certificate is no longer accepted.
    pub(super) fn verified(&mut self, served: Option<ServerTrust>) {
        self.served = served;
        self.before = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_previous_certificate_is_accepted_for_minutes() {
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
