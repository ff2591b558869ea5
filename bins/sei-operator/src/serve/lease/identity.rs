//! The identity of this process for leader election. A container that restarts in its pod is the same holder
//! as before, so that it does not have to wait for its own lease to expire.

use anyhow::Context;
use uuid::Uuid;

/// The identity of a process.
pub(super) struct Identity {
    /// The holder in the lease.
    pub(super) holder: String,
    /// Differs between processes, also of the same holder.
    pub(super) process: String,
    _pod: Option<pod::Claim>,
}

impl Identity {
    /// The identity of the pod in `POD_NAME` and `POD_UID`, if no other process of it has claimed it; otherwise a
    /// unique one.
    ///
    /// # Errors
    /// If the pod's identity cannot be claimed, for a reason other than that another process holds it.
    pub(super) fn of_process() -> anyhow::Result<Self> {
        let process = Uuid::new_v4().to_string();
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let (Some(name), Some(uid)) = (variable("POD_NAME"), variable("POD_UID"))
            && let Some(claim) =
                pod::claim(&format!("sei-operator/{uid}")).context("claim the identity of the pod")?
        {
            return Ok(Self { _pod: Some(claim), ..Self::new(format!("{name}_{uid}"), process) });
        }
        let host = variable("POD_NAME").or_else(|| variable("HOSTNAME"));
        let host = host.unwrap_or_else(|| "sei-operator".to_owned());
        Ok(Self::new(format!("{host}_{process}"), process))
    }

    /// A holder and its process, without a claim of the pod's identity.
    pub(super) fn new(holder: String, process: String) -> Self {
        Self { holder, process, _pod: None }
    }
}

#[cfg(target_os = "linux")]
mod pod {
    use std::{
        io,
        os::{
            linux::net::SocketAddrExt,
            unix::net::{SocketAddr, UnixListener},
        },
    };

    /// A name in the pod's network namespace, which the kernel gives to one process and releases when that
    /// exits.
    pub(super) struct Claim(#[expect(dead_code, reason = "held, not used")] UnixListener);

    /// `None` while another process holds the name.
    pub(super) fn claim(name: &str) -> io::Result<Option<Claim>> {
        match UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?) {
            Ok(listener) => Ok(Some(Claim(listener))),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
            Err(error) => Err(error),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_pod_has_one_holder_at_a_time() {
            let name = format!("sei-operator/test/{}", std::process::id());
            let first = claim(&name).unwrap();
            assert!(first.is_some());
            assert!(claim(&name).unwrap().is_none(), "another process would not get it");
            drop(first);
            assert!(claim(&name).unwrap().is_some(), "the next one would");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod pod {
    /// Only Linux has names that are released when the process exits.
    pub(super) enum Claim {}

    pub(super) fn claim(_: &str) -> std::io::Result<Option<Claim>> {
        Ok(None)
    }
}
