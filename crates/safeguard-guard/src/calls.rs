//! What is called: functions wherever they stand, operators, fields that may be functions.

use pg_raw_parse::Node;
use pg_raw_parse::list::NodeList;
use pg_raw_parse::nodes::{A_Expr, A_Indirection, ColumnRef, FuncCall};
use pg_raw_parse::raw::A_Expr_Kind;
use safeguard_api::guard::StatementClass as Class;

use crate::functions::{Known, is_extension_operator, is_operator, known};
use crate::names::{parts, qualified, text, written};
use crate::read::{Below, Scope, Walk};
use crate::session;

/// Functions beyond this many are not listed; what they do is noted all the same.
const FUNCTIONS_LISTED_MAX: usize = 256;
/// Who sleeps keeps a connection, and what the transaction has locked.
const SLEEP_SECONDS_MAX: f64 = 60.0;

/// They take a lock that the transaction's end releases.
const LOCKS: &[&str] = &[
    "pg_advisory_xact_lock",
    "pg_advisory_xact_lock_shared",
    "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared",
];
/// What is said twice is queued once.
const NOTIFIES: &str = "pg_notify";
/// In one text, and in one transaction.
pub const LOCKS_MAX: u32 = 64;
/// What keys of locks are made with; of the same they make the same.
const MAKES_KEYS: &[&str] = &[
    "abs",
    "concat",
    "hashtext",
    "hashtextextended",
    "lower",
    "md5",
    "substr",
    "substring",
    "upper",
];

pub(crate) fn see<'a>(walk: &mut Walk<'a, '_>, node: Node<'a>, scope: Scope) -> Option<Below> {
    match node {
        Node::FuncCall(call) => self::call(walk, call, scope),
        Node::A_Expr(expression) if !is_written_as_a_word(expression) => {
            operator(walk, expression.name(), scope);
        }
        Node::SubLink(link) => {
            operator(walk, link.oper_name(), scope);
            // The walk counts it.
            return None;
        }
        Node::SortBy(sort) => operator(walk, sort.use_op(), scope),
        Node::A_Indirection(taken) => self::field(walk, taken, scope),
        Node::ColumnRef(column) => {
            self::column(walk, column, scope);
            // Others see it too.
            return None;
        }
        _ => return None,
    }
    Some(Below::All(scope))
}

/// `BETWEEN` and its kind, which the tree names by words.
fn is_written_as_a_word(expression: &A_Expr) -> bool {
    matches!(
        expression.kind,
        A_Expr_Kind::AEXPR_BETWEEN
            | A_Expr_Kind::AEXPR_NOT_BETWEEN
            | A_Expr_Kind::AEXPR_BETWEEN_SYM
            | A_Expr_Kind::AEXPR_NOT_BETWEEN_SYM
    )
}

fn call<'a>(walk: &mut Walk<'a, '_>, call: &'a FuncCall, scope: Scope) {
    let Some(name) = qualified(call.funcname()) else {
        unknown(walk, "a function without a name", scope);
        return;
    };
    let shown = written(&parts(call.funcname()));
    let arguments = call.args();
    match known(name, arguments.len()) {
        Known::Harmless if name.1.starts_with("pg_sleep") => sleep(walk, arguments, scope),
        Known::Harmless if LOCKS.contains(&name.1) => lock(walk, arguments, &shown, scope),
        Known::Harmless if name.1 == NOTIFIES && !is_fixed(arguments) => {
            let does = format!("notifies with `{shown}` as often as it finds texts");
            walk.add(Class::SessionLock, does, scope);
        }
        Known::Harmless => {}
        Known::SetConfig => session::set_config(walk, arguments, scope),
        Known::TakesSql(places) => {
            for &place in places {
                match arguments.get(place).and_then(text) {
                    Some(sql) => walk.inner_text(sql, scope),
                    None => {
                        walk.add(
                            Class::DynamicSql,
                            format!("runs SQL that `{shown}` is given"),
                            scope,
                        );
                    }
                }
            }
            if shown.contains("crosstab") {
                unknown(walk, &shown, scope);
            }
        }
        Known::Does(class, does) => walk.add(class, format!("{does} with `{shown}`"), scope),
        Known::Extension => not_own(walk, &shown, scope),
        Known::Unknown => unknown(walk, &shown, scope),
    }
    if walk.facts.functions.len() < FUNCTIONS_LISTED_MAX {
        walk.facts.functions.push(shown);
    }
}

/// Each other key that they are given is another place in the server's table of locks, which is full for everybody when it is full.
fn lock(walk: &mut Walk<'_, '_>, keys: &NodeList, shown: &str, scope: Scope) {
    walk.facts.locks = walk.facts.locks.saturating_add(1);
    if !is_fixed(keys) {
        let does = format!("takes as many advisory locks with `{shown}` as it finds keys");
        walk.add(Class::SessionLock, does, scope);
    } else if walk.facts.locks > LOCKS_MAX {
        let does = format!("takes more than {LOCKS_MAX} advisory locks");
        walk.add(Class::SessionLock, does, scope);
    }
}

