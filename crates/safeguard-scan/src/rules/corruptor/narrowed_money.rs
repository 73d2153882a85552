//! An amount of money that is known to have 64 bits is cut to fewer, or added up so that it wraps around.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "lossy-number",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-197", "CWE-190"],
    languages: &[Language::Go, Language::Java, Language::Rust],
    run,
};

/// Words that only amounts of money have.
const MONEY: &[&str] = &[
    "cents", "cent", "pence", "balance", "balances", "price", "prices", "salary", "payout", "refund",
    "revenue", "fee", "fees", "credit", "debit", "invoice", "payment", "lamports", "satoshis", "wei",
    "subtotal",
];
/// And those that may be of anything, in a file that speaks of money.
const AMOUNTS: &[&str] = &["amount", "amounts", "total", "totals", "sum", "due"];
const NARROW: &[&str] = &[
    "u8", "u16", "u32", "i8", "i16", "i32", "int32", "uint32", "int16", "uint16", "int8", "uint8", "int",
    "short", "byte", "f32", "float32",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let about_money = is_about_money(code);
    for id in source
        .of_kind(Kind::Cast)
        .iter()
        .chain(source.of_kind(Kind::Call))
        .copied()
    {
        if let Some((value, target)) = conversion(code, id)
            && is_wide(code, value, 0)
            && is_amount(code, id, value, about_money)
            && !is_bounded(code, id)
            && !undoes_or_tests(code, id)
        {
            reports.add(
                id,
                format!(
                    "`{}` has 64 bits, and what does not fit into `{target}` is cut off: it becomes another amount",
                    code.tree.source(value)
                ),
            );
        } else if wraps(code, id, about_money) && !undoes_or_tests(code, id) {
            reports.add(
                id,
                "a sum of money that wraps around begins at nothing again, and nobody is told",
            );
        }
    }
}

/// What is made smaller, and into what.
fn conversion(code: Code<'_>, id: NodeId) -> Option<(NodeId, &str)> {
    let (value, ty) = match (code.tree.language(), code.kind(id)) {
        (Language::Rust | Language::Java, Kind::Cast) => (
            code.child(id, Role::Value)?,
            code.name(code.child(id, Role::Type)?),
        ),
        (Language::Go, Kind::Call) => (code.arg(id, 0)?, code.path(id)),
        _ => return None,
    };
    // Go's `int` has 64 bits where servers run.
    let narrow = NARROW.contains(&ty) && !(code.tree.language() == Language::Go && ty == "int");
    narrow.then_some((value, ty))
}

fn is_wide_type(ty: &str) -> bool {
    let ty = ty.trim_start_matches(['&', '*']).trim();
    let inner = [
        "Option<",
        "Result<",
        "std::io::Result<",
        "io::Result<",
        "anyhow::Result<",
    ]
    .iter()
    .find_map(|outer| ty.strip_prefix(outer))
    .map(|rest| rest.split([',', '>']).next().unwrap_or(rest));
    matches!(
        inner.unwrap_or(ty),
        "u64" | "i64" | "u128" | "i128" | "int64" | "uint64" | "long" | "Long"
    )
}

/// Whether a value has 64 bits by what the file declares.
fn is_wide(code: Code<'_>, id: NodeId, depth: usize) -> bool {
    const DEPTH_MAX: usize = 6;
    if depth > DEPTH_MAX {
        return false;
    }
    let tree = code.tree;
    match tree.kind(id) {
        Kind::Name => match declaration(code, id) {
            Some((Some(ty), _)) => is_wide_type(ty),
            Some((None, Some(value))) => is_wide(code, value, depth + 1),
            _ => false,
        },
        // A field that all structs of the file have with the same type.
        Kind::Member => {
            let mut types = code
                .source
                .of_kind(Kind::Field)
                .iter()
                .filter(|field| code.name(**field) == code.name(id))
                .filter_map(|field| code.child(*field, Role::Type))
                .map(|ty| code.name(ty))
                .peekable();
            types.peek().is_some() && types.all(is_wide_type)
        }
        Kind::Call => match code.called(id) {
            "unwrap_or" | "unwrap" | "expect" | "unwrap_or_default" | "unwrap_or_else" | "clone" | "abs"
            | "max"
                if tree.language() == Language::Rust =>
            {
                code.receiver(id).is_some_and(|of| is_wide(code, of, depth + 1))
            }
            name => {
                let mut functions = code
                    .source
                    .of_kind(Kind::Function)
                    .iter()
                    .filter(|function| code.name(**function) == name)
                    .filter_map(|function| code.child(*function, Role::Type))
                    .map(|ty| code.name(ty))
                    .peekable();
                functions.peek().is_some() && functions.all(is_wide_type)
            }
        },
        // Rust's `?` is an `Other` with one thing in it.
        Kind::Await | Kind::Other | Kind::Unary => {
            let mut inner = tree.children(id);
            match (inner.next(), inner.next()) {
                (Some(only), None) => is_wide(code, only, depth + 1),
                _ => false,
            }
        }
        Kind::Binary if matches!(tree.name(id), "+" | "-" | "*") => {
            code.child(id, Role::Left)
                .is_some_and(|left| is_wide(code, left, depth + 1))
                || code
                    .child(id, Role::Right)
                    .is_some_and(|right| is_wide(code, right, depth + 1))
        }
        _ => false,
    }
}

