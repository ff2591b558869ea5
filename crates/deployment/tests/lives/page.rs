//! The table of faults of the Go controller in `docs/deployments.md`.

#[test]
fn every_test_that_the_page_names_exists() {
    let page = include_str!("../../../../docs/deployments.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Faults\n")).unwrap();
    let tests = [
        include_str!("blue_green/course.rs"),
        include_str!("blue_green/interrupted.rs"),
        include_str!("blue_green/random.rs"),
        include_str!("ceremony/course.rs"),
        include_str!("ceremony/failures.rs"),
        include_str!("ceremony/recorded.rs"),
        include_str!("ceremony/refusals.rs"),
        include_str!("deletion.rs"),
        include_str!("hard_fork.rs"),
        include_str!("networking.rs"),
        include_str!("objects.rs"),
        include_str!("random.rs"),
        include_str!("reports.rs"),
        include_str!("rollouts.rs"),
        include_str!("scaling.rs"),
        include_str!("takeover.rs"),
        include_str!("updates.rs"),
        include_str!("../../../api/tests/admission/main.rs"),
        include_str!("../../../api/tests/stored_objects.rs"),
        include_str!("../../../controller/src/metrics/tests.rs"),
        include_str!("../../../controller/src/sidecar/tests/halts.rs"),
        include_str!("../../../render/tests/pod_settings.rs"),
        include_str!("../../src/events.rs"),
        include_str!("../../../../tests/apiserver/tests/life/groups/ceremony.rs"),
        include_str!("../../../../tests/apiserver/tests/life/groups/changes.rs"),
        include_str!("../../../../tests/apiserver/tests/life/groups/cost.rs"),
        include_str!("../../../../tests/apiserver/tests/life/groups/hard_fork.rs"),
        include_str!("../../../../tests/apiserver/tests/life/groups/namespaces.rs"),
        include_str!("../../../../tests/apiserver/tests/life/groups/ownership.rs"),
        include_str!("../../../../tests/apiserver/tests/life/groups/published.rs"),
        include_str!("../../../../tests/apiserver/tests/life/tls_rollout/group.rs"),
        include_str!("../../../../tests/deploy/tests/monitoring/alerts.rs"),
    ]
    .concat();
    let rows = section.lines().filter(|line| line.starts_with("| D"));
    let named: Vec<_> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 25);
    let missing: Vec<_> = named.iter().filter(|name| !tests.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}
