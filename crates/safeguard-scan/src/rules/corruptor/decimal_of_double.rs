//! Java: an exact number is made of one in floating point, with all that it is off by.

use super::money;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::typed::declared_type;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Java],
    run,
    ..money::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for made in source.of_kind(Kind::New).iter().copied() {
        let of = code.child(made, Role::Callee).map_or("", |of| code.name(of));
        let args = code.args(made);
        let Some(first) = args
            .first()
            .copied()
            .filter(|_| matches!(of, "BigDecimal" | "java.math.BigDecimal"))
        else {
            continue;
        };
        // `new BigDecimal(mean).setScale(4, …)` says how exact it is.
        let rounded = code.tree.parent(made).is_some_and(|parent| {
            code.kind(parent) == Kind::Member
                && matches!(
                    code.name(parent),
                    "setScale" | "round" | "toPlainString" | "toBigInteger"
                )
        });
        // So does a context.
        if args.len() == 1 && !rounded && is_floating(code, first) && !undoes_or_tests(code, made) {
            reports.add(
                made,
                format!(
                    "`{}` is a number in floating point, and becomes exact with all that it is off by: `new BigDecimal(0.1)` is 0.1000000000000000055…; `BigDecimal.valueOf` or a text says what is meant",
                    code.tree.source(first)
                ),
            );
        }
    }
}

fn is_floating(code: Code<'_>, id: NodeId) -> bool {
    let bare = code.bare(id);
    match code.kind(bare) {
        // Halves and quarters are exact.
        Kind::Num => {
            let name = code.name(bare).trim_end_matches(['d', 'D', 'f', 'F']);
            name.split_once('.').is_some_and(|(_, behind)| {
                !behind.is_empty() && !matches!(behind.trim_end_matches('0'), "" | "5" | "25" | "75" | "125")
            })
        }
        Kind::Name | Kind::Member => declared_type(code.source, bare)
            .is_some_and(|of| matches!(of, "double" | "float" | "Double" | "Float")),
        Kind::Binary if matches!(code.name(bare), "*" | "/" | "+" | "-") => [Role::Left, Role::Right]
            .into_iter()
            .filter_map(|role| code.child(bare, role))
            .any(|side| is_floating(code, side)),
        Kind::Call => matches!(
            code.called(bare),
            "parseDouble" | "parseFloat" | "doubleValue" | "floatValue"
        ),
        _ => false,
    }
}
