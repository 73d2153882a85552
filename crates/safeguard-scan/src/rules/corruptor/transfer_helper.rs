//! A transfer by way of a helper that books on one account: it is called for the one side, and then for the other.

use super::multiple::{Moves, is_in_transaction, look as look_at};
use crate::analysis::code::Code;
use crate::analysis::words::has_word;
use crate::tree::{Kind, NodeId};

pub(super) fn look(code: Code<'_>, call: NodeId, function: NodeId, moves: &mut Moves) {
    match sign(code, call, function) {
        Some(false) => moves.takes = moves.takes.or(Some(call)),
        Some(true) => moves.gives = moves.gives.or(Some(call)),
        None => {}
    }
}

/// Whether a call of a helper in the file adds to an amount that is kept, or takes from it.
pub(super) fn sign(code: Code<'_>, call: NodeId, function: NodeId) -> Option<bool> {
    if code.kind(call) != Kind::Call {
        return None;
    }
    let name = code.called(call);
    let own = code
        .receiver(call)
        .is_none_or(|of| matches!(code.tree.source(of), "self" | "this") || code.kind(of) == Kind::Name);
    if name.is_empty() || !own {
        return None;
    }
    let helper = code
        .source
        .of_kind(Kind::Function)
        .iter()
        .copied()
        .find(|helper| code.name(*helper) == name && *helper != function)?;
    let inner = code.own(helper);
    let mut moves = Moves::default();
    for id in inner.iter().copied() {
        look_at(code, id, &mut moves);
    }
    let adds = match (moves.takes, moves.gives) {
        (None, Some(_)) => true,
        (Some(_), None) => false,
        _ => return None,
    };
    if is_in_transaction(code, helper, &inner) {
        return None;
    }
    let negative = code
        .args(call)
        .into_iter()
        .any(|arg| code.kind(arg) == Kind::Unary && code.name(arg) == "-");
    // A helper that only ever adds moves nothing, unless it is called with less than nothing or has a counterpart.
    if adds && !negative && has_word(name, &["count", "increment", "hit", "view"]) {
        return None;
    }
    Some(adds != negative)
}
