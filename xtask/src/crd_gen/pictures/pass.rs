//! A pass over a node: what it reads, what decides, and what it writes.

use std::path::Path;

use anyhow::ensure;

use super::drawing::{Drawing, Frame};

/// A part of the picture: class, position and width, title, what it does, and where its code is, if it has any.
type Part = (&'static str, (i32, i32, i32), &'static str, &'static str, Option<&'static str>);

const HEIGHT: i32 = 44;
const PARTS: &[Part] = &[
    ("out", (20, 20, 530), "Kubernetes API server", "SeiNodes and the objects of each", None),
    ("out", (590, 20, 150), "sidecar", "and seid beside it", None),
    ("acts", (20, 125, 180), "cache", "one watch for each kind", Some("crates/controller/src/cache.rs")),
    (
        "acts",
        (590, 125, 150),
        "actor of the sidecar",
        "the only one to call it",
        Some("crates/controller/src/sidecar/actor.rs"),
    ),
    ("acts", (20, 240, 180), "observe", "everything, as one value", Some("crates/controller/src/observe")),
    ("pure", (230, 240, 140), "decide", "a state machine", Some("crates/decide/src/pass.rs")),
    ("acts", (410, 240, 140), "act", "one step of one task", Some("crates/controller/src/act")),
    ("acts", (230, 345, 140), "record", "one write of the status", Some("crates/controller/src/record.rs")),
];
/// Class and path of each arrow, and its label with its position.
const ARROWS: &[(&str, &str, &str, (i32, i32))] = &[
    ("arrow", "M110 64V125", "watches", (116, 98)),
    ("arrow", "M110 169V240", "", (0, 0)),
    ("arrow", "M640 125V64", "calls", (606, 98)),
    ("arrow", "M690 64V125", "answers", (696, 98)),
    ("arrow dash", "M590 150C330 150 170 170 160 240", "what it knows", (330, 152)),
    ("arrow", "M200 262H230", "", (0, 0)),
    ("arrow", "M370 254H410", "", (0, 0)),
    ("arrow dash", "M410 270H370", "", (0, 0)),
    ("arrow", "M480 240V64", "objects", (486, 98)),
    ("arrow", "M550 262C640 262 665 240 665 169", "orders", (660, 240)),
    ("arrow", "M300 284V345", "status", (306, 318)),
    ("arrow", "M230 367C60 367 9 340 9 240C9 150 20 100 32 64", "", (0, 0)),
    ("", "M370 367H392", "events, metrics, a line in the log", (398, 371)),
];

/// The drawing. Every part of the operator in it exists in the workspace at `root`.
pub(in crate::crd_gen) fn draw(root: &Path) -> anyhow::Result<String> {
    let mut drawing = Drawing::new(760, 410);
    for (class, path, label, place) in ARROWS {
        drawing.path(class, path);
        drawing.text("small", *place, label);
    }
    for (class, (x, y, width), title, what, code) in PARTS {
        ensure!(code.is_none_or(|code| root.join(code).exists()), "{title}: there is no {code:?}");
        let frame = Frame { x: *x, y: *y, width: *width, height: HEIGHT };
        drawing.frame(class, frame, "");
        drawing.text("mid", (frame.middle().0, y + 19), title);
        drawing.text("small mid", (frame.middle().0, y + 35), what);
    }
    Ok(drawing.finish("A pass: observe, decide, act, record; the arrows are reads, orders and writes"))
}
