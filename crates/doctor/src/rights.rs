//! The rights of the operator's ServiceAccount.

use std::collections::BTreeMap;

use crate::{
    facts::{Facts, Right},
    finding::{Check, Finding},
};

pub(crate) fn findings(facts: &Facts) -> Vec<Finding> {
    let rights = match &facts.rights {
        Err(why) => {
            return vec![Finding::unknown(
                Check::Rights,
                format!("the rights of the operator could not be checked: {why}"),
            )];
        }
        Ok(rights) => rights,
    };
    let mut denied = BTreeMap::<String, Vec<&str>>::new();
    for (right, _) in rights.iter().filter(|(_, is_granted)| !is_granted) {
        denied.entry(object(right)).or_default().push(&right.verb);
    }
    if denied.is_empty() {
        let message = format!("the operator has all of the {} rights that it needs", rights.len());
        return vec![Finding::ok(Check::Rights, message)];
    }
    let finding = |(object, verbs): (String, Vec<&str>)| {
        Finding::error(
            Check::Rights,
            format!("the operator may not {} {object}", verbs.join(", ")),
            "apply the roles of this version: helm upgrade, or deploy/install.yaml",
        )
    };
    denied.into_iter().map(finding).collect()
}

fn object(right: &Right) -> String {
    let group = if right.group.is_empty() { String::new() } else { format!(".{}", right.group) };
    let name = right.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let place = right.namespace.as_ref().map(|it| format!(" in namespace {it}")).unwrap_or_default();
    format!("{}{group}{name}{place}", right.resource)
}
