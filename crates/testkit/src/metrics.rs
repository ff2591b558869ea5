//! Metrics as served by `/metrics` and as described in `docs/metrics.md`, for comparison.

use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../docs/metrics.md");

/// One metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// Name, as used in queries; that of a histogram without suffixes.
    pub name: String,
    /// `gauge`, `counter` or `histogram`.
    pub kind: String,
    /// Names of its labels, in order.
    pub labels: Vec<String>,
}

/// The metrics of an exposition. A metric without samples is not served.
pub fn served(exposition: &str) -> BTreeSet<Metric> {
    let kinds = exposition.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    kinds
        .map(|(name, kind)| {
            let sample = match kind {
                "counter" => format!("{name}_total"),
                "histogram" => format!("{name}_count"),
                _ => name.to_owned(),
            };
            let name = if kind == "counter" { sample.clone() } else { name.to_owned() };
            let labels = exposition.lines().find_map(|line| line.strip_prefix(&sample)?.strip_prefix('{'));
            let labels = labels.and_then(|rest| rest.split_once('}')).map_or("", |(labels, _)| labels);
            // No label value in tests contains a comma.
            let labels = labels.split(',').filter_map(|label| label.split_once('='));
            let mut labels: Vec<_> = labels.map(|(label, _)| label.to_owned()).collect();
            labels.sort();
            Metric { name, kind: kind.to_owned(), labels }
        })
        .collect()
}

/// The metrics of `docs/metrics.md`.
pub fn documented() -> BTreeSet<Metric> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let mut cells = row.split(" | ");
        let name = cells.next()?.trim_end_matches('`').to_owned();
        let kind = cells.next()?.to_owned();
        let labels = cells.next()?.split('`').skip(1).step_by(2).map(str::to_owned);
        let mut labels: Vec<_> = labels.collect();
        labels.sort();
        Some(Metric { name, kind, labels })
    })
    .collect()
}
