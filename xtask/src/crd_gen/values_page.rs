//! `docs/reference/values.md`: every value of the Helm chart, its default and the comment above it in `values.yaml`.

use std::fmt::Write as _;

use anyhow::{Context, bail};
use serde_json::Value;

pub(super) fn render(values: &str) -> anyhow::Result<String> {
    let defaults: Value = serde_saphyr::from_str(values).context("read values.yaml")?;
    let mut page =
        String::from("# Values of the Helm chart\n\n| value | default | meaning |\n|---|---|---|\n");
    for (path, meaning) in documented(values)? {
        let default = defaults.pointer(&format!("/{}", path.replace('.', "/")));
        let default = default.with_context(|| format!("values.yaml: no value at {path}"))?;
        // Nested values are listed separately.
        let default = match default {
            Value::Object(_) if values_below(values, &path)? => String::new(),
            Value::String(text) if text.is_empty() => "`\"\"`".to_owned(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        // `<name>` would be an HTML element.
        let meaning = meaning.replace('|', "\\|").replace('<', "\\<");
        writeln!(page, "| `{path}` | {default} | {meaning} |")?;
    }
    Ok(page)
}

fn values_below(values: &str, path: &str) -> anyhow::Result<bool> {
    Ok(documented(values)?
        .iter()
        .any(|(below, _)| below.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))))
}

/// Every key with a comment above it, as its path and the comment.
fn documented(values: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut parents: Vec<&str> = Vec::new();
    let mut comment = Vec::new();
    for (number, line) in (1..).zip(values.lines()) {
        let text = line.trim_start();
        if text.is_empty() {
            comment.clear();
            continue;
        }
        if let Some(words) = text.strip_prefix('#') {
            comment.push(words.trim());
            continue;
        }
        let Some((key, value)) = text.split_once(':').filter(|_| !text.starts_with('-')) else {
            continue;
        };
        parents.truncate((line.len() - text.len()) / 2);
        parents.push(key);
        let path = parents.join(".");
        let meaning = comment.join(" ");
        comment.clear();
        let under_one = found.iter().any(|(above, _)| path.starts_with(&format!("{above}.")));
        match (meaning.is_empty(), value.trim().is_empty()) {
            (false, _) => found.push((path, meaning)),
            // A group needs no description, and neither does anything inside a value that has one.
            (true, true) => {}
            (true, false) if under_one => {}
            (true, false) => bail!("values.yaml:{number}: say in a comment above it what {path} is"),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_comment_above_it_and_its_default() {
        let page = render("a:\n  # Two\n  # <lines>.\n  b: 1\n# Free.\nc:\n  d: {}\n").unwrap();
        assert!(page.contains("| `a.b` | `1` | Two \\<lines>. |"), "{page}");
        assert!(page.contains("| `c` | `{\"d\":{}}` | Free. |"), "{page}");
    }

    #[test]
    fn a_value_without_a_comment_is_rejected() {
        let error = render("# Said.\na: 1\nb: 2\n").unwrap_err();
        assert_eq!(error.to_string(), "values.yaml:3: say in a comment above it what b is");
    }
}
