//! A SeiNode in the form in which it is planned and rendered: each setting has one typed value and is not validated
//! again.

use sei_api::{SeiNode, names, v1alpha1::GenesisCeremony};

use crate::{
    Fault, FirstState, ImageReference, Mode, Part, PeerSource, Pod, SpecError, ValidatorStart, configuration,
    fault::Faults, mode, peer_source, pod,
};

/// Configuration key of the persistent peers.
pub const PERSISTENT_PEERS: &str = "network.p2p.persistent_peers";

/// A SeiNode whose spec has been parsed.
///
/// Invalid parts of the spec are omitted and listed in [`faults`](Self::faults). A fault blocks every task
/// that uses its part, so nothing is built from an omitted part.
#[derive(Debug)]
pub struct Node<'a> {
    /// The parsed SeiNode.
    pub object: &'a SeiNode,
    /// The mode, with its settings.
    pub mode: Mode<'a>,
    /// Name of the Secret with the certificate of the sidecar API; `None` without TLS.
    pub tls_secret: Option<&'a str>,
    /// Sources of peers; `None` if the spec has none.
    pub peers: Option<Vec<PeerSource<'a>>>,
    pod: Option<Pod<'a>>,
    faults: Vec<Fault>,
}

impl<'a> Node<'a> {
    /// Parses `object`.
    pub fn of(object: &'a SeiNode) -> Self {
        Self::with_rpc_servers(object, &[])
    }

    /// Parses `object`, which uses these RPC servers of its chain if its spec lists none.
    pub fn with_rpc_servers(object: &'a SeiNode, servers: &'a [String]) -> Self {
        let spec = &object.spec;
        let mut faults = Faults::default();
        if names::node(object).is_empty() {
            let error = SpecError::Missing { field: "metadata.name", instead: "give the node a name" };
            faults.push(Part::Pod, error);
        }
        let mut mode = mode::read(spec, &mut faults);
        if let Some(state) = mode.state_mut() {
            state.default_rpc_servers(servers);
        }
        let pod = pod::read(spec, &mut faults);
        let tls_secret = spec.tls().map(|tls| tls.secret_name.as_str());
        let peers = peer_source::read(spec.peers.as_deref().unwrap_or_default(), &mut faults);
        let node = Self { object, mode, tls_secret, peers, pod: None, faults: Vec::new() };
        if !node.has_witnesses() {
            let instead = "list at least two RPC servers of the chain as host:port, or set spec.peers to nodes that serve RPC";
            faults.push(Part::State, SpecError::Missing { field: "snapshot.rpcServers", instead });
        }
        configuration::check(spec.overrides.iter().flatten(), &mut faults);
        let Faults(faults) = faults;
        let pod = pod.filter(|_| faults.iter().all(|fault| fault.part != Part::Pod));
        Self { pod, faults, ..node }
    }

    /// Whether an RPC server can provide the trusted block of the first state: a listed one, or else one of the first
    /// peers.
    pub fn has_witnesses(&self) -> bool {
        let overrides = self.object.spec.overrides.as_ref();
        let lists_peers = overrides.is_some_and(|overrides| overrides.contains_key(PERSISTENT_PEERS));
        let sync = self.first_state().sync();
        sync.is_none_or(|sync| !sync.rpc_servers.is_empty() || self.peers.is_some() || lists_peers)
    }

    /// All faults of the spec; empty if every plan can run.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Whether overrides and peers can be written to the configuration.
    pub fn is_configurable(&self) -> bool {
        let is_of_config = |fault: &Fault| matches!(fault.part, Part::Configuration | Part::Peers);
        !self.faults.iter().any(is_of_config)
    }

