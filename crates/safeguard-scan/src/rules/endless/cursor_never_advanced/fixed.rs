//! Loops that gather pages, and name the same page in each round: by what a call of whatever name is given.

use safeguard_api::evidence::Severity;

use super::{begins_plain, is_cursor};
use crate::analysis::code::Code;
use crate::analysis::words::has_word;
use crate::analysis::{bodies, change, loops, reach};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static FIXED: Check = Check {
    id: "cursor-never-advanced",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835"],
    languages: ALL_LANGUAGES,
    run,
};

struct Loop<'s> {
    code: Code<'s>,
    id: NodeId,
    scope: NodeId,
    round: Vec<NodeId>,
    source: &'s Source,
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let mut ids = loops::conditional(source);
    // Rust's `loop` is one of these too; a loop over something ends with it.
    ids.retain(|id| goes_on(code, *id));
    for id in ids {
        let around = Loop {
            code,
            id,
            scope: bodies::enclosing(code.tree, id).unwrap_or(NodeId::ROOT),
            round: loops::round(code.tree, id),
            source,
        };
        if reach::any_waits(source, id) || around.always_leaves() || !around.gathers() || around.takes_away()
        {
            continue;
        }
        let asked = around.round.iter().copied().find_map(|call| {
            let asks = code.is_call(call) && around.is_answered(call);
            asks.then(|| around.fixed_cursor(call))?
        });
        if let Some((node, text)) = asked {
            reports.add(
                node,
                format!(
                    "`{text}` is the same in every round, so this loop asks for the same page again and again"
                ),
            );
        }
    }
}

/// Whether the loop's end is not a number of rounds.
fn goes_on(code: Code<'_>, id: NodeId) -> bool {
    if loops::is_endless(code.tree, id) {
        return true;
    }
    let Some(condition) = code.child(id, Role::Condition) else {
        return false;
    };
    let counts = code
        .tree
        .subtree(condition)
        .any(|part| code.kind(part) == Kind::Binary && matches!(code.name(part), "<" | "<=" | ">" | ">="));
    code.child(id, Role::Update).is_none()
        && (!counts
            || code.mentions(condition, |name| {
                matches!(name, "length" | "len" | "size" | "isEmpty")
            }))
}

