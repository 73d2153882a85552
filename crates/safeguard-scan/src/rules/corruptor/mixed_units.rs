//! A value in one unit is handed over as it is where another unit is meant: cents as euros, grams as kilograms.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::words;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

check!(CHECK, "mixed-units", "CWE-682", ALL_LANGUAGES, run);

/// Units of one quantity; those of one list are the same unit.
const UNITS: &[(&str, &[&[&str]])] = &[
    (
        "money",
        &[
            &["cents", "cent", "pence", "pennies", "minor"],
            &["euros", "euro", "dollars", "dollar", "francs"],
        ],
    ),
    (
        "weight",
        &[
            &["grams", "gram"],
            &["kg", "kgs", "kilograms", "kilogram", "kilos"],
            &["lbs", "lb"],
            &["ounces", "ounce", "oz"],
            &["milligrams", "mg"],
        ],
    ),
    (
        "length",
        &[
            &["millimeters", "millimetres", "mm"],
            &["centimeters", "centimetres", "cm"],
            &["meters", "metres"],
            &["kilometers", "kilometres", "km"],
            &["miles"],
            &["inches"],
            &["feet"],
        ],
    ),
    ("temperature", &[&["celsius"], &["fahrenheit"], &["kelvin"]]),
    ("angle", &[&["degrees"], &["radians"]]),
];

