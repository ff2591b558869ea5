//! The Gateway that HTTPRoutes of groups attach to.

use crate::settings::Reader;

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

impl Gateway {
    /// Reads all of its settings, or none.
    pub(crate) fn read(settings: &mut Reader<'_>) -> Option<Self> {
        let name = settings.optional("SEI_GATEWAY_NAME")?;
        Some(Self {
            name,
            namespace: settings
                .text("SEI_GATEWAY_NAMESPACE", "the namespace of the Gateway SEI_GATEWAY_NAME"),
            domain: settings
                .text("SEI_GATEWAY_DOMAIN", "the domain of host names at the Gateway SEI_GATEWAY_NAME"),
            public_domain: settings.optional("SEI_GATEWAY_PUBLIC_DOMAIN"),
        })
    }
}
