//! The token that the operator shows to sidecars: a projected file that the kubelet renews, read for each use.

use std::{path::PathBuf, sync::Arc};

use http::HeaderValue;

use crate::Error;

/// A file with a bearer token.
#[derive(Clone, Debug)]
pub(crate) struct TokenFile(Arc<PathBuf>);

impl TokenFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(Arc::new(path))
    }

    /// The value of the `Authorization` header, marked so that nobody prints it.
    pub(crate) async fn header(&self) -> Result<HeaderValue, Error> {
        let bad = |why: String| Error::Token { path: self.0.to_path_buf(), why };
        let text = tokio::fs::read_to_string(&*self.0).await.map_err(|error| bad(error.to_string()))?;
        let token = text.trim();
        if token.is_empty() {
            return Err(bad("it is empty".to_owned()));
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| bad("it holds what no header can".to_owned()))?;
        header.set_sensitive(true);
        Ok(header)
    }
}