/// The quantity and unit that a name says, if it says one alone.
fn unit(name: &str) -> Option<(usize, usize)> {
    let words = words(name);
    // A rate, a factor, a flag of a unit, and what is said per something.
    if words.iter().any(|word| {
        matches!(
            word.as_str(),
            "per"
                | "to"
                | "from"
                | "in"
                | "rate"
                | "factor"
                | "is"
                | "has"
                | "unit"
                | "units"
                | "format"
                | "label"
                | "currency"
                | "class"
        )
    }) {
        return None;
    }
    let mut found = UNITS.iter().enumerate().flat_map(|(quantity, (_, units))| {
        let words = &words;
        units
            .iter()
            .enumerate()
            .filter(move |(_, names)| words.iter().any(|word| names.contains(&word.as_str())))
            .map(move |(unit, _)| (quantity, unit))
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for kind in [Kind::Pair, Kind::Keyword, Kind::Assign, Kind::Call] {
        for at in source.of_kind(kind).iter().copied() {
            let Some((name, value)) = handed(code, at) else {
                continue;
            };
            let Some(given) = plain(code, value, 0) else {
                continue;
            };
            let Some((quantity, of)) = unit(&given) else {
                continue;
            };
            if undoes_or_tests(code, at) {
                continue;
            }
            let meant = unit(name);
            if meant.is_some_and(|(other, unit)| other == quantity && unit != of) {
                reports.add(
                    at,
                    format!("`{given}` becomes `{name}` as it is: the number is that of another unit"),
                );
            } else if meant.is_none() && (quantity, of) == (0, 0) && is_told_as_major(code, project, at, name)
            {
                reports.add(
                    at,
                    format!("`{given}` becomes `{name}`, which by its declaration is not in cents: the amount is a hundred times too high"),
                );
            }
        }
    }
}

/// What is handed over, and under which name.
fn handed(code: Code<'_>, at: NodeId) -> Option<(&str, NodeId)> {
    match code.kind(at) {
        Kind::Pair => Some((code.key(at)?, code.child(at, Role::Value)?)),
        Kind::Keyword => Some((code.name(at), code.child(at, Role::Value)?)),
        Kind::Assign => {
            let target = code.child(at, Role::Target)?;
            let plain = matches!(code.kind(target), Kind::Name | Kind::Member)
                && matches!(code.name(at), "=" | ":=" | "");
            plain
                .then(|| (code.name(target), code.child(at, Role::Value)))
                .and_then(|(name, value)| Some((name, value?)))
        }
        // `invoice.setEuros(order.getCents())`
        Kind::Call => {
            let name = code.called(at);
            let rest = name
                .strip_prefix("set")
                .filter(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))?;
            let args = code.args(at);
            (args.len() == 1).then(|| (rest, args[0]))
        }
        _ => None,
    }
}

/// The name of a value that is passed as it is, be it as a text or as another type of number.
fn plain(code: Code<'_>, value: NodeId, hops: usize) -> Option<String> {
    const HOPS_MAX: usize = 4;
    if hops > HOPS_MAX {
        return None;
    }
    let value = code.bare(value);
    match code.kind(value) {
        Kind::Name | Kind::Member => Some(code.name(value).to_owned()),
        Kind::Index => Some(code.last_name(value).to_owned()).filter(|name| !name.is_empty()),
        Kind::Call => {
            let args = code.args(value);
            let wraps = matches!(
                code.called(value),
                "str"
                    | "String"
                    | "Number"
                    | "int"
                    | "float"
                    | "Decimal"
                    | "FormatInt"
                    | "FormatFloat"
                    | "Itoa"
                    | "Sprint"
                    | "int64"
                    | "float64"
                    | "valueOf"
                    | "parseInt"
                    | "parseFloat"
                    | "BigDecimal"
                    | "round"
                    | "from"
            );
            if wraps && !args.is_empty() {
                return plain(code, args[0], hops + 1);
            }
            if code.called(value) == "Sprintf" && args.len() == 2 {
                let bare = code
                    .text(args[0])
                    .is_some_and(|text| matches!(text, "%d" | "%v" | "%s"));
                return bare.then(|| plain(code, args[1], hops + 1)).flatten();
            }
            let converts = matches!(
                code.called(value),
                "toString" | "to_string" | "String" | "longValue" | "intValue" | "doubleValue" | "into"
            );
            if converts && args.is_empty() {
                return plain(code, code.receiver(value)?, hops + 1);
            }
            // `order.getCents()`, `order.cents()`
            let getter = args.is_empty() && code.receiver(value).is_some();
            let name = code.called(value);
            let makes = ["to", "as", "in", "convert"]
                .iter()
                .any(|begin| name.starts_with(begin));
            (getter && !makes).then(|| name.strip_prefix("get").unwrap_or(name).to_owned())
        }
        _ => None,
    }
}

/// Go: whether the field of a struct of the module says in its comment that it holds euros or the like, or shows `12.50`.
fn is_told_as_major(code: Code<'_>, project: &Project, pair: NodeId, field: &str) -> bool {
    let tree = code.tree;
    if tree.language() != Language::Go || code.kind(pair) != Kind::Pair {
        return false;
    }
    let Some(whole) = tree
        .parent(pair)
        .filter(|whole| tree.kind(*whole) == Kind::Composite)
    else {
        return false;
    };
    let (package, name) = tree
        .name(whole)
        .rsplit_once('.')
        .unwrap_or(("", tree.name(whole)));
    let begin = format!("type {name} struct {{");
    let says = |text: &str| {
        let Some((_, rest)) = text.split_once(begin.as_str()) else {
            return false;
        };
        let body = rest.split("\n}").next().unwrap_or("");
        let mut comment = String::new();
        for line in body.lines().map(str::trim) {
            if let Some(text) = line.strip_prefix("//") {
                comment.push_str(text);
                continue;
            }
            if line.split_whitespace().next() == Some(field) {
                comment.push_str(line.split_once("//").map_or("", |(_, text)| text));
                return names_major(&comment);
            }
            comment.clear();
        }
        false
    };
    if says(tree.text()) {
        return true;
    }
    project
        .go_texts(&code.source.path, package)
        .any(|text| says(&text))
}

/// `in euros, "12.50"`
fn names_major(comment: &str) -> bool {
    let lower = comment.to_ascii_lowercase();
    let shows = lower.as_bytes().windows(4).any(|four| {
        four[0].is_ascii_digit() && four[1] == b'.' && four[2].is_ascii_digit() && four[3].is_ascii_digit()
    });
    let says = ["euro", "dollar", "major unit", "two decimals", "decimal places"]
        .iter()
        .any(|word| lower.contains(word));
    !lower.contains("cents") && !lower.contains("minor") && (says || shows)
}
