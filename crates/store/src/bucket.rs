//! One bucket, and a check whether it contains an object.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    list::{PaginatedListOptions, PaginatedListStore},
};

use crate::{
    SettingsError, Unavailable,
    connector::Connector,
    settings::{self, Endpoint},
};

/// Timeout of one query, including the retrieval of credentials.
const LIMIT: Duration = Duration::from_secs(5);

/// A bucket that can be queried. Clones share connections and credentials.
#[derive(Clone)]
pub struct Bucket {
    name: Arc<str>,
    store: Arc<AmazonS3>,
}

impl fmt::Debug for Bucket {
    /// Prints only the name: the client holds credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Bucket {
    /// Bucket `name` in `region`, with credentials and endpoint from `variables`, which are named as in the
    /// environment: `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY`, else `AWS_WEB_IDENTITY_TOKEN_FILE` with
    /// `AWS_ROLE_ARN`, else `AWS_CONTAINER_CREDENTIALS_FULL_URI` with `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`, else
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`; and `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`. Bucket names are
    /// part of the path, which every store supports. `None` if there are no credentials.
    ///
    /// # Errors
    /// [`SettingsError`] with the variable that cannot be used.
    pub fn open(
        name: &str,
        region: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<Option<Self>, SettingsError> {
        let Some(settings) = settings::read(variables)? else { return Ok(None) };
        let is_plain = settings.endpoint.as_ref().is_some_and(|endpoint| endpoint.is_plain);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(name)
            .with_region(region)
            .with_virtual_hosted_style_request(false)
            .with_client_options(ClientOptions::new().with_allow_http(is_plain))
            .with_retry(RetryConfig {
                // The caller retries in any case.
                max_retries: 1,
                retry_timeout: LIMIT,
                backoff: BackoffConfig::default(),
            })
            .with_http_connector(Connector);
        if let Some(Endpoint { url, .. }) = settings.endpoint {
            builder = builder.with_endpoint(url);
        }
        for (key, value) in settings.credentials {
            builder = builder.with_config(key, value);
        }
        let store = builder.build().map_err(|error| SettingsError::Refused(error.to_string()))?;
        Ok(Some(Self { name: name.into(), store: Arc::new(store) }))
    }

    /// Whether object `key` exists. The query lists names, so that a missing object is distinguished from
    /// denied access or a missing bucket, and so that no read permission is needed.
    ///
    /// # Errors
    /// [`Unavailable`] if the store did not answer the query.
    pub async fn holds(&self, key: &str) -> Result<bool, Unavailable> {
        // Names are sorted, so the key itself comes before all keys that it is a prefix of.
        let first = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        match tokio::time::timeout(LIMIT, self.store.list_paginated(Some(key), first)).await {
            Ok(Ok(page)) => Ok(page.result.objects.iter().any(|object| object.location.as_ref() == key)),
            Ok(Err(error)) => Err(Unavailable::new(&self.name, &error)),
            Err(_) => Err(Unavailable::silent(&self.name, LIMIT)),
        }
    }

    /// The `s3://` URL of object `key`.
    pub fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }
}
