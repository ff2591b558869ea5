//! What is outside a sidecar: buckets, other machines, and the seid beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use sei_testkit::sidecar::{Answer, Bucket, Home, World};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::sidecar::{CHAIN, TASK};

/// Machines that answer, with one instance of EC2, buckets with every object, and a chain that accepts every transaction.
#[derive(Clone, Default)]
pub struct Outside(Arc<Mutex<Chain>>);

/// What has reached the chain, and the seid that runs on it.
#[derive(Default)]
pub struct Chain {
    pub transactions: BTreeSet<String>,
    pub restarts: u32,
    /// The pod on the volume.
    pub pod: String,
    pub started: Option<Started>,
}

/// A seid, and the configuration that it was started with.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    pub pod: String,
    pub config: toml::Table,
    pub app: toml::Table,
}

impl Outside {
    pub fn chain(&self) -> MutexGuard<'_, Chain> {
        self.0.lock().unwrap()
    }

    /// The sidecar is ready, so that the seid of its pod starts if it does not run.
    pub fn start_seid(&self, home: &Home) {
        let mut chain = self.chain();
        let pod = chain.pod.clone();
        if chain.started.as_ref().is_none_or(|started| started.pod != pod) {
            let table = |file: &str| home.read(file).unwrap().unwrap().parse().unwrap();
            let (config, app) = (table("config/config.toml"), table("config/app.toml"));
            chain.started = Some(Started { pod, config, app });
        }
    }
}

impl World for Outside {
    fn rpc(&self, _: &str, _: &str) -> Answer<Value> {
        let sync = json!({ "latest_block_height": "5000", "catching_up": false });
        let status =
            json!({ "node_info": { "network": CHAIN }, "sync_info": sync, "block_id": { "hash": "AB" } });
        Box::pin(async move { Ok(status) })
    }

    fn instances(&self) -> Answer<Vec<String>> {
        Box::pin(async { Ok(vec![format!("{}@ec2.example:26656", "e".repeat(40))]) })
    }

    fn stop_seid(&self) -> Answer<()> {
        self.chain().restarts += 1;
        Box::pin(async { Ok(()) })
    }

    fn sequence(&self) -> Answer<u64> {
        let sequence = self.chain().transactions.len() as u64;
        Box::pin(async move { Ok(sequence) })
    }

    fn broadcast(&self, transaction: String) -> Answer<()> {
        self.chain().transactions.insert(transaction);
        Box::pin(async { Ok(()) })
    }
}

impl Bucket for Outside {
    fn get(&self, _: &str) -> Answer<Option<Vec<u8>>> {
        Box::pin(async { Ok(Some(b"{}".to_vec())) })
    }

    fn put(&self, _: &str, _: Vec<u8>) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }

    fn list(&self, prefix: &str) -> Answer<Vec<String>> {
        let first = format!("{prefix}1.tar.gz");
        Box::pin(async { Ok(vec![first]) })
    }
}

/// A bucket that keeps every version of what was put into it, each after [`TASK`].
#[derive(Clone, Default)]
pub struct Objects(Arc<Mutex<BTreeMap<String, Vec<Vec<u8>>>>>);

impl Objects {
    pub fn versions(&self, key: &str) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().get(key).cloned().unwrap_or_default()
    }

    pub fn has(&self, key: &str) -> bool {
        !self.versions(key).is_empty()
    }
}

impl Bucket for Objects {
    fn get(&self, key: &str) -> Answer<Option<Vec<u8>>> {
        let found = self.versions(key).pop();
        Box::pin(async { Ok(found) })
    }

    fn put(&self, key: &str, content: Vec<u8>) -> Answer<()> {
        let (this, key) = (self.clone(), key.to_owned());
        Box::pin(async move {
            sleep(TASK).await;
            this.0.lock().unwrap().entry(key).or_default().push(content);
            Ok(())
        })
    }

    fn list(&self, prefix: &str) -> Answer<Vec<String>> {
        let keys = self.0.lock().unwrap().keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        Box::pin(async { Ok(keys) })
    }
}
