//! The ids of the current trace at the end of each log line.

use std::fmt;

use opentelemetry::{Context, trace::TraceContextExt};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext,
        format::{FormatEvent, FormatFields, Writer},
    },
    registry::LookupSpan,
};

/// Adds the fields `trace_id` and `span_id` to the lines of a format that writes JSON objects.
#[derive(Debug)]
pub struct InJson<F>(pub F);

/// Adds `trace_id=…` and `span_id=…` to the lines of a format that writes text.
#[derive(Debug)]
pub struct InText<F>(pub F);

impl<S, N, F> FormatEvent<S, N> for InJson<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        with_ids(&self.0, ctx, writer, event, "}\n", |trace, span| {
            format!(",\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"")
        })
    }
}

impl<S, N, F> FormatEvent<S, N> for InText<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        with_ids(&self.0, ctx, writer, event, "\n", |trace, span| format!(" trace_id={trace} span_id={span}"))
    }
}

/// Formats `event`, with the output of `ids` for the current trace before the `end` of the line.
fn with_ids<S, N>(
    format: &impl FormatEvent<S, N>,
    ctx: &FmtContext<'_, S, N>,
    mut writer: Writer<'_>,
    event: &Event<'_>,
    end: &str,
    ids: impl FnOnce(&str, &str) -> String,
) -> fmt::Result
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    let context = Context::current();
    let span = context.span();
    let span = span.span_context();
    if !span.is_valid() {
        return format.format_event(ctx, writer, event);
    }
    let mut line = String::new();
    let buffer = Writer::new(&mut line);
    format.format_event(ctx, buffer, event)?;
    let (trace, span) = (span.trace_id().to_string(), span.span_id().to_string());
    match line.strip_suffix(end) {
        Some(start) => write!(writer, "{start}{}{end}", ids(&trace, &span)),
        None => writer.write_str(&line),
    }
}
