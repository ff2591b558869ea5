//! CEL rules of a SeiNodeDeployment. Those of its template are the SeiNode's.
//!
//! A rule that some stored object violates is evaluated at creation, or when the part that it is about
//! changes: an object that an earlier CRD admitted must remain updatable.

use kube::core::{Message, Rule};

use crate::v1alpha1::rules::NAME_LIMIT;

/// Only validators take part in a ceremony. Rule and message are the Go controller's.
pub(super) const GENESIS_NEEDS_VALIDATOR: (&str, &str) = (
    "!has(self.genesis) || has(self.template.spec.validator)",
    "genesis is meaningful only for validator-role deployments (full nodes inherit genesis from the validator ceremony's \
     S3 artifact); remove spec.genesis or set template.spec.validator: {}",
);

/// Nodes take part in a ceremony from their creation, or never.
pub(super) const GENESIS_PRESENCE: (&str, &str) = (
    "has(self.genesis) == has(oldSelf.genesis)",
    "genesis is immutable; delete and recreate the SeiNodeDeployment to add or remove it",
);

/// The settings that the nodes of a ceremony are created with.
pub(super) const GENESIS_DECIDED: (&str, &str) = (
    "self.chainId == oldSelf.chainId && self.stakingAmount == oldSelf.stakingAmount \
     && self.accountBalance == oldSelf.accountBalance \
     && (has(self.overrides) ? (has(oldSelf.overrides) && self.overrides == oldSelf.overrides) : !has(oldSelf.overrides))",
    "chainId, stakingAmount, accountBalance and overrides of a genesis are immutable; delete and recreate the \
     SeiNodeDeployment under another chainId to change them",
);

/// An amount in one denomination.
pub(super) const COIN: (&str, &str) = (
    "self.matches('^[0-9]+[a-zA-Z][a-zA-Z0-9/:._-]{2,127}$')",
    "must be an amount with a denomination, such as 10000000usei",
);

/// Amounts in one or more denominations.
pub(super) const COINS: (&str, &str) = (
    "self.matches('^[0-9]+[a-zA-Z][a-zA-Z0-9/:._-]{2,127}(,[0-9]+[a-zA-Z][a-zA-Z0-9/:._-]{2,127})*$')",
    "must be amounts with denominations, separated by commas, such as 1000000usei,500uatom",
);

/// The form of an account's address. Its checksum cannot be verified in CEL.
pub(super) const ADDRESS: (&str, &str) = (
    "self.matches('^sei1[02-9ac-hj-np-z]{38,}$')",
    "must be the bech32 address of an account, such as sei1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnw6qvhc",
);

/// A duration in Go's syntax.
pub(super) const DURATION: (&str, &str) = (
    "self.matches('^([0-9]+([.][0-9]+)?(h|m|s|ms|us|ns))+$')",
    "maxCeremonyDuration must be a duration such as 15m or 1h30m: numbers, each with a unit of h, m, s, ms, us or ns",
);

/// A rollout would wait forever for the first node that it pauses.
pub(super) const NOT_PAUSED: (&str, &str) = (
    "!has(self.spec.paused) && !has(self.spec.stopped)",
    "template.spec must not set paused or stopped: set them on an individual SeiNode, where the group keeps them",
);

/// The object has a spec. Evaluated at creation only: the Go controller's CRD admits objects without one.
pub(super) fn spec() -> Rule {
    at_creation(
        "has(self.spec)",
        "spec is required: set replicas and template.spec with chainId, image and a mode",
    )
}

/// Names of the nodes; the last one is the longest. Evaluated at creation and when nodes are added.
pub(super) fn name() -> Rule {
    rule(
        format!(
            "!has(self.spec) || (oldSelf.hasValue() && has(oldSelf.value().spec) \
             && self.spec.replicas <= oldSelf.value().spec.replicas) \
             || (size(self.metadata.name) + 1 + size(string(self.spec.replicas - 1)) <= {NAME_LIMIT} \
             && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$'))"
        ),
        format!(
            "metadata.name with '-' and the highest ordinal (replicas - 1) must have at most {NAME_LIMIT} characters \
             (lower-case letters, digits and '-'), begin with a letter and end with a letter or digit: the SeiNodes are \
             named after it"
        ),
    )
}

