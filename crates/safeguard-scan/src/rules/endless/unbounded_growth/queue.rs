//! Queues without a bound that requests fill: when the other end is slower, they hold all that waits.

use super::CHECK;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::typed;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static QUEUE: Check = Check {
    confidence: Confidence::High,
    languages: &[Language::Java, Language::Python, Language::Rust],
    run,
    ..CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if source.is_test() {
        return;
    }
    for call in source.calls().iter().copied() {
        if code.tree.language() == Language::Java && never_grows(code, call) {
            reports.add(
                call,
                "the queue of this pool has no bound: more threads than the first ones are never made, and what waits fills the memory",
            );
        }
        let Some(queue) = filled(code, call).filter(|_| bodies::handler_around(source, call).is_some())
        else {
            continue;
        };
        let name = code.last_name(queue);
        if is_unbounded(code, queue) && !asks_how_long(code, name) {
            reports.add(
                call,
                format!("every request adds to `{name}`, which has no bound: when what takes from it is slower, it fills the memory"),
            );
        }
    }
}

/// The queue that a call adds to.
fn filled(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    let adds = match code.tree.language() {
        Language::Python => matches!(code.called(call), "put" | "put_nowait"),
        Language::Java => matches!(code.called(call), "add" | "offer" | "put"),
        _ => code.called(call) == "send",
    };
    code.receiver(call).filter(|of| {
        adds && code.args(call).len() == 1 && matches!(code.kind(*of), Kind::Name | Kind::Member)
    })
}

/// Whether a queue that outlives the request is made without a bound.
fn is_unbounded(code: Code<'_>, queue: NodeId) -> bool {
    let name = code.last_name(queue);
    let made = || {
        code.source
            .assignments(name)
            .iter()
            .filter(|assign| {
                code.tree
                    .children_in(**assign, Role::Target)
                    .any(|target| code.last_name(target) == name)
            })
            .filter_map(|assign| Some((*assign, code.child(*assign, Role::Value)?)))
    };
    match code.tree.language() {
        Language::Python => made().any(|(assign, value)| {
            let queue = matches!(
                code.path(value),
                "asyncio.Queue" | "queue.Queue" | "queue.SimpleQueue"
            );
            let plain = code.tree.children_in(value, Role::Arg).next().is_none();
            queue && plain && code.is_call(value) && code.function(assign).is_none()
        }),
        Language::Java => {
            let queue = typed::made_type(code.source, queue);
            let plain = || made().all(|(_, value)| code.args(value).is_empty());
            matches!(
                queue,
                Some("LinkedBlockingQueue" | "ConcurrentLinkedQueue" | "LinkedBlockingDeque")
            ) && plain()
        }
        // A field of what all handlers share.
        _ => {
            code.kind(queue) == Kind::Member
                && code.source.of_kind(Kind::Field).iter().any(|field| {
                    code.name(*field) == name
                        && code.child(*field, Role::Type).is_some_and(|ty| {
                            let ty = code.name(ty);
                            ty.starts_with("UnboundedSender<") || ty.contains("::UnboundedSender<")
                        })
                })
        }
    }
}

/// Whether the file looks at how much waits.
fn asks_how_long(code: Code<'_>, name: &str) -> bool {
    code.source.calls().iter().any(|call| {
        matches!(
            code.called(*call),
            "qsize" | "full" | "size" | "remainingCapacity" | "len"
        ) && code.receiver(*call).is_some_and(|of| code.last_name(of) == name)
            && code
                .tree
                .ancestors(*call)
                .take(3)
                .any(|around| matches!(code.kind(around), Kind::Binary | Kind::If))
    })
}

/// `new ThreadPoolExecutor(4, 64, …, new LinkedBlockingQueue<>())`
fn never_grows(code: Code<'_>, call: NodeId) -> bool {
    let number = |at: usize| code.arg(call, at).and_then(|size| code.number(size));
    let (Some(first), Some(most)) = (number(0), number(1)) else {
        return false;
    };
    code.kind(call) == Kind::New
        && code.called(call) == "ThreadPoolExecutor"
        && first < most
        && code.arg(call, 4).is_some_and(|queue| {
            code.kind(queue) == Kind::New
                && code
                    .child(queue, Role::Callee)
                    .is_some_and(|made| code.name(made).starts_with("LinkedBlockingQueue"))
                && code.args(queue).is_empty()
        })
}
