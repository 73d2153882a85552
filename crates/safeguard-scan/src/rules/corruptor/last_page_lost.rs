//! A loop over pages that are counted from 1 and ends before the last one: `for (let page = 1; page < pages; page++)`.

use super::ranges;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::words;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[
        Language::Go,
        Language::Java,
        Language::JavaScript,
        Language::TypeScript,
        Language::Tsx,
    ],
    run,
    ..ranges::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for around in source.of_kind(Kind::For).iter().copied() {
        let Some((operator, left, right)) = code
            .child(around, Role::Condition)
            .and_then(|condition| code.comparison(condition))
        else {
            continue;
        };
        let page = code.name(left);
        let is_page = code.kind(left) == Kind::Name && words(page).iter().any(|word| word == "page");
        let of = words(code.last_name(right));
        let counts = |word: &str| of.iter().any(|other| other == word);
        let is_count = counts("pages")
            || counts("page") && (counts("count") || counts("total") || counts("last") || counts("max"));
        let from_one = code
            .tree
            .children_in(around, Role::Init)
            .flat_map(|init| code.tree.subtree(init))
            .filter_map(|set| code.child(set, Role::Value))
            .any(|value| code.kind(value) == Kind::Num && code.number(value) == Some(1));
        if operator != "<" || !is_page || !is_count || !from_one || undoes_or_tests(code, around) {
            continue;
        }
        // Who asks for the page after it has had the first one before.
        let asks_next = code.child(around, Role::Body).is_some_and(|body| {
            code.tree.subtree(body).any(|id: NodeId| {
                code.kind(id) == Kind::Binary
                    && code.name(id) == "+"
                    && code
                        .child(id, Role::Left)
                        .is_some_and(|left| code.name(left) == page)
            })
        });
        let adds_one = code.kind(right) == Kind::Binary;
        if !asks_next && !adds_one {
            reports.add(
                around,
                format!("pages are counted from 1 here, and `{page}` never is the last one: `<=`"),
            );
        }
    }
}
