//! The main figures over the number of nodes, as one SVG.

use std::path::Path;

use anyhow::anyhow;
use plotters::{coord::Shift, prelude::*};

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
const PANEL: (u32, u32) = (460, 280);

/// A line: its name, and values by the number of nodes.
type Line = (String, Vec<(f64, f64)>);

/// Writes `bench.svg` into `folder`.
pub(crate) fn write(folder: &Path, report: &Report, against: &[Report]) -> anyhow::Result<()> {
    let rows = PANELS.len().div_ceil(COLUMNS);
    let path = folder.join("bench.svg");
    let size = (PANEL.0 * COLUMNS as u32, PANEL.1 * rows as u32);
    let area = SVGBackend::new(&path, size).into_drawing_area();
    area.fill(&WHITE).map_err(|error| anyhow!("{error}"))?;
    for ((name, unit), panel) in PANELS.iter().zip(area.split_evenly((rows, COLUMNS))) {
        let lines = lines(name, against.iter().chain([report]));
        draw(&panel, name, unit, &lines).map_err(|error| anyhow!("plot {name}: {error}"))?;
    }
    area.present().map_err(|error| anyhow!("write {}: {error}", path.display()))
}

/// One line per kind of nodes and report.
fn lines<'a>(figure: &str, reports: impl Iterator<Item = &'a Report>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (report, run) in reports.flat_map(|report| report.runs.iter().map(move |run| (report, run))) {
        let Some(value) = run.value(figure) else { continue };
        let (name, point) = (format!("{}, {}", report.label, run.kind), (run.nodes as f64, value));
        match lines.iter_mut().find(|(known, _)| *known == name) {
            Some((_, points)) => points.push(point),
            None => lines.push((name, vec![point])),
        }
    }
    for (_, points) in &mut lines {
        points.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    }
    lines
}

fn draw(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    name: &str,
    unit: &str,
    lines: &[Line],
) -> Result<(), Box<dyn std::error::Error>> {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let most = points().map(|(nodes, _)| *nodes).fold(1.0, f64::max);
    let highest = points().map(|(_, value)| *value).fold(0.1, f64::max);
    let title = if unit.is_empty() { name.to_owned() } else { format!("{name}, {unit}") };
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 15))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(45)
        .build_cartesian_2d(0.0..most * 1.05, 0.0..highest * 1.1)?;
    chart.configure_mesh().x_desc("nodes").light_line_style(WHITE).max_light_lines(1).draw()?;
    for (index, (label, points)) in lines.iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(3))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 15, y)], color.stroke_width(2)));
    }
    if !lines.is_empty() {
        let labels = &mut chart.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8)).draw()?;
    }
    Ok(())
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
            [("ours, mixed".to_owned(), vec![(1.0, 1.0), (50.0, 50.0)])]
        );
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &report, &[]).unwrap();
        let svg = std::fs::read_to_string(folder.path().join("bench.svg")).unwrap();
        assert!(PANELS.iter().all(|(name, _)| svg.contains(name)) && svg.contains("ours, mixed"));
    }
}
