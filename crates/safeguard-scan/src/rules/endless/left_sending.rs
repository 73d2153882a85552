//! Go: a goroutine that sends on a channel without room, where nobody receives any more: it waits there for ever.

use super::left_running;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::loops;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Go],
    run,
    ..left_running::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = code.tree;
    for made in source.calls().iter().copied() {
        let args: Vec<NodeId> = tree.children_in(made, Role::Arg).collect();
        let [of] = args.as_slice() else {
            continue;
        };
        if code.called(made) != "make"
            || !tree.source(*of).trim_start().starts_with("chan ")
            || undoes_or_tests(code, made)
        {
            continue;
        }
        let target = tree
            .parent(made)
            .filter(|assign| code.kind(*assign) == Kind::Assign)
            .and_then(|assign| code.child(assign, Role::Target))
            .filter(|target| code.kind(*target) == Kind::Name);
        if let (Some(target), Some(function)) = (target, bodies::enclosing(tree, made))
            && let Some((at, why)) =
                Channel::of(code, function, target).and_then(|channel| channel.left(code))
        {
            reports.add(
                at,
                format!(
                    "`{}` has no room, and {why}: whoever sends then waits for ever, one more each time",
                    code.name(target)
                ),
            );
        }
    }
}

/// What one function does with a channel that it keeps to itself.
struct Channel {
    function: NodeId,
    /// Each with the `go` that it stands in.
    sends: Vec<(NodeId, NodeId)>,
    receives: Vec<NodeId>,
}

impl Channel {
    /// `None` where others have it too, or where it is emptied to the end.
    fn of(code: Code<'_>, function: NodeId, target: NodeId) -> Option<Channel> {
        let tree = code.tree;
        let name = code.name(target);
        let mut channel = Channel {
            function,
            sends: Vec::new(),
            receives: Vec::new(),
        };
        for used in tree.subtree(function) {
            if used == target || code.kind(used) != Kind::Name || code.name(used) != name {
                continue;
            }
            let parent = tree.parent(used)?;
            match code.kind(parent) {
                Kind::Send if tree.role(used) == Role::Left => {
                    let go = tree
                        .ancestors(parent)
                        .take_while(|around| *around != function)
                        .find(|around| code.kind(*around) == Kind::Go)?;
                    // Served until the program ends.
                    let serves = code.mentions(go, |name| {
                        matches!(
                            name,
                            "Serve" | "ServeTLS" | "ListenAndServe" | "ListenAndServeTLS" | "Run" | "Start"
                        )
                    });
                    if serves || is_one_of_several(code, parent) {
                        return None;
                    }
                    channel.sends.push((parent, go));
                }
                Kind::Unary if code.name(parent) == "<-" => {
                    if bodies::enclosing(tree, parent) != Some(function) {
                        return None;
                    }
                    channel.receives.push(parent);
                }
                Kind::Call if code.called(parent) == "close" => {}
                _ => return None,
            }
        }
        let program = matches!(code.function_name(function), "main" | "init");
        (!program && !channel.sends.is_empty()).then_some(channel)
    }

    /// The send that nobody may receive, and why.
    fn left(&self, code: Code<'_>) -> Option<(NodeId, String)> {
        let tree = code.tree;
        let (send, go) = *self.sends.first()?;
        let Some(first) = self.receives.first().copied() else {
            return Some((send, "nobody receives from it".to_owned()));
        };
        let in_loop = |id: NodeId| {
            loops::around(tree, id)
                .iter()
                .any(|around| tree.within(*around, self.function) && !tree.within(*around, go))
        };
        if let Some(case) = self
            .receives
            .iter()
            .find_map(|receive| self.other_way(code, *receive, go))
        {
            return Some((
                send,
                format!("nobody receives once `{}` is chosen", short(tree.source(case))),
            ));
        }
        if in_loop(go) && !self.receives.iter().any(|receive| in_loop(*receive)) && self.receives.len() == 1 {
            return Some((send, "only the first answer is received".to_owned()));
        }
        let leaves = |id: &NodeId| {
            code.kind(*id) == Kind::Return && bodies::enclosing(tree, *id) == Some(self.function)
        };
        // `return err` between the `go` and the first receive; what stands in the same `select` is another way.
        let select = tree
            .ancestors(first)
            .take_while(|around| *around != self.function)
            .find(|around| code.kind(*around) == Kind::Select);
        let between = tree.subtree(self.function).find(|id| {
            leaves(id)
                && *id > go
                && !tree.within(*id, go)
                && *id < first
                && !select.is_some_and(|select| tree.within(*id, select))
        });
        if between.is_some_and(|at| !tree.within(first, at)) {
            return Some((send, "the function may return before it receives".to_owned()));
        }
        // `if got.err != nil { return got.err }` while others still work.
        let receiving = loops::around(tree, first).into_iter().next();
        if in_loop(go)
            && let Some(round) = receiving.filter(|round| tree.within(*round, self.function))
            && !tree.within(go, round)
            && tree.subtree(round).any(|id| leaves(&id))
        {
            return Some((
                send,
                "the function may return before it has received all of them".to_owned(),
            ));
        }
        None
    }

    /// The case beside a receive that leaves the function, and receives nothing.
    fn other_way(&self, code: Code<'_>, receive: NodeId, go: NodeId) -> Option<NodeId> {
        let tree = code.tree;
        let own = tree
            .ancestors(receive)
            .take_while(|around| *around != self.function)
            .find(|around| code.kind(*around) == Kind::Case)?;
        let is_test = tree
            .children_in(own, Role::Test)
            .any(|test| tree.within(receive, test));
        let select = tree
            .parent(own)
            .filter(|select| is_test && code.kind(*select) == Kind::Select && !tree.within(go, *select))?;
        tree.children(select).find_map(|case| {
            let test = code.child(case, Role::Test)?;
            let gives_up = code.mentions(test, |name| {
                matches!(name, "Done" | "After" | "C")
                    || has_word(
                        name,
                        &[
                            "timeout", "quit", "stop", "stopped", "cancel", "deadline", "timer", "closed",
                        ],
                    )
            });
            let leaves = tree.subtree(case).any(|id| {
                matches!(code.kind(id), Kind::Return) && bodies::enclosing(tree, id) == Some(self.function)
            });
            let drains = self.receives.iter().any(|other| tree.within(*other, case));
            let later = self
                .receives
                .iter()
                .any(|other| *other > select && !tree.within(*other, select));
            (case != own && gives_up && !drains && (leaves || !later && !is_round(code, select)))
                .then_some(test)
        })
    }
}

/// Whether a `select` is asked again and again.
fn is_round(code: Code<'_>, select: NodeId) -> bool {
    !loops::around(code.tree, select).is_empty()
}

/// Whether a send is one way out of several: `select { case out <- v: case <-ctx.Done(): }`.
fn is_one_of_several(code: Code<'_>, send: NodeId) -> bool {
    let tree = code.tree;
    let case = tree.ancestors(send).find(|around| {
        code.kind(*around) == Kind::Case
            && tree
                .children_in(*around, Role::Test)
                .any(|test| tree.within(send, test))
    });
    case.and_then(|case| tree.parent(case))
        .is_some_and(|select| code.kind(select) == Kind::Select && tree.children(select).count() > 1)
}

fn short(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    let line = text.lines().next().unwrap_or(text).trim_end_matches(':');
    line.chars().take(CHARS_MAX).collect()
}
