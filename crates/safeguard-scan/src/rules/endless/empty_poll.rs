//! A worker that asks an empty queue again at once.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::{loops, reach};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "busy-wait",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-400"],
    languages: EVERY_LANGUAGE,
    run,
};

/// They answer at once, also when there is nothing.
const ASK: &[&str] = &[
    "lpop",
    "rpop",
    "lPop",
    "rPop",
    "LPop",
    "RPop",
    "lmpop",
    "spop",
    "SPop",
    "zpopmin",
    "zpopmax",
    "get_nowait",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for id in loops::conditional(source) {
        if !loops::is_endless(code.tree, id) || reach::any_waits(source, id) {
            continue;
        }
        let Some(body) = code.child(id, Role::Body) else {
            continue;
        };
        let asked = code.tree.children(body).find_map(|statement| {
            let set = code
                .tree
                .subtree(statement)
                .find(|node| code.kind(*node) == Kind::Assign)?;
            let value = code.bare(code.child(set, Role::Value)?);
            let target = code
                .child(set, Role::Target)
                .filter(|target| code.kind(*target) == Kind::Name)?;
            let asks = code.is_call(value) && ASK.contains(&code.called(value));
            asks.then(|| code.name(target))
        });
        let Some(asked) = asked else {
            continue;
        };
        if goes_on_at_once(code, body, asked) {
            reports.add(
                id,
                format!("an empty queue is asked again at once: with nothing in `{asked}` the next round begins without a pause, and takes a whole processor and the queue's own"),
            );
        }
    }
}

/// Whether a round without anything only begins the next: `if job is None: continue`, or all of the work under `if job`.
fn goes_on_at_once(code: Code<'_>, body: NodeId, asked: &str) -> bool {
    let statements: Vec<NodeId> = code.tree.children(body).collect();
    statements.iter().enumerate().any(|(at, statement)| {
        let Some(condition) = code
            .child(*statement, Role::Condition)
            .filter(|_| code.kind(*statement) == Kind::If)
        else {
            return false;
        };
        if !code.mentions(condition, |name| name == asked) {
            return false;
        }
        let inner: Vec<NodeId> = code
            .child(*statement, Role::Body)
            .map(|inner| code.tree.children(inner).collect())
            .unwrap_or_default();
        let skips = matches!(inner.as_slice(), [only] if code.kind(*only) == Kind::Continue);
        let works_within = at + 1 == statements.len()
            && code.child(*statement, Role::Else).is_none()
            && code.mentions(*statement, |name| name == asked)
            && !inner
                .iter()
                .any(|one| matches!(code.kind(*one), Kind::Break | Kind::Return | Kind::Raise));
        skips || works_within
    })
}
