//! Spans nest as the operator creates them, nothing else leaves the process, and log lines name their trace.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use opentelemetry_sdk::trace::{InMemorySpanExporter, SimpleSpanProcessor, SpanData};
use sei_traces::{InJson, InText, Traces};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::Handle,
};
use tracing::{debug_span, info};
use tracing_subscriber::{Layer, fmt, layer::SubscriberExt};

const CLIENT: &str = "kube_client::client::builder";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn writer(&self) -> impl Fn() -> Self + Send + Sync + use<> {
        let log = self.clone();
        move || log.clone()
    }
}

/// A reconcile with a request of the client, as in the operator.
fn reconcile() {
    let reconcile = debug_span!(target: "sei_controller::queue", "reconcile", object = "rpc-0").entered();
    {
        let _request = debug_span!(target: CLIENT, "HTTP", otel.name = "get", otel.kind = "client").entered();
        tracing::warn!(target: CLIENT, "a response that cannot be decoded");
    }
    info!(target: "sei_controller::events", name = "rpc-0", "state changed");
    drop(reconcile);
    debug_span!(target: "hyper::client", "connect").in_scope(|| {});
}

fn spans(
    traces: &Traces,
    exported: &InMemorySpanExporter,
    logs: impl Layer<tracing_subscriber::Registry> + Send + Sync,
) -> Vec<SpanData> {
    let subscriber = tracing_subscriber::registry().with(logs).with(traces.layer());
    tracing::subscriber::with_default(subscriber, reconcile);
    exported.get_finished_spans().unwrap()
}

fn bed() -> (Traces, InMemorySpanExporter, Log) {
    let exporter = InMemorySpanExporter::default();
    (Traces::through(SimpleSpanProcessor::new(exporter.clone())), exporter, Log::default())
}

#[test]
fn request_spans_are_children_of_the_reconcile_and_client_logs_are_not_exported() {
    let (traces, exporter, log) = bed();
    let spans = spans(&traces, &exporter, fmt::layer().with_writer(log.writer()));
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["get", "reconcile"], "and none of other libraries");
    let [request, reconcile] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(request.parent_span_id, reconcile.span_context.span_id());
    assert_eq!(request.span_context.trace_id(), reconcile.span_context.trace_id());
    assert!(request.events.is_empty(), "{:?}", request.events);
    let events: Vec<_> = reconcile.events.iter().map(|event| &*event.name).collect();
    assert_eq!(events, ["state changed"]);
}

#[test]
fn log_lines_of_a_reconcile_name_its_trace() {
    let (traces, exporter, log) = bed();
    let json = fmt::layer().json().flatten_event(true).map_event_format(InJson).with_writer(log.writer());
    let trace = spans(&traces, &exporter, json)[0].span_context.trace_id().to_string();
    let text = log.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let changed = lines.iter().find(|line| line["message"] == "state changed").unwrap();
    assert_eq!((changed["trace_id"].as_str(), changed["name"].as_str()), (Some(&*trace), Some("rpc-0")));

    let (traces, exporter, log) = bed();
    let text = fmt::layer().with_ansi(false).map_event_format(InText).with_writer(log.writer());
    let trace = spans(&traces, &exporter, text)[0].span_context.trace_id().to_string();
    assert!(
        log.text().lines().any(|line| line.contains(&format!(" trace_id={trace} span_id="))),
        "{}",
        log.text()
    );
}

#[test]
fn a_log_line_outside_a_trace_is_unchanged() {
    let log = Log::default();
    let json = fmt::layer().json().map_event_format(InJson).with_writer(log.writer());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(json), || info!("starting"));
    assert!(!log.text().contains("trace_id"), "{}", log.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_are_sent_to_the_collector_before_the_process_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    let traces = Traces::to(&endpoint, Handle::current()).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(traces.layer()), reconcile);
    let ended = tokio::task::spawn_blocking(|| traces.end());
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut request = vec![0; 64];
    connection.read_exact(&mut request).await.unwrap();
    assert!(request.starts_with(b"POST /v1/traces HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&request));
    connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn only_plain_http_endpoints_are_accepted() {
    for endpoint in ["collector:4318", "https://collector:4318", "http://", ""] {
        let refused = Traces::to(endpoint, Handle::current()).unwrap_err().to_string();
        assert!(refused.contains("write http://HOST:PORT"), "{refused}");
    }
}
