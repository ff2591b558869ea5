//! Rejections of the API server: their messages, and whether they are permanent.

use std::error::Error;

use sei_sidecar::cut;

/// The message of `error` for conditions, events, logs and terminals. The message of the API server appears once,
/// without the debug form that [`kube::Error`] adds; other errors include their causes.
pub fn error_message(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return match status.message.as_str() {
            "" => format!("the API server returned {} {}", status.code, status.reason).trim_end().to_owned(),
            message => cut(message),
        };
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let outer = error.to_string();
        if !text.contains(&outer) {
            text = format!("{text}: {outer}");
        }
        cause = error.source();
    }
    cut(&text)
}

/// Whether the object, or its kind, does not exist. For a kind the response is plain text, without a reason.
pub(crate) fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Whether the written object is at fault, so that the same write can never succeed: the API server reports
/// it as invalid and names its fields. An admission policy or webhook uses the same code, but can be changed.
pub(crate) fn is_final(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    status.reason == "Invalid"
        && !status.message.contains("denied the request")
        && causes.into_iter().any(|cause| !cause.field.is_empty())
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use serde_json::{Value, json};

    use super::*;

    fn refusal(status: Value) -> kube::Error {
        let status: Status = serde_json::from_value(status).unwrap();
        kube::Error::Api(status.boxed())
    }

    #[test]
    fn the_message_of_the_api_server_is_not_repeated() {
        let quota = json!({ "status": "Failure", "code": 403, "reason": "Forbidden", "message": "exceeded quota: no-pods",
            "metadata": {}, "details": { "name": "rpc-0", "kind": "services" } });
        assert_eq!(error_message(&refusal(quota)), "exceeded quota: no-pods");
        let long = json!({ "code": 500, "reason": "InternalError", "message": "x".repeat(1 << 20) });
        assert!(error_message(&refusal(long)).len() < 5000);
        let bare = json!({ "status": "Failure", "code": 503, "reason": "ServiceUnavailable" });
        assert_eq!(error_message(&refusal(bare)), "the API server returned 503 ServiceUnavailable");
    }

    #[test]
    fn causes_are_appended_once() {
        let lost = std::io::Error::other("connection refused");
        let error = kube::Error::Service(Box::new(lost));
        assert_eq!(error_message(&error).matches("connection refused").count(), 1);
    }

    #[test]
    fn only_invalid_fields_of_the_object_are_permanent() {
        let invalid = json!({ "code": 422, "reason": "Invalid", "message": "StatefulSet.apps \"x\" is invalid",
            "details": { "causes": [{ "reason": "FieldValueInvalid", "message": "bad", "field": "spec.replicas" }] } });
        let policy = json!({ "code": 422, "reason": "Invalid", "message": "ValidatingAdmissionPolicy 'p' denied request: no team",
            "details": { "causes": [{ "message": "no team" }] } });
        let webhook =
            json!({ "code": 400, "message": "admission webhook \"w\" denied the request: no team" });
        let webhook_with_fields = json!({ "code": 422, "reason": "Invalid", "message": "admission webhook \"w\" denied the request: x",
            "details": { "causes": [{ "message": "bad", "field": "metadata.labels" }] } });
        let quota = json!({ "code": 403, "reason": "Forbidden", "message": "exceeded quota" });
        assert!(is_final(&refusal(invalid)));
        for passing in [policy, webhook, webhook_with_fields, quota] {
            let text = passing.to_string();
            assert!(!is_final(&refusal(passing)), "{text}");
        }
    }
}
