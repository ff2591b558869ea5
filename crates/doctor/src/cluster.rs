//! Checks of the cluster: version, clocks, cert-manager.

use jiff::Timestamp;
use sei_api::conditions::{ConditionType, is_true};

use crate::{
    facts::Facts,
    finding::{Check, Finding},
};

/// Oldest supported version of Kubernetes, as in docs/install.md.
const OLDEST: (u32, u32) = (1, 33);
/// Tolerated clock skew in seconds. Certificates are backdated by minutes, leases last 15 s.
const SKEW: i64 = 5;

pub(crate) fn version(facts: &Facts) -> Vec<Finding> {
    let check = Check::Kubernetes;
    vec![match &facts.server_version {
        Err(why) => Finding::unknown(check, format!("failed to read the version of the API server: {why}")),
        Ok((major, minor)) if (*major, *minor) < OLDEST => Finding::error(
            check,
            format!("the API server has version {major}.{minor}"),
            format!("upgrade Kubernetes to {}.{} or later", OLDEST.0, OLDEST.1),
        ),
        Ok((major, minor)) => Finding::ok(check, format!("the API server has version {major}.{minor}")),
    }]
}

pub(crate) fn clock(facts: &Facts) -> Vec<Finding> {
    let check = Check::Clock;
    let server = match &facts.server_time {
        Err(why) => {
            return vec![Finding::unknown(
                check,
                format!("failed to read the time of the API server: {why}"),
            )];
        }
        Ok(server) => *server,
    };
    let mut findings = Vec::new();
    let seconds = ahead(facts.now, server);
    if seconds.abs() > SKEW {
        findings.push(Finding::warning(
            check,
            format!("the clock of this machine differs from that of the API server by {} s", seconds.abs()),
            "synchronize the clocks (NTP): checks of certificates on this machine depend on them",
        ));
    }
    let lease = facts.lease.as_ref().ok().and_then(Option::as_ref);
    let renewed = lease.and_then(|lease| lease.spec.as_ref()?.renew_time.as_ref()).map(|time| time.0);
    if let Some(seconds) = renewed.map(|renewed| ahead(renewed, server)).filter(|seconds| *seconds > SKEW) {
        findings.push(Finding::error(
            check,
            format!("the clock of the operator's machine is {seconds} s ahead of that of the API server"),
            "synchronize the clocks of the machines (NTP): certificates and leases depend on them",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(check, format!("the clocks agree within {SKEW} s")));
    }
    findings
}

fn ahead(time: Timestamp, of: Timestamp) -> i64 {
    time.as_second() - of.as_second()
}

pub(crate) fn cert_manager(facts: &Facts) -> Vec<Finding> {
    let check = Check::CertManager;
    let waits = |node: &&sei_api::SeiNode| {
        let verdict = node.status.as_ref().and_then(|it| it.condition(ConditionType::SidecarTlsSecretReady));
        node.spec.tls().is_some() && !is_true(verdict)
    };
    let waiting = facts.nodes.iter().flatten().filter(waits).count();
    vec![match &facts.cert_manager {
        Err(why) => {
            Finding::unknown(check, format!("failed to check whether cert-manager is installed: {why}"))
        }
        Ok(true) => Finding::ok(check, "cert-manager is installed"),
        Ok(false) if waiting > 0 => Finding::warning(
            check,
            format!("cert-manager is not installed, and {waiting} SeiNodes are waiting for a TLS Secret"),
            "install cert-manager, or create the Secrets another way (docs/tls-procedures.md)",
        ),
        Ok(false) => {
            Finding::ok(check, "cert-manager is not installed; TLS Secrets must be created another way")
        }
    }]
}