impl Loop<'_> {
    /// Whether a way out is taken in every round, or whenever nothing fails.
    fn always_leaves(&self) -> bool {
        let tree = self.code.tree;
        let Some(body) = self.code.child(self.id, Role::Body) else {
            return true;
        };
        loops::exits(self.source, self.id).into_iter().any(|exit| {
            tree.kind(exit) != Kind::Unary
                && tree.kind(exit) != Kind::Call
                && tree
                    .ancestors(exit)
                    .take_while(|around| *around != body)
                    .all(|around| {
                        matches!(
                            tree.kind(around),
                            Kind::Try | Kind::Block | Kind::With | Kind::ExprStmt
                        )
                    })
        })
    }

    /// Whether what an answer holds is added to a list from outside of the loop.
    fn gathers(&self) -> bool {
        let code = self.code;
        let set = change::set(code.tree, &self.round);
        self.round.iter().copied().any(|id| match code.kind(id) {
            Kind::Call => {
                let adds = matches!(
                    code.called(id),
                    "push"
                        | "extend"
                        | "append"
                        | "addAll"
                        | "concat"
                        | "update"
                        | "add"
                        | "extend_from_slice"
                );
                let of = code.receiver(id).or_else(|| code.arg(id, 0));
                adds && of.is_some_and(|of| {
                    let name = code.first_name(of);
                    !name.is_empty() && (!set.contains(name) || self.is_added_to(name))
                })
            }
            Kind::Assign => {
                let target = code.child(id, Role::Target);
                let name = target.map_or("", |target| code.name(target));
                // Python's `rows += page`; elsewhere it adds numbers.
                code.name(id) == "+="
                    && code.tree.language() == Language::Python
                    && code
                        .child(id, Role::Value)
                        .is_some_and(|value| matches!(code.kind(value), Kind::Name | Kind::Member))
                    || !name.is_empty() && self.is_added_to(name)
            }
            _ => false,
        })
    }

    /// `all = append(all, page...)`, `all = [...all, ...page]`, `all = all + page`
    fn is_added_to(&self, name: &str) -> bool {
        let code = self.code;
        self.round.iter().copied().any(|id| {
            let adds = |value: NodeId| {
                let parts = match code.kind(value) {
                    Kind::Call if matches!(code.called(value), "append" | "concat") => true,
                    Kind::List => true,
                    Kind::Binary => code.name(value) == "+",
                    _ => false,
                };
                parts && code.mentions(value, |other| other == name)
            };
            code.kind(id) == Kind::Assign
                && code
                    .child(id, Role::Target)
                    .is_some_and(|target| code.name(target) == name)
                && code.child(id, Role::Value).is_some_and(adds)
        })
    }

    /// Whether a round takes what it was given out of what it asks: then the first page is another one.
    fn takes_away(&self) -> bool {
        self.round.iter().any(|id| {
            self.code.is_call(*id)
                && has_word(
                    self.code.called(*id),
                    &[
                        "delete",
                        "remove",
                        "ack",
                        "acknowledge",
                        "mark",
                        "update",
                        "archive",
                        "purge",
                        "destroy",
                        "complete",
                        "move",
                        "claim",
                        "execute",
                        "commit",
                        "save",
                        "requeue",
                        "next",
                        "advance",
                        "pop",
                        "close",
                        "consume",
                        "receive",
                        "rename",
                        "unlink",
                    ],
                )
                && !matches!(self.code.called(*id), "update" if self.code.args(*id).len() == 1)
        })
    }

    /// Whether a call's answer is used: it is set to a name, or part of what is.
    fn is_answered(&self, call: NodeId) -> bool {
        let code = self.code;
        code.tree
            .ancestors(call)
            .take_while(|around| *around != self.id)
            .find(|around| {
                !matches!(
                    code.kind(*around),
                    Kind::Await | Kind::Unary | Kind::Member | Kind::Cast | Kind::Call
                )
            })
            .is_some_and(|around| code.kind(around) == Kind::Assign)
            && !has_word(
                code.called(call),
                &[
                    "append",
                    "push",
                    "len",
                    "print",
                    "log",
                    "range",
                    "min",
                    "max",
                    "exec",
                    "match",
                    "matcher",
                    "read",
                    "decode",
                    "parse",
                    "peek",
                    "slice",
                    "substring",
                    "sub",
                    "skip",
                    "scan",
                    "token",
                ],
            )
    }

    fn fixed_cursor(&self, call: NodeId) -> Option<(NodeId, String)> {
        let code = self.code;
        for arg in code.tree.children_in(call, Role::Arg) {
            let found = match code.kind(arg) {
                Kind::Keyword => {
                    let value = code.child(arg, Role::Value)?;
                    if says_page(code.name(arg)) && self.is_fixed(value) {
                        Some(arg)
                    } else {
                        self.fixed_entry(value)
                    }
                }
                Kind::Name | Kind::Member if says_page(code.name(arg)) => self.is_fixed(arg).then_some(arg),
                Kind::Name | Kind::Object | Kind::Composite | Kind::Unary => self.fixed_entry(arg),
                _ => None,
            };
            if let Some(node) = found {
                return Some((node, code.tree.source(node).to_owned()));
            }
        }
        None
    }

    /// `{ page: 1 }`, also set once before the loop and not reached into within.
    fn fixed_entry(&self, arg: NodeId) -> Option<NodeId> {
        let code = self.code;
        let bare = code.bare(arg);
        let object = match code.kind(bare) {
            Kind::Object | Kind::Composite => bare,
            Kind::Name => {
                let object = code.set_to(bare)?;
                let name = code.name(bare);
                let untouched = matches!(code.kind(object), Kind::Object | Kind::Composite)
                    && !self.is_touched(name)
                    && !change::set_by_inner(code.tree, self.scope).contains(name);
                untouched.then_some(object)?
            }
            _ => return None,
        };
        let pairs: Vec<NodeId> = code.tree.children(object).collect();
        if pairs.iter().any(|pair| code.kind(*pair) == Kind::Spread) {
            return None;
        }
        let cursors: Vec<NodeId> = pairs
            .into_iter()
            .filter(|pair| code.key(*pair).is_some_and(says_page))
            .collect();
        let fixed = |pair: &NodeId| {
            code.child(*pair, Role::Value)
                .is_some_and(|value| self.is_fixed(value))
        };
        (!cursors.is_empty() && cursors.iter().all(fixed)).then(|| cursors[0])
    }

    /// Whether the loop may change what a name holds.
    fn is_touched(&self, name: &str) -> bool {
        let code = self.code;
        change::set(code.tree, &self.round).contains(name)
            || self.round.iter().copied().any(|id| match code.kind(id) {
                Kind::Assign | Kind::Delete => code.tree.children_in(id, Role::Target).any(|target| {
                    matches!(code.kind(target), Kind::Member | Kind::Index) && code.first_name(target) == name
                }),
                Kind::Call => {
                    code.receiver(id).is_some_and(|of| code.first_name(of) == name)
                        || matches!(code.path(id), "Object.assign")
                }
                _ => false,
            })
    }

    fn is_fixed(&self, value: NodeId) -> bool {
        let code = self.code;
        let value = code.bare(value);
        match code.kind(value) {
            Kind::Num | Kind::Null => true,
            Kind::Str => code.name(value).is_empty() || code.name(value) == "1" || code.name(value) == "0",
            Kind::Name => {
                let name = code.name(value);
                let param = bodies::enclosing(code.tree, self.id)
                    .is_some_and(|function| bodies::has_param(code.tree, function, name));
                let plain =
                    begins_plain(code.tree, self.scope, self.id, name) || param && self.never_set(name);
                plain
                    && !change::set(code.tree, &self.round).contains(name)
                    && !change::set_by_inner(code.tree, self.scope).contains(name)
                    && !self.is_touched(name)
            }
            _ => false,
        }
    }

    fn never_set(&self, name: &str) -> bool {
        let nodes: Vec<NodeId> = self
            .code
            .tree
            .subtree(self.scope)
            .filter(|id| *id != self.scope)
            .collect();
        !change::set(self.code.tree, &nodes).contains(name)
    }
}

fn says_page(name: &str) -> bool {
    is_cursor(name)
        || has_word(name, &["page", "offset", "cursor", "marker"])
            && !has_word(
                name,
                &[
                    "size", "limit", "max", "per", "count", "total", "length", "width", "height", "url",
                    "name", "id", "type",
                ],
            )
}
