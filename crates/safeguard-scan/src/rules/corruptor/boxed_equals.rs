//! Java: objects that hold a number or a text are compared by `==`, which asks whether they are the same object.

use super::values;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::outside::type_of;
use crate::analysis::typed::declared_type;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Java],
    run,
    ..values::IDENTITY
};

const BOXED: &[&str] = &[
    "Long",
    "Integer",
    "Short",
    "Double",
    "BigDecimal",
    "BigInteger",
    "LocalDate",
    "Instant",
    "UUID",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for binary in source.of_kind(Kind::Binary).iter().copied() {
        let Some((operator, left, right)) = code.comparison(binary) else {
            continue;
        };
        if !matches!(operator, "==" | "!=") {
            continue;
        }
        let (Some(one), Some(other)) = (boxed(code, left), boxed(code, right)) else {
            continue;
        };
        // Who asks for the same object first, and for the equal one then, means it.
        let asks_both = code.function(binary).is_some_and(|function| {
            let text = code.tree.source(function);
            text.contains(".equals(") || text.contains("Objects.equals") || text.contains("compareTo(")
        });
        if one == other && !asks_both && !undoes_or_tests(code, binary) {
            reports.add(
                binary,
                format!("`{operator}` asks whether both are the same object: two of `{one}` with one value are mostly two objects"),
            );
        }
    }
}

/// The class of a value that is an object: by its declaration, or what a record or a getter of this file gives.
fn boxed(code: Code<'_>, id: NodeId) -> Option<&'static str> {
    let written = match code.kind(id) {
        Kind::Name => declared_type(code.source, id)?,
        Kind::Member => {
            let of = code.child(id, Role::Object)?;
            (code.name(of) == "this")
                .then(|| declared_type(code.source, id))
                .flatten()?
        }
        Kind::Call if code.args(id).is_empty() => given(code, code.called(id))?,
        _ => return None,
    };
    BOXED.iter().copied().find(|boxed| *boxed == written)
}

/// What a method without arguments gives, where all of that name in this file give the same: `customerId()` of records, `getCustomerId()`.
fn given<'s>(code: Code<'s>, name: &str) -> Option<&'s str> {
    let of_records = code
        .source
        .of_kind(Kind::Class)
        .iter()
        .flat_map(|class| code.tree.children_in(*class, Role::Param))
        .filter(|param| code.name(*param) == name);
    let methods = code
        .source
        .of_kind(Kind::Function)
        .iter()
        .copied()
        .filter(|function| code.name(*function) == name);
    let mut types = of_records.chain(methods).map(|id| type_of(code.tree, id));
    let first = types.next()?;
    types.all(|other| other == first).then_some(first)
}
