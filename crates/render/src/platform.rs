//! Settings of the platform that nodes run on. They come from the operator's environment; this crate receives
//! them as a map and validates them all at once.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use sei_api::{
    ClusterDomain, SeiNode,
    v1alpha1::{ConfigRollout, Mode},
};
use sei_node::{Node, is_namespace};

use crate::{
    allowed_images::AllowedImages,
    forms,
    gateway::Gateway,
    reference_label::ReferenceLabel,
    rpc_servers::RpcServers,
    settings::{Reader, SettingsError},
    sidecar_rollout::SidecarRollout,
    size::{Size, Sizes},
};

/// The setting with the DNS domain of the cluster.
const CLUSTER_DOMAIN: &str = "SEI_CLUSTER_DOMAIN";
/// The setting with the rollout of changed configurations.
const CONFIG_ROLLOUT: &str = "SEI_CONFIG_ROLLOUT";

/// A bucket and its region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Name.
    pub name: String,
    /// Region.
    pub region: String,
}

/// The validated platform settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    sizes: Sizes,
    pub(crate) toleration_key: String,
    pub(crate) service_account: String,
    pub(crate) snapshot_bucket: Bucket,
    pub(crate) genesis_bucket: Bucket,
    pub(crate) sidecar_image: String,
    pub(crate) exporter_image: String,
    pub(crate) proxy_image: Option<String>,
    pub(crate) allowed_images: AllowedImages,
    /// Empty allows every namespace.
    peer_namespaces: Vec<String>,
    reference_label: Option<ReferenceLabel>,
    gateway: Option<Gateway>,
    cluster_domain: ClusterDomain,
    config_rollout: ConfigRollout,
    sidecar_rollout: SidecarRollout,
    rpc_servers: RpcServers,
}

impl Reader<'_> {
    fn cluster_domain(&mut self) -> ClusterDomain {
        let Some(text) = self.optional(CLUSTER_DOMAIN) else { return ClusterDomain::default() };
        ClusterDomain::parse(&text).unwrap_or_else(|| {
            self.wrong.push(format!(
                "{CLUSTER_DOMAIN} is {text:?}: write the DNS domain of the cluster, such as cluster.local, in lower case, \
                 without a dot at its end, of 77 characters at most"
            ));
            ClusterDomain::default()
        })
    }

    fn config_rollout(&mut self) -> ConfigRollout {
        let Some(text) = self.optional(CONFIG_ROLLOUT) else { return ConfigRollout::default() };
        ConfigRollout::ALL.into_iter().find(|rollout| rollout.as_str() == text).unwrap_or_else(|| {
            let known = ConfigRollout::ALL.map(ConfigRollout::as_str).join(" or ");
            self.wrong.push(format!("{CONFIG_ROLLOUT} is {text:?}: write {known}"));
            ConfigRollout::default()
        })
    }

    fn bucket(&mut self, kind: &str) -> Bucket {
        Bucket {
            name: self.text(&format!("SEI_{kind}_BUCKET"), "the bucket that sidecars use"),
            region: self.text(&format!("SEI_{kind}_REGION"), "the region of that bucket"),
        }
    }
}

impl Platform {
    /// The platform that `settings` (names and values of `SEI_*` variables) describe. Settings that the Go
    /// controller required without using them are accepted and ignored.
    ///
    /// # Errors
    /// [`SettingsError`] with every setting that is missing or malformed.
    pub fn from_settings(settings: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let mut read = Reader { settings, wrong: Vec::new() };
        let platform = Self {
            sizes: Sizes::read(&mut read),
            toleration_key: read.text("SEI_TOLERATION_KEY", "the key of the taint of the node pools"),
            service_account: read.text("SEI_SERVICE_ACCOUNT", "the ServiceAccount of node pods"),
            snapshot_bucket: read.bucket("SNAPSHOT"),
            genesis_bucket: read.bucket("GENESIS"),
            sidecar_image: read.text("SEI_SIDECAR_IMAGE", "the seictl image"),
            exporter_image: read.text("SEI_COSMOS_EXPORTER_IMAGE", "the cosmos-exporter image"),
            proxy_image: read.optional("SEI_KUBE_RBAC_PROXY_IMAGE"),
            allowed_images: AllowedImages::read(&mut read),
            peer_namespaces: read.list("SEI_PEER_NAMESPACES", "names of namespaces", is_namespace),
            reference_label: ReferenceLabel::read(&mut read),
            gateway: Gateway::read(&mut read),
            cluster_domain: read.cluster_domain(),
            config_rollout: read.config_rollout(),
            sidecar_rollout: SidecarRollout::read(&mut read),
            rpc_servers: RpcServers::read(&mut read),
        };
        forms::check(&mut read);
        if read.wrong.is_empty() {
            return Ok(platform);
        }
        read.wrong.sort();
        Err(SettingsError(read.wrong))
    }

    /// Volume size of a node of `mode`, which is also the minimum for an imported volume.
    pub fn required_storage(&self, mode: Mode) -> &Quantity {
        &self.size(mode).storage
    }

    /// Why a SeiNode may not reference a Secret or claim with these labels; `None` if it may.
    pub fn refuses_reference(&self, labels: Option<&BTreeMap<String, String>>) -> Option<String> {
        self.reference_label.as_ref()?.missing(labels)
    }

    /// Whether nodes of other namespaces may select peers in `namespace`.
    pub fn allows_peers_of(&self, namespace: &str) -> bool {
        self.peer_namespaces.is_empty() || self.peer_namespaces.iter().any(|allowed| allowed == namespace)
    }

