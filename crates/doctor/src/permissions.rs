//! The permissions of the operator's ServiceAccount.

use std::collections::BTreeMap;

use crate::{
    facts::{Facts, Permission},
    finding::{Check, Finding},
};

pub(crate) fn findings(facts: &Facts) -> Vec<Finding> {
    let permissions = match &facts.permissions {
        Err(why) => {
            return vec![Finding::unknown(
                Check::Permissions,
                format!("failed to check the permissions of the operator: {why}"),
            )];
        }
        Ok(permissions) => permissions,
    };
    let mut denied = BTreeMap::<String, Vec<&str>>::new();
    for (permission, _) in permissions.iter().filter(|(_, is_granted)| !is_granted) {
        denied.entry(object(permission)).or_default().push(&permission.verb);
    }
    if denied.is_empty() {
        let message = format!("the operator has all of the {} permissions that it needs", permissions.len());
        return vec![Finding::ok(Check::Permissions, message)];
    }
    let finding = |(object, verbs): (String, Vec<&str>)| {
        Finding::error(
            Check::Permissions,
            format!("the operator is not allowed to {} {object}", verbs.join(", ")),
            "apply the roles of this version: helm upgrade, or deploy/install.yaml",
        )
    };
    denied.into_iter().map(finding).collect()
}

fn object(permission: &Permission) -> String {
    let group = if permission.group.is_empty() { String::new() } else { format!(".{}", permission.group) };
    let name = permission.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let place = permission.namespace.as_ref().map(|it| format!(" in namespace {it}")).unwrap_or_default();
    format!("{}{group}{name}{place}", permission.resource)
}
