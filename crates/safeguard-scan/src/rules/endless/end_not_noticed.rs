//! A loop reads on from a connection after its end, or after an error that does not go away.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::loops;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "end-not-noticed",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835", "CWE-252"],
    languages: &[Language::Go, Language::Python, Language::Rust],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for id in loops::conditional(source) {
        if undoes_or_tests(code, id) {
            continue;
        }
        let round = loops::round(code.tree, id);
        if code.tree.language() == Language::Go {
            go(code, id, &round, reports);
            continue;
        }
        for assign in round
            .iter()
            .copied()
            .filter(|part| code.kind(*part) == Kind::Assign)
        {
            let (Some(target), Some(value)) =
                (code.child(assign, Role::Target), code.child(assign, Role::Value))
            else {
                continue;
            };
            // `while block := await reader.read(…)`
            let is_condition = code
                .child(id, Role::Condition)
                .is_some_and(|condition| code.tree.within(assign, condition));
            if is_condition {
                continue;
            }
            if reads(code, value)
                && code.kind(target) == Kind::Name
                && !is_asked(code, &round, code.name(target))
                && waits_on(code, id)
            {
                reports.add(
                    assign,
                    format!("at the end of the connection this reads nothing, at once and again and again: nobody looks whether `{}` is empty", code.name(target)),
                );
            }
        }
    }
}

/// `sock.recv(4096)`, `await reader.read(1024)`, `stream.read(&mut buffer).await?`: what gives nothing at the end, and no error.
fn reads(code: Code<'_>, value: NodeId) -> bool {
    let call = code
        .tree
        .subtree(value)
        .find(|id| code.kind(*id) == Kind::Call && matches!(code.called(*id), "recv" | "read"));
    let Some(call) = call else {
        return false;
    };
    let args = code.args(call);
    match code.tree.language() {
        Language::Python => {
            let awaited = code
                .tree
                .parent(call)
                .is_some_and(|parent| code.kind(parent) == Kind::Await);
            let whole = code.bare(value) == call;
            let socket = code.called(call) == "recv" && args.len() == 1;
            whole && (socket || awaited && args.len() == 1 && code.called(call) == "read")
        }
        _ => {
            let lends = args.first().is_some_and(|arg| {
                code.kind(*arg) == Kind::Unary && code.tree.source(*arg).starts_with("&mut")
            });
            // A part of what lies in memory has no end that comes later.
            let is_stream = code
                .receiver(call)
                .is_some_and(|of| matches!(code.kind(of), Kind::Name | Kind::Member));
            args.len() == 1
                && lends
                && is_stream
                && code.called(call) == "read"
                && !code.tree.text().contains("UdpSocket")
        }
    }
}

/// Whether the round asks anything about what was read: in a condition, or as what a `match` is about.
fn is_asked(code: Code<'_>, round: &[NodeId], name: &str) -> bool {
    let asks = |id: NodeId| code.names_in(id).any(|other| other == name);
    // What is made of it is asked in its place.
    let mut from: BTreeSet<&str> = BTreeSet::from([name]);
    for id in round.iter().copied().filter(|id| code.kind(*id) == Kind::Assign) {
        if let (Some(target), Some(value)) = (code.child(id, Role::Target), code.child(id, Role::Value))
            && asks(value)
            && code.kind(target) == Kind::Name
            && matches!(code.name(id), "=" | ":=")
        {
            from.insert(code.name(target));
        }
    }
    round.iter().copied().any(|id| {
        let condition = match code.kind(id) {
            Kind::If | Kind::While | Kind::Conditional | Kind::Assert | Kind::DoWhile => {
                code.child(id, Role::Condition)
            }
            Kind::Switch => code.child(id, Role::Subject),
            Kind::Unary if code.name(id) == "not" => Some(id),
            Kind::Binary if matches!(code.name(id), "and" | "or" | "==" | "!=" | ">" | "<") => Some(id),
            // A helper that is given the number or the bytes may raise.
            Kind::Call
                if code.receiver(id).is_none() && !matches!(code.called(id), "len" | "bytes" | "str") =>
            {
                Some(id)
            }
            _ => None,
        };
        condition.is_some_and(|condition| code.names_in(condition).any(|other| from.contains(other)))
    })
}

/// Whether the loop goes on until something has come, or for ever.
fn waits_on(code: Code<'_>, id: NodeId) -> bool {
    if loops::is_endless(code.tree, id) {
        let exits = loops::exits(code.source, id);
        return exits
            .iter()
            .all(|exit| code.kind(*exit) == Kind::Unary || !code.conditions_around(*exit).is_empty());
    }
    true
}

/// `conn, err := listener.Accept(); if err != nil { log…; continue }`, without a way out of the loop for a closed listener.
fn go(code: Code<'_>, id: NodeId, round: &[NodeId], reports: &mut Reports) {
    const READS: &[&str] = &[
        "Accept",
        "AcceptTCP",
        "ReadMessage",
        "ReadString",
        "ReadBytes",
        "ReadJSON",
        "ReadLine",
        "ReadByte",
        "NextReader",
        "Recv",
        "Decode",
        "ReadFrom",
        "ReadFromUDP",
        "Read",
    ];
    if !loops::is_endless(code.tree, id) {
        return;
    }
    let read = round.iter().copied().find(|part| {
        code.kind(*part) == Kind::Call
            && READS.contains(&code.called(*part))
            && code.receiver(*part).is_some()
    });
    let Some(read) = read else {
        return;
    };
    let again = round.iter().copied().find(|part| {
        code.kind(*part) == Kind::Continue
            && *part > read
            && code.name(*part).is_empty()
            && loops::around(code.tree, *part).first() == Some(&id)
            && code.conditions_around(*part).first().is_some_and(|condition| {
                code.comparison(*condition)
                    .is_some_and(|(operator, left, right)| {
                        operator == "!=" && code.name(left) == "err" && code.is_null(right)
                    })
            })
    });
    let Some(again) = again else {
        return;
    };
    let handled = code
        .tree
        .ancestors(again)
        .find(|around| code.kind(*around) == Kind::If);
    let Some(handled) = handled else {
        return;
    };
    // Only the error of this very read, and only where the handling neither waits, leaves nor asks which error it is.
    let first_after = round
        .iter()
        .copied()
        .find(|part| code.kind(*part) == Kind::If && (*part > read || code.tree.within(read, *part)));
    let set_at = code
        .tree
        .ancestors(read)
        .find(|around| code.kind(*around) == Kind::Assign);
    let names_err = set_at.is_some_and(|assign| {
        code.tree
            .children_in(assign, Role::Target)
            .any(|target| code.tree.subtree(target).any(|part| code.name(part) == "err"))
    });
    let decides = code.tree.subtree(handled).any(|part| match code.kind(part) {
        Kind::Return | Kind::Break | Kind::Select | Kind::Switch => true,
        Kind::If => part != handled,
        Kind::Call => matches!(
            code.called(part),
            "Sleep"
                | "Is"
                | "As"
                | "Fatal"
                | "Fatalf"
                | "Exit"
                | "Done"
                | "Close"
                | "Wait"
                | "reconnect"
                | "Reset"
        ),
        Kind::Assign => code.tree.role(part) != Role::Init,
        _ => false,
    });
    let leaves_before = round
        .iter()
        .any(|part| *part > read && *part < again && matches!(code.kind(*part), Kind::Return | Kind::Break));
    if first_after == Some(handled) && names_err && !decides && !leaves_before {
        reports.add(
            again,
            format!(
                "once this is closed, `{}` fails at once each time, and the loop takes a whole processor",
                code.called(read)
            ),
        );
    }
}
