//! The lease: which replica is active.

use crate::{
    facts::Facts,
    finding::{Check, Finding},
    installation::installation,
};

pub(crate) fn findings(facts: &Facts) -> Vec<Finding> {
    let check = Check::Lease;
    let installed = facts.deployments.iter().find_map(|it| installation(it));
    let Some(name) = installed.and_then(|it| Some(format!("{} in namespace {}", it.lease?, it.namespace)))
    else {
        return Vec::new();
    };
    let logs = "check the log of the operator for why no replica becomes active";
    vec![match &facts.lease {
        Err(why) => Finding::unknown(check, format!("failed to read Lease {name}: {why}")),
        Ok(None) => Finding::error(check, format!("Lease {name} does not exist: no replica is active"), logs),
        Ok(Some(lease)) => {
            let spec = lease.spec.clone().unwrap_or_default();
            let holder = spec.holder_identity.filter(|holder| !holder.is_empty());
            let now = facts.server_time.as_ref().unwrap_or(&facts.now).as_second();
            let age = spec.renew_time.map(|renewed| now - renewed.0.as_second());
            let duration = i64::from(spec.lease_duration_seconds.unwrap_or(15));
            match (holder, age) {
                (Some(holder), Some(age)) if age <= duration => {
                    Finding::ok(check, format!("Lease {name} is held by {holder}"))
                }
                (Some(holder), Some(age)) => Finding::error(
                    check,
                    format!("Lease {name} was last renewed {age} s ago, by {holder}: no replica is active"),
                    logs,
                ),
                _ => Finding::error(check, format!("Lease {name} has no holder: no replica is active"), logs),
            }
        }
    }]
}
