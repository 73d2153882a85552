//! What is known after a statement: branches, loops, and what is assigned.

use super::{End, Flow};
use crate::analysis::reach::ends_program;
use crate::language::Language;
use crate::taint::refine::{refine, refine_by_statement};
use crate::taint::state::{Origin, State, Tainted, place};
use crate::tree::{Kind, NodeId, Role};

impl<'f> Flow<'f> {
    pub(super) fn statements(&mut self, block: NodeId, state: &mut State) -> End {
        let source = self.source;
        for statement in source.tree.children(block) {
            if self.statement(statement, state) == End::Leaves {
                return End::Leaves;
            }
        }
        End::Goes
    }

    pub(super) fn statement(&mut self, id: NodeId, state: &mut State) -> End {
        self.visits = self.visits.saturating_sub(1);
        if self.visits == 0 {
            return End::Leaves;
        }
        let source = self.source;
        let tree = &source.tree;
        match tree.kind(id) {
            Kind::Block | Kind::Module => return self.statements(id, state),
            Kind::If => return self.branch(id, state),
            Kind::While | Kind::DoWhile | Kind::For | Kind::ForEach => self.looped(id, state),
            Kind::Try => {
                let before = state.clone();
                let mut end = self.in_role(id, Role::Body, state);
                if end == End::Goes {
                    end = self.in_role(id, Role::Else, state);
                }
                let mut thrown = before;
                thrown.join(state);
                let mut ways = if end == End::Goes {
                    vec![state.clone()]
                } else {
                    Vec::new()
                };
                for handler in tree.children_in(id, Role::Handler) {
                    let mut caught = thrown.clone();
                    if self.in_role(handler, Role::Body, &mut caught) == End::Goes {
                        ways.push(caught);
                    }
                }
                let left = join_ways(ways, state);
                let finally = self.in_role(id, Role::Finally, state);
                return if left == End::Leaves { End::Leaves } else { finally };
            }
            Kind::Switch | Kind::Select => {
                for part in [Role::Init, Role::Subject] {
                    if let Some(part) = tree.child(id, part) {
                        self.statement(part, state);
                    }
                }
                let mut ways = Vec::new();
                let mut has_default = false;
                for case in tree.children_in(id, Role::Item) {
                    let mut way = state.clone();
                    has_default |= tree.child(case, Role::Test).is_none();
                    for test in tree.children_in(case, Role::Test) {
                        self.statement(test, &mut way);
                        // Rust's patterns bind what they take apart.
                        if tree.language() == Language::Rust
                            && let Some(subject) = tree.child(id, Role::Subject)
                        {
                            let subject = self.value(subject, &mut way);
                            self.assign(test, &subject, None, &mut way);
                        }
                    }
                    // Within a case of known values the subject is one of them.
                    if let Some(subject) = tree.child(id, Role::Subject)
                        && tree
                            .child(case, Role::Test)
                            .is_some_and(|test| matches!(tree.kind(test), Kind::Str | Kind::Num))
                        && let Some(place) = place(tree, subject)
                    {
                        way.set(&place, Tainted::default());
                    }
                    // A `break` ends the case, and a case that is left by it goes on behind.
                    self.leaving.push(State::default());
                    let end = self.in_role(case, Role::Body, &mut way);
                    let left = self.leaving.pop().unwrap_or_default();
                    way.join(&left);
                    let breaks = tree.child(case, Role::Body).is_some_and(|body| {
                        tree.children(body)
                            .any(|statement| tree.kind(statement) == Kind::Break)
                    });
                    if end == End::Goes || breaks {
                        ways.push(way);
                    }
                }
                if !has_default {
                    ways.push(state.clone());
                }
                return join_ways(ways, state);
            }
            Kind::With => {
                for item in tree.children_in(id, Role::Item) {
                    let value = tree
                        .child(item, Role::Value)
                        .map(|value| self.value(value, state))
                        .unwrap_or_default();
                    if let Some(target) = tree.child(item, Role::Target) {
                        self.assign(target, &value, None, state);
                    }
                }
                return self.in_role(id, Role::Body, state);
            }
            Kind::Return => {
                let value = tree
                    .child(id, Role::Value)
                    .map(|value| self.returned(value, state))
                    .unwrap_or_default();
                self.sink(id, &value);
                return End::Leaves;
            }
            Kind::Raise => {
                for part in tree.children(id) {
                    self.value(part, state);
                }
                return End::Leaves;
            }
            Kind::Break | Kind::Continue => {
                if let Some(leaving) = self.leaving.last_mut() {
                    leaving.join(state);
                }
                return End::Leaves;
            }
            Kind::Assert => {
                for part in tree.children(id) {
                    self.value(part, state);
                }
                if let Some(condition) = tree.child(id, Role::Condition) {
                    refine(source, condition, true, state);
                }
            }
            Kind::ExprStmt => {
                for part in tree.children(id) {
                    let value = self.value(part, state);
                    self.sink(id, &value);
                    if tree.kind(part) == Kind::Call {
                        refine_by_statement(source, part, state);
                        // `abort(400)` comes back no more than a `raise` does.
                        if ends_program(source, part) {
                            return End::Leaves;
                        }
                    }
                }
            }
            Kind::Function => {
                // What a function within another sees of it.
                if !self.under_way.is_empty() {
                    let mut inner = state.clone();
                    self.closure(id, &Tainted::default(), &mut inner);
                }
                for decorator in tree.children_in(id, Role::Decorator) {
                    self.value(decorator, state);
                }
            }
            Kind::Class => {
                self.in_role(id, Role::Body, state);
            }
            Kind::Labelled => return self.in_role(id, Role::Body, state),
            Kind::Import | Kind::Pass | Kind::Global => {}
            _ => {
                self.value(id, state);
            }
        }
        End::Goes
    }

