//! CEL rules of a SeiNodeTask.

use kube::core::{Message, Rule};

use crate::v1alpha1::rules::SECRET_NAME;

/// The operations are members of the spec.
pub(super) const ONE_OPERATION: (&str, &str) = (
    "(has(self.restartSeid) ? 1 : 0) + (has(self.markReady) ? 1 : 0) + (has(self.snapshotUpload) ? 1 : 0) \
     + (has(self.governanceVote) ? 1 : 0) + (has(self.softwareUpgradeProposal) ? 1 : 0) == 1",
    "exactly one of restartSeid, markReady, snapshotUpload, governanceVote or softwareUpgradeProposal must be set",
);

/// A node whose first plan failed has no complete configuration.
pub(super) const READY_NEEDS_RUNNING: (&str, &str) = (
    "!has(self.markReady) || self.requirePhase == 'Running'",
    "markReady requires requirePhase Running: on a Failed node, seid would start without its configuration",
);

/// What an operation was run with must remain readable.
pub(super) const IMMUTABLE: (&str, &str) =
    ("self == oldSelf", "spec is immutable; create another SeiNodeTask for another operation");

/// An amount of usei.
pub(super) const USEI: (&str, &str) =
    ("self.matches('^[1-9][0-9]{0,18}usei$')", "must be an amount of usei, such as 4000usei");

/// The longest memo: the sidecar adds a space, `taskID=` and a UUID, and the chain admits 256 bytes.
pub(super) const MEMO_MAX: u64 = 212;

/// A memo that the sidecar signs. In ASCII every character is one byte.
pub(super) const MEMO: (&str, &str) = (
    "self.matches('^[ -~]*$') && !self.contains('taskID=')",
    "must be printable ASCII without taskID=, which the sidecar adds",
);

/// SeiNodeTasks always have a spec.
pub(super) fn spec() -> Rule {
    Rule::new("has(self.spec)").message(Message::Message(
        "spec is required: set nodeRef.name and one operation, such as restartSeid: {}".into(),
    ))
}

/// The name of a SeiNode. Evaluated at creation only: the spec never changes, and a task that was admitted before this
/// rule must remain writable. Its length is not that of new SeiNodes: the Go controller admits longer names.
pub(super) fn node_name() -> Rule {
    let is_name = SECRET_NAME.0.replacen("self", "self.name", 1);
    Rule::new(format!("oldSelf.hasValue() || {is_name}"))
        .message(Message::Message(
            "nodeRef.name must be the name of a SeiNode: lower-case letters, digits and '-', such as rpc-0"
                .into(),
        ))
        .optional_old_self(true)
}
