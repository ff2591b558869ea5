//! Who this process is to the others that want the lease. A container that restarts in its pod is the same holder
//! as before, so that it need not wait for its own lease to run out.

use anyhow::Context;
use uuid::Uuid;

/// The identity of a process.
pub(super) struct Identity {
    /// What stands in the lease.
    pub(super) holder: String,
    /// Differs from process to process, also of one holder.
    pub(super) process: String,
    _pod: Option<pod::Claim>,
}

impl Identity {
    /// That of the pod that `POD_NAME` and `POD_UID` name, if no other process of it has it; else one for this process
    /// alone.
    ///
    /// # Errors
    /// When the pod's identity cannot be claimed for another reason than that another process has it.
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

    /// A holder and its process, without a claim on a pod.
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

    /// A name in the pod's network namespace, which the kernel gives to one process and takes back when it ends.
    pub(super) struct Claim(#[expect(dead_code, reason = "held, not used")] UnixListener);

    /// `None` while another process has the name.
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
    /// Only Linux has a name that ends with its process.
    pub(super) enum Claim {}

    pub(super) fn claim(_: &str) -> std::io::Result<Option<Claim>> {
        Ok(None)
    }
}
