//! What takes as much as a number says: memory, rounds, time, rows.

use crate::analysis::code::Code;
use crate::language::Language;
use crate::tree::{Kind, NodeId, Role};

pub(super) struct Sink {
    pub(super) at: NodeId,
    pub(super) amount: NodeId,
    pub(super) what: &'static str,
}

const MEMORY: &str = "much memory";
const ROUNDS: &str = "many rounds";
const TIME: &str = "much time";
const ROWS: &str = "rows";

pub(super) fn sinks(code: Code<'_>) -> Vec<Sink> {
    let mut found = Vec::new();
    for call in code.source.calls().iter().copied() {
        let amounts = of_call(code, call);
        found.extend(amounts.into_iter().map(|(amount, what)| Sink {
            at: call,
            amount,
            what,
        }));
    }
    // `for (let i = 0; i < n; i++)`
    for id in code.source.of_kind(Kind::For).iter().copied() {
        if let Some(amount) = code
            .child(id, Role::Condition)
            .and_then(|condition| bound(code, id, condition))
        {
            found.push(Sink {
                at: id,
                amount,
                what: ROUNDS,
            });
        }
    }
    // Rust's `0..n`
    for id in code.source.of_kind(Kind::ForEach).iter().copied() {
        let Some(iter) = code.child(id, Role::Iter) else {
            continue;
        };
        let amount = match code.tree.language() {
            Language::Rust => code
                .tree
                .subtree(iter)
                .find(|part| code.kind(*part) == Kind::Slice)
                .and_then(|range| code.child(range, Role::Upper)),
            _ => None,
        };
        if let Some(amount) = amount {
            found.push(Sink {
                at: id,
                amount,
                what: ROUNDS,
            });
        }
    }
    found
}

/// `n` of `i < n`, where the loop counts `i`.
fn bound(code: Code<'_>, id: NodeId, condition: NodeId) -> Option<NodeId> {
    let (operator, left, right) = code.comparison(condition)?;
    let counts = code.child(id, Role::Update).is_some_and(|update| {
        code.tree
            .subtree(update)
            .any(|part| code.kind(part) == Kind::Name && code.name(part) == code.name(left))
    });
    (matches!(operator, "<" | "<=") && code.kind(left) == Kind::Name && counts).then_some(right)
}

fn of_call(code: Code<'_>, call: NodeId) -> Vec<(NodeId, &'static str)> {
    let path = code.path(call);
    let called = code.called(call);
    let at = |at: usize, what: &'static str| code.arg(call, at).map(|amount| (amount, what));
    let one = |found: Option<(NodeId, &'static str)>| found.into_iter().collect::<Vec<_>>();
    match code.tree.language() {
        Language::Python => match path {
            "range" if has_loop(code, call) => one(code
                .args(call)
                .get(..2)
                .and_then(|both| both.last())
                .copied()
                .or_else(|| code.arg(call, 0))
                .map(|amount| (amount, ROUNDS))),
            "bytearray"
            | "bytes"
            | "os.urandom"
            | "secrets.token_bytes"
            | "secrets.token_hex"
            | "secrets.token_urlsafe"
            | "numpy.zeros"
            | "numpy.ones"
            | "numpy.empty" => one(at(0, MEMORY)),
            "time.sleep" | "asyncio.sleep" => one(at(0, TIME)),
            _ if called == "limit" && code.receiver(call).is_some() => one(at(0, ROWS)),
            _ => Vec::new(),
        },
        Language::JavaScript | Language::TypeScript | Language::Tsx => match path {
            "Buffer.alloc" | "Buffer.allocUnsafe" | "Array" | "Uint8Array" | "Uint16Array"
            | "Uint32Array" | "Float32Array" | "Float64Array" | "Uint8ClampedArray" | "ArrayBuffer"
            | "crypto.randomBytes" | "randomBytes" => {
                let alone = code.args(call).len() == 1;
                one(at(0, MEMORY).filter(|_| alone || path != "Array"))
            }
            "Array.from" => one(code.option(call, "length").map(|amount| (amount, ROUNDS))),
            "sleep" | "delay" => one(at(0, TIME)),
            _ => match called {
                "repeat" if code.args(call).len() == 1 => one(at(0, MEMORY)),
                "limit" if code.receiver(call).is_some() => one(at(0, ROWS)),
                "findMany" | "findAll" | "findAndCountAll" | "find" => ["take", "limit"]
                    .iter()
                    .filter_map(|name| code.option(call, name))
                    .map(|amount| (amount, ROWS))
                    .collect(),
                _ => Vec::new(),
            },
        },
        Language::Go => match path {
            "make" => [1, 2].into_iter().filter_map(|place| at(place, MEMORY)).collect(),
            "strings.Repeat" | "bytes.Repeat" => one(at(1, MEMORY)),
            "time.Sleep" => one(at(0, TIME)),
            _ if called == "Limit" && code.receiver(call).is_some() => one(at(0, ROWS)),
            _ => Vec::new(),
        },
        Language::Java => match called {
            "ArrayList" | "StringBuilder" | "HashMap" | "ByteArrayOutputStream"
                if code.kind(call) == Kind::New =>
            {
                one(at(0, MEMORY))
            }
            // `new byte[n]`
            "" if code
                .child(call, Role::Callee)
                .is_some_and(|made| code.name(made).ends_with("[]")) =>
            {
                one(at(0, MEMORY))
            }
            "repeat" if code.args(call).len() == 1 => one(at(0, MEMORY)),
            "range" | "rangeClosed" if path.contains("Stream") => one(at(1, ROUNDS)),
            "sleep" if path == "Thread.sleep" => one(at(0, TIME)),
            "of" if path.ends_with("PageRequest.of") => one(at(1, ROWS)),
            "setMaxResults" => one(at(0, ROWS)),
            _ => Vec::new(),
        },
        Language::Rust => match called {
            "with_capacity" => one(code.args(call).last().map(|amount| (*amount, MEMORY))),
            "vec!" if code.args(call).len() == 2 => one(at(1, MEMORY)),
            "repeat" if code.receiver(call).is_some() && code.args(call).len() == 1 => one(at(0, MEMORY)),
            "sleep" => one(at(0, TIME)),
            "limit" if code.receiver(call).is_some() => one(at(0, ROWS)),
            _ => Vec::new(),
        },
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => Vec::new(),
    }
}

/// Whether a range is what a loop or a comprehension goes over.
fn has_loop(code: Code<'_>, call: NodeId) -> bool {
    code.tree.role(call) == Role::Iter
        && code
            .tree
            .parent(call)
            .is_some_and(|around| matches!(code.kind(around), Kind::ForEach | Kind::Clause))
}
