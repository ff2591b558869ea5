//! Sources of peers of `discover-peers`, in the form that is stored and sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::TaskError;

/// One source of peers, in the form that is stored and sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Source {
    /// `ec2Tags`, `static` or `dnsEndpoints`.
    #[serde(rename = "type")]
    pub type_: String,
    /// For `ec2Tags`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// For `ec2Tags`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// For `static`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// For `dnsEndpoints`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
}

/// Type of a source of EC2 instances, which only the sidecar can find.
pub(crate) const EC2_TAGS: &str = "ec2Tags";
/// Type of the source that represents label sources. It is sent as a source of fixed addresses.
pub(crate) const DNS_ENDPOINTS: &str = "dnsEndpoints";
/// Type of a source of fixed addresses.
pub(crate) const STATIC: &str = "static";

/// The sources that are not empty: all label sources become one source of fixed addresses.
pub(crate) fn present(sources: &[Source], label_peers: &[String]) -> Result<Vec<Source>, TaskError> {
    let (labels, others): (Vec<_>, Vec<_>) = sources.iter().partition(|source| source.type_ == DNS_ENDPOINTS);
    let found = Source { type_: STATIC.to_owned(), addresses: label_peers.to_vec(), ..Source::default() };
    let found = (!labels.is_empty() && !label_peers.is_empty()).then_some(found);
    let present: Vec<_> = others.into_iter().cloned().chain(found).collect();
    if present.is_empty() { Err(TaskError::NoPeers) } else { Ok(present) }
}
