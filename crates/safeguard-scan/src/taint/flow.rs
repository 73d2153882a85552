//! Follows values through the statements of a file.

mod calls;
mod statements;
mod values;

use std::collections::{BTreeMap, HashMap};

use super::state::{Origin, State, Tainted};
use super::{Marks, Way};
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role};

/// How many nodes are looked at, for each node of the file and altogether: loops and calls look at some more than once.
const VISITS_PER_NODE: usize = 40;
const VISITS_MIN: usize = 100_000;
/// How deeply calls of the file's own functions are followed.
const CALLS_DEEP_MAX: usize = 8;

/// What a function of the file does with its parameters.
#[derive(Debug, Clone, Default)]
struct Summary {
    /// What it returns: parameters and sources.
    returns: Tainted,
    /// The same by place, where it always returns so many values: `return query, params`.
    places: Places,
    /// Sinks that a parameter reaches, with the steps within the function.
    reaches: Vec<(usize, NodeId, Vec<NodeId>)>,
}

#[derive(Debug, Clone, Default)]
enum Places {
    /// Nothing was returned yet, or none of it was a value.
    #[default]
    Unsaid,
    Each(Vec<Tainted>),
    /// One value, or now so many and now others.
    Whole,
}

impl Places {
    fn join(&mut self, others: Option<&[Tainted]>) {
        match (&mut *self, others) {
            (Places::Unsaid, Some(others)) => *self = Places::Each(others.to_vec()),
            (Places::Each(known), Some(others)) if known.len() == others.len() => {
                known
                    .iter_mut()
                    .zip(others)
                    .for_each(|(one, other)| one.join(other));
            }
            (Places::Unsaid | Places::Each(_) | Places::Whole, _) => *self = Places::Whole,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The next statement is reached.
    Goes,
    Leaves,
}

pub struct Flow<'f> {
    source: &'f Source,
    marks: &'f Marks,
    pub found: Vec<Way>,
    summaries: HashMap<NodeId, Summary>,
    /// Functions that are being summarized, the innermost last.
    under_way: Vec<NodeId>,
    /// What each of them has shown so far.
    current: Vec<Summary>,
    /// What a call of one of them gave by place, when it was last looked at.
    given: HashMap<NodeId, Vec<Tainted>>,
    /// Functions by name.
    named: BTreeMap<&'f str, Vec<NodeId>>,
    /// What is known where the innermost loop is left or begun again.
    leaving: Vec<State>,
    visits: usize,
}

impl<'f> Flow<'f> {
    pub fn new(source: &'f Source, marks: &'f Marks) -> Flow<'f> {
        let tree = &source.tree;
        let mut named: BTreeMap<&str, Vec<NodeId>> = BTreeMap::new();
        for function in source.of_kind(Kind::Function) {
            named.entry(tree.name(*function)).or_default().push(*function);
        }
        for assign in source.of_kind(Kind::Assign) {
            if let (Some(target), Some(value)) = (
                tree.child(*assign, Role::Target),
                tree.child(*assign, Role::Value),
            ) && tree.kind(target) == Kind::Name
                && tree.kind(value) == Kind::Lambda
            {
                named.entry(tree.name(target)).or_default().push(value);
            }
        }
        Flow {
            source,
            marks,
            found: Vec::new(),
            summaries: HashMap::new(),
            under_way: Vec::new(),
            current: vec![Summary::default()],
            given: HashMap::new(),
            named,
            leaving: Vec::new(),
            visits: VISITS_MIN.max(tree.len() * VISITS_PER_NODE),
        }
    }

    pub fn complete(&self) -> bool {
        self.visits > 0
    }

    /// Every function of the file, and what is outside of them.
    pub fn everything(&mut self) {
        let mut state = State::default();
        self.statements(NodeId::ROOT, &mut state);
        let functions: Vec<NodeId> = self.source.of_kind(Kind::Function).to_vec();
        for function in functions {
            self.summary(function, 0);
        }
    }

    fn summary(&mut self, function: NodeId, deep: usize) -> Summary {
        if let Some(known) = self.summaries.get(&function) {
            return known.clone();
        }
        if self.under_way.contains(&function) || deep > CALLS_DEEP_MAX {
            return Summary::default();
        }
        let mut state = State::default();
        let params: Vec<NodeId> = self.source.tree.children_in(function, Role::Param).collect();
        for (at, param) in params.iter().enumerate() {
            self.set_param(*param, &Tainted::by(Origin::Param(at)), &mut state);
        }
        self.under_way.push(function);
        self.current.push(Summary::default());
        let leaving = std::mem::take(&mut self.leaving);
        self.body(function, &mut state);
        self.leaving = leaving;
        self.under_way.pop();
        let summary = self.current.pop().unwrap_or_default();
        self.summaries.insert(function, summary.clone());
        summary
    }

    fn set_param(&mut self, param: NodeId, value: &Tainted, state: &mut State) {
        let tree = &self.source.tree;
        let mut value = value.clone();
        if self.marks.sources.contains_key(&param) {
            value.join(&Tainted::by(Origin::Source(param)));
        }
        if !tree.name(param).is_empty() {
            state.set(tree.name(param), value.clone());
        }
        if let Some(target) = tree.child(param, Role::Target) {
            self.assign(target, &value, None, state);
        }
    }

    /// The body of a function whose parameters are set.
    fn body(&mut self, function: NodeId, state: &mut State) {
        let tree = &self.source.tree;
        let Some(body) = tree.child(function, Role::Body) else {
            return;
        };
        if tree.kind(body) == Kind::Block {
            self.statements(body, state);
        } else {
            self.returned(body, state);
        }
    }

    /// What a function gives back here.
    fn returned(&mut self, id: NodeId, state: &mut State) -> Tainted {
        let tree = &self.source.tree;
        let value = self.value(id, state);
        let places: Option<Vec<Tainted>> = matches!(tree.kind(id), Kind::Tuple | Kind::List)
            .then(|| tree.children(id).map(|part| self.value(part, state)).collect());
        if let Some(current) = self.current.last_mut() {
            current.returns.join(&value);
            if tree.kind(id) != Kind::Null {
                current.places.join(places.as_deref());
            }
        }
        value
    }

    /// If the node is a sink that the value reaches, tells.
    fn sink(&mut self, id: NodeId, value: &Tainted) {
        if !value.is_clean() && self.marks.sinks.contains_key(&id) {
            self.reached(id, value);
        }
    }

    fn reached(&mut self, sink: NodeId, value: &Tainted) {
        let Some(at) = self.marks.sinks.get(&sink) else {
            return;
        };
        for (origin, steps) in value.origins() {
            match origin {
                Origin::Source(source) => {
                    let Some(source) = self.marks.sources.get(&source) else {
                        continue;
                    };
                    // The value itself is its own way from source to sink.
                    let known = self
                        .found
                        .iter()
                        .any(|way| way.sink.span == at.span && way.source.span == source.span);
                    if !known {
                        self.found.push(Way {
                            sink: at.clone(),
                            source: source.clone(),
                            steps: steps.to_vec(),
                        });
                    }
                }
                Origin::Param(param) => {
                    if let Some(current) = self.current.last_mut()
                        && !current
                            .reaches
                            .iter()
                            .any(|(known, node, _)| *known == param && *node == sink)
                    {
                        current.reaches.push((param, sink, steps.to_vec()));
                    }
                }
            }
        }
    }
}
