//! Amounts of money in floating point that are compared for equality.

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
    languages: &[Language::Go, Language::Java, Language::Rust],
    run,
    ..money::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for compared in source.of_kind(Kind::Binary).iter().copied() {
        if !matches!(code.name(compared), "==" | "!=") {
            continue;
        }
        let (Some(left), Some(right)) = (
            code.child(compared, Role::Left),
            code.child(compared, Role::Right),
        ) else {
            continue;
        };
        let is_one = |id: NodeId| {
            matches!(code.kind(id), Kind::Name | Kind::Member)
                && declared_type(source, id).is_some_and(|of| {
                    matches!(of, "double" | "float" | "f64" | "f32" | "float64" | "float32")
                })
        };
        if is_one(left)
            && is_one(right)
            && (money::is_money(code.last_name(left)) || money::is_money(code.last_name(right)))
            && !undoes_or_tests(code, compared)
        {
            reports.add(
                compared,
                "amounts in floating point are hardly ever equal to the last digit: 0.1 + 0.2 is not 0.3",
            );
        }
    }
}
