//! The objects in a file, as kubectl reads them: one or more YAML documents, without empty ones and with lists
//! expanded.

use std::{borrow::Cow, io::Read, path::Path};

use serde_json::Value;
use serde_saphyr::{Error, MessageFormatter, Options, UserMessageFormatter, budget::BudgetBreach};

use crate::bad_input::bad;

/// Largest file that is read. A SeiNode with its status has less than 10 kB.
const MOST_BYTES: u64 = 64 << 20;
/// How much of a file aliases may repeat, in scalars and brackets.
const MOST_REPEATED: usize = 10_000;

/// The objects of these kinds of one API version in `path`. Objects of other kinds are ignored.
pub(crate) fn of_kinds(path: &Path, api_version: &str, kinds: &[&str]) -> anyhow::Result<Vec<Value>> {
    sorted_out(path, objects(path)?, api_version, kinds)
}

/// The objects of these kinds among `objects`, which were read from `path`.
pub(crate) fn sorted_out(
    path: &Path,
    objects: Vec<Value>,
    api_version: &str,
    kinds: &[&str],
) -> anyhow::Result<Vec<Value>> {
    let is_wanted = |object: &Value| kinds.iter().any(|kind| is(object, api_version, kind));
    let (wanted, others): (Vec<_>, Vec<_>) = objects.into_iter().partition(is_wanted);
    if wanted.is_empty() {
        let mut found: Vec<String> = others.iter().map(type_of).collect();
        found.dedup();
        let (path, kinds) = (path.display(), kinds.join(" or "));
        return Err(bad(format!(
            "{path}: apiVersion and kind must be {api_version} {kinds}, not {}",
            found.join(", ")
        )));
    }
    Ok(wanted)
}

/// The only object of one kind in `path`.
pub(crate) fn one(path: &Path, api_version: &str, kind: &str) -> anyhow::Result<Value> {
    single(path, of_kinds(path, api_version, &[kind])?, kind)
}

/// The only object in `objects`, all of which are of this kind.
pub(crate) fn single(path: &Path, mut objects: Vec<Value>, kind: &str) -> anyhow::Result<Value> {
    match (objects.pop(), objects.len()) {
        (Some(object), 0) => Ok(object),
        (_, others) => {
            let path = path.display();
            Err(bad(format!("{path}: there are {} objects of kind {kind}: give a file with one", others + 1)))
        }
    }
}

/// Whether an object is of this kind.
pub(crate) fn is(object: &Value, api_version: &str, kind: &str) -> bool {
    object["apiVersion"] == api_version && object["kind"] == kind
}

fn type_of(object: &Value) -> String {
    let text = |field: &str| object[field].as_str().map_or_else(|| object[field].to_string(), str::to_owned);
    format!("{} {}", text("apiVersion"), text("kind"))
}

/// Every object in `path`.
pub(crate) fn objects(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text = read(path).map_err(|error| bad(format!("read {}: {error}", path.display())))?;
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(&text, limits(&text)).map_err(|error| {
            let rendered = error.render_with_formatter(&Words);
            // Only the first line: the following lines quote the file, which may be a Secret.
            let line = rendered.lines().next().unwrap_or_default();
            bad(format!("{} is not YAML: {line}", path.display()))
        })?;
    let documents: Vec<_> = documents.into_iter().filter(|document| !document.is_null()).collect();
    if documents.is_empty() || !documents.iter().all(Value::is_object) {
        return Err(bad(format!("{}: a YAML mapping with apiVersion and kind is required", path.display())));
    }
    Ok(documents.into_iter().flat_map(items).collect())
}

/// The number of objects in a file is limited by its size. Aliases may repeat only a small part of it: nested ones would
/// make gigabytes of a few lines.
fn limits(text: &str) -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_documents: usize::MAX,
            max_total_scalar_bytes: 2 * text.len() + MOST_REPEATED,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MOST_REPEATED },
    }
}

/// The words of YAML errors, without the names of the parser's limits.
struct Words;

impl MessageFormatter for Words {
    fn format_message<'a>(&self, error: &'a Error) -> Cow<'a, str> {
        match error {
            Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
                Cow::Borrowed("it is nested too deeply")
            }
            // Without aliases no file reaches a limit that depends on its size.
            Error::AliasReplayLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. }
            | Error::Budget { .. } => {
                Cow::Borrowed("its aliases repeat too much: write the values where they are used")
            }
            _ => UserMessageFormatter.format_message(error),
        }
    }
}

fn items(mut document: Value) -> Vec<Value> {
    let is_list = document["apiVersion"] == "v1" && document["kind"] == "List";
    match document["items"].take() {
        Value::Array(items) if is_list => items,
        _ => vec![document],
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    match path == Path::new("-") {
        true => limited(std::io::stdin().lock()),
        false => limited(std::fs::File::open(path)?),
    }
}

/// The text of `file`, which may have no end.
fn limited(file: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    file.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(std::io::Error::other(format!("it has more than {MOST_BYTES} bytes: split it")));
    }
    Ok(text)
}
