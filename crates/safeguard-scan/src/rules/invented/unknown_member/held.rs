//! Python: of which class an object is that a function is given, that it makes, or that its own object holds.

use super::*;
use crate::analysis::bodies;
use crate::names::functions_around;

impl File<'_> {
    /// The name of the class, if the file says it once and for good.
    pub(super) fn held(&self, object: NodeId) -> Option<String> {
        let tree = &self.source.tree;
        let function =
            functions_around(tree, object).find(|function| tree.kind(*function) == Kind::Function)?;
        let class = match tree.kind(object) {
            Kind::Name => self.held_by_name(function, object),
            Kind::Member => self.held_by_member(function, object),
            _ => None,
        }?;
        // Who asks what it is may know more than the declaration says.
        const ASKS: &[&str] = &[
            "isinstance(",
            "hasattr(",
            "getattr(",
            "setattr(",
            "cast(",
            "patch",
        ];
        let text = tree.source(function);
        (!ASKS.iter().any(|word| text.contains(word))).then_some(class)
    }

    /// `def total(invoices: Invoices)`, `invoices = Invoices()` in the function.
    fn held_by_name(&self, function: NodeId, object: NodeId) -> Option<String> {
        let tree = &self.source.tree;
        let name = tree.name(object);
        let (scope, times) = self.source.names.binder(tree, object, name)?;
        if scope != Some(function) || times != 1 {
            return None;
        }
        if let Some(param) = bodies::params(tree, function).find(|param| tree.name(*param) == name) {
            return self.declared_class(param);
        }
        let mut sets = self
            .source
            .of_kind(Kind::Assign)
            .iter()
            .copied()
            .filter(|assign| {
                tree.within(*assign, function)
                    && tree
                        .child(*assign, Role::Target)
                        .is_some_and(|target| tree.name(target) == name)
            });
        let (Some(set), None) = (sets.next(), sets.next()) else {
            return None;
        };
        self.made_class(tree.child(set, Role::Value)?)
    }

    /// `self.invoices`, which `__init__` sets to a parameter that is declared, or to an object that it makes.
    fn held_by_member(&self, function: NodeId, object: NodeId) -> Option<String> {
        let tree = &self.source.tree;
        let own = bodies::own_object(tree, function)?;
        let name = tree.name(object);
        let of = tree.child(object, Role::Object)?;
        if tree.kind(of) != Kind::Name || tree.name(of) != own {
            return None;
        }
        let class = bodies::class_of(tree, function)?;
        let sets: Vec<NodeId> = self
            .source
            .of_kind(Kind::Assign)
            .iter()
            .copied()
            .filter(|assign| {
                tree.within(*assign, class)
                    && tree.children_in(*assign, Role::Target).any(|target| {
                        matches!(tree.kind(target), Kind::Member | Kind::Name) && tree.name(target) == name
                    })
            })
            .collect();
        let [set] = sets.as_slice() else {
            return None;
        };
        let (target, value) = (tree.child(*set, Role::Target)?, tree.child(*set, Role::Value)?);
        let init = functions_around(tree, *set)
            .next()
            .filter(|init| tree.name(*init) == "__init__")?;
        if tree.kind(target) != Kind::Member {
            return None;
        }
        match tree.kind(value) {
            Kind::Name => {
                let param = bodies::params(tree, init).find(|param| tree.name(*param) == tree.name(value))?;
                self.declared_class(param)
            }
            _ => self.made_class(value),
        }
    }

    fn declared_class(&self, param: NodeId) -> Option<String> {
        let tree = &self.source.tree;
        let flags = tree.flags(param);
        if flags.has(Flags::REST) || flags.has(Flags::KEYWORD_REST) {
            return None;
        }
        let written = tree
            .name(tree.child(param, Role::Type)?)
            .trim_matches(['"', '\'']);
        is_class_name(written).then(|| written.to_owned())
    }

    fn made_class(&self, value: NodeId) -> Option<String> {
        let tree = &self.source.tree;
        let callee = tree
            .child(value, Role::Callee)
            .filter(|_| tree.kind(value) == Kind::Call)?;
        (tree.kind(callee) == Kind::Name && is_class_name(tree.name(callee)))
            .then(|| tree.name(callee).to_owned())
    }
}

fn is_class_name(written: &str) -> bool {
    written.starts_with(|first: char| first.is_ascii_uppercase())
        && written
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
