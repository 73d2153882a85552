//! Whole numbers that are divided before they become fractions, and results of unchanging objects that nobody keeps.

use safeguard_api::evidence::Severity;

use super::{lost_step, whole_division};
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::outside::type_of;
use crate::analysis::typed::declared_type;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static DIVISION: Check = Check {
    languages: &[Language::Java, Language::Rust],
    severity: Severity::High,
    run: division,
    ..whole_division::CHECK
};

pub static DROPPED: Check = Check {
    languages: &[Language::Java],
    run: dropped,
    ..lost_step::CHECK
};

const DEPTH_MAX: usize = 6;

fn division(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for quotient in source.of_kind(Kind::Binary).iter().copied() {
        if code.name(quotient) != "/" || undoes_or_tests(code, quotient) {
            continue;
        }
        let (Some(left), Some(right)) = (
            code.child(quotient, Role::Left),
            code.child(quotient, Role::Right),
        ) else {
            continue;
        };
        // Who halves a position means whole ones.
        let halves = code.kind(right) == Kind::Num;
        if halves
            || !is_whole(code, left, 0)
            || !is_whole(code, right, 0)
            || !becomes_fraction(code, quotient)
        {
            continue;
        }
        reports.add(
            quotient,
            format!(
                "`{}` and `{}` are whole numbers: what the division cuts off is gone before the result becomes a fraction",
                code.tree.source(left),
                code.tree.source(right)
            ),
        );
    }
}

fn is_fraction(written: &str) -> bool {
    matches!(written, "double" | "float" | "Double" | "Float" | "f64" | "f32")
}

/// `double share = a / b`, `(double) (a / b)`, `return a / b` of a method that gives a `double`, `(a / b) as f64`.
fn becomes_fraction(code: Code<'_>, quotient: NodeId) -> bool {
    let tree = code.tree;
    let Some(parent) = tree.parent(quotient) else {
        return false;
    };
    match code.kind(parent) {
        Kind::Cast => code
            .child(parent, Role::Type)
            .is_some_and(|ty| is_fraction(code.name(ty))),
        Kind::Assign => tree.role(quotient) == Role::Value && is_fraction(type_of(tree, parent)),
        Kind::Return if tree.language() == Language::Java => code
            .function(parent)
            .filter(|function| code.kind(*function) == Kind::Function)
            .is_some_and(|function| is_fraction(type_of(tree, function))),
        _ => false,
    }
}

fn is_whole(code: Code<'_>, id: NodeId, depth: usize) -> bool {
    if depth > DEPTH_MAX {
        return false;
    }
    match code.kind(id) {
        Kind::Num => code
            .name(id)
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_' || byte == b'L'),
        Kind::Name => declared_type(code.source, id).is_some_and(|written| {
            matches!(
                written,
                "int"
                    | "long"
                    | "Integer"
                    | "Long"
                    | "short"
                    | "u8"
                    | "u16"
                    | "u32"
                    | "u64"
                    | "usize"
                    | "i8"
                    | "i16"
                    | "i32"
                    | "i64"
            )
        }),
        Kind::Binary if matches!(code.name(id), "+" | "-" | "*") => {
            let side = |role| {
                code.child(id, role)
                    .is_some_and(|side| is_whole(code, side, depth + 1))
            };
            side(Role::Left) && side(Role::Right)
        }
        Kind::Call => {
            matches!(code.called(id), "size" | "length" | "len")
                && code.args(id).is_empty()
                && code.receiver(id).is_some()
        }
        _ => false,
    }
}

/// Classes whose objects never change, and what gives a changed one.
const UNCHANGING: &[(&[&str], &[&str])] = &[
    (
        &["BigDecimal", "BigInteger"],
        &[
            "add",
            "subtract",
            "multiply",
            "divide",
            "negate",
            "abs",
            "setScale",
            "remainder",
            "pow",
            "round",
            "stripTrailingZeros",
        ],
    ),
    (
        &["String"],
        &[
            "trim",
            "strip",
            "replace",
            "replaceAll",
            "replaceFirst",
            "toUpperCase",
            "toLowerCase",
            "concat",
            "substring",
        ],
    ),
    (
        &[
            "LocalDate",
            "LocalDateTime",
            "LocalTime",
            "ZonedDateTime",
            "OffsetDateTime",
            "Instant",
            "Duration",
            "Period",
        ],
        &[
            "plus",
            "minus",
            "plusDays",
            "plusHours",
            "plusMinutes",
            "plusSeconds",
            "plusMonths",
            "plusWeeks",
            "plusYears",
            "minusDays",
            "minusHours",
            "minusMinutes",
            "minusSeconds",
            "minusMonths",
            "minusWeeks",
            "minusYears",
            "withDayOfMonth",
            "withHour",
            "withMinute",
            "truncatedTo",
            "withZoneSameInstant",
            "withMonth",
            "withYear",
        ],
    ),
];

fn dropped(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for statement in source.of_kind(Kind::ExprStmt).iter().copied() {
        let Some(call) = code
            .child(statement, Role::Value)
            .filter(|call| code.kind(*call) == Kind::Call)
        else {
            continue;
        };
        let Some(of) = code
            .receiver(call)
            .filter(|of| matches!(code.kind(*of), Kind::Name | Kind::Member))
        else {
            continue;
        };
        let Some(class) = declared_type(source, of) else {
            continue;
        };
        let name = code.called(call);
        let drops = UNCHANGING
            .iter()
            .any(|(classes, methods)| classes.contains(&class) && methods.contains(&name));
        // Under a `try`, only whether it can be done may be asked.
        let tried = code
            .tree
            .ancestors(call)
            .any(|around| code.kind(around) == Kind::Try);
        if drops && !tried && !undoes_or_tests(code, call) {
            reports.add(
                call,
                format!("a `{class}` never changes: `{name}` gives a new one, and nobody keeps it"),
            );
        }
    }
}
