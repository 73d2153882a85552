//! What is tainted at a point of a function.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::tree::{Kind, NodeId, Role, Tree};

/// How many origins of one value are kept; one is enough to tell.
const ORIGINS_MAX: usize = 4;
/// How many steps of a way are kept.
const STEPS_MAX: usize = 12;

/// Where a taint comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    Source(NodeId),
    /// The value that the function under summary got for this parameter.
    Param(usize),
}

/// A value's origins, each with the nodes it went through. Empty: clean.
#[derive(Debug, Clone, Default)]
pub struct Tainted(Vec<(Origin, Rc<Vec<NodeId>>)>);

impl Tainted {
    pub fn by(origin: Origin) -> Tainted {
        Tainted(vec![(origin, Rc::new(Vec::new()))])
    }

    pub fn is_clean(&self) -> bool {
        self.0.is_empty()
    }

    pub fn origins(&self) -> impl Iterator<Item = (Origin, &[NodeId])> {
        self.0.iter().map(|(origin, steps)| (*origin, steps.as_slice()))
    }

    pub fn join(&mut self, other: &Tainted) {
        for (origin, steps) in &other.0 {
            if self.0.len() < ORIGINS_MAX && !self.0.iter().any(|(known, _)| known == origin) {
                self.0.push((*origin, Rc::clone(steps)));
            }
        }
    }

    /// The same, having gone through a node.
    pub fn through(&self, node: NodeId) -> Tainted {
        Tainted(
            self.0
                .iter()
                .map(|(origin, steps)| {
                    if steps.len() >= STEPS_MAX || steps.last() == Some(&node) {
                        return (*origin, Rc::clone(steps));
                    }
                    let mut longer = steps.to_vec();
                    longer.push(node);
                    (*origin, Rc::new(longer))
                })
                .collect(),
        )
    }
}

/// Places that are known to be tainted or clean: `x`, `self.path`.
#[derive(Debug, Clone, Default)]
pub struct State(BTreeMap<String, Tainted>);

impl State {
    /// What is known of a place, or of the nearest one that it is part of.
    pub fn of(&self, place: &str) -> Option<&Tainted> {
        let mut part = place;
        loop {
            if let Some(known) = self.0.get(part) {
                return Some(known);
            }
            part = part.rsplit_once('.')?.0;
        }
    }

    /// What is known of just this place.
    pub fn exactly(&self, place: &str) -> Option<&Tainted> {
        self.0.get(place)
    }

    pub fn set(&mut self, place: &str, value: Tainted) {
        let parts = format!("{place}.");
        self.0.retain(|other, _| !other.starts_with(&parts));
        self.0.insert(place.to_owned(), value);
    }

    pub fn add(&mut self, place: &str, value: &Tainted) {
        self.0.entry(place.to_owned()).or_default().join(value);
    }

    /// Cleans a place, and all that has its origins.
    pub fn clean_all_like(&mut self, place: &str) {
        let origins: Vec<Origin> = match self.of(place) {
            Some(known) => known.origins().map(|(origin, _)| origin).collect(),
            None => return,
        };
        for value in self.0.values_mut() {
            if !value.is_clean() && value.origins().all(|(origin, _)| origins.contains(&origin)) {
                *value = Tainted::default();
            }
        }
        self.set(place, Tainted::default());
    }

    pub fn join(&mut self, other: &State) {
        for (place, value) in &other.0 {
            // What only one way knows of a part is joined with what the other says of the whole.
            let mut known = self.of(place).cloned().unwrap_or_default();
            known.join(value);
            self.0.insert(place.clone(), known);
        }
        for (place, value) in &mut self.0 {
            if let Some(known) = other.of(place) {
                value.join(known);
            }
        }
    }
}

/// `x`, `x.y`: what a state knows by name.
pub fn place(tree: &Tree, id: NodeId) -> Option<String> {
    match tree.kind(id) {
        Kind::Name => Some(tree.name(id).to_owned()),
        Kind::Member => {
            let mut place = place(tree, tree.child(id, Role::Object)?)?;
            place.push('.');
            place.push_str(tree.name(id));
            Some(place)
        }
        Kind::Cast | Kind::Await => place(tree, tree.child(id, Role::Value)?),
        _ => None,
    }
}
