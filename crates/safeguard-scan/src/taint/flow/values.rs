//! The taint of an expression.

use super::Flow;
use crate::language::Language;
use crate::taint::is_number;
use crate::taint::refine::refine;
use crate::taint::state::{Origin, State, Tainted, place};
use crate::tree::{Kind, NodeId, Role, Tree};

impl<'f> Flow<'f> {
    /// What the last statements of a branch or a block give, and what all of it does to the state.
    fn given_by(&mut self, id: NodeId, state: &mut State) -> Tainted {
        let source = self.source;
        let tree = &source.tree;
        let tails: Vec<NodeId> = tree
            .subtree(id)
            .filter(|inner| tree.kind(*inner) == Kind::ExprStmt)
            .filter(|inner| ends_in(tree, *inner, id))
            .collect();
        self.statement(id, state);
        let mut value = Tainted::default();
        for tail in tails {
            if let Some(given) = tree.child(tail, Role::Value) {
                value.join(&self.value(given, state));
            }
        }
        value
    }

    /// The taint of an expression; what it does to the state is done.
    pub(super) fn value(&mut self, id: NodeId, state: &mut State) -> Tainted {
        self.visits = self.visits.saturating_sub(1);
        if self.visits == 0 {
            return Tainted::default();
        }
        let mut value = self.value_of_kind(id, state);
        if self.marks.sources.contains_key(&id) {
            // A test may have shown that just this is harmless.
            let is_checked = place(&self.source.tree, id)
                .is_some_and(|place| state.exactly(&place).is_some_and(Tainted::is_clean));
            if !is_checked {
                value.join(&Tainted::by(Origin::Source(id)));
            }
        }
        if self.marks.sanitizers.contains_key(&id) {
            value = Tainted::default();
        }
        if self.marks.side_sources.contains_key(&id)
            && let Some(place) = place(&self.source.tree, id)
        {
            state.set(&place, Tainted::by(Origin::Source(id)));
        }
        if self.marks.side_sanitizers.contains_key(&id)
            && let Some(place) = place(&self.source.tree, id)
        {
            state.set(&place, Tainted::default());
        }
        if let Some(propagators) = self.marks.propagators.get(&id) {
            for (from, to) in propagators {
                let from = self.value_of_kind(*from, state);
                if let Some(place) = place(&self.source.tree, *to) {
                    state.add(&place, &from.through(id));
                }
            }
        }
        self.sink(id, &value);
        value
    }