    /// The DNS domain of the cluster.
    pub fn cluster_domain(&self) -> &ClusterDomain {
        &self.cluster_domain
    }

    /// When a changed configuration is applied to a Running node whose spec does not set this.
    pub fn config_rollout(&self) -> ConfigRollout {
        self.config_rollout
    }

    /// When changed images of the sidecar and its proxy are rolled out to Running nodes.
    pub fn sidecar_rollout(&self) -> SidecarRollout {
        self.sidecar_rollout
    }

    /// `object` as a node on this platform.
    pub fn node<'a>(&'a self, object: &'a SeiNode) -> Node<'a> {
        self.rpc_servers.node(object)
    }

    /// The Gateway of HTTPRoutes of groups, if there is one.
    pub fn gateway(&self) -> Option<&Gateway> {
        self.gateway.as_ref()
    }

    /// The bucket in which genesis ceremonies store the objects of a group.
    pub fn genesis_bucket(&self) -> &Bucket {
        &self.genesis_bucket
    }

    pub(crate) fn size(&self, mode: Mode) -> &Size {
        self.sizes.of(mode)
    }
}

/// The DNS domain of the cluster that `settings` name, for commands that need no other setting.
///
/// # Errors
/// [`SettingsError`] where it is malformed.
pub fn cluster_domain(settings: &BTreeMap<String, String>) -> Result<ClusterDomain, SettingsError> {
    let mut read = Reader { settings, wrong: Vec::new() };
    let domain = read.cluster_domain();
    if read.wrong.is_empty() { Ok(domain) } else { Err(SettingsError(read.wrong)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> BTreeMap<String, String> {
        let env = include_str!("../../../tests/conformance/full-tls/platform.env");
        env.lines()
            .filter_map(|line| line.split_once('='))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    }

    #[test]
    fn all_invalid_settings_are_reported_at_once() {
        let mut settings = settings();
        settings.remove("SEI_SIDECAR_IMAGE");
        settings.insert("SEI_STORAGE_SIZE_DEFAULT".into(), "2000 Gi".into());
        settings.insert("SEI_GENESIS_REGION".into(), "  ".into());
        settings.insert("SEI_CONFIG_ROLLOUT".into(), "Never".into());
        let error = Platform::from_settings(&settings).unwrap_err();
        let names: Vec<_> = error.lines().iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(
            names,
            ["SEI_CONFIG_ROLLOUT", "SEI_GENESIS_REGION", "SEI_SIDECAR_IMAGE", "SEI_STORAGE_SIZE_DEFAULT"]
        );
    }

    #[test]
    fn the_domain_of_the_cluster_is_that_of_most_clusters_unless_it_is_set() {
        let with = |domain: &str| {
            let mut settings = settings();
            settings.insert("SEI_CLUSTER_DOMAIN".into(), domain.into());
            settings
        };
        for (given, expected) in [("", "cluster.local"), ("k8s.example", "k8s.example")] {
            let platform = Platform::from_settings(&with(given)).unwrap();
            assert_eq!(platform.cluster_domain().to_string(), expected);
            assert_eq!(cluster_domain(&with(given)).as_ref(), Ok(platform.cluster_domain()));
        }
        for error in [
            Platform::from_settings(&with("k8s.example.")).unwrap_err(),
            cluster_domain(&with("A")).unwrap_err(),
        ] {
            assert!(error.to_string().contains("SEI_CLUSTER_DOMAIN is"), "{error}");
        }
    }

    #[test]
    fn limits_without_an_entry_or_with_an_impossible_one_are_refused() {
        for (name, wrong, right) in [
            ("SEI_ALLOWED_IMAGES", &[",", " ,, ", "a b"][..], "seid,ghcr.io/sei/"),
            ("SEI_PEER_NAMESPACES", &[",", "a,B", "*", "a.b"], "pacific-1, arctic-1,"),
            ("SEI_REFERENCE_LABEL", &["=", "=yes", "a b", "sei.io/used=a b", "a,b"], "sei.io/for-nodes=yes"),
        ] {
            let mut settings = settings();
            for text in wrong {
                settings.insert(name.into(), (*text).into());
                let error = Platform::from_settings(&settings).unwrap_err();
                assert_eq!(error.lines().len(), 1, "{error}");
                assert!(error.lines()[0].starts_with(&format!("{name} is ")), "{error}");
            }
            settings.insert(name.into(), right.into());
            assert!(Platform::from_settings(&settings).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_gateway_is_named_with_its_namespace_and_domain_or_not_at_all() {
        let mut settings = settings();
        assert_eq!(Platform::from_settings(&settings).unwrap().gateway().unwrap().name, "sei-gateway");
        settings.remove("SEI_GATEWAY_DOMAIN");
        let error = Platform::from_settings(&settings).unwrap_err();
        assert!(error.lines()[0].starts_with("SEI_GATEWAY_DOMAIN is not set"), "{error}");
        settings.remove("SEI_GATEWAY_NAME");
        assert_eq!(Platform::from_settings(&settings).unwrap().gateway(), None);
    }

    #[test]
    fn settings_without_effect_are_not_required() {
        let mut settings = settings();
        settings.retain(|name, _| {
            let unused = ["RESULT_EXPORT", "GATEWAY", "STORAGE_CLASS_DEFAULT", "RBAC_PROXY"];
            !unused.iter().any(|part| name.contains(part))
        });
        assert!(Platform::from_settings(&settings).is_ok());
        let count = Platform::from_settings(&BTreeMap::new()).unwrap_err().lines().len();
        assert_eq!(count, settings.len(), "every remaining setting is required");
    }
}
