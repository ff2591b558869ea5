//! Schemas of Kubernetes types where the types crate is less specific than the API server: bounds, list types
//! and the form of quantities, as controller-gen writes them.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::rules;

/// Maximum value of 64-bit integer fields: JSON tools that read numbers as doubles represent every smaller
/// one exactly.
pub(super) const INTEGER_MAX: i64 = (1 << 53) - 1;

/// The quantities that `resource.Quantity` parses.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// `host:port`, where an IPv6 host is in brackets.
pub(super) const HOST_PORT: &str =
    r"^([0-9A-Za-z]([-0-9A-Za-z.]*[0-9A-Za-z])?|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$";

/// Any JSON value, preserved.
pub(super) fn any(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

/// A field of a later version of sei-k8s-controller that this operator does not use: preserved, so that taking
/// over a SeiNode does not lose it.
pub(super) fn kept(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

/// `core/v1` ResourceRequirements.
pub(super) fn resources(_: &mut SchemaGenerator) -> Schema {
    let quantities = |description: &str| {
        json_schema!({
            "description": description,
            "type": "object",
            "additionalProperties": {
                "pattern": QUANTITY,
                "x-kubernetes-int-or-string": true,
            },
        })
    };
    json_schema!({
        "type": "object",
        "properties": {
            "claims": {
                "description": "Names of resource claims of the pod that the container uses.",
                "type": "array",
                "items": {
                    "description": "One claim.",
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": { "description": "Name of an entry in the pod's resourceClaims.", "type": "string" },
                        "request": {
                            "description": "Request in the claim; empty for all of them.",
                            "type": "string",
                        },
                    },
                },
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
            "limits": quantities("Maximum that the container may use, by resource, such as `memory: 1Gi`."),
            "requests": quantities("Guaranteed minimum for the container, by resource, such as `cpu: 500m`."),
        },
    })
}

/// `podLabels`.
pub(super) fn labels(_: &mut SchemaGenerator) -> Schema {
    labels_of("podLabels")
}

/// Labels of the template of a SeiNodeDeployment.
pub(super) fn template_labels(_: &mut SchemaGenerator) -> Schema {
    labels_of("labels")
}

/// Labels by key. Bounded, since the server computes the cost of rules for the largest possible request.
fn labels_of(field: &str) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 128,
        "additionalProperties": {
            "type": "string",
            "maxLength": 63,
            "x-kubernetes-validations": [
                { "rule": rules::LABEL_VALUE, "message": rules::label_value_message(field) },
            ],
        },
    })
}

/// A number of nodes, at least 1, or a percentage.
pub(super) fn number_or_percent(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "minimum": 1,
        "maximum": 100,
        "pattern": "^([1-9][0-9]?|100)%$",
    })
}

/// A list of `meta/v1` Conditions, at most one of each type.
pub(super) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "description": "One aspect of the node's state.",
            "type": "object",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "lastTransitionTime": {
                    "description": "When `status` last changed.",
                    "type": "string",
                    "format": "date-time",
                },
                "message": { "description": "Human-readable details.", "type": "string", "maxLength": 32768 },
                "observedGeneration": {
                    "description": "Generation of the spec that the condition describes.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                    "maximum": INTEGER_MAX,
                },
                "reason": {
                    "description": "Machine-readable reason in CamelCase.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "status": {
                    "description": "Status of the condition.",
                    "type": "string",
                    "enum": ["True", "False", "Unknown"],
                },
                "type": {
                    "description": "Which aspect.",
                    "type": "string",
                    "maxLength": 316,
                    "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
                },
            },
        },
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}
