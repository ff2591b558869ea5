//! `render`: the objects of nodes and groups as a v1 List.

use std::process::ExitCode;

use sei_render::Rendered;
use serde_json::json;

use crate::{
    bad_input::bad,
    cli::RenderArgs,
    group,
    input::{self, Subject},
    print,
};

pub(crate) fn run(args: &RenderArgs) -> anyhow::Result<ExitCode> {
    let subjects = input::subjects(&args.filename)?;
    let platform = input::platform()?;
    let mut objects = Vec::new();
    for subject in &subjects {
        match subject {
            Subject::Node(node) => {
                let rendered = Rendered::of(platform.node(node), &platform);
                objects.extend(rendered.map_err(|error| bad(error.to_string()))?.to_values());
            }
            Subject::Group(group) => objects.extend(group::objects(group, &platform)),
        }
    }
    print::manifest(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }), args.output)?;
    Ok(ExitCode::SUCCESS)
}
