//! Objects that are decoded one by one. A LIST or a watch decodes whole responses: one object that does not
//! fit its type would hide all others.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use sei_sidecar::cut;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use crate::wrapper::impl_resource;

/// An object of type `K`, or one that cannot be decoded.
#[derive(Clone, Debug)]
pub(crate) struct Decoded<K> {
    pub(crate) metadata: ObjectMeta,
    pub(crate) object: Result<K, Undecodable>,
}

/// An object that does not fit its type.
#[derive(Clone, Debug)]
pub(crate) struct Undecodable {
    /// The field and the error. The text may repeat the value, so it is truncated.
    pub(crate) error: String,
    /// The object as stored in the API server.
    pub(crate) value: Value,
}

#[derive(Deserialize)]
struct Head {
    metadata: ObjectMeta,
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Decoded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let Head { metadata } = Head::deserialize(&value).map_err(serde::de::Error::custom)?;
        let object = serde_path_to_error::deserialize(&value)
            .map_err(|error| Undecodable { error: cut(&error.to_string()), value });
        Ok(Self { metadata, object })
    }
}

impl_resource!(Decoded<K: Resource>);

#[cfg(test)]
mod tests {
    use kube::api::{ObjectList, WatchEvent};
    use sei_api::SeiNode;
    use serde_json::json;

    use super::*;

    fn node(name: &str, spec: &Value) -> Value {
        json!({
            "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode",
            "metadata": { "name": name, "namespace": "pacific-1", "resourceVersion": "7" },
            "spec": spec,
        })
    }

    fn good() -> Value {
        json!({ "chainId": "pacific-1", "image": "seid:a", "fullNode": {} })
    }

    #[test]
    fn one_undecodable_object_leaves_the_rest_of_a_list_readable() {
        let list = json!({
            "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeList", "metadata": { "resourceVersion": "9" },
            "items": [node("a", &good()), node("b", &json!({ "chainId": 7, "image": "seid:a" })), node("c", &good())],
        });
        let list: ObjectList<Decoded<SeiNode>> = serde_json::from_value(list).unwrap();
        let read: Vec<_> = list.items.iter().map(|item| item.object.is_ok()).collect();
        assert_eq!(read, [true, false, true]);
        let broken = list.items[1].object.as_ref().unwrap_err();
        assert_eq!(list.items[1].metadata.name.as_deref(), Some("b"));
        assert!(broken.error.starts_with("spec.chainId: "), "{}", broken.error);
    }

    #[test]
    fn a_watch_reports_an_undecodable_object() {
        let event = json!({ "type": "ADDED", "object": node("a", &json!("none")) });
        let WatchEvent::Added(item) = serde_json::from_value::<WatchEvent<Decoded<SeiNode>>>(event).unwrap()
        else {
            panic!("not an addition");
        };
        let broken = item.object.unwrap_err();
        assert!(broken.error.contains("spec"), "{}", broken.error);
        assert_eq!(broken.value["metadata"]["name"], "a");
    }

    #[test]
    fn a_long_value_of_the_wrong_type_is_truncated() {
        let spec = json!({ "chainId": "c", "image": "i", "fullNode": {}, "sidecar": "x".repeat(1 << 20) });
        let item: Decoded<SeiNode> = serde_json::from_value(node("a", &spec)).unwrap();
        let error = item.object.unwrap_err().error;
        assert!(error.starts_with("spec.sidecar: ") && error.len() < 5000, "{} bytes", error.len());
    }
}
