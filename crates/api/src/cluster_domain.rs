//! The DNS domain of a cluster.

use std::fmt;

/// Maximum length of the domain: what a DNS name of 253 characters leaves if the names of node and namespace have their
/// maximum length.
const MOST: usize = 77;
/// Maximum length of a DNS label.
const LABEL: usize = 63;

/// The DNS domain of a cluster, in which the DNS names of its Services and pods end: `cluster.local` by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDomain(String);

impl ClusterDomain {
    /// Parses a domain. `None` unless it consists of lower-case DNS labels and has at most 77 characters.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() <= MOST && text.split('.').all(is_label)).then(|| Self(text.to_owned()))
    }
}

impl Default for ClusterDomain {
    fn default() -> Self {
        Self("cluster.local".to_owned())
    }
}

impl fmt::Display for ClusterDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LABEL).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_made_of_dns_labels_and_leaves_room_for_the_longest_names() {
        let longest = format!("{}.{}", "a".repeat(63), "b".repeat(13));
        for domain in ["cluster.local", "k8s.example-1.com", "local", &longest] {
            assert_eq!(ClusterDomain::parse(domain).map(|it| it.to_string()).as_deref(), Some(domain));
        }
        let label = "a".repeat(64);
        for text in
            ["", ".", "cluster.local.", ".local", "a..b", "Cluster.local", "-a.b", "a-.b", "a b", &label]
        {
            assert_eq!(ClusterDomain::parse(text), None, "{text:?}");
        }
        assert_eq!(ClusterDomain::parse(&format!("{longest}b")), None);
    }
}
