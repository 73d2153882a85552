//! Locks that stay taken when a function is left early.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, locks, reach};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "lock-not-released",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-667", "CWE-772"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let functions = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda));
    for function in functions.copied() {
        if !matches!(tree.language(), Language::Go | Language::Python) {
            mutex_of_promises(source, function, reports);
            continue;
        }
        let nodes = bodies::body(tree, function);
        for held in locks::held_in(source, function)
            .into_iter()
            .filter(|held| held.by_call)
        {
            plain(source, function, &nodes, &held, reports);
        }
    }
}

fn plain(source: &Source, function: NodeId, nodes: &[NodeId], held: &locks::Held, reports: &mut Reports) {
    let tree = &source.tree;
    let name = tree.source(held.object);
    let all: Vec<NodeId> = tree
        .subtree(function)
        .filter(|id| locks::gives_back(tree, *id, &held.lock))
        .collect();
    let after: Vec<NodeId> = all.iter().copied().filter(|id| *id > held.at).collect();
    // What is deferred or in `finally` is done on every way out.
    let always = all.iter().any(|id| {
        tree.ancestors(*id)
            .take_while(|around| *around != function)
            .any(|around| {
                tree.kind(around) == Kind::Defer
                    || tree.role(around) == Role::Finally
                    || matches!(tree.kind(around), Kind::Lambda | Kind::Function)
            })
    });
    if always {
        return;
    }
    if after.is_empty() {
        let elsewhere = tree.all().any(|id| {
            tree.kind(id) == Kind::Call
                && matches!(calls::name(tree, id), "Unlock" | "RUnlock" | "release")
                && !tree.within(id, function)
                && calls::receiver(tree, id).is_some_and(|object| tree.name(object) == tree.name(held.object))
        });
        let for_others = ["lock", "acquire", "enter", "start", "begin", "wait"]
            .iter()
            .any(|word| tree.name(function).to_ascii_lowercase().contains(word));
        let waits_for_ever =
            tree.parent(held.at).is_some() && nodes.iter().any(|id| reach::ends_program(source, *id));
        if !elsewhere && !for_others && !waits_for_ever && tree.kind(function) == Kind::Function {
            reports.add(held.at, format!("`{name}` is taken here and never given back"));
        }
        return;
    }
    let in_loop = crate::analysis::loops::around(tree, held.at);
    let left = nodes.iter().copied().find(|exit| {
        let leaves = match tree.kind(*exit) {
            Kind::Return => true,
            Kind::Raise => !reach::in_try(tree, *exit, function),
            Kind::Continue => {
                in_loop.first().is_some_and(|around| tree.within(*exit, *around))
                    && crate::analysis::loops::around(tree, *exit).first() == in_loop.first()
            }
            _ => false,
        };
        leaves && held.covers(*exit) && !given_back_before(tree, *exit, held, &after)
    });
    if let Some(exit) = left {
        let line = tree.line(tree.span(held.at).start);
        reports.add(
            exit,
            format!("this leaves with `{name}` still locked (line {line})"),
        );
    } else if tree.language() == Language::Python {
        let may_fail = nodes.iter().any(|id| {
            held.covers(*id)
                && matches!(tree.kind(*id), Kind::Call | Kind::Index | Kind::Await)
                && !after.contains(id)
                && *id > held.at
                && !tree.within(*id, held.at)
        });
        if may_fail {
            reports.note(
                held.at,
                format!("`{name}` stays locked when something fails before `release`"),
            );
        }
    }
}

/// Whether a block on the way to an exit gives the lock back before it.
fn given_back_before(tree: &Tree, exit: NodeId, held: &locks::Held, after: &[NodeId]) -> bool {
    // What is returned may give it back.
    let hands_on = tree.subtree(exit).any(|id| {
        let name = tree.name(id).to_ascii_lowercase();
        tree.kind(id) == Kind::Member && (name.contains("unlock") || name.contains("release"))
    });
    hands_on
        || after.iter().any(|back| {
            if *back > exit {
                return tree.within(*back, exit);
            }
            let statement = reach::statement(tree, *back);
            let Some(block) = tree.parent(statement) else {
                return false;
            };
            // Where a branch gives it back and goes on, it may be free already.
            let goes_on = tree.children(block).last().is_some_and(|last| {
                !matches!(
                    tree.kind(last),
                    Kind::Return | Kind::Raise | Kind::Continue | Kind::Break
                )
            });
            *back > held.at && (tree.within(exit, block) || goes_on)
        })
}

/// `const release = await mutex.acquire()`, given back only where all goes well.
fn mutex_of_promises(source: &Source, function: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let nodes = bodies::body(tree, function);
    for id in nodes
        .iter()
        .copied()
        .filter(|id| tree.kind(*id) == Kind::Call && calls::name(tree, *id) == "acquire")
    {
        let Some(object) = calls::receiver(tree, id).filter(|object| locks::is_lock_name(tree.name(*object)))
        else {
            continue;
        };
        let kept = tree
            .ancestors(id)
            .find(|around| !matches!(tree.kind(*around), Kind::Await))
            .filter(|around| tree.kind(*around) == Kind::Assign)
            .and_then(|assign| tree.child(assign, Role::Target));
        let name = tree.source(object);
        let release = kept.map(|kept| tree.name(kept)).unwrap_or_default();
        let gives_back = |call: NodeId| {
            tree.kind(call) == Kind::Call
                && (matches!(calls::name(tree, call), "release")
                    || !release.is_empty() && calls::name(tree, call) == release)
        };
        let passed_on = !release.is_empty()
            && tree.subtree(function).any(|part| {
                part > id
                    && tree.kind(part) == Kind::Name
                    && tree.name(part) == release
                    && tree.role(part) != Role::Callee
            });
        let backs: Vec<NodeId> = tree.subtree(function).filter(|call| gives_back(*call)).collect();
        if passed_on {
            continue;
        }
        if backs.is_empty() {
            if kept.is_some() {
                reports.add(id, format!("`{name}` is taken here and never given back"));
            }
            continue;
        }
        let safe = backs.iter().any(|back| {
            tree.ancestors(*back)
                .take_while(|around| *around != function)
                .any(|around| tree.role(around) == Role::Finally || tree.kind(around) == Kind::Lambda)
        });
        let first = backs[0];
        let may_fail = nodes
            .iter()
            .any(|wait| tree.kind(*wait) == Kind::Await && *wait > id && *wait < first);
        if !safe && may_fail {
            reports.add(
                id,
                format!("`{name}` stays locked for ever when something fails before it is given back"),
            );
        }
    }
}