    /// Settings of the pod; `None` if any of them is invalid.
    pub fn pod(&self) -> Option<&Pod<'a>> {
        self.pod.as_ref()
    }

    /// Where the first state comes from.
    pub fn first_state(&self) -> FirstState<'a> {
        match &self.mode {
            Mode::FullNode { state, .. }
            | Mode::Replayer { state }
            | Mode::Validator { start: ValidatorStart::Chain { state, .. }, .. } => *state,
            Mode::Archive { .. } | Mode::Validator { start: ValidatorStart::Ceremony(_), .. } => {
                FirstState::Genesis
            }
        }
    }

    /// The genesis ceremony that the node takes part in.
    pub fn ceremony(&self) -> Option<&'a GenesisCeremony> {
        match &self.mode {
            Mode::Validator { start: ValidatorStart::Ceremony(ceremony), .. } => Some(ceremony),
            _ => None,
        }
    }

    /// Image and height of the bootstrap Job, if the first start uses one.
    pub fn bootstrap(&self) -> Option<(ImageReference<'a>, i64)> {
        match self.first_state() {
            FirstState::Snapshot { height, bootstrap, .. } => bootstrap.map(|image| (image, height)),
            FirstState::Genesis | FirstState::StateSync(_) => None,
        }
    }

    /// Whether the sidecar uploads snapshots.
    pub fn publishes_snapshots(&self) -> bool {
        match &self.mode {
            Mode::FullNode { snapshots, .. } | Mode::Archive { snapshots } => {
                snapshots.is_some_and(|snapshots| snapshots.are_published)
            }
            Mode::Replayer { .. } | Mode::Validator { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    fn object(more: &Value) -> SeiNode {
        let mut spec = json!({ "chainId": "c", "image": "seid:a" });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(json!({ "metadata": { "name": "node-0" }, "spec": spec })).unwrap()
    }

    #[test]
    fn a_fault_omits_only_the_part_that_it_affects() {
        for (more, part, has_pod) in [
            (json!({ "fullNode": {}, "overrides": { "no.such.key": "1" } }), Part::Configuration, true),
            (json!({ "fullNode": {}, "peers": [{ "static": { "addresses": ["x"] } }] }), Part::Peers, true),
            (json!({ "fullNode": { "snapshot": { "stateSync": {} } } }), Part::State, true),
            (json!({ "fullNode": {}, "sidecar": { "port": 8443 } }), Part::Pod, false),
            (json!({ "fullNode": {}, "sidecar": { "image": "a b" } }), Part::Pod, false),
            (json!({ "fullNode": {}, "podLabels": { "a b": "c" } }), Part::Pod, false),
            (json!({ "fullNode": {}, "podLabels": { "a": "b c" } }), Part::Pod, false),
            (json!({}), Part::Pod, false),
            (json!({ "validator": { "nodeKey": { "secret": { "secretName": "n" } } } }), Part::Pod, false),
        ] {
            let object = object(&more);
            let node = Node::of(&object);
            let parts: Vec<_> = node.faults().iter().map(|fault| fault.part).collect();
            assert_eq!((parts, node.pod().is_some()), (vec![part], has_pod), "{more}");
        }
    }

    #[test]
    fn what_a_spec_has_room_for_is_repeated_neither_in_full_nor_compared_with_every_known_key() {
        let long = "k".repeat(1 << 20);
        let mut overrides: BTreeMap<String, String> =
            (0..20_000).map(|number| (format!("evm.http_prt{number}"), "1".to_owned())).collect();
        overrides.insert(long.clone(), "1".to_owned());
        overrides.insert("evm.http_port".to_owned(), long.clone());
        let object = object(&json!({ "fullNode": {}, "overrides": overrides, "image": format!("{long} ") }));
        let node = Node::of(&object);
        let texts: Vec<_> = node.faults().iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 20_004);
        assert!(texts.iter().all(|text| text.len() < 700), "{:?}", texts.iter().map(String::len).max());
        let suggestions = texts.iter().filter(|text| text.contains("did you mean")).count();
        assert!((1..=10).contains(&suggestions), "{suggestions}");
    }

    #[test]
    fn what_a_status_has_no_room_for_is_a_fault() {
        let peer = |number: u32| format!("0123456789abcdef0123456789abcdef01234567@p{number}.example:26656");
        for (count, expected) in [(4_000, [].as_slice()), (5_000, &[Part::Peers])] {
            let addresses: Vec<_> = (0..count).map(peer).collect();
            let object =
                object(&json!({ "fullNode": {}, "peers": [{ "static": { "addresses": addresses } }] }));
            let parts: Vec<_> = Node::of(&object).faults().iter().map(|fault| fault.part).collect();
            assert_eq!(parts, expected, "{count}");
        }
        let moniker = json!({ "chain.moniker": "m".repeat(300_000) });
        let object = object(&json!({ "fullNode": {}, "overrides": moniker }));
        let texts: Vec<_> = Node::of(&object).faults().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["spec.overrides has 300013 bytes: at most 262144 are possible"]);
    }

    #[test]
    fn an_invalid_part_still_blocks_the_tasks_that_use_it() {
        let wrong = object(&json!({ "replayer": { "snapshot": {} }, "peers": [{}] }));
        let node = Node::of(&wrong);
        assert!(matches!(node.first_state(), FirstState::StateSync(_)), "{node:?}");
        assert_eq!(node.peers, Some(Vec::new()), "peers are requested, and none is valid");
    }

    #[test]
    fn state_sync_needs_a_source_of_the_trusted_block() {
        let fault = |more: Value| {
            let object = object(&more);
            Node::of(&object).faults().iter().map(|fault| fault.part).collect::<Vec<_>>()
        };
        let s3 = json!({ "s3": { "targetHeight": 5 } });
        let peers = json!([{ "label": { "selector": { "net": "a" } } }]);
        for snapshot in [s3, json!({ "stateSync": {} })] {
            let with = |servers: Value| {
                let mut snapshot = snapshot.clone();
                snapshot["rpcServers"] = servers;
                json!({ "fullNode": { "snapshot": snapshot } })
            };
            assert_eq!(fault(json!({ "fullNode": { "snapshot": snapshot } })), [Part::State]);
            assert_eq!(fault(json!({ "fullNode": { "snapshot": snapshot }, "peers": peers })), []);
            assert_eq!(fault(with(json!(["a:26657", "b.example:443"]))), []);
            for servers in [json!(["a:1"]), json!(["a:1", "http://b:1"]), json!(["a:1", "b:0"])] {
                assert_eq!(fault(with(servers.clone())), [Part::State], "{servers}");
            }
        }
        assert_eq!(fault(json!({ "fullNode": {} })), []);
    }

    #[test]
    fn a_ceremony_creates_its_state_and_keys() {
        let ceremony =
            json!({ "chainId": "c", "stakingAmount": "1usei", "accountBalance": "2usei", "index": 0 });
        let snapshot = json!({ "s3": { "targetHeight": 5 }, "bootstrapImage": "seid:old" });
        let alone = object(&json!({ "validator": { "snapshot": snapshot } }));
        assert_eq!(Node::of(&alone).bootstrap().map(|(_, height)| height), Some(5));
        let member = object(&json!({ "validator": { "snapshot": snapshot, "genesisCeremony": ceremony } }));
        let node = Node::of(&member);
        assert_eq!((node.faults(), node.bootstrap()), (&[][..], None));
        assert_eq!(node.ceremony().map(|ceremony| ceremony.chain_id.as_str()), Some("c"));
    }
}
