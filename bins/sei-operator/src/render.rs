//! `render`: the objects of one or more nodes as a v1 List.

use std::process::ExitCode;

use serde_json::json;

use crate::{bad_input::bad, cli::RenderArgs, input, print};

pub(crate) fn run(args: &RenderArgs) -> anyhow::Result<ExitCode> {
    let nodes = input::seinodes(&args.filename)?;
    let platform = input::platform()?;
    let mut objects = Vec::new();
    for node in &nodes {
        platform.can_serve(node).map_err(|error| bad(error.to_string()))?;
        objects.extend(sei_render::objects(node, &platform));
    }
    print::manifest(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }), args.output)?;
    Ok(ExitCode::SUCCESS)
}
