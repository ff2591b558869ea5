//! Panels of the Grafana dashboard, with the values that a Prometheus has for their queries.

use anyhow::Context;
use sei_charts::{Chart, Line};
use serde_json::Value;

use crate::fleet::{Prometheus, Series};

/// Titles of the panels that are drawn.
const PANELS: [&str; 8] = [
    "Nodes by phase",
    "SeiNodes of groups",
    "TLS Secrets",
    "Sidecars that are ready",
    "Calls to sidecars",
    "Latency of sidecars",
    "Passes",
    "Requests to the API server",
];
const COLUMNS: usize = 2;

/// The panels over the time between two Unix times.
pub(super) fn svg(
    dashboard: &Value,
    prometheus: &Prometheus,
    from: u64,
    until: u64,
) -> anyhow::Result<String> {
    let mut charts = Vec::new();
    for title in PANELS {
        let all = dashboard["panels"].as_array().into_iter().flatten();
        let mut with_title = all.filter(|panel| panel["title"] == title);
        let panel = with_title.next().with_context(|| format!("the dashboard has no panel {title}"))?;
        let mut lines = Vec::new();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let (expression, legend) = (text(&target["expr"]), text(&target["legendFormat"]));
            let series = prometheus.range(&without_variables(expression), from, until)?;
            lines.extend(series.iter().map(|series| line(series, legend, from)));
        }
        // Phases and reasons that no node is in say nothing in a small picture.
        lines.retain(|line| line.points.iter().any(|(_, value)| *value != 0.0));
        let unit = match text(&panel["fieldConfig"]["defaults"]["unit"]) {
            "s" => ", s",
            "reqps" | "ops" => ", per second",
            _ => "",
        };
        charts.push(Chart { title: format!("{title}{unit}"), over: "seconds".to_owned(), lines });
    }
    sei_charts::svg(&charts, COLUMNS)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A query with the values that Grafana would insert.
fn without_variables(expression: &str) -> String {
    expression.replace("$namespace", ".*").replace("$__rate_interval", "10s")
}

/// A series with the name that the panel gives it. Values that are not finite are left out.
fn line(series: &Series, legend: &str, from: u64) -> Line {
    let name = series.metric.iter().fold(legend.to_owned(), |name, (label, value)| {
        name.replace(&format!("{{{{{label}}}}}"), text(value))
    });
    let points = series.values.iter().filter_map(|(time, value)| {
        let value: f64 = value.parse().ok()?;
        value.is_finite().then_some((time - from as f64, value))
    });
    Line { name, points: points.collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_series_is_named_by_the_legend_of_its_panel() {
        let series: Series = serde_json::from_value(json!({
            "metric": { "method": "GET", "code": "200" },
            "values": [[100.0, "1.5"], [101.0, "NaN"]],
        }))
        .unwrap();
        let expected = Line { name: "GET 200".to_owned(), points: vec![(10.0, 1.5)] };
        assert_eq!(line(&series, "{{method}} {{code}}", 90), expected);
    }
}
