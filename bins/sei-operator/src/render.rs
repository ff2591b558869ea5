//! `render`: the objects of one or more nodes as a v1 List.

use std::process::ExitCode;

use sei_node::Node;
use sei_render::Rendered;
use serde_json::json;

use crate::{bad_input::bad, cli::RenderArgs, input, print};

pub(crate) fn run(args: &RenderArgs) -> anyhow::Result<ExitCode> {
    let nodes = input::seinodes(&args.filename)?;
    let platform = input::platform()?;
    let mut objects = Vec::new();
    for node in &nodes {
        let rendered = Rendered::of(Node::of(node), &platform).map_err(|error| bad(error.to_string()))?;
        objects.extend(rendered.to_values());
    }
    print::manifest(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }), args.output)?;
    Ok(ExitCode::SUCCESS)
}
