//! The first plans of the kinds of nodes side by side: a line for each plan, a dot for each of its tasks.

use anyhow::{Context, ensure};
use sei_api::v1alpha1::TaskPlan;
use sei_plan::TaskKind;

use super::drawing::Drawing;

/// The first line, and the distance between two.
const LEFT: i32 = 220;
const COLUMN: i32 = 46;
/// The first row, and the distance between two.
const TOP: i32 = 250;
const ROW: i32 = 24;

/// The drawing of `plans`, each with its title.
pub(in crate::crd_gen) fn draw(plans: &[(&str, TaskPlan)]) -> anyhow::Result<String> {
    let lines: Vec<_> = plans.iter().flat_map(|(title, plan)| lines(title, plan)).collect();
    let order = order(&lines.iter().map(|(_, tasks)| tasks.as_slice()).collect::<Vec<_>>())?;
    let count = |length| i32::try_from(length).unwrap_or(i32::MAX);
    let y = |kind: &TaskKind| TOP + ROW * count(order.iter().position(|it| it == kind).unwrap_or_default());
    let height = TOP + ROW * count(order.len()) + 30;
    let mut drawing = Drawing::new(LEFT + COLUMN * count(lines.len()) + 150, height);
    for kind in &order {
        drawing.text("code", (16, y(kind) + 4), kind.as_str());
    }
    for (index, (title, tasks)) in (0..).zip(&lines) {
        let x = LEFT + COLUMN * index;
        // What follows the comma is on the page.
        drawing.rising_text((x, TOP - 18), title.split(',').next().unwrap_or(title));
        let ends = tasks.first().zip(tasks.last()).context("a plan without tasks")?;
        drawing.path("", &format!("M{x} {}V{}", y(ends.0), y(ends.1)));
        for kind in tasks {
            drawing.dot(if kind.runs_in_sidecar() { "hollow" } else { "full" }, (x, y(kind)));
        }
    }
    drawing.dot("full", (22, height - 20));
    drawing.text("small", (34, height - 16), "run by the operator");
    drawing.dot("hollow", (162, height - 20));
    drawing.text("small", (174, height - 16), "run by the sidecar");
    Ok(drawing.finish("The tasks of the first plan of each kind of node, from top to bottom"))
}

/// The tasks of a plan; those of a bootstrap Job and those that follow on two lines, since some are repeated.
fn lines(title: &str, plan: &TaskPlan) -> Vec<(String, Vec<TaskKind>)> {
    let tasks: Vec<_> = plan.tasks.iter().filter_map(|task| TaskKind::from_wire(&task.type_)).collect();
    let halves: Vec<_> = tasks.split_inclusive(|kind| *kind == TaskKind::TeardownBootstrap).collect();
    match halves.as_slice() {
        [job, pod] => vec![(title.to_owned(), job.to_vec()), ("… and then its pod".to_owned(), pod.to_vec())],
        _ => vec![(title.to_owned(), tasks)],
    }
}

/// All tasks in an order that every line agrees with.
fn order(lines: &[&[TaskKind]]) -> anyhow::Result<Vec<TaskKind>> {
    let mut order: Vec<TaskKind> = Vec::new();
    let mut left: Vec<_> = lines.to_vec();
    while left.iter().any(|line| !line.is_empty()) {
        let is_next = |kind: &TaskKind| left.iter().all(|line| !line.iter().skip(1).any(|it| it == kind));
        let next = left.iter().filter_map(|line| line.first()).find(|kind| is_next(kind)).copied();
        ensure!(next.is_some(), "no order of the tasks fits all plans");
        order.extend(next);
        for line in &mut left {
            if line.first() == next.as_ref() {
                *line = &line[1..];
            }
        }
    }
    Ok(order)
}
