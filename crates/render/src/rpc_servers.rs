//! RPC servers of each chain, which provide the trusted block of state sync if a spec lists none.

use std::collections::{BTreeMap, BTreeSet};

use sei_api::SeiNode;
use sei_node::{Node, is_rpc_server};

use crate::settings::{Reader, SettingsError};

/// The setting: a JSON object with a list of `host:port` for each chain ID.
const RPC_SERVERS: &str = "SEI_RPC_SERVERS";

/// RPC servers by chain ID.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RpcServers(BTreeMap<String, Vec<String>>);

impl RpcServers {
    /// The servers that `settings` list, for commands that need no other setting.
    ///
    /// # Errors
    /// [`SettingsError`] if the setting is malformed.
    pub fn from_settings(settings: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let mut read = Reader { settings, wrong: Vec::new() };
        let servers = Self::read(&mut read);
        if read.wrong.is_empty() { Ok(servers) } else { Err(SettingsError(read.wrong)) }
    }

    pub(crate) fn read(settings: &mut Reader<'_>) -> Self {
        let Some(text) = settings.optional(RPC_SERVERS) else { return Self::default() };
        let servers: BTreeMap<String, Vec<String>> = match serde_json::from_str(&text) {
            Ok(servers) => servers,
            Err(error) => {
                settings.wrong.push(format!(
                    "{RPC_SERVERS} cannot be read ({error}): write a JSON object with a list of host:port for each chain ID"
                ));
                return Self::default();
            }
        };
        for (chain, servers) in &servers {
            let usable: BTreeSet<_> = servers.iter().filter(|server| is_rpc_server(server)).collect();
            if usable.len() != servers.len() || usable.len() < 2 {
                settings.wrong.push(format!(
                    "{RPC_SERVERS} has {servers:?} for chain {chain}: list at least two different servers, each as host:port without a scheme"
                ));
            }
        }
        Self(servers)
    }

    /// `object` as a node, for which the servers of its chain are the default.
    pub fn node<'a>(&'a self, object: &'a SeiNode) -> Node<'a> {
        let of_chain = self.0.get(&object.spec.chain_id).map(Vec::as_slice);
        Node::with_rpc_servers(object, of_chain.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<RpcServers, SettingsError> {
        RpcServers::from_settings(&BTreeMap::from([(RPC_SERVERS.to_owned(), text.to_owned())]))
    }

    #[test]
    fn each_chain_has_at_least_two_servers() {
        let servers = read(r#"{ "pacific-1": ["a:26657", "b.example:443"] }"#).unwrap();
        assert_eq!(servers.0["pacific-1"], ["a:26657", "b.example:443"]);
        assert_eq!(read(""), Ok(RpcServers::default()));
        for wrong in [
            r#"{ "c": [] }"#,
            r#"{ "c": ["a:1"] }"#,
            r#"{ "c": ["a:1", "a:1"] }"#,
            r#"{ "c": ["a:1", "https://b:1"] }"#,
            r#"["a:1", "b:1"]"#,
            "a:1,b:1",
        ] {
            assert!(read(wrong).unwrap_err().lines()[0].starts_with(RPC_SERVERS), "{wrong}");
        }
    }

    #[test]
    fn the_servers_of_a_chain_are_the_default_of_its_nodes() {
        let servers = read(r#"{ "pacific-1": ["a:26657", "b:26657"] }"#).unwrap();
        let listed = |chain: &str, own: &[&str]| {
            let mut snapshot = json!({ "stateSync": {} });
            if !own.is_empty() {
                snapshot["rpcServers"] = json!(own);
            }
            let spec = json!({ "chainId": chain, "image": "i", "fullNode": { "snapshot": snapshot } });
            let object = json!({ "metadata": { "name": "node-0" }, "spec": spec });
            let object: SeiNode = serde_json::from_value(object).unwrap();
            let node = servers.node(&object);
            let sync = node.first_state().sync().unwrap();
            (sync.rpc_servers.join(","), sync.are_from_platform, node.faults().len())
        };
        assert_eq!(listed("pacific-1", &[]), ("a:26657,b:26657".to_owned(), true, 0));
        assert_eq!(listed("pacific-1", &["c:1", "d:1"]), ("c:1,d:1".to_owned(), false, 0));
        assert_eq!(listed("arctic-1", &[]), (String::new(), false, 1), "there is no witness");
    }
}
