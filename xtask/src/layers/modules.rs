//! The modules of a crate, and what each of them imports, read with `syn`. Tests do not count.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context;
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use super::circles::Imports;

/// The modules of a library or program, by their path from its root.
pub(super) struct Modules(BTreeMap<Vec<String>, Module>);

#[derive(Default)]
struct Module {
    /// Paths as written here.
    paths: Vec<Vec<String>>,
    /// Names that are brought into scope, with the paths that they stand for, as written here.
    names: BTreeMap<String, Vec<String>>,
    /// Paths that are made public here.
    public: Vec<Vec<String>>,
}

impl Modules {
    /// Reads the crate whose root file this is.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut modules = Self(BTreeMap::new());
        let folder = root.parent().context("a root file without folder")?;
        modules.read_file(root, folder, Vec::new())?;
        Ok(modules)
    }

    fn read_file(&mut self, file: &Path, folder: &Path, path: Vec<String>) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        let parsed = syn::parse_file(&text).with_context(|| format!("parse {}", file.display()))?;
        self.read_items(&parsed.items, folder, path)
    }

    fn read_items(&mut self, items: &[syn::Item], folder: &Path, path: Vec<String>) -> anyhow::Result<()> {
        let mut module = Module::default();
        for item in items {
            let syn::Item::Mod(inner) = item else {
                module.visit_item(item);
                continue;
            };
            if only_for_tests(&inner.attrs) {
                continue;
            }
            let name = inner.ident.to_string();
            let below = [path.as_slice(), std::slice::from_ref(&name)].concat();
            match &inner.content {
                Some((_, items)) => self.read_items(items, &folder.join(&name), below)?,
                None => self.read_file(&file_of(folder, &name), &folder.join(&name), below)?,
            }
        }
        self.0.insert(path, module);
        Ok(())
    }

    /// Which module imports which. A re-export of a module's own submodules is not an import.
    pub(super) fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (path, module) in &self.0 {
            let used = module.paths.iter().filter_map(|used| self.resolve(path, used));
            let public = module.public.iter().filter_map(|used| self.resolve(path, used));
            let elsewhere = public.filter(|target| !target.starts_with(path));
            imports.extend(
                used.chain(elsewhere).filter(|target| target != path).map(|target| (path.clone(), target)),
            );
        }
        imports
    }

    /// The module that defines what `used` means in module `at`; `None` if it belongs to another crate.
    fn resolve(&self, at: &[String], used: &[String]) -> Option<Vec<String>> {
        // A name may refer to a name in another module; a circle of names does not compile.
        let (mut at, mut used) = (at.to_vec(), used.to_vec());
        for _ in 0..16 {
            let mut current = at.clone();
            // Whether the path begins in this crate.
            let mut is_ours = false;
            let mut rest = used.iter();
            let name = loop {
                let Some(segment) = rest.next() else { return Some(current) };
                let below = [current.as_slice(), std::slice::from_ref(segment)].concat();
                match segment.as_str() {
                    "crate" => current.clear(),
                    "self" => {}
                    "super" => {
                        current.pop();
                    }
                    _ if self.0.contains_key(&below) => current = below,
                    _ => break self.0.get(&current).and_then(|module| module.names.get(segment)),
                }
                is_ours = true;
            };
            match name {
                Some(name) if *name != used || current != at => {
                    used = name.iter().chain(rest).cloned().collect();
                    at = current;
                }
                _ => return is_ours.then_some(current),
            }
        }
        None
    }
}

fn file_of(folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(format!("{name}.rs"));
    if file.exists() { file } else { folder.join(name).join("mod.rs") }
}

fn only_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if only_for_tests(&item.attrs) {
            return;
        }
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
        for (name, path) in leaves {
            let list = match item.vis {
                syn::Visibility::Inherited => &mut self.paths,
                _ => &mut self.public,
            };
            list.push(path.clone());
            self.names.extend(name.map(|name| (name, path)));
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !only_for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !only_for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        tokens(call.tokens.clone(), &mut self.paths);
    }
}

/// The leaves of a `use`, each with the name that it brings into scope; a glob has no known name.
fn flatten(tree: &syn::UseTree, prefix: &mut Vec<String>, leaves: &mut Vec<(Option<String>, Vec<String>)>) {
    let path = |prefix: &[String], last: &syn::Ident| [prefix, &[last.to_string()]].concat();
    match tree {
        syn::UseTree::Path(inner) => {
            prefix.push(inner.ident.to_string());
            flatten(&inner.tree, prefix, leaves);
            prefix.pop();
        }
        syn::UseTree::Name(leaf) if leaf.ident == "self" => {
            leaves.push((prefix.last().cloned(), prefix.clone()))
        }
        syn::UseTree::Name(leaf) => leaves.push((Some(leaf.ident.to_string()), path(prefix, &leaf.ident))),
        syn::UseTree::Rename(leaf) => leaves.push((Some(leaf.rename.to_string()), path(prefix, &leaf.ident))),
        syn::UseTree::Glob(_) => leaves.push((None, prefix.clone())),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, prefix, leaves)),
    }
}

/// Paths in the arguments of a macro, regardless of its grammar.
fn tokens(stream: TokenStream, paths: &mut Vec<Vec<String>>) {
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    let mut end = |path: &mut Vec<String>| {
        let path = std::mem::take(path);
        paths.extend((path.len() > 1).then_some(path));
    };
    let mut groups = Vec::new();
    for token in stream {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    end(&mut path);
                }
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            other => {
                end(&mut path);
                colons = 0;
                if let TokenTree::Group(group) = other {
                    groups.push(group.stream());
                }
            }
        }
    }
    end(&mut path);
    for group in groups {
        tokens(group, paths);
    }
}

#[cfg(test)]
mod tests;