    fn value_of_kind(&mut self, id: NodeId, state: &mut State) -> Tainted {
        let source = self.source;
        let tree = &source.tree;
        match tree.kind(id) {
            Kind::Name => state.of(tree.name(id)).cloned().unwrap_or_default(),
            Kind::Member => {
                let inner = match tree.child(id, Role::Object) {
                    Some(object) => self.value(object, state),
                    None => Tainted::default(),
                };
                match place(tree, id).and_then(|place| state.exactly(&place).cloned()) {
                    Some(known) => known,
                    // A length says nothing of the text.
                    None if matches!(tree.name(id), "length" | "size" | "origin") => Tainted::default(),
                    None => inner,
                }
            }
            Kind::Index => {
                let object = tree
                    .child(id, Role::Object)
                    .map(|object| self.value(object, state))
                    .unwrap_or_default();
                for index in tree.children_in(id, Role::Index) {
                    self.value(index, state);
                }
                object
            }
            Kind::Call | Kind::New => self.call(id, state),
            Kind::Lambda => {
                let mut inner = state.clone();
                self.closure(id, &Tainted::default(), &mut inner);
                Tainted::default()
            }
            Kind::Binary => {
                let left = tree
                    .child(id, Role::Left)
                    .map(|left| self.value(left, state))
                    .unwrap_or_default();
                let mut then = state.clone();
                match tree.name(id) {
                    "and" => {
                        if let Some(left) = tree.child(id, Role::Left) {
                            refine(source, left, true, &mut then);
                        }
                    }
                    "or" => {
                        if let Some(left) = tree.child(id, Role::Left) {
                            refine(source, left, false, &mut then);
                        }
                    }
                    _ => {}
                }
                let right = tree
                    .child(id, Role::Right)
                    .map(|right| self.value(right, &mut then))
                    .unwrap_or_default();
                match tree.name(id) {
                    "==" | "!=" | "===" | "!==" | "<" | ">" | "<=" | ">=" | "in" | "not in" | "is"
                    | "is not" | "instanceof" => Tainted::default(),
                    name if is_number(tree.language(), name) => Tainted::default(),
                    _ => {
                        let mut both = left;
                        both.join(&right);
                        both
                    }
                }
            }
            Kind::Compare => {
                for part in tree.children(id) {
                    self.value(part, state);
                }
                Tainted::default()
            }
            Kind::Unary => {
                let value = tree
                    .child(id, Role::Value)
                    .map(|value| self.value(value, state))
                    .unwrap_or_default();
                match tree.name(id) {
                    "not" | "typeof" | "void" | "-" | "+" | "~" => Tainted::default(),
                    _ => value,
                }
            }
            Kind::Conditional => {
                let mut then = state.clone();
                let mut other = state.clone();
                if let Some(condition) = tree.child(id, Role::Condition) {
                    self.value(condition, state);
                    refine(source, condition, true, &mut then);
                    refine(source, condition, false, &mut other);
                }
                let mut value = tree
                    .child(id, Role::Value)
                    .map(|value| self.value(value, &mut then))
                    .unwrap_or_default();
                let otherwise = tree
                    .child(id, Role::Else)
                    .map(|value| self.value(value, &mut other))
                    .unwrap_or_default();
                value.join(&otherwise);
                value
            }
            Kind::Comprehension => {
                let mut inner = state.clone();
                for clause in tree.children_in(id, Role::Item) {
                    let iter = tree
                        .child(clause, Role::Iter)
                        .map(|iter| self.value(iter, &mut inner))
                        .unwrap_or_default();
                    if let Some(target) = tree.child(clause, Role::Target) {
                        self.assign(target, &iter, None, &mut inner);
                    }
                    for condition in tree.children_in(clause, Role::Condition) {
                        self.value(condition, &mut inner);
                        refine(source, condition, true, &mut inner);
                    }
                }
                tree.child(id, Role::Element)
                    .map(|element| self.value(element, &mut inner))
                    .unwrap_or_default()
            }
            Kind::Assign => {
                let mut value = tree
                    .child(id, Role::Value)
                    .map(|value| self.value(value, state))
                    .unwrap_or_default();
                let adds = !matches!(tree.name(id), "=" | ":=");
                for target in tree.children_in(id, Role::Target) {
                    if adds {
                        let before = self.value(target, state);
                        value.join(&before);
                    }
                    self.assign(target, &value.through(id), tree.child(id, Role::Value), state);
                    self.sink(target, &value);
                }
                value
            }
            // In Rust a block gives what it ends with.
            Kind::If | Kind::Switch | Kind::Block | Kind::With if tree.language() == Language::Rust => {
                self.given_by(id, state)
            }
            Kind::Function | Kind::Class => {
                self.statement(id, state);
                Tainted::default()
            }
            // A tag takes the values apart from the text: `sql`…``; these few put them together.
            Kind::Tagged => {
                let mut all = Tainted::default();
                for part in tree.children(id) {
                    all.join(&self.value(part, state));
                }
                let joins = tree.child(id, Role::Callee).is_some_and(|tag| {
                    matches!(
                        tree.name(tag),
                        "raw" | "dedent" | "outdent" | "stripIndent" | "oneLine"
                    )
                });
                if joins { all } else { Tainted::default() }
            }
            Kind::Sequence => {
                let mut last = Tainted::default();
                for part in tree.children(id) {
                    last = self.value(part, state);
                }
                last
            }
            Kind::Regex | Kind::Num | Kind::Bool | Kind::Null | Kind::Str | Kind::Type => Tainted::default(),
            _ => {
                let mut all = Tainted::default();
                for part in tree.children(id) {
                    if tree.kind(part) == Kind::Block {
                        self.statement(part, state);
                    } else {
                        all.join(&self.value(part, state));
                    }
                }
                all
            }
        }
    }
}

/// Whether a statement is what a branch or a block around it ends with, and that around it, up to `outer`.
fn ends_in(tree: &Tree, statement: NodeId, outer: NodeId) -> bool {
    let mut at = statement;
    while at != outer {
        let Some(parent) = tree.parent(at) else {
            return false;
        };
        let ends = match tree.kind(parent) {
            Kind::Block => tree.children(parent).last() == Some(at),
            Kind::If | Kind::With | Kind::Case => matches!(tree.role(at), Role::Body | Role::Else),
            Kind::Switch => tree.role(at) == Role::Item,
            _ => false,
        };
        if !ends {
            return false;
        }
        at = parent;
    }
    true
}
