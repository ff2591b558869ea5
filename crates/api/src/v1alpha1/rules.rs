//! CEL rules that are shared by several fields or assembled from other facts. Rules of a single object are on
//! that object. Each is a pair of expression and message; the message says what to write instead.

use kube::core::{Message, Rule};

use crate::{keys, ports};

/// Longest name of a SeiNode. The StatefulSet labels its pods `controller-revision-hash: <name>-<hash>` with a hash
/// of up to ten characters, and a label value has at most 63: 52 + 1 + 10. The other names have more room: Service
/// 63, pod `<name>-0` 63, Job `<name>-bootstrap` 63, and claim `data-<name>` and the ConfigMap 253.
pub(super) const NAME_LIMIT: usize = 52;

/// Adding or removing the snapshot of a mode. Adding or removing a mode has a rule on spec.
pub(super) const SNAPSHOT_PRESENCE: (&str, &str) = (
    "has(self.snapshot) == has(oldSelf.snapshot)",
    "snapshot is immutable; delete and recreate the SeiNode to add or remove it",
);

/// A chain ID is a label value and part of command lines. The schema limits its length.
pub(super) const CHAIN_ID: (&str, &str) = (
    "self.matches('^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')",
    "chainId must consist of letters, digits, '-', '_' and '.' and begin and end with a letter or digit, \
     such as pacific-1",
);

/// Secret names are DNS-1123 subdomains. The schema limits the length.
pub(super) const SECRET_NAME: (&str, &str) = (
    "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
    "secretName must be the name of a Secret: lower-case letters, digits, '-' and '.', every part between dots \
     beginning and ending with a letter or digit, such as node-0-keys",
);

/// Claim names are DNS-1123 subdomains. The schema limits the length.
pub(super) const CLAIM_NAME: (&str, &str) = (
    SECRET_NAME.0,
    "pvcName must be the name of a PersistentVolumeClaim: lower-case letters, digits, '-' and '.', every part \
     between dots beginning and ending with a letter or digit, such as data-node-0",
);

/// Length of the label keys in `field`. Their characters are not checked: the server computes the cost of a
/// pattern for the longest key that a request could contain, which exceeds its budget.
pub(super) fn label_keys(field: &str) -> Rule {
    Rule::new("self.all(key, size(key) >= 1 && size(key) <= 317)").message(message(format!(
        "keys of {field} must be label keys such as team or example.com/team: at most 253 characters before the '/' \
         and 63 after it"
    )))
}

/// Users cannot set the operator's labels: selectors, roles and the bootstrap pod are identified by them.
pub(super) fn reserved_labels() -> Rule {
    let allowed = keys::OF_GROUPS.map(|key| format!("'{key}'")).join(", ");
    Rule::new(format!("self.all(key, !key.startsWith('{}') || key in [{allowed}])", keys::PREFIX)).message(
        message(format!(
            "podLabels must not have keys that begin with {}: the operator sets them",
            keys::PREFIX
        )),
    )
}

/// An image reference that container runtimes accept: an optional registry host, a lower-case name, then a
/// tag, a digest, or both. sei-node parses the same form for objects that were not validated by an API
/// server.
fn image_pattern() -> String {
    let label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    let host = format!(r"({label}([.]{label})*|\\[[a-f0-9:]+\\])(:[0-9]+)?");
    let word = "[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*";
    let digest = "sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}";
    format!("^({host}/)?{word}(/{word})*(:[A-Za-z0-9_][-A-Za-z0-9_.]{{0,127}})?(@({digest}))?$")
}

/// An image reference in `field`.
pub(super) fn image(field: &str) -> Rule {
    image_rule(field, "")
}

/// An image reference in `field`, which may be empty.
pub(super) fn optional_image(field: &str) -> Rule {
    image_rule(field, "self == '' || ")
}

fn image_rule(field: &str, or: &str) -> Rule {
    Rule::new(format!("{or}self.matches('{}')", image_pattern())).message(message(format!(
        "{field} must be an image reference such as ghcr.io/sei-protocol/sei:v6.4.1: a name in lower case without \
         https:// and without spaces or line breaks, then a tag, or @sha256: and 64 hexadecimal digits"
    )))
}

/// The object has a spec. Evaluated at creation only: the Go controller's CRD admits objects without one, and
/// `required` would prevent reporting on them and deleting them.
pub(super) fn spec() -> Rule {
    Rule::new("oldSelf.hasValue() || has(self.spec)")
        .message(message(
            "spec is required: set chainId, image and one of fullNode, archive, replayer or validator",
        ))
        .optional_old_self(true)
}

fn message(text: impl Into<String>) -> Message {
    Message::Message(text.into())
}

/// Values of labels. The schema limits the length.
pub(super) const LABEL_VALUE: &str =
    "self == '' || self.matches('^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')";

/// The message for an invalid label value in `field`.
pub(super) fn label_value_message(field: &str) -> String {
    format!(
        "values of {field} must be label values: letters, digits, '-', '_' and '.', beginning and ending with a letter \
         or digit"
    )
}

/// The SeiNode's name. Evaluated at creation only: it never changes, and a node that was admitted before this
/// rule must remain deletable.
pub(super) fn name() -> Rule {
    Rule::new(format!(
        "oldSelf.hasValue() || (size(self.metadata.name) <= {NAME_LIMIT} \
         && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$'))"
    ))
    .message(message(format!(
        "metadata.name must have at most {NAME_LIMIT} characters (lower-case letters, digits and '-'), begin with a \
         letter and end with a letter or digit: Service, pods and Job are named after it"
    )))
    .optional_old_self(true)
}

/// Ports of the pod's other containers, which share its network with the sidecar.
pub(super) fn sidecar_port() -> Rule {
    let mut taken: Vec<u16> = ports::SEID.iter().map(|(_, port)| *port).collect();
    taken.extend([ports::RBAC_PROXY, ports::COSMOS_EXPORTER]);
    taken.sort_unstable();
    let list = taken.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    Rule::new(format!("!(self in [{list}])")).message(message(format!(
        "port is one of {list}, which other containers of the pod listen on; choose another, such as {}",
        ports::SIDECAR_DEFAULT
    )))
}