/// Whether it is the same in whatever row: made of constants and parameters.
fn is_fixed(keys: &NodeList) -> bool {
    let mut open: Vec<Node<'_>> = keys.iter().collect();
    while let Some(node) = open.pop() {
        match node {
            Node::None | Node::A_Const(_) | Node::ParamRef(_) => {}
            Node::TypeCast(cast) => open.push(cast.arg()),
            Node::A_Expr(expression) => open.extend([expression.lexpr(), expression.rexpr()]),
            Node::FuncCall(call) => match qualified(call.funcname()) {
                Some((None | Some("pg_catalog"), name)) if MAKES_KEYS.contains(&name) => {
                    open.extend(call.args().iter())
                }
                _ => return false,
            },
            _ => return false,
        }
    }
    true
}

fn sleep(walk: &mut Walk<'_, '_>, arguments: &NodeList, scope: Scope) {
    let seconds: Option<f64> = match arguments.first() {
        Some(Node::A_Const(value)) => value.val().and_then(|value| value.to_string().parse().ok()),
        _ => None,
    };
    let does = match seconds.or_else(|| arguments.first().and_then(text).and_then(seconds_of)) {
        Some(seconds) if seconds <= SLEEP_SECONDS_MAX => return,
        Some(seconds) => format!("sleeps for {seconds} seconds (limit {SLEEP_SECONDS_MAX})"),
        None => format!("sleeps for as long as its text does not say (limit {SLEEP_SECONDS_MAX} seconds)"),
    };
    walk.add(Class::TooComplex, does, scope);
}

/// `5 seconds`, as `pg_sleep_for` takes it; none where it may be longer.
fn seconds_of(interval: &str) -> Option<f64> {
    let (number, unit) = interval.trim().split_once(' ')?;
    let number: f64 = number.parse().ok()?;
    match unit.trim().trim_end_matches('s') {
        "second" | "sec" | "" => Some(number),
        "millisecond" | "msec" | "m" => Some(number / 1000.0),
        "minute" | "min" => Some(number * 60.0),
        _ => None,
    }
}

fn unknown(walk: &mut Walk<'_, '_>, shown: &str, scope: Scope) {
    walk.facts.calls_unknown = true;
    not_own(walk, shown, scope);
}

fn not_own(walk: &mut Walk<'_, '_>, shown: &str, scope: Scope) {
    let does = format!("calls `{shown}`, which is not PostgreSQL's own");
    walk.add(Class::UnknownFunction, does, scope);
}

fn operator(walk: &mut Walk<'_, '_>, name: &NodeList, scope: Scope) {
    let known = match qualified(name) {
        None => true,
        Some((None | Some("pg_catalog"), operator)) => is_operator(operator),
        Some((Some(_), _)) => false,
    };
    if !known {
        let of_extension =
            matches!(qualified(name), Some((None, operator)) if is_extension_operator(operator));
        walk.facts.calls_unknown |= !of_extension;
        let shown: String = parts(name).join(".");
        let does = format!("calls the operator `{shown}`, which is not PostgreSQL's own");
        walk.add(Class::UnknownFunction, does, scope);
    }
}

/// `x.name` takes a column, or calls a function of that name with `x`. What PostgreSQL's own do is known; others are columns to the text.
fn column(walk: &mut Walk<'_, '_>, column: &ColumnRef, scope: Scope) {
    if column.fields().len() < 2 {
        return;
    }
    if let Some((_, name)) = qualified(column.fields()) {
        by_name(walk, name, scope);
    }
}

/// What a function of one argument does, called by its name alone; whether it is known to do anything.
fn by_name(walk: &mut Walk<'_, '_>, name: &str, scope: Scope) -> bool {
    match known((None, name), 1) {
        // Columns are called so.
        Known::Does(..) if name.starts_with("http") => false,
        Known::Does(class, does) => {
            walk.add(class, format!("{does} with `{}`", written(&[name])), scope);
            true
        }
        Known::TakesSql(_) => {
            walk.add(
                Class::DynamicSql,
                format!("runs SQL that `{}` is given", written(&[name])),
                scope,
            );
            true
        }
        Known::Harmless if LOCKS.contains(&name) => {
            let does = format!("takes as many advisory locks with `{name}` as there are rows");
            walk.add(Class::SessionLock, does, scope);
            true
        }
        Known::Harmless | Known::SetConfig | Known::Extension | Known::Unknown => false,
    }
}

/// `(row).name` takes a field, or calls a function of that name with the row.
fn field(walk: &mut Walk<'_, '_>, taken: &A_Indirection, scope: Scope) {
    for name in taken.indirection().iter().filter_map(|step| step.as_str()) {
        if by_name(walk, name, scope) {
            return;
        }
    }
    let of_known_call = match taken.arg() {
        Node::FuncCall(call) => qualified(call.funcname())
            .is_some_and(|name| matches!(known(name, call.args().len()), Known::Harmless)),
        _ => false,
    };
    let name = taken.indirection().iter().find_map(|step| step.as_str());
    if let Some(name) = name.filter(|_| !of_known_call) {
        walk.facts.calls_unknown = true;
        let does = format!("takes `{}` of a row, which may be a function", written(&[name]));
        walk.add(Class::UnknownFunction, does, scope);
    }
}
