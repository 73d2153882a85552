//! Rust: functions that modules and types of the standard library do not have.

use super::data::{self, RUST_MEMBERS};
use super::unknown_member;
use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Rust],
    run,
    ..unknown_member::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let text = source.tree.text();
    for call in source.of_kind(Kind::Call).iter().copied() {
        let Some(callee) = code.child(call, Role::Callee) else {
            continue;
        };
        let path = code.path(call).replace("::", ".");
        let Some((outer, name)) = path.rsplit_once('.') else {
            continue;
        };
        let Some(members) = RUST_MEMBERS.get(outer).filter(|members| !members.contains(name)) else {
            continue;
        };
        // A trait of one's own may add to a type, and systems have functions of theirs.
        let is_type = outer
            .rsplit('.')
            .next()
            .is_some_and(|last| last.starts_with(|char: char| char.is_ascii_uppercase()));
        let may_be_added = is_type
            && (text.contains("trait ")
                || text.contains("::prelude::*")
                || text.contains("Ext;")
                || text.contains("Ext,")
                || text.contains("Ext}")
                || name.contains("raw"));
        // A macro is called with `!`.
        if may_be_added || code.tree.source(callee).ends_with('!') || name.is_empty() {
            continue;
        }
        reports.add(
            callee,
            format!(
                "Rust's `{}` has no `{name}`{}",
                outer.replace('.', "::"),
                data::hint(name, members.iter())
            ),
        );
    }
    imports(source, reports);
}

/// `use std::fs::read_lines;`
fn imports(source: &Source, reports: &mut Reports) {
    let tree = &source.tree;
    for item in source.of_kind(Kind::ImportItem).iter().copied() {
        let name = tree.name(item);
        let module = tree
            .parent(item)
            .map_or("", |import| tree.name(import))
            .replace("::", ".");
        let is_module = module.starts_with("std.") && module.matches('.').count() == 1;
        if !is_module || matches!(name, "" | "*" | "self") {
            continue;
        }
        if let Some(members) = RUST_MEMBERS
            .get(&module)
            .filter(|members| !members.contains(name))
        {
            reports.add(
                item,
                format!(
                    "Rust's `{}` has no `{name}`{}",
                    module.replace('.', "::"),
                    data::hint(name, members.iter())
                ),
            );
        }
    }
}
