//! Buckets of an object store, configured by the environment variables of the AWS SDKs.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use futures::TryStreamExt;
use object_store::{
    ClientOptions, Error, ObjectStore, ObjectStoreExt,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use sei_store::Connector;
use sei_testkit::sidecar::{Answer, Bucket, Unreachable};

/// How long the SDK retries.
const PATIENCE: Duration = Duration::from_secs(12);

/// A bucket; one that does not respond if the environment has no endpoint.
pub(crate) fn open(name: &str, region: &str) -> anyhow::Result<Arc<dyn Bucket>> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let Some(endpoint) = set("AWS_ENDPOINT_URL_S3") else {
        return Ok(Arc::new(Unreachable { after: PATIENCE }));
    };
    let store = AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_region(region)
        .with_access_key_id(set("AWS_ACCESS_KEY_ID").context("AWS_ACCESS_KEY_ID is not set")?)
        .with_secret_access_key(set("AWS_SECRET_ACCESS_KEY").context("AWS_SECRET_ACCESS_KEY is not set")?)
        .with_endpoint(endpoint)
        .with_client_options(ClientOptions::new().with_allow_http(true))
        .with_http_connector(Connector)
        .build()
        .with_context(|| format!("open bucket {name}"))?;
    Ok(Arc::new(Store(Arc::new(store))))
}

struct Store(Arc<AmazonS3>);

impl Bucket for Store {
    fn get(&self, key: &str) -> Answer<Option<Vec<u8>>> {
        let (store, key) = (Arc::clone(&self.0), Path::from(key));
        Box::pin(async move {
            let object = match store.get(&key).await {
                Err(Error::NotFound { .. }) => return Ok(None),
                object => object.map_err(|error| error.to_string())?,
            };
            object.bytes().await.map(|bytes| Some(bytes.to_vec())).map_err(|error| error.to_string())
        })
    }

    fn put(&self, key: &str, content: Vec<u8>) -> Answer<()> {
        let (store, key) = (Arc::clone(&self.0), Path::from(key));
        Box::pin(
            async move { store.put(&key, content.into()).await.map(drop).map_err(|error| error.to_string()) },
        )
    }

    fn list(&self, prefix: &str) -> Answer<Vec<String>> {
        let (store, prefix) = (Arc::clone(&self.0), Path::from(prefix));
        Box::pin(async move {
            let keys = store.list(Some(&prefix)).map_ok(|object| object.location.to_string());
            keys.try_collect().await.map_err(|error| error.to_string())
        })
    }
}