/// The nodes of a ceremony join the chain that it creates.
pub(super) fn genesis_chain() -> Rule {
    at_creation(
        "!has(self.genesis) || self.genesis.chainId == self.template.spec.chainId",
        "genesis.chainId and template.spec.chainId must be the same chain: set template.spec.chainId to genesis.chainId",
    )
}

/// A ceremony creates the keys.
pub(super) fn genesis_keys() -> Rule {
    at_creation(
        "!has(self.genesis) || !has(self.template.spec.validator) || !has(self.template.spec.validator.signingKey)",
        "genesis and template.spec.validator.signingKey are mutually exclusive: a ceremony creates the keys of \
         its validators; remove one of the two",
    )
}

/// The operator fills in each node's part.
pub(super) fn ceremony_in_template() -> Rule {
    at_creation(
        "!has(self.template.spec.validator) || !has(self.template.spec.validator.genesisCeremony)",
        "template.spec.validator.genesisCeremony is set by the operator: set spec.genesis instead",
    )
}

/// A second set of validators would have the same keys as the first, or keys that the chain does not know. Evaluated for
/// groups that are not `BlueGreen` yet.
pub(super) fn blue_green_mode() -> Rule {
    turning_blue_green(
        "has(self.template.spec.fullNode)",
        "BlueGreen runs a second set of nodes next to the first and supports full nodes only: set updateStrategy.type to \
         InPlace or HardFork",
    )
}

/// The two sets must not use the same volumes.
pub(super) fn blue_green_import() -> Rule {
    turning_blue_green(
        "!has(self.template.spec.dataVolume) || !has(self.template.spec.dataVolume.__import__) \
         || self.template.spec.dataVolume.__import__.pvcName.contains('$(name)')",
        "with BlueGreen, template.spec.dataVolume.import.pvcName must contain $(name), which becomes the name of each SeiNode: \
         the second set of nodes needs its own volumes",
    )
}

fn turning_blue_green(wanted: &str, text: &str) -> Rule {
    rule(
        format!(
            "self.updateStrategy.type != 'BlueGreen' || {wanted} \
             || (oldSelf.hasValue() && oldSelf.value().updateStrategy.type == 'BlueGreen')"
        ),
        text,
    )
}

/// Names of the second set of nodes, which are longer. Evaluated at creation, when nodes are added and when the strategy
/// changes.
pub(super) fn blue_green_name() -> Rule {
    rule(
        format!(
            "!has(self.spec) || self.spec.updateStrategy.type != 'BlueGreen' \
             || (oldSelf.hasValue() && has(oldSelf.value().spec) && self.spec.replicas <= oldSelf.value().spec.replicas \
             && oldSelf.value().spec.updateStrategy.type == 'BlueGreen') \
             || size(self.metadata.name) + size('-green-') + size(string(self.spec.replicas - 1)) <= {NAME_LIMIT}"
        ),
        format!(
            "with BlueGreen, metadata.name with '-green-' and the highest ordinal (replicas - 1) must have at most {NAME_LIMIT} \
             characters: the SeiNodes of the second set are named after it"
        ),
    )
}

/// `field` of the template's spec names an object that only one pod may use. Evaluated at creation and when
/// nodes are added.
pub(super) fn exclusive(field: &str, suffix: &str) -> Rule {
    // A CEL keyword is escaped: for an unescaped one, the server finds no bound and assumes unlimited cost.
    let path = format!("self.template.spec.{}", field.replace(".import.", ".__import__."));
    let parents: Vec<String> = path
        .match_indices('.')
        .map(|(end, _)| &path[..end])
        .filter(|parent| parent.len() > "self.template.spec".len())
        .map(|parent| format!("!has({parent}) || "))
        .collect();
    rule(
        format!(
            "self.replicas <= 1 || (oldSelf.hasValue() && self.replicas <= oldSelf.value().replicas) || {}{path}\
             .contains('$(name)')",
            parents.concat()
        ),
        format!(
            "with more than one replica, template.spec.{field} must contain $(name), which becomes the name of each \
             SeiNode, such as $(name)-{suffix}: no two nodes may use the same"
        ),
    )
}

/// Evaluated for new objects only.
fn at_creation(wanted: &str, text: &str) -> Rule {
    rule(format!("oldSelf.hasValue() || {wanted}"), text)
}

fn rule(expression: impl Into<String>, text: impl Into<String>) -> Rule {
    Rule::new(expression.into()).message(Message::Message(text.into())).optional_old_self(true)
}
