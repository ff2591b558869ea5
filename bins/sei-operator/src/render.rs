//! `render`: the objects of a node as a v1 List.

use std::process::ExitCode;

use serde_json::json;

use crate::{
    cli::RenderArgs,
    input::{self, bad},
    print,
};

pub(crate) fn run(args: &RenderArgs) -> anyhow::Result<ExitCode> {
    let node = input::seinode(&args.filename)?;
    let platform = input::platform()?;
    let objects = sei_render::objects(&node, &platform).map_err(|error| bad(error.to_string()))?;
    print::manifest(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }), args.output)?;
    Ok(ExitCode::SUCCESS)
}
