//! The main figures over the number of nodes, as one SVG.

use std::path::Path;

use anyhow::Context;
use sei_charts::{Chart, Line};

use crate::report::Report;

/// The plotted figures, with their units.
const PANELS: [(&str, &str); 6] = [
    ("create → all Running", "s"),
    ("requests a node to quiet", ""),
    ("peak memory to quiet", "MB"),
    ("SIGTERM: peak memory of the new process", "MB"),
    ("operator CPU to Running", "s"),
    ("API server CPU to Running", "s"),
];
const COLUMNS: usize = 2;

/// Writes `bench.svg` into `folder`.
pub(crate) fn write(folder: &Path, report: &Report, against: &[Report]) -> anyhow::Result<()> {
    let charts: Vec<_> = PANELS
        .iter()
        .map(|(name, unit)| Chart {
            title: if unit.is_empty() { (*name).to_owned() } else { format!("{name}, {unit}") },
            over: "nodes".to_owned(),
            lines: lines(name, against.iter().chain([report])),
        })
        .collect();
    let path = folder.join("bench.svg");
    let drawn = sei_charts::svg(&charts, COLUMNS)?;
    std::fs::write(&path, drawn).with_context(|| format!("write {}", path.display()))
}

/// One line per kind of nodes and report.
fn lines<'a>(figure: &str, reports: impl Iterator<Item = &'a Report>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (report, run) in reports.flat_map(|report| report.runs.iter().map(move |run| (report, run))) {
        let Some(value) = run.value(figure) else { continue };
        let (name, point) = (format!("{}, {}", report.label, run.kind), (run.nodes as f64, value));
        match lines.iter_mut().find(|known| known.name == name) {
            Some(line) => line.points.push(point),
            None => lines.push(Line { name, points: vec![point] }),
        }
    }
    for line in &mut lines {
        line.points.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fleet::Kind, report::Run};

    #[test]
    fn every_panel_shows_the_lines_of_its_figure() {
        let mut report = Report::new("ours".into(), None);
        for nodes in [50, 1] {
            let mut run = Run::new(Kind::Mixed, nodes);
            run.add("peak memory to quiet", nodes as f64, "MB");
            report.runs.push(run);
        }
        assert_eq!(
            lines("peak memory to quiet", [&report].into_iter()),
            [Line { name: "ours, mixed".to_owned(), points: vec![(1.0, 1.0), (50.0, 50.0)] }]
        );
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &report, &[]).unwrap();
        let svg = std::fs::read_to_string(folder.path().join("bench.svg")).unwrap();
        assert!(PANELS.iter().all(|(name, _)| svg.contains(name)) && svg.contains("ours, mixed"));
    }
}
