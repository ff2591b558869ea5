//! The handlers of a release in a separate home.

use std::sync::Arc;

use sei_testkit::sidecar::{Bucket, Generation, Handlers, Home, Outcome, World};
use serde_json::Value;
use tempfile::TempDir;

/// ID of every task.
pub const ID: &str = "00000000-0000-4000-8000-000000000001";

pub struct Bed {
    pub handlers: Handlers,
    _folder: TempDir,
}

impl Bed {
    pub fn new(generation: Generation, bucket: impl Bucket + 'static, world: impl World + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bucket: Arc<dyn Bucket> = Arc::new(bucket);
        let handlers = Handlers {
            generation,
            home: Home::new(folder.path().to_owned()),
            chain: "devnet-1".to_owned(),
            snapshots: Arc::clone(&bucket),
            genesis: bucket,
            world: Arc::new(world),
            keyring: false,
        };
        handlers.prepare().unwrap();
        Self { handlers, _folder: folder }
    }

    pub async fn run(&self, type_: &str, params: Value) -> Outcome {
        let Value::Object(params) = params else { panic!("{params} is no object") };
        self.handlers.clone().run(ID, type_, params).await
    }

    pub fn config(&self) -> String {
        self.handlers.home.read("config/config.toml").unwrap().unwrap()
    }
}
