//! Logs on standard error and, in builds with feature `otlp`, traces to a collector.

use std::io::{IsTerminal, stderr};

use tokio::runtime::Runtime;
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, util::SubscriberInitExt};

#[cfg(feature = "otlp")]
use sei_traces::{InJson, InText, Traces};

#[cfg(not(feature = "otlp"))]
use super::untraced::{InJson, InText, Traces};
use crate::{
    bad_input::bad,
    cli::{LogFormat, RunArgs},
};

/// Spans and lines of libraries that are not logged.
const SILENCED: [&str; 2] = [
    // The client logs the text of a response that it cannot decode, which may be a Secret.
    "kube_client::client=error",
    // Its span would repeat the object on every line.
    "kube_runtime::controller=warn",
];

/// What must be shut down with the process.
pub(super) struct Telemetry {
    traces: Option<Traces>,
}

impl Telemetry {
    /// Starts logs and traces as requested in `args`; `runtime` sends the traces.
    pub(super) fn start(args: &RunArgs, runtime: &Runtime) -> anyhow::Result<Self> {
        let mut filter =
            EnvFilter::try_new(&args.log_level).map_err(|error| bad(format!("--log-level: {error}")))?;
        for directive in SILENCED {
            filter = filter.add_directive(directive.parse()?);
        }
        let lines = fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal());
        let lines = match args.log_format {
            LogFormat::Json => lines.json().flatten_event(true).map_event_format(InJson).boxed(),
            LogFormat::Text => lines.map_event_format(InText).boxed(),
        };
        let to = |endpoint: &String| Traces::to(endpoint, runtime.handle().clone());
        let traces = args.otlp_endpoint.as_ref().map(to).transpose();
        let traces = traces.map_err(|error| bad(format!("--otlp-endpoint: {error}")))?;
        let registry = tracing_subscriber::registry().with(lines.with_filter(filter));
        registry.with(traces.as_ref().map(Traces::layer)).init();
        Ok(Self { traces })
    }

    /// Sends the remaining traces.
    pub(super) fn end(self) {
        if let Some(Err(error)) = self.traces.map(Traces::end) {
            tracing::warn!(%error, "failed to export the remaining traces");
        }
    }
}
