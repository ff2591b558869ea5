//! Charts of measured values as SVG, for the bench and the pictures of the documentation. For development only; not part
//! of any release.

use anyhow::anyhow;
use plotters::{coord::Shift, prelude::*};

/// Size of one chart in pixels.
const SIZE: (u32, u32) = (460, 280);
/// If no line has more points, each point gets a mark.
const MARKED: usize = 12;

/// A chart of some lines over the same quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Title, with the unit of the values.
    pub title: String,
    /// Label of the x-axis, with its unit.
    pub over: String,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// Draws charts in rows, in the given number of columns.
///
/// # Errors
/// If a chart cannot be drawn, such as one whose values are not finite.
pub fn svg(charts: &[Chart], columns: usize) -> anyhow::Result<String> {
    let rows = charts.len().div_ceil(columns);
    let size = (SIZE.0 * u32::try_from(columns)?, SIZE.1 * u32::try_from(rows)?);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        area.fill(&WHITE).map_err(|error| anyhow!("{error}"))?;
        for (chart, place) in charts.iter().zip(area.split_evenly((rows, columns))) {
            draw(&place, chart).map_err(|error| anyhow!("draw {}: {error}", chart.title))?;
        }
        area.present().map_err(|error| anyhow!("{error}"))?;
    }
    Ok(text)
}

fn draw(area: &DrawingArea<SVGBackend<'_>, Shift>, chart: &Chart) -> Result<(), Box<dyn std::error::Error>> {
    let points = || chart.lines.iter().flat_map(|line| &line.points);
    let right = points().map(|(x, _)| *x).fold(1.0, f64::max);
    let highest = points().map(|(_, y)| *y).fold(0.1, f64::max);
    // Room for the legend above the lines: a row is about a sixteenth of the height.
    let legend = (0.1 + chart.lines.len() as f64 / 16.0).min(0.6);
    let top = highest / (1.0 - legend);
    let mark = if chart.lines.iter().all(|line| line.points.len() <= MARKED) { 3 } else { 0 };
    let mut context = ChartBuilder::on(area)
        .caption(&chart.title, ("sans-serif", 15))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(45)
        .build_cartesian_2d(0.0..right * 1.05, 0.0..top)?;
    context.configure_mesh().x_desc(&chart.over).light_line_style(WHITE).max_light_lines(1).draw()?;
    for (index, line) in chart.lines.iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        let series = LineSeries::new(line.points.iter().copied(), color.stroke_width(2)).point_size(mark);
        context
            .draw_series(series)?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 15, y)], color.stroke_width(2)));
    }
    if !chart.lines.is_empty() {
        let labels = &mut context.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8)).draw()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chart_shows_its_title_its_axis_and_its_lines() {
        let line = |name: &str| Line { name: name.into(), points: vec![(1.0, 2.0), (50.0, 3.0)] };
        let chart =
            |title: &str| Chart { title: title.into(), over: "nodes".into(), lines: vec![line("ours")] };
        let empty = Chart { lines: Vec::new(), ..chart("without values") };
        let svg = svg(&[chart("memory, MB"), empty, chart("time, s")], 2).unwrap();
        for text in ["memory, MB", "without values", "time, s", "nodes", "ours"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert!(svg.contains(r#"width="920" height="560""#), "two rows of two: {svg}");
    }
}
