//! The fields of every object, including those that cannot be decoded.

use jiff::Timestamp;
use serde_json::Value;

/// Identity and age of an object.
pub(crate) struct Head {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) created_at: Option<Timestamp>,
}

impl Head {
    pub(crate) fn of(object: &Value) -> Self {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        Self {
            namespace: text("namespace").to_owned(),
            name: text("name").to_owned(),
            created_at: text("creationTimestamp").parse().ok(),
        }
    }
}
