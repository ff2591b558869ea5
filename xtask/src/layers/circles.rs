//! Import circles, in a graph of modules.

use std::collections::{BTreeMap, BTreeSet};

/// Which module imports which: paths from the root of the crate, without `crate`.
pub(super) type Imports = BTreeSet<(Vec<String>, Vec<String>)>;

/// One circle for each set of modules that import each other. Siblings are compared as a whole: an import of
/// `c::d` by `a::b` is an edge from `a` to `c`. A module and its submodules are one subject, and may share
/// their items.
pub(super) fn circles(imports: &Imports) -> Vec<String> {
    let mut levels: BTreeMap<&[String], BTreeMap<&str, BTreeMap<&str, String>>> = BTreeMap::new();
    for (from, to) in imports {
        let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        if let (Some(one), Some(other)) = (from.get(shared), to.get(shared)) {
            let edges = levels.entry(&from[..shared]).or_default().entry(one).or_default();
            edges.entry(other).or_insert_with(|| format!("{} imports {}", display(from), display(to)));
        }
    }
    let mut circles = Vec::new();
    for (level, graph) in &levels {
        let mut known = BTreeSet::new();
        for &start in graph.keys() {
            if let Some(path) = way_back(graph, start).filter(|_| !known.contains(start)) {
                known.extend(path.iter().copied());
                let edges = path.iter().zip(path.iter().skip(1).chain([&start]));
                let edges: Vec<_> = edges.map(|(from, to)| graph[from][to].as_str()).collect();
                circles.push(format!("import circle in {}: {}", display(level), edges.join(", ")));
            }
        }
    }
    circles
}

/// The shortest path from `start` to itself.
fn way_back<'a>(
    graph: &BTreeMap<&'a str, BTreeMap<&'a str, String>>,
    start: &'a str,
) -> Option<Vec<&'a str>> {
    let mut ways = std::collections::VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for &next in way.last().and_then(|last| graph.get(last)).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push_back(way.iter().copied().chain([next]).collect());
            }
        }
    }
    None
}

fn display(path: &[String]) -> String {
    ["crate"].into_iter().chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(edges: &[(&str, &str)]) -> Imports {
        let path = |text: &str| text.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        edges.iter().map(|(from, to)| (path(from), path(to))).collect()
    }

    #[test]
    fn a_circle_is_reported_once_as_a_path() {
        let found = circles(&imports(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]));
        assert_eq!(
            found,
            [
                "import circle in crate: crate::a imports crate::b, crate::b imports crate::c, crate::c imports crate::a"
            ]
        );
    }

    #[test]
    fn submodules_count_for_the_modules_that_hold_them() {
        let found = circles(&imports(&[("act::pod", "observe"), ("observe::tls", "act::apply")]));
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn a_tree_of_imports_and_a_module_with_its_submodules_are_not_circles() {
        let tree =
            [("a", "b"), ("a", "c"), ("b", "c"), ("c::x", "c::y"), ("c", "c::x"), ("c::x", "c"), ("", "a")];
        assert_eq!(circles(&imports(&tree)), [""; 0]);
    }
}
