//! What a call passes on: through the file's own functions, through closures, and through what is not known.

use super::{Flow, Places, Summary};
use crate::language::Language;
use crate::taint::calls::passes;
use crate::taint::state::{Origin, State, Tainted, place};
use crate::taint::{fills_in, gives_no_text, is_converted, looks_up, takes_in};
use crate::tree::{Kind, NodeId, Role};

impl<'f> Flow<'f> {
    pub(super) fn call(&mut self, id: NodeId, state: &mut State) -> Tainted {
        let source = self.source;
        let tree = &source.tree;
        let Some(callee) = tree.child(id, Role::Callee) else {
            return Tainted::default();
        };
        let object = tree
            .child(callee, Role::Object)
            .filter(|_| tree.kind(callee) == Kind::Member);
        let receiver = self.value(callee, state);
        let mut arguments: Vec<Tainted> = Vec::new();
        let mut all = receiver.clone();
        let mut mapped = Tainted::default();
        for argument in tree.children_in(id, Role::Arg) {
            let value = if tree.kind(argument) == Kind::Lambda {
                // What is called back gets what the object has: `rows.map(row => …)`.
                let mut inner = state.clone();
                mapped.join(&self.closure(argument, &receiver, &mut inner));
                Tainted::default()
            } else {
                self.value(argument, state)
            };
            all.join(&value);
            arguments.push(value);
        }
        if let Some(object) = object
            && takes_in(tree.name(callee))
            && let Some(place) = place(tree, self.taken_into(object))
        {
            for argument in &arguments {
                if !argument.is_clean() {
                    state.add(&place, &argument.through(id));
                }
            }
        }
        if let Some(function) = self.own_function(callee) {
            return self.call_of_own(id, function, &arguments);
        }
        if self.marks.all_calls_pass {
            return all.through(id);
        }
        let name = source.names.qualified(tree, callee);
        if name
            .as_deref()
            .is_some_and(|name| gives_no_text(tree.language(), name))
            || is_converted(source, id)
        {
            return Tainted::default();
        }
        if matches!(tree.name(callee), "map" | "flatMap")
            && tree
                .child(id, Role::Arg)
                .is_some_and(|argument| tree.kind(argument) == Kind::Lambda)
        {
            return mapped.through(id);
        }
        // Whoever asks where a path lies in a folder looks at the answer.
        if matches!(tree.name(callee), "relative" | "Rel" | "relative_to") {
            for part in tree.children_in(id, Role::Arg).chain(object) {
                if let Some(place) = place(tree, part) {
                    state.set(&place, Tainted::default());
                }
            }
        }
        if fills_in(tree.name(callee)) {
            self.filled(id, &all, state);
        }
        // Java's `Paths.get` looks nothing up.
        let is_static = tree.language() == Language::Java && passes(source, id, callee);
        if looks_up(tree.name(callee)) && !is_static {
            // What is found under a key is not the key; what is given for a key that is not there may be it.
            let mut found = receiver;
            if tree.name(callee) == "get" {
                for default in arguments.iter().skip(1) {
                    found.join(default);
                }
            }
            return found.through(id);
        }
        if !passes(source, id, callee) {
            return receiver.through(id);
        }
        all.through(id)
    }

    /// What takes its argument in gives itself: `sql.append(a).append(b)`.
    fn taken_into(&self, object: NodeId) -> NodeId {
        let tree = &self.source.tree;
        let mut at = object;
        while tree.kind(at) == Kind::Call
            && let Some(callee) = tree.child(at, Role::Callee)
            && takes_in(tree.name(callee))
            && let Some(inner) = tree.child(callee, Role::Object)
        {
            at = inner;
        }
        at
    }

    /// `json.NewDecoder(r.Body).Decode(&into)`, `Object.assign(into, from)`: what is filled has what it is filled from.
    fn filled(&mut self, call: NodeId, value: &Tainted, state: &mut State) {
        if value.is_clean() {
            return;
        }
        let tree = &self.source.tree;
        let is_assign = tree
            .child(call, Role::Callee)
            .is_some_and(|callee| tree.name(callee) == "assign");
        for (at, argument) in tree.children_in(call, Role::Arg).enumerate() {
            let into = match tree.kind(argument) {
                Kind::Unary if tree.name(argument) == "&" => tree.child(argument, Role::Value),
                Kind::Name if !is_assign || at == 0 => Some(argument),
                _ => None,
            };
            if let Some(place) = into.and_then(|into| place(tree, into)) {
                state.add(&place, &value.through(call));
            }
        }
    }

