//! The sidecar of one node: connections with the trust that is known for it.

use futures::{FutureExt, future::BoxFuture};
use sei_api::{SeiNode, names};
use sei_sidecar::{Client, Error, Health, TaskRecord, TaskRequest};
use uuid::Uuid;

use crate::context::Context;

/// The sidecar of one node.
pub(crate) struct Sidecar {
    client: Client,
    /// With the trust before the current one: until the proxy has reloaded a renewed certificate it serves the
    /// old one, which was trusted a moment ago.
    before: Option<Client>,
}

impl Sidecar {
    /// Clients for `node`, or why there are none.
    pub(crate) fn of(ctx: &Context, node: &SeiNode) -> Result<Self, String> {
        let url = names::sidecar_url(node);
        let connect = || -> Result<Option<Self>, Error> {
            if node.spec.tls().is_none() {
                return Ok(Some(Self { client: ctx.transport.plain(&url)?, before: None }));
            }
            let trusts = ctx.memory(node, |memory| memory.trusts.clone());
            let Some((current, rest)) = trusts.split_first() else { return Ok(None) };
            let before = rest.first().map(|trust| ctx.transport.verified(&url, trust)).transpose()?;
            Ok(Some(Self { client: ctx.transport.verified(&url, current)?, before }))
        };
        match connect() {
            Ok(Some(sidecar)) => Ok(sidecar),
            Ok(None) => Err("the sidecar is not called: since the operator started no certificate of the TLS Secret was accepted".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(crate) async fn healthz(&self) -> Result<Health, Error> {
        self.trusting(|client| client.healthz().boxed()).await
    }

    pub(crate) async fn task(&self, id: Uuid) -> Result<Option<TaskRecord>, Error> {
        self.trusting(move |client| client.task(id).boxed()).await
    }

    pub(crate) async fn submit(&self, request: &TaskRequest) -> Result<(), Error> {
        self.trusting(|client| client.submit(request).boxed()).await
    }

    async fn trusting<'a, T>(
        &'a self,
        call: impl Fn(&'a Client) -> BoxFuture<'a, Result<T, Error>>,
    ) -> Result<T, Error> {
        match (call(&self.client).await, &self.before) {
            (Err(refused @ Error::Untrusted { .. }), Some(before)) => call(before).await.map_err(|_| refused),
            (answer, _) => answer,
        }
    }
}
