//! Which crate may use which.

use super::Package;

/// Every edge between crates of the workspace that `allowed` does not list.
pub(super) fn faults(packages: &[Package], allowed: &[(&str, &[&str])]) -> Vec<String> {
    let mut faults = Vec::new();
    for Package { name, uses, .. } in packages {
        let Some((_, allowed)) = allowed.iter().find(|(of, _)| of == name) else {
            faults.push(format!("{name}: list in xtask/src/layers.rs which crates it may use"));
            continue;
        };
        let forbidden = uses.iter().filter(|used| !allowed.contains(&used.as_str()));
        faults.extend(forbidden.map(|used| format!("{name} must not use {used}")));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_that_is_not_listed_and_an_unknown_crate_are_faults() {
        let package = |name: &str, uses: &[&str]| Package {
            name: name.to_owned(),
            folder: Default::default(),
            uses: uses.iter().map(|&name| name.to_owned()).collect(),
            targets: vec![],
        };
        let packages = [package("api", &[]), package("plan", &["api", "tls"]), package("new", &[])];
        let allowed: &[(&str, &[&str])] = &[("api", &[]), ("plan", &["api"])];
        let found = faults(&packages, allowed);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0], "plan must not use tls");
        assert!(found[1].starts_with("new: list"), "{found:?}");
    }
}
