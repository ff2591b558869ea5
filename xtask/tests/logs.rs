//! Log lines have a constant message and everything else in fields, so that they can be found and counted. An object
//! is named by `namespace` and `name`, as in metrics.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};

const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error"];
/// Fields that would name an object in another way.
const OTHER_NAMES: &[&str] = &["err", "group", "node", "object", "secret"];

/// The arguments of every call of a macro of `tracing` that logs a line.
fn lines(tokens: TokenStream, found: &mut Vec<TokenStream>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for window in tokens.windows(6) {
        if let [
            TokenTree::Ident(tracing),
            _,
            _,
            TokenTree::Ident(level),
            TokenTree::Punct(bang),
            TokenTree::Group(call),
        ] = window
        {
            let is_level = LEVELS.iter().any(|known| level == known);
            if tracing == "tracing" && is_level && bang.as_char() == '!' {
                found.push(call.stream());
            }
        }
    }
    for token in tokens {
        if let TokenTree::Group(group) = token {
            lines(group.stream(), found);
        }
    }
}

/// The problem of a call with these arguments.
fn fault(arguments: TokenStream) -> Option<String> {
    let text = arguments.to_string();
    let tokens: Vec<_> = arguments.into_iter().collect();
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(it) if it.as_char() == ',');
    let mut parts: Vec<_> = tokens.split(is_comma).filter(|part| !part.is_empty()).collect();
    let message = match parts.pop() {
        Some([TokenTree::Literal(message)]) => message.to_string(),
        _ => return Some(format!("the last argument is no constant message: {text}")),
    };
    if message.contains(['{', '}']) {
        return Some(format!("{message} is not constant: use fields"));
    }
    // `%error`, `?outcome`, `kind = …`, `name`.
    let fields =
        parts.iter().filter_map(|part| part.iter().find(|token| matches!(token, TokenTree::Ident(_))));
    let other = fields.map(ToString::to_string).find(|field| OTHER_NAMES.contains(&field.as_str()));
    other.map(|field| format!("{message}: field {field}: write kind, namespace, name or error"))
}

/// The Rust files of the product.
fn sources(folder: PathBuf, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn log_lines_have_a_constant_message_and_fields() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut paths, mut count, mut faults) = (Vec::new(), 0, Vec::new());
    ["bins", "crates"].into_iter().for_each(|folder| sources(root.join(folder), &mut paths));
    for path in paths {
        let mut calls = Vec::new();
        lines(fs::read_to_string(&path).unwrap().parse().unwrap(), &mut calls);
        count += calls.len();
        let name = path.strip_prefix(root).unwrap().display();
        faults.extend(calls.into_iter().filter_map(fault).map(|fault| format!("{name}: {fault}")));
    }
    assert!(count > 20, "the lines are found, not {count}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn values_in_messages_and_other_names_of_objects_are_found() {
    let faults = |code: &str| {
        let mut calls = Vec::new();
        lines(code.parse().unwrap(), &mut calls);
        calls.into_iter().map(fault).collect::<Vec<_>>()
    };
    let good =
        r#"select! { () = it => { tracing::warn!(kind = %K::kind(&()), name, ?outcome, "failed"); } }"#;
    assert_eq!(faults(good), [None]);
    for bad in [
        r#"tracing::info!("phase {phase}")"#,
        r#"tracing::info!("phase {}", phase)"#,
        r#"tracing::info!(name)"#,
        r#"tracing::info!(node = full_name(node), "failed")"#,
    ] {
        assert!(faults(bad)[0].is_some(), "{bad}");
    }
}
