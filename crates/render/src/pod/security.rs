//! Security contexts. All pods of a node meet the restricted Pod Security Standard.

use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, SeccompProfile, SecurityContext};

/// User and group of every process, and owner of the files on the volume.
const NON_ROOT: i64 = 65532;

/// For the pod: the files on the volume belong to the group; ownership is only changed if it differs.
pub(crate) fn pod() -> PodSecurityContext {
    PodSecurityContext {
        fs_group: Some(NON_ROOT),
        fs_group_change_policy: Some("OnRootMismatch".to_owned()),
        ..PodSecurityContext::default()
    }
}

/// For seid, which needs a writable root file system.
pub(crate) fn writable() -> SecurityContext {
    SecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(NON_ROOT),
        run_as_group: Some(NON_ROOT),
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), ..Capabilities::default() }),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..SecurityContext::default()
    }
}

/// For all other containers.
pub(crate) fn read_only() -> SecurityContext {
    SecurityContext { read_only_root_filesystem: Some(true), ..writable() }
}
