//! Whether the operator can reach the sidecars, and if not, what blocks the path.

use sei_api::{
    SeiNode,
    conditions::{ConditionType, SidecarReadyReason},
};

use crate::{
    facts::{Answer, Facts},
    finding::{Check, Finding},
    nodes::list,
};

/// The nodes whose sidecar the operator cannot reach, according to their conditions.
pub fn unreachable(nodes: &[SeiNode]) -> Vec<&SeiNode> {
    nodes.iter().filter(|node| reason(node) == Some(SidecarReadyReason::Unreachable.as_str())).collect()
}

fn reason(node: &SeiNode) -> Option<&str> {
    Some(node.status.as_ref()?.condition(ConditionType::SidecarReady)?.reason.as_str())
}

pub(crate) fn findings(facts: &Facts) -> Vec<Finding> {
    let check = Check::Network;
    let Ok(nodes) = &facts.nodes else { return Vec::new() };
    let called = nodes.iter().filter(|node| reason(node).is_some()).count();
    let unreachable = unreachable(nodes);
    if called == 0 {
        let nothing =
            "not checked: the operator has not called a sidecar yet; run this again when a SeiNode exists";
        return vec![Finding::unknown(check, nothing)];
    }
    if unreachable.is_empty() {
        return vec![Finding::ok(check, format!("the operator can reach all {called} sidecars"))];
    }
    let message = format!(
        "the operator cannot reach {} of {called} sidecars: {}",
        unreachable.len(),
        list(&unreachable)
    );
    let fix = fix(&facts.answers);
    vec![match unreachable.len() < called {
        true => Finding::warning(check, message, fix),
        false => Finding::error(check, message, fix),
    }]
}

/// What to do, derived from the responses that the API server gets from sidecars that the operator cannot reach.
fn fix(answers: &[(String, Answer)]) -> String {
    let allow = "allow the operator's pods to reach the nodes' pods on TCP 7777, with TLS 8443 (NetworkPolicy, service mesh)";
    let condition = "see condition SidecarReady of the SeiNode";
    let responds = answers.iter().find(|(_, answer)| *answer == Answer::Response);
    if let Some((name, _)) = responds {
        return format!("{allow}: the API server can reach the sidecar of {name}");
    }
    match answers.first() {
        Some((name, Answer::Silence(error))) => format!(
            "repair the pod or its sidecar (kubectl logs, container sei-sidecar): the API server cannot reach that of \
             {name} either: {error}"
        ),
        Some((_, Answer::Denied(error))) => {
            format!("{allow}, and {condition}. The sidecars were not called through the API server: {error}")
        }
        _ => format!("{allow}, and {condition}"),
    }
}
