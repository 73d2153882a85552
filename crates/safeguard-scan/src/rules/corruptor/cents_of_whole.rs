//! An amount is read as a whole number, and then made into cents: what stood behind the point is gone.

use super::cents_cut_off;
use super::money::is_money;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, Role};

pub static CHECK: Check = Check {
    languages: SCRIPT_LANGUAGES,
    run,
    ..cents_cut_off::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for product in source.of_kind(Kind::Binary).iter().copied() {
        if code.name(product) != "*" || undoes_or_tests(code, product) {
            continue;
        }
        let sides =
            [Role::Left, Role::Right].map(|role| code.child(product, role).map(|side| code.bare(side)));
        let [Some(left), Some(right)] = sides else {
            continue;
        };
        let read = match (code.number(left), code.number(right)) {
            (_, Some(100)) => left,
            (Some(100), _) => right,
            _ => continue,
        };
        let cuts = code.kind(read) == Kind::Call
            && match code.path(read) {
                "parseInt" | "Number.parseInt" => true,
                // `int("12.50")` fails, `int(float("12.50"))` cuts.
                "int" | "math.trunc" | "math.floor" | "Math.trunc" | "Math.floor" => code
                    .arg(read, 0)
                    .is_some_and(|inner| matches!(code.path(inner), "float" | "parseFloat" | "Number")),
                _ => false,
            };
        let given = code
            .arg(read, 0)
            .filter(|_| cuts)
            .map(|given| match code.kind(given) {
                Kind::Call => code.arg(given, 0).unwrap_or(given),
                _ => given,
            });
        let Some(name) = given.map(|given| code.last_name(given)) else {
            continue;
        };
        if is_money(name)
            || matches!(
                name,
                "amount" | "total" | "price" | "dollars" | "euros" | "usd" | "eur"
            )
        {
            reports.add(
                product,
                format!(
                    "`{name}` is read as a whole number before it becomes cents: of 12.50 the 50 are gone"
                ),
            );
        }
    }
}
