//! The figures of a bench, as JSON and as a table.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::fleet::Kind;

/// The measurements of one operator.
#[derive(Serialize, Deserialize)]
pub(crate) struct Report {
    /// Its label.
    pub(crate) label: String,
    /// CPU cores of the machine, shared by all processes.
    pub(crate) cores: usize,
    /// Size of the program in megabytes, if known.
    pub(crate) program: Option<f64>,
    pub(crate) runs: Vec<Run>,
}

/// The measurements on one cluster.
#[derive(Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) kind: String,
    pub(crate) nodes: usize,
    pub(crate) figures: Vec<Figure>,
    /// Requests per node until quiet, by verb and resource.
    pub(crate) requests: BTreeMap<String, f64>,
}

/// A measured value.
#[derive(Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    /// Unit; empty for counts.
    pub(crate) unit: String,
}

impl Report {
    pub(crate) fn new(label: String, program: Option<f64>) -> Self {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        Self { label, cores, program, runs: Vec::new() }
    }

    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not a report", path.display()))
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("write {}", path.display()))
    }
}

impl Run {
    pub(crate) fn new(kind: Kind, nodes: usize) -> Self {
        Self { kind: kind.as_str().to_owned(), nodes, figures: Vec::new(), requests: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, name: &str, value: f64, unit: &str) {
        self.figures.push(Figure { name: name.to_owned(), value, unit: unit.to_owned() });
    }

    /// Adds the median and the 99th percentile of times in seconds.
    pub(crate) fn times(&mut self, name: &str, times: impl Iterator<Item = f64>) {
        let mut times: Vec<_> = times.collect();
        times.sort_by(f64::total_cmp);
        for (percentile, label) in [(0.50, "p50"), (0.99, "p99")] {
            let rank = ((times.len() as f64 * percentile).ceil() as usize).max(1) - 1;
            if let Some(time) = times.get(rank) {
                self.add(&format!("{name}, {label}"), *time, "s");
            }
        }
    }

    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }
}

/// All figures as a Markdown table: a column for each run, those of earlier reports first.
pub(crate) fn table(report: &Report, against: &[Report]) -> String {
    let reports: Vec<_> = against.iter().chain([report]).collect();
    let columns: Vec<(&Report, &Run)> =
        reports.iter().flat_map(|report| report.runs.iter().map(move |run| (*report, run))).collect();
    let mut names: Vec<(&str, &str)> = Vec::new();
    for figure in columns.iter().flat_map(|(_, run)| &run.figures) {
        let name = (figure.name.as_str(), figure.unit.as_str());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut rows = vec![
        ["".to_owned()].into_iter().chain(columns.iter().map(|(report, run)| heading(report, run))).collect(),
        vec!["---".to_owned(); columns.len() + 1],
    ];
    let row = |label: String, value: &dyn Fn(&Run) -> Option<f64>| -> Vec<String> {
        let cells = columns.iter().map(|(_, run)| value(run).map(number).unwrap_or_default());
        [label].into_iter().chain(cells).collect()
    };
    for (name, unit) in names {
        let label = if unit.is_empty() { name.to_owned() } else { format!("{name}, {unit}") };
        rows.push(row(label, &|run| run.value(name)));
    }
    let requests: std::collections::BTreeSet<_> =
        columns.iter().flat_map(|(_, run)| run.requests.keys()).collect();
    for request in requests {
        rows.push(row(format!("`{request}` a node"), &|run| run.requests.get(request).copied()));
    }
    let mut text: String = rows.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect();
    for report in reports {
        let program = report.program.map(|size| format!(", program of {size:.1} MB")).unwrap_or_default();
        text.push_str(&format!("\n{}: {} cores{program}\n", report.label, report.cores));
    }
    text
}

fn heading(report: &Report, run: &Run) -> String {
    format!("{}, {} {}", report.label, run.nodes, run.kind)
}

fn number(value: f64) -> String {
    match value.abs() {
        zero if zero < 0.0005 => "0".to_owned(),
        small if small < 10.0 => format!("{value:.2}"),
        medium if medium < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let mut run = Run::new(Kind::Plain, 3);
        run.times("time", [3.0, 1.0, 2.0].into_iter());
        assert_eq!((run.value("time, p50"), run.value("time, p99")), (Some(2.0), Some(3.0)));
        run.times("nothing", std::iter::empty());
        assert_eq!(run.value("nothing, p50"), None);
    }

    #[test]
    fn a_table_has_a_column_for_each_run_and_blanks_for_missing_values() {
        let mut old = Report::new("old".into(), None);
        let mut run = Run::new(Kind::Plain, 1);
        run.add("memory", 12.34, "MB");
        old.runs.push(run);
        let mut new = Report::new("new".into(), Some(20.0));
        let mut run = Run::new(Kind::Tls, 1);
        run.requests.insert("get secrets".into(), 1.0);
        new.runs.push(run);
        let table = table(&new, &[old]);
        let lines: Vec<_> = table.lines().take(4).collect();
        let expected = [
            "|  | old, 1 plain | new, 1 tls |",
            "| --- | --- | --- |",
            "| memory, MB | 12.3 |  |",
            "| `get secrets` a node |  | 1.00 |",
        ];
        assert_eq!(lines, expected);
    }
}
