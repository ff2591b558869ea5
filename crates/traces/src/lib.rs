//! Traces over OTLP: the spans of the operator and of its Kubernetes client, sent to an OpenTelemetry collector, and
//! their ids in logs. Only programs with feature `otlp` contain it.
//!
//! The spans are those of the crate `tracing`. A reconcile is the root of a trace; below it are the requests to the API
//! server and the calls to the sidecar that it caused.

mod http;
mod ids;

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkError,
    trace::{SdkTracerProvider, SpanProcessor},
};
use tokio::runtime::Handle;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::FilterFn, registry::LookupSpan};

pub use ids::{InJson, InText};

/// Name of the service and of its tracer.
const SERVICE: &str = "sei-operator";
/// Path of the protocol, below the address of a collector.
const PATH: &str = "/v1/traces";
/// Time limit of one export.
const LIMIT: Duration = Duration::from_secs(10);

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is unusable.
    #[error(
        "{endpoint:?} is not the address of a collector: write http://HOST:PORT, the plain HTTP port of a collector in the cluster"
    )]
    Endpoint {
        /// The address.
        endpoint: String,
    },
    /// The exporter cannot be created.
    #[error("failed to create the exporter of traces: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// The last spans could not be sent.
    #[error("failed to send the remaining traces: {0}")]
    Flush(#[from] OTelSdkError),
}

/// Sends spans until it is shut down.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends spans as OTLP over HTTP to the collector at `endpoint`, such as `http://collector.observability:4318`.
    /// `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS` and the `OTEL_BSP_*` variables
    /// apply. Requests run on `runtime`.
    ///
    /// # Errors
    /// If `endpoint` is not a URL with scheme `http`.
    pub fn to(endpoint: &str, runtime: Handle) -> Result<Self, Error> {
        let uri: Option<::http::Uri> = endpoint.parse().ok();
        if !uri.is_some_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some()) {
            return Err(Error::Endpoint { endpoint: endpoint.to_owned() });
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(http::OnRuntime::new(runtime, LIMIT))
            .with_endpoint(format!("{}{PATH}", endpoint.trim_end_matches('/')))
            .with_timeout(LIMIT)
            .build()?;
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter);
        Ok(Self(provider.with_resource(resource()).build()))
    }

    /// Passes spans to `processor`.
    pub fn through(processor: impl SpanProcessor + 'static) -> Self {
        Self(SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource()).build())
    }

    /// The layer that creates traces from the spans of the operator and its client.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let layer = tracing_opentelemetry::layer().with_tracer(self.0.tracer(SERVICE));
        let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
        layer.with_filter(FilterFn::new(is_traced).with_max_level_hint(Level::DEBUG))
    }

    /// Sends the remaining spans, and shuts down.
    ///
    /// # Errors
    /// If the collector does not respond.
    pub fn end(self) -> Result<(), Error> {
        Ok(self.0.shutdown()?)
    }
}

fn resource() -> Resource {
    Resource::builder().with_service_name(SERVICE).build()
}

/// Whether a span or event is part of traces. The client logs the text of a response that it cannot decode, which may
/// be a Secret: only its spans are part of traces, with method, URL and status code.
fn is_traced(metadata: &Metadata<'_>) -> bool {
    let is_of = |krate: &str| {
        metadata.target().strip_prefix(krate).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let is_ours = ["sei_operator", "sei_controller", "sei_sidecar"].into_iter().any(is_of);
    *metadata.level() <= Level::DEBUG && (is_ours || (metadata.is_span() && is_of("kube_client::client")))
}