/// How a name is declared in its function: its type, or the value that it is set to first.
fn declaration<'s>(code: Code<'s>, name: NodeId) -> Option<(Option<&'s str>, Option<NodeId>)> {
    let tree = code.tree;
    let function = code.function(name)?;
    let before = tree.span(name).start;
    let mut found = None;
    for id in tree.subtree(function).filter(|id| tree.span(*id).start < before) {
        let is_it = match tree.kind(id) {
            Kind::Param => tree.name(id) == tree.name(name),
            Kind::Assign => {
                tree.span(id).end <= before
                    && (tree.flags(id).has(crate::tree::Flags::DECLARATION) || tree.name(id) == ":=")
                    && tree.child(id, Role::Target).is_some_and(|target| {
                        tree.kind(target) == Kind::Name && tree.name(target) == tree.name(name)
                    })
            }
            _ => false,
        };
        if is_it {
            found = Some((
                tree.child(id, Role::Type)
                    .map(|ty| tree.name(ty))
                    .filter(|ty| !ty.is_empty()),
                tree.child(id, Role::Value),
            ));
        }
    }
    found
}

/// Whether the value, or what it is kept as, is called an amount of money.
fn is_amount(code: Code<'_>, id: NodeId, value: NodeId, about_money: bool) -> bool {
    let kept = code
        .tree
        .ancestors(id)
        .take(2)
        .find(|around| code.kind(*around) == Kind::Assign)
        .and_then(|assign| code.child(assign, Role::Target))
        .map(|target| code.last_name(target));
    let own = code
        .tree
        .subtree(value)
        .filter(|part| matches!(code.kind(*part), Kind::Name | Kind::Member))
        .map(|part| code.name(part));
    // `balance_index`, `price_count` are no amounts.
    let other = |name: &str| {
        has_word(
            name,
            &[
                "index", "idx", "count", "id", "len", "length", "size", "hash", "digits", "bits", "scale",
                "decimals",
            ],
        )
    };
    own.chain(kept)
        .filter(|name| !other(name))
        .any(|name| has_word(name, MONEY) || about_money && has_word(name, AMOUNTS))
}

fn is_about_money(code: Code<'_>) -> bool {
    let text = code.tree.text().to_ascii_lowercase();
    [
        "cents",
        "currency",
        "ledger",
        "invoice",
        "payment",
        "account balance",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// Whether the function looks at how large it is before, or takes a part of its bits on purpose.
fn is_bounded(code: Code<'_>, id: NodeId) -> bool {
    let function = code.function(id).unwrap_or(NodeId::ROOT);
    let text = code.tree.source(function);
    [
        "::MAX",
        "::MIN",
        "MaxInt",
        "MaxUint",
        "MAX_VALUE",
        "try_from",
        "try_into",
        "toIntExact",
        ".min(",
        ".clamp(",
        "min(",
        ">>",
        "<<",
        "0x",
        "_BITS",
        "to_be_bytes",
        "to_le_bytes",
        "from_be_bytes",
        "from_le_bytes",
    ]
    .iter()
    .any(|word| text.contains(word))
        || code.tree.subtree(function).any(|part| {
            code.kind(part) == Kind::If
                && code.child(part, Role::Condition).is_some_and(|condition| {
                    code.tree.subtree(condition).any(|compare| {
                        code.comparison(compare).is_some_and(|(operator, _, right)| {
                            matches!(operator, ">" | ">=" | "<" | "<=")
                                && code.number(right).is_none_or(|number| number > 255)
                        })
                    })
                })
        })
}

/// `sum = sum.wrapping_add(cents)`
fn wraps(code: Code<'_>, id: NodeId, about_money: bool) -> bool {
    if code.tree.language() != Language::Rust
        || code.kind(id) != Kind::Call
        || !matches!(code.called(id), "wrapping_add" | "wrapping_sub" | "wrapping_mul")
    {
        return false;
    }
    let text = code.tree.text();
    let hashes = ["hash", "checksum", "crc", "fletcher", "adler", "rng", "random"]
        .iter()
        .any(|word| {
            code.tree
                .source(code.functions(id).last().unwrap_or(NodeId::ROOT))
                .to_ascii_lowercase()
                .contains(word)
        })
        || text.contains("impl Hasher");
    let names = code
        .arg(id, 0)
        .into_iter()
        .chain(code.receiver(id))
        .flat_map(|part| code.tree.subtree(part).collect::<Vec<_>>())
        .filter(|part| matches!(code.kind(*part), Kind::Name | Kind::Member))
        .any(|part| has_word(code.name(part), MONEY) || about_money && has_word(code.name(part), AMOUNTS));
    names && !hashes
}
