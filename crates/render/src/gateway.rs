//! The Gateway that HTTPRoutes of groups attach to.

/// A Gateway, and the domains that it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Domain of the host names of every group.
    pub domain: String,
    /// Domain of the host names that have the namespace of the group in them.
    pub public_domain: Option<String>,
}
