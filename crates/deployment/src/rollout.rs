//! Which SeiNodes may be updated now. No state of an update is kept: a SeiNode that differs from the template is
//! outdated, and one that is not available is starting or has a problem.

use std::collections::BTreeSet;

/// State of a SeiNode during an update.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) ordinal: u32,
    pub(crate) is_outdated: bool,
    pub(crate) is_available: bool,
}

/// The ordinals to update now, if at most `max_unavailable` of `replicas` nodes may be unavailable. Updating a node
/// that is already unavailable costs nothing, so a halted chain, where every node is down, is updated all at once. Of
/// the others, the highest ordinals come first.
pub(crate) fn turn(candidates: &[Candidate], replicas: u32, max_unavailable: u32) -> BTreeSet<u32> {
    let available = candidates.iter().filter(|candidate| candidate.is_available).count();
    let unavailable = (replicas as usize).saturating_sub(available);
    let budget = (max_unavailable as usize).saturating_sub(unavailable);
    let outdated = || candidates.iter().filter(|candidate| candidate.is_outdated);
    let mut serving: Vec<_> = outdated().filter(|candidate| candidate.is_available).collect();
    serving.sort_by_key(|candidate| std::cmp::Reverse(candidate.ordinal));
    let free = outdated().filter(|candidate| !candidate.is_available);
    free.chain(serving.into_iter().take(budget)).map(|candidate| candidate.ordinal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter per node: `a` available, `d` down; upper case means outdated.
    fn turn_of(nodes: &str, max_unavailable: u32) -> Vec<u32> {
        let candidates: Vec<_> = nodes
            .chars()
            .zip(0..)
            .filter(|(node, _)| *node != '-')
            .map(|(node, ordinal)| Candidate {
                ordinal,
                is_outdated: node.is_uppercase(),
                is_available: node.eq_ignore_ascii_case(&'a'),
            })
            .collect();
        turn(&candidates, u32::try_from(nodes.len()).unwrap(), max_unavailable).into_iter().collect()
    }

    #[test]
    fn available_nodes_are_updated_within_the_budget_from_the_highest_ordinal() {
        assert_eq!(turn_of("aaa", 1), [0; 0]);
        assert_eq!(turn_of("AAA", 1), [2]);
        assert_eq!(turn_of("AAA", 2), [1, 2]);
        assert_eq!(turn_of("AAa", 1), [1]);
        assert_eq!(turn_of("AAA", 5), [0, 1, 2]);
    }

    #[test]
    fn an_updated_node_that_is_down_stops_the_update() {
        assert_eq!(turn_of("AAd", 1), [0; 0]);
        assert_eq!(turn_of("AAd", 2), [1]);
    }

    #[test]
    fn a_missing_node_counts_as_down() {
        assert_eq!(turn_of("AA-", 1), [0; 0]);
    }

    #[test]
    fn nodes_that_are_down_are_updated_at_once() {
        assert_eq!(turn_of("DDD", 1), [0, 1, 2]);
        assert_eq!(turn_of("ADA", 1), [1]);
        assert_eq!(turn_of("DAd", 1), [0]);
    }
}
