//! Python: the next month by adding one to the number of the month, which December does not have, nor the 31st.

use super::time;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Python],
    run,
    ..time::MONTH
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        if code.called(call) != "replace" || code.receiver(call).is_none() || undoes_or_tests(code, call) {
            continue;
        }
        let Some(month) = code
            .option(call, "month")
            .filter(|month| steps_a_month(code, *month))
        else {
            continue;
        };
        // Who asks for December has thought of it.
        let asks = code
            .function(call)
            .is_some_and(|function| code.mentions_number(function, &["12", "11"]));
        let first_day = code.option(call, "day").is_some();
        if !asks {
            let what = if first_day {
                "December has no next month here"
            } else {
                "December has no next month here, and not every month a 31st"
            };
            reports.add(month, format!("{what}: this raises then, and only then"));
        }
    }
}

/// `due.month + 1`
fn steps_a_month(code: Code<'_>, month: NodeId) -> bool {
    code.kind(month) == Kind::Binary
        && matches!(code.name(month), "+" | "-")
        && code
            .child(month, Role::Left)
            .is_some_and(|left| code.kind(left) == Kind::Member && code.name(left) == "month")
}
