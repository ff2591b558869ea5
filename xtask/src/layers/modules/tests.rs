use super::*;

/// The imports of the modules of a crate with these files, as `from -> to`.
fn imports(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let modules = Modules::read(&folder.path().join("lib.rs")).unwrap();
    modules.imports().iter().map(|(from, to)| format!("{} -> {}", from.join("::"), to.join("::"))).collect()
}

#[test]
fn every_way_to_name_a_module_is_an_import() {
    let root = ("lib.rs", "mod a; mod b { pub struct B; pub fn f() {} }");
    for used in [
        "use crate::b::B;",
        "use crate::{b::{self, B as C}};",
        "use super::b;\nfn f() { b::f() }",
        "use crate::b::*;",
        "fn f() { crate::b::f() }",
        "fn f() { println!(\"{}\", 1 + crate::b::f()); }",
        "struct S { b: Vec<super::b::B> }",
        "pub use crate::b::B;",
    ] {
        assert_eq!(imports(&[root, ("a.rs", used)]), ["a -> b"], "{used}");
    }
}

#[test]
fn names_are_resolved_to_the_module_that_defines_them() {
    let root = ("lib.rs", "mod a; mod b; pub use b::deep::B;");
    let b = ("b/mod.rs", "pub mod deep;");
    assert_eq!(
        imports(&[root, b, ("b/deep.rs", "pub struct B;"), ("a.rs", "use crate::B;")]),
        ["a -> b::deep"]
    );
}

#[test]
fn tests_other_crates_and_re_exported_submodules_are_not_imports() {
    let root = ("lib.rs", "mod a; mod b; pub use a::A;");
    let a = "use std::fmt; pub struct A;\n#[cfg(test)]\nmod tests { use crate::b::B; }";
    assert_eq!(imports(&[root, ("a.rs", a), ("b.rs", "pub struct B;")]), [""; 0]);
}
