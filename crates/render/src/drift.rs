//! Differences between rendered and live objects.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use sei_node::compare_quantities;
use serde_json::Value;

/// JSON paths at which `live` differs from `desired`, sorted.
///
/// Only fields that `desired` sets are compared, so defaults of the API server and fields of other managers
/// are not drift. Lists are compared as a whole, resource quantities by value, and an empty value equals an
/// absent one.
pub fn differences(desired: &Value, live: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", desired, live, false, &mut found);
    found
}

fn compare(path: &str, desired: &Value, live: &Value, quantity: bool, found: &mut Vec<String>) {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => {
            for (key, value) in desired {
                let quantities = quantity || matches!(key.as_str(), "requests" | "limits");
                compare(
                    &format!("{path}/{key}"),
                    value,
                    live.get(key).unwrap_or(&Value::Null),
                    quantities,
                    found,
                );
            }
        }
        (Value::Array(desired), Value::Array(live)) if desired.len() == live.len() => {
            for (index, (desired, live)) in desired.iter().zip(live).enumerate() {
                compare(&format!("{path}/{index}"), desired, live, quantity, found);
            }
        }
        _ if is_empty(desired) && is_empty(live) => {}
        (Value::String(desired), Value::String(live)) if quantity && same_quantity(desired, live) => {}
        _ if desired == live => {}
        _ => found.push(path.to_owned()),
    }
}

fn same_quantity(left: &str, right: &str) -> bool {
    compare_quantities(&Quantity(left.to_owned()), &Quantity(right.to_owned()))
        .is_some_and(|order| order.is_eq())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_differences_in_desired_fields_are_drift() {
        for (desired, live, expected) in [
            (json!({ "a": 1 }), json!({ "a": 1, "defaulted": true }), vec![]),
            (json!({ "a": 1 }), json!({ "a": 2 }), vec!["/a"]),
            (json!({ "a": 1 }), json!({}), vec!["/a"]),
            (json!({ "a": { "b": [1, 2] } }), json!({ "a": { "b": [1, 3] } }), vec!["/a/b/1"]),
            (json!({ "a": [1] }), json!({ "a": [1, 2] }), vec!["/a"]),
            (json!({ "a": {}, "b": [], "c": null, "d": "" }), json!({}), vec![]),
            (json!({ "a": {} }), json!({ "a": { "set": 1 } }), vec![]),
            (json!({ "a": [] }), json!({ "a": [1] }), vec!["/a"]),
            (json!({ "requests": { "cpu": "0.5" } }), json!({ "requests": { "cpu": "500m" } }), vec![]),
            (
                json!({ "requests": { "cpu": "1" } }),
                json!({ "requests": { "cpu": "2" } }),
                vec!["/requests/cpu"],
            ),
            (json!({ "args": ["1000"] }), json!({ "args": ["1k"] }), vec!["/args/0"]),
        ] {
            assert_eq!(differences(&desired, &live), expected, "{desired} against {live}");
        }
    }
}