    /// A function of the file that a call means, if there is just one.
    fn own_function(&self, callee: NodeId) -> Option<NodeId> {
        let tree = &self.source.tree;
        let is_own = match tree.kind(callee) {
            Kind::Name => true,
            Kind::Member => {
                let object = tree.child(callee, Role::Object)?;
                let receiver = tree.child(
                    tree.ancestors(callee)
                        .find(|id| tree.kind(*id) == Kind::Function)?,
                    Role::Receiver,
                );
                let name = tree.name(object);
                tree.kind(object) == Kind::Name
                    && (matches!(name, "self" | "this" | "cls" | "Self")
                        || self
                            .source
                            .of_kind(Kind::Class)
                            .iter()
                            .any(|class| tree.name(*class) == name)
                        || receiver.is_some_and(|receiver| tree.name(receiver) == name))
            }
            _ => false,
        };
        match self.named.get(tree.name(callee))?.as_slice() {
            [only] if is_own => Some(*only),
            _ => None,
        }
    }

    fn call_of_own(&mut self, call: NodeId, function: NodeId, arguments: &[Tainted]) -> Tainted {
        let source = self.source;
        let tree = &source.tree;
        let summary = self.summary(function, self.under_way.len());
        let params: Vec<NodeId> = tree.children_in(function, Role::Param).collect();
        // Python's `self` is a parameter that no argument is given for.
        let shift = usize::from(
            params
                .first()
                .is_some_and(|first| matches!(tree.name(*first), "self" | "cls"))
                && tree
                    .child(call, Role::Callee)
                    .is_some_and(|callee| tree.kind(callee) == Kind::Member),
        );
        let nodes: Vec<NodeId> = tree.children_in(call, Role::Arg).collect();
        let param_of = |at: usize| -> usize {
            let node = nodes[at];
            if tree.kind(node) == Kind::Keyword
                && let Some(named) = params
                    .iter()
                    .position(|param| tree.name(*param) == tree.name(node))
            {
                return named;
            }
            (at + shift).min(params.len().saturating_sub(1))
        };
        let given = |value: &Tainted| {
            let mut given = Tainted::default();
            for (origin, _) in value.origins() {
                match origin {
                    Origin::Source(_) => given.join(&Tainted::by(origin)),
                    Origin::Param(param) => {
                        for (at, argument) in arguments.iter().enumerate() {
                            if param_of(at) == param {
                                given.join(&argument.through(call));
                            }
                        }
                    }
                }
            }
            given
        };
        let returned = given(&summary.returns);
        match &summary.places {
            Places::Each(places) => {
                self.given.insert(call, places.iter().map(given).collect());
            }
            Places::Unsaid | Places::Whole => {}
        }
        for (param, sink, steps) in &summary.reaches {
            for (at, argument) in arguments.iter().enumerate() {
                if param_of(at) == *param {
                    let mut value = argument.through(call);
                    for step in steps {
                        value = value.through(*step);
                    }
                    self.reached(*sink, &value);
                }
            }
        }
        returned
    }

    /// A function that sees what is around it.
    pub(super) fn closure(&mut self, function: NodeId, given: &Tainted, state: &mut State) -> Tainted {
        let tree = &self.source.tree;
        let params: Vec<NodeId> = tree.children_in(function, Role::Param).collect();
        // Behind an element stands its index.
        let has_index = tree.parent(function).is_some_and(|call| {
            let callee = tree.child(call, Role::Callee);
            callee.is_some_and(|callee| {
                matches!(
                    tree.name(callee),
                    "map" | "flatMap" | "forEach" | "filter" | "some" | "every" | "find" | "findIndex"
                )
            })
        });
        for (at, param) in params.iter().enumerate() {
            if at > 0 && has_index {
                self.set_param(*param, &Tainted::default(), state);
            } else {
                self.set_param(*param, given, state);
            }
        }
        // What it returns is not what the function around it returns.
        self.current.push(Summary::default());
        let leaving = std::mem::take(&mut self.leaving);
        self.body(function, state);
        self.leaving = leaving;
        let Some(inner) = self.current.pop() else {
            return Tainted::default();
        };
        if let Some(outer) = self.current.last_mut() {
            outer.reaches.extend(inner.reaches);
        }
        inner.returns
    }
}
