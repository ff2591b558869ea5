//! The shell blocks of the documentation, which tests run unchanged.

use std::path::Path;

use anyhow::Context;

/// Block `name` of `docs/<page>.md`: the text between a fence that is marked `sh NAME` and the next one.
///
/// # Errors
/// If there is no such page or block.
pub fn block(page: &str, name: &str) -> anyhow::Result<String> {
    let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"));
    let path = docs.join(page).with_extension("md");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    find(&text, name).with_context(|| format!("docs/{page}.md has no block {name}"))
}

/// Without the indentation of the block itself, such as that of a list: a here-document in it depends on the rest.
fn find(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines();
    let fence = lines.by_ref().find(|line| line.trim_start().strip_prefix("```sh ") == Some(name))?;
    let indent = fence.split_once('`').map_or("", |(indent, _)| indent);
    let lines = lines.map(|line| line.strip_prefix(indent).unwrap_or(line));
    Some(lines.take_while(|line| *line != "```").collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_by_its_name() {
        let page = "text\n```sh one\na\n  b\n```\n1. item\n\n   ```sh two\n   c\n\n     d\n   ```\n";
        assert_eq!(find(page, "one").as_deref(), Some("a\n  b"));
        assert_eq!(find(page, "two").as_deref(), Some("c\n\n  d"));
        assert_eq!(find(page, "three"), None);
    }
}