    fn in_role(&mut self, id: NodeId, role: Role, state: &mut State) -> End {
        match self.source.tree.child(id, role) {
            Some(part) => self.statement(part, state),
            None => End::Goes,
        }
    }

    fn branch(&mut self, id: NodeId, state: &mut State) -> End {
        let source = self.source;
        let tree = &source.tree;
        if let Some(init) = tree.child(id, Role::Init) {
            self.statement(init, state);
        }
        let mut other = state.clone();
        if let Some(condition) = tree.child(id, Role::Condition) {
            self.value(condition, state);
            other = state.clone();
            refine(source, condition, true, state);
            refine(source, condition, false, &mut other);
        }
        let mut ways = Vec::new();
        if self.in_role(id, Role::Body, state) == End::Goes {
            ways.push(state.clone());
        }
        if self.in_role(id, Role::Else, &mut other) == End::Goes {
            ways.push(other);
        }
        join_ways(ways, state)
    }

    fn looped(&mut self, id: NodeId, state: &mut State) {
        const ROUNDS: usize = 2;
        let source = self.source;
        let tree = &source.tree;
        if let Some(init) = tree.child(id, Role::Init) {
            self.statement(init, state);
        }
        self.leaving.push(State::default());
        for _ in 0..ROUNDS {
            let before = state.clone();
            if let Some(iter) = tree.child(id, Role::Iter) {
                let value = self.value(iter, state);
                for target in tree.children_in(id, Role::Target) {
                    self.assign(target, &value, None, state);
                }
            }
            if let Some(condition) = tree.child(id, Role::Condition) {
                self.value(condition, state);
            }
            self.in_role(id, Role::Body, state);
            if let Some(update) = tree.child(id, Role::Update) {
                self.statement(update, state);
            }
            state.join(&before);
        }
        let leaving = self.leaving.pop().unwrap_or_default();
        state.join(&leaving);
        self.in_role(id, Role::Else, state);
    }

    pub(super) fn assign(
        &mut self,
        target: NodeId,
        value: &Tainted,
        written: Option<NodeId>,
        state: &mut State,
    ) {
        let source = self.source;
        let tree = &source.tree;
        match tree.kind(target) {
            Kind::Index => {
                for part in tree.children(target) {
                    self.value(part, state);
                }
                // One element is set; the others stay as they were.
                if let Some(place) = tree
                    .child(target, Role::Object)
                    .and_then(|object| place(tree, object))
                    && !value.is_clean()
                {
                    state.add(&place, value);
                }
            }
            Kind::Tuple | Kind::List => {
                let targets: Vec<NodeId> = tree.children(target).collect();
                let values: Option<Vec<NodeId>> = written
                    .filter(|written| matches!(tree.kind(*written), Kind::Tuple | Kind::List))
                    .map(|written| tree.children(written).collect());
                let given = written
                    .map(|written| match tree.kind(written) {
                        Kind::Await => tree.child(written, Role::Value).unwrap_or(written),
                        _ => written,
                    })
                    .and_then(|written| self.given.get(&written))
                    .filter(|given| given.len() == targets.len())
                    .cloned();
                for (at, target) in targets.iter().enumerate() {
                    match &values {
                        Some(values) if values.len() == targets.len() => {
                            let value = self.value(values[at], state);
                            self.assign(*target, &value, Some(values[at]), state);
                        }
                        _ if given.is_some() => {
                            let value = given.as_ref().and_then(|given| given.get(at));
                            self.assign(*target, &value.cloned().unwrap_or_default(), None, state);
                        }
                        // Go's `err` tells what went wrong, not what was read.
                        _ if tree.name(*target) == "err" => state.set("err", Tainted::default()),
                        _ => self.assign(*target, value, None, state),
                    }
                }
            }
            Kind::Object => {
                for pair in tree.children(target) {
                    if let Some(inner) = tree.child(pair, Role::Value) {
                        let is_plain = tree
                            .child(pair, Role::Key)
                            .is_some_and(|key| matches!(tree.name(key), "origin" | "length" | "size"));
                        let mut value = if is_plain {
                            Tainted::default()
                        } else {
                            value.clone()
                        };
                        // `({ body }, res) => …`
                        if self.marks.sources.contains_key(&pair) {
                            value.join(&Tainted::by(Origin::Source(pair)));
                        }
                        self.assign(inner, &value, None, state);
                    }
                }
            }
            Kind::Assign | Kind::Spread | Kind::Pair | Kind::Cast => {
                if let Some(inner) = tree
                    .child(target, Role::Target)
                    .or(tree.child(target, Role::Value))
                {
                    self.assign(inner, value, None, state);
                }
            }
            _ => {
                if tree.kind(target) == Kind::Member
                    && let Some(object) = tree.child(target, Role::Object)
                {
                    self.value(object, state);
                }
                if let Some(place) = place(tree, target) {
                    state.set(&place, value.clone());
                }
            }
        }
    }
}

/// What is known behind branches of which some are left.
fn join_ways(ways: Vec<State>, state: &mut State) -> End {
    let mut ways = ways.into_iter();
    let Some(first) = ways.next() else {
        return End::Leaves;
    };
    *state = first;
    for way in ways {
        state.join(&way);
    }
    End::Goes
}
