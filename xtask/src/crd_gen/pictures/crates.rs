//! The crates of the product and which uses which, from the edges that `cargo xtask layers` allows.

use std::collections::BTreeMap;

use super::drawing::{Drawing, Frame};
use crate::layers::{DEVELOPMENT, EDGES, PURE};

const WIDTH: i32 = 760;
const BOX: (i32, i32) = (112, 30);
/// Distance between the rows.
const ROW: i32 = 78;
const TOP: i32 = 20;

/// The drawing: users above what they use.
pub(in crate::crd_gen) fn draw() -> String {
    let crates: Vec<_> = EDGES.iter().filter(|(name, _)| !DEVELOPMENT.contains(name)).collect();
    let uses = |name: &str| crates.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, uses)| *uses);
    let rows = rows(&crates.iter().map(|(name, _)| *name).collect::<Vec<_>>(), uses);
    let mut frames = BTreeMap::new();
    for (depth, row) in (0..).zip(&rows) {
        let gap = WIDTH / i32::try_from(row.len()).unwrap_or(1);
        for (index, name) in (0..).zip(row) {
            let x = gap * index + (gap - BOX.0) / 2;
            frames.insert(*name, Frame { x, y: TOP + ROW * depth, width: BOX.0, height: BOX.1 });
        }
    }
    let height = TOP + ROW * i32::try_from(rows.len()).unwrap_or(1);
    let mut drawing = Drawing::new(WIDTH, height);
    for (name, _) in &crates {
        for used in direct(name, uses) {
            if let (Some(from), Some(to)) = (frames.get(name), frames.get(used)) {
                let ((x1, _), (x2, _)) = (from.middle(), to.middle());
                let (y1, y2) = (from.y + BOX.1, to.y);
                let bend = (y1 + y2) / 2;
                drawing.path("arrow", &format!("M{x1} {y1}C{x1} {bend} {x2} {bend} {x2} {y2}"));
            }
        }
    }
    for (name, frame) in &frames {
        let class = if PURE.contains(name) { "pure" } else { "acts" };
        drawing.frame(class, *frame, name.trim_start_matches("sei-"));
    }
    let legend = |x| Frame { x, y: height - 34, width: 20, height: 14 };
    drawing.frame("pure", legend(16), "");
    drawing.text("small", (42, height - 23), "decides, without effects");
    drawing.frame("acts", legend(16 + 170), "");
    drawing.text("small", (42 + 170, height - 23), "has effects");
    drawing.finish("The crates of sei-operator: an arrow leads from a crate to one that it uses")
}

/// The crates by their longest distance from one that no other uses.
fn rows<'a>(names: &[&'a str], uses: impl Fn(&str) -> &'a [&'a str]) -> Vec<Vec<&'a str>> {
    let mut depths: BTreeMap<&str, usize> = names.iter().map(|name| (*name, 0)).collect();
    // Without circles no distance is longer than the number of crates.
    for _ in names {
        for name in names {
            for used in uses(name) {
                let below = depths[name] + 1;
                depths.entry(used).and_modify(|depth| *depth = below.max(*depth));
            }
        }
    }
    let deepest = depths.values().max().copied().unwrap_or_default();
    let row = |depth| names.iter().copied().filter(|name| depths[name] == depth).collect();
    (0..=deepest).map(row).collect()
}

/// What a crate uses, without what it also reaches through another one.
fn direct<'a>(name: &str, uses: impl Fn(&str) -> &'a [&'a str] + Copy) -> Vec<&'a str> {
    fn reaches<'a>(from: &str, to: &str, uses: impl Fn(&str) -> &'a [&'a str] + Copy) -> bool {
        uses(from).iter().any(|used| *used == to || reaches(used, to, uses))
    }
    let used = uses(name);
    used.iter().copied().filter(|to| !used.iter().any(|other| reaches(other, to, uses))).collect()
}
