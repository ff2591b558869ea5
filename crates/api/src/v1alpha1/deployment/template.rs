//! The template of a group: a SeiNode whose references may contain the name of the child.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::v1alpha1::{SeiNodeSpec, rules as node_rules, schema};

/// Placeholder in the names of Secrets and claims for the name of the SeiNode that is created from the
/// template.
pub const NAME_VARIABLE: &str = "$(name)";

/// The SeiNodes of a group. In names of Secrets and of the imported claim, `$(name)` is replaced by the name
/// of the SeiNode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::NOT_PAUSED)]
pub struct SeiNodeTemplate {
    /// Labels and annotations of the SeiNodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// Spec of the SeiNodes.
    pub spec: SeiNodeSpec,
}

/// Labels and annotations of the SeiNodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateMetadata {
    /// Labels of the SeiNodes; their pods get those with keys that are not reserved for the operator. Labels
    /// that the operator sets take precedence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::template_labels")]
    #[x_kube(validation = node_rules::label_keys("labels"))]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations of the SeiNodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// Turns the schema of a SeiNode's spec into that of a template: names may contain [`NAME_VARIABLE`], and
/// what is immutable in a SeiNode is immutable in the group.
pub(crate) fn adapt(schema: &mut JSONSchemaProps) {
    for rule in schema.x_kubernetes_validations.iter_mut().flatten() {
        if rule.rule == node_rules::SECRET_NAME.0 {
            rule.rule = rule.rule.replacen("self", &format!("self.replace('{NAME_VARIABLE}', 'name')"), 1);
        }
        if let Some(message) = &mut rule.message {
            *message = message
                .replace("delete and recreate the SeiNode ", "delete and recreate the SeiNodeDeployment ");
        }
    }
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        adapt(property);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        adapt(values);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        adapt(items);
    }
}
