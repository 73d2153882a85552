//! Rust: a path that begins with nothing that is there.

use super::data;
use crate::matching::Source;
use crate::project::{Project, stem};
use crate::rules::Reports;
use crate::tree::{Kind, NodeId, Role};

/// What is there without a manifest saying so, and what begins a path within the package.
const BUILT_IN: &[&str] = &[
    "Self",
    "alloc",
    "core",
    "crate",
    "proc_macro",
    "self",
    "std",
    "super",
    "test",
];

/// The modules of `std`, and the macros that are imported like some.
const STD: &[&str] = &[
    "alloc",
    "any",
    "arch",
    "array",
    "ascii",
    "assert_matches",
    "async_iter",
    "backtrace",
    "borrow",
    "boxed",
    "bstr",
    "cell",
    "char",
    "clone",
    "cmp",
    "collections",
    "convert",
    "default",
    "env",
    "error",
    "f128",
    "f16",
    "f32",
    "f64",
    "ffi",
    "fmt",
    "fs",
    "future",
    "hash",
    "hint",
    "i128",
    "i16",
    "i32",
    "i64",
    "i8",
    "intrinsics",
    "io",
    "isize",
    "iter",
    "marker",
    "mem",
    "net",
    "num",
    "ops",
    "option",
    "os",
    "panic",
    "panicking",
    "path",
    "pat",
    "pin",
    "pipe",
    "prelude",
    "primitive",
    "process",
    "ptr",
    "random",
    "range",
    "rc",
    "result",
    "rt",
    "simd",
    "slice",
    "str",
    "string",
    "sync",
    "task",
    "thread",
    "time",
    "u128",
    "u16",
    "u32",
    "u64",
    "u8",
    "unsafe_binder",
    "usize",
    "vec",
    "assert",
    "assert_eq",
    "assert_ne",
    "cfg",
    "column",
    "compile_error",
    "concat",
    "concat_idents",
    "dbg",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "file",
    "format",
    "format_args",
    "include",
    "include_bytes",
    "include_str",
    "is_x86_feature_detected",
    "line",
    "matches",
    "module_path",
    "option_env",
    "print",
    "println",
    "stringify",
    "thread_local",
    "todo",
    "try",
    "unimplemented",
    "unreachable",
    "write",
    "writeln",
    "cfg_select",
    "trace_macros",
];

pub(super) fn check(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let own = bound(source);
    for import in source.of_kind(Kind::Import) {
        let mut parts = tree.name(*import).split('.');
        let first = parts.next().unwrap_or("");
        let item = tree.child(*import, Role::Item).map_or("", |item| tree.name(item));
        if matches!(first, "std") {
            let second = parts.next().unwrap_or(item);
            let is_plain = second
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            if is_plain && !second.is_empty() && second != "*" && second != "self" && !STD.contains(&second) {
                let told = format!(
                    "Rust's standard library has no `std::{second}`{}",
                    data::hint(second, STD.iter().copied())
                );
                reports.add(*import, told);
            }
            continue;
        }
        let Some(package) = project.rust.package_of(&source.path) else {
            continue;
        };
        let is_known = first.is_empty()
            || BUILT_IN.contains(&first)
            || first.starts_with(|letter: char| !letter.is_ascii_lowercase())
            || package.names.contains(first)
            || project.rust.has(first)
            || own.contains(&first);
        if is_known || brings_unseen(source) || is_module(project, &package.folder, first) {
            continue;
        }
        reports.add(
            *import,
            format!("nothing that `Cargo.toml` names is called `{first}`, and no module here is"),
        );
    }
}

/// The names that a file declares or imports.
fn bound(source: &Source) -> Vec<&str> {
    let tree = &source.tree;
    let mut names: Vec<&str> = Vec::new();
    for kind in [Kind::Other, Kind::Class, Kind::Function] {
        names.extend(source.of_kind(kind).iter().map(|id| tree.name(*id)));
    }
    for item in source.of_kind(Kind::ImportItem) {
        // An import is not what it is itself looked for by.
        let is_first = tree
            .parent(*item)
            .is_some_and(|import| !tree.name(import).contains('.') && tree.name(*item).is_empty());
        if let Some(local) = tree.child(*item, Role::Target).filter(|_| !is_first) {
            names.push(tree.name(local));
        }
    }
    names
}

/// What is imported by `*` from one's own modules, and what macros of one's own declare, is not seen here.
fn brings_unseen(source: &Source) -> bool {
    let tree = &source.tree;
    let all_of_own = source.of_kind(Kind::Import).iter().any(|import| {
        let first = tree.name(*import).split('.').next().unwrap_or("");
        first != "std" && tree.children(*import).any(|item| tree.name(item) == "*")
    });
    let declares = |call: &NodeId| {
        let name = tree
            .child(*call, Role::Callee)
            .map_or("", |callee| tree.name(callee));
        name.ends_with('!')
            && tree.parent(*call).is_some_and(|statement| {
                tree.parent(statement)
                    .is_some_and(|around| matches!(tree.kind(around), Kind::Module | Kind::Other))
            })
    };
    all_of_own || source.of_kind(Kind::Call).iter().any(declares) || tree.text().contains("extern crate")
}

/// Whether a file or folder of the package may be a module of this name.
fn is_module(project: &Project, folder: &str, name: &str) -> bool {
    project
        .below(folder)
        .any(|file| file.ends_with(".rs") && (stem(file) == name || file.split('/').any(|part| part == name)))
}
