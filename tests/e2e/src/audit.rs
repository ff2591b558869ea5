//! The API server's audit log: every request, and its result.

use anyhow::Context;
use serde_json::Value;

use crate::world::World;

/// One completed request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// When it arrived, as RFC 3339 with microseconds: times are compared as strings.
    pub(crate) at: String,
    pub(crate) verb: String,
    pub(crate) group: String,
    /// With its subresource, as in rules.
    pub(crate) resource: String,
    pub(crate) code: u64,
    /// Whether it was denied for lack of permissions.
    pub(crate) denied: bool,
    /// Pod of the token.
    pub(crate) pod: String,
}

impl Call {
    /// Whether it changes something.
    pub(crate) fn is_write(&self) -> bool {
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
    }
}

/// User name of a ServiceAccount.
pub(crate) fn account(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

/// All requests of `user` so far.
pub(crate) fn of(world: &World, user: &str) -> anyhow::Result<Vec<Call>> {
    let path = world.state.join("log").join("audit.log");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    // The last line may be incomplete.
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(events.filter(|event| event["user"]["username"] == user).filter_map(|event| call(&event)).collect())
}

fn call(event: &Value) -> Option<Call> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // A watch is answered at its start and completed at its end.
    let stage = event["stage"].as_str()?;
    let verb = text(&event["verb"]);
    let wanted = if verb == "watch" { "ResponseStarted" } else { "ResponseComplete" };
    let code = event["responseStatus"]["code"].as_u64().unwrap_or_default();
    if stage != wanted && code < 400 {
        return None;
    }
    let object = &event["objectRef"];
    let mut resource = text(&object["resource"]);
    if let Some(sub) = object["subresource"].as_str() {
        resource = format!("{resource}/{sub}");
    }
    Some(Call {
        at: text(&event["requestReceivedTimestamp"]),
        verb,
        group: text(&object["apiGroup"]),
        resource,
        code,
        denied: event["annotations"]["authorization.k8s.io/decision"] == "forbid",
        pod: text(&event["user"]["extra"]["authentication.kubernetes.io/pod-name"][0]),
    })
}
