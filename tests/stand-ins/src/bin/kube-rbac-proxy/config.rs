//! The configuration file: which permission clients need.

use std::{fs, path::Path};

use anyhow::{Context, ensure};
use k8s_openapi::api::authorization::v1::ResourceAttributes;
use serde::Deserialize;
use serde_json::Value;

/// The file. Unknown keys are ignored silently, as by the real proxy.
#[derive(Deserialize)]
struct File {
    authorization: Authorization,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorization {
    resource_attributes: Attributes,
    /// Supported by the real proxy, but not by this stand-in.
    rewrites: Option<Value>,
    #[serde(rename = "static")]
    static_: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Attributes {
    namespace: Option<String>,
    api_group: Option<String>,
    api_version: Option<String>,
    resource: Option<String>,
    subresource: Option<String>,
    name: Option<String>,
}

/// The resource on which clients need a verb.
pub(crate) fn resource(path: &Path) -> anyhow::Result<ResourceAttributes> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    parse(&text).with_context(|| format!("read {}", path.display()))
}

fn parse(text: &str) -> anyhow::Result<ResourceAttributes> {
    let file: File = serde_saphyr::from_str(text)?;
    let Authorization { resource_attributes: wanted, rewrites, static_ } = file.authorization;
    ensure!(rewrites.is_none() && static_.is_none(), "this stand-in has no rewrites and no static rules");
    Ok(ResourceAttributes {
        group: wanted.api_group,
        version: wanted.api_version,
        resource: wanted.resource,
        subresource: wanted.subresource,
        namespace: wanted.namespace,
        name: wanted.name,
        ..ResourceAttributes::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unknown_key_group_is_ignored_and_means_the_core_group() {
        let config = |key: &str| {
            let text = format!(
                "authorization:\n  resourceAttributes:\n    {key}: sei.io\n    resource: seinodetasks\n    namespace: ns\n    name: rpc-0\n"
            );
            parse(&text).unwrap()
        };
        assert_eq!(config("apiGroup").group.as_deref(), Some("sei.io"));
        assert_eq!(config("group").group, None);
        assert_eq!(config("group").name.as_deref(), Some("rpc-0"));
    }

    #[test]
    fn unsupported_settings_are_rejected() {
        let text =
            "authorization:\n  resourceAttributes: {}\n  rewrites: { byQueryParameter: { name: x } }\n";
        assert!(parse(text).unwrap_err().to_string().contains("rewrites"));
    }
}
