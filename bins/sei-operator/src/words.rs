//! Errors as text for people.

/// `error` and its causes on one line, as `{:#}` writes them, except for those of the API client: it would add the debug
/// form of each response.
pub(crate) fn words(error: &anyhow::Error) -> String {
    let mut parts = Vec::new();
    for cause in error.chain() {
        if let Some(api) = cause.downcast_ref::<kube::Error>() {
            parts.push(sei_controller::error_message(api));
            break;
        }
        parts.push(cause.to_string());
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use kube::core::Status;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_response_of_the_api_server_is_its_message() {
        let status = json!({ "status": "Failure", "code": 403, "reason": "Forbidden",
            "message": "seinodes.sei.io is forbidden", "metadata": {}, "details": { "kind": "seinodes" } });
        let status: Status = serde_json::from_value(status).unwrap();
        let error =
            Err::<(), _>(kube::Error::Api(status.boxed())).context("failed to list SeiNodes").unwrap_err();
        assert_eq!(words(&error), "failed to list SeiNodes: seinodes.sei.io is forbidden");
        let other = anyhow::anyhow!("inner").context("outer");
        assert_eq!(words(&other), "outer: inner");
    }
}
