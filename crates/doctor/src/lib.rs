//! What is wrong with an installation of the operator, and how to fix it. Pure: [`findings`] of [`Facts`], the time
//! included.
//!
//! ```
//! use sei_doctor::{Check, Facts, Level, findings, is_healthy};
//!
//! let empty = Facts { crds: Ok(vec![]), deployments: Ok(vec![]), ..Facts::unread(Default::default()) };
//! let found = findings(&empty);
//! assert!(found.iter().any(|it| it.check == Check::Crds && it.level == Level::Error));
//! assert!(!is_healthy(&found));
//! ```
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod cluster;
mod crds;
mod facts;
mod finding;
mod installation;
mod lease;
mod network;
mod nodes;
mod permissions;

pub use facts::{Answer, Facts, Permission, Read};
pub use finding::{Check, Finding, Level};
pub use installation::{Installation, installation};
pub use network::unreachable;

/// Every finding, in the order of the checks.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    [
        cluster::version(facts),
        cluster::clock(facts),
        crds::findings(facts),
        installation::findings(facts),
        permissions::findings(facts),
        lease::findings(facts),
        nodes::images(facts),
        network::findings(facts),
        nodes::stalled(facts),
        cluster::cert_manager(facts),
    ]
    .concat()
}

/// Whether there is no error. Warnings and checks that could not run do not count.
pub fn is_healthy(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.level != Level::Error)
}
