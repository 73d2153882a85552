//! Where a pattern's tree fits a file's: metavariables, ellipses, what names stand for, and constants.

mod bindings;
mod canonical;
mod children;
mod constant;
mod source;
mod statements;
mod typed;
mod words;

use std::ops::Range;

use crate::language::Language;
use crate::language::pattern::Pattern;
use crate::tree::{Flags, Kind, NodeId, Role, Tree};
use bindings::bound_to;
pub(crate) use typed::has_type;
use typed::{along_chain, is_same_type};
use words::is_script;

pub use bindings::{Bindings, Bound, agree, bound};
pub use canonical::canonical;
use canonical::plain_path;
pub use constant::is_constant_string;
pub use source::Source;

/// How many steps one pattern may take over one file, for each node of the file and altogether.
const STEPS_PER_NODE: usize = 200;
const STEPS_MIN: usize = 200_000;
/// How many ways one pattern may fit at one place.
const WAYS_MAX: usize = 32;

/// A place that a pattern fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The node that fits, or the first of several statements.
    pub node: NodeId,
    pub span: Range<usize>,
    pub bindings: Bindings,
}

/// The places in `within` that the pattern fits, in the order of the text, and whether all could be looked at.
/// `as_semgrep`: what Semgrep lets fit fits, where the rules of this program ask for more.
pub fn matches(
    pattern: &Pattern,
    source: &Source,
    within: NodeId,
    known: &Bindings,
    as_semgrep: bool,
) -> (Vec<Match>, bool) {
    let steps = STEPS_MIN.max(source.tree.len() * STEPS_PER_NODE);
    let mut matcher = Matcher {
        pattern: &pattern.tree,
        source,
        bindings: known.clone(),
        steps,
        as_semgrep,
    };
    let mut found = Vec::new();
    match pattern.roots.as_slice() {
        [] => {}
        [root] if !matcher.is_statement_ellipsis(*root) => {
            for id in matcher.candidates(*root, within) {
                let mut ways: Vec<Match> = Vec::new();
                matcher.node(*root, id, &mut |matcher| {
                    let way = Match {
                        node: id,
                        span: source.tree.span(id),
                        bindings: matcher.bindings.clone(),
                    };
                    if !ways.contains(&way) {
                        ways.push(way);
                    }
                    ways.len() >= WAYS_MAX
                });
                found.append(&mut ways);
            }
        }
        roots => {
            for id in source.tree.subtree(within) {
                if !matches!(source.tree.kind(id), Kind::Module | Kind::Block) {
                    continue;
                }
                let statements: Vec<NodeId> = source.tree.children(id).collect();
                for first in 0..statements.len() {
                    let mut ways: Vec<Match> = Vec::new();
                    matcher.run_of_statements(roots, &statements[first..], &mut |matcher, used| {
                        let last = statements[first + used.saturating_sub(1)];
                        let way = Match {
                            node: statements[first],
                            span: source.tree.span(statements[first]).start..source.tree.span(last).end,
                            bindings: matcher.bindings.clone(),
                        };
                        if !ways.contains(&way) {
                            ways.push(way);
                        }
                        ways.len() >= WAYS_MAX
                    });
                    found.append(&mut ways);
                }
            }
        }
    }
    (found, matcher.steps > 0)
}

struct Matcher<'m> {
    pattern: &'m Tree,
    source: &'m Source,
    bindings: Bindings,
    steps: usize,
    as_semgrep: bool,
}

/// What to do where a part fits: go on with the rest; whether that was enough.
type Then<'t, 'm> = &'t mut dyn FnMut(&mut Matcher<'m>) -> bool;

impl<'m> Matcher<'m> {
    /// The nodes that the pattern might fit, by its kind.
    fn candidates(&self, root: NodeId, within: NodeId) -> Vec<NodeId> {
        let tree = &self.source.tree;
        let kinds: &[Kind] = match self.pattern.kind(root) {
            Kind::Metavariable | Kind::Ellipsis | Kind::Deep => &[],
            // A constant stands for its literal wherever it is used; that is looked at where a literal is part of a pattern.
            Kind::Name | Kind::Member => &[Kind::Name, Kind::Member],
            Kind::Function => &[Kind::Function, Kind::Lambda],
            Kind::Str => &[Kind::Str, Kind::Interp],
            Kind::For if self.is_any_loop(root) => &[Kind::For, Kind::ForEach],
            kind => &[kind],
        };
        if kinds.is_empty() {
            return tree
                .subtree(within)
                .filter(|id| tree.kind(*id).is_expression() || self.pattern.kind(root) == Kind::Ellipsis)
                .collect();
        }
        let needed = self.needed(root);
        let fits = |id: &NodeId| {
            kinds.contains(&tree.kind(*id)) && tree.within(*id, within) && self.has_needed(&needed, *id)
        };
        let mut found: Vec<NodeId> = match self.last_name(root) {
            Some(name) => self.source.by_name().of_name(name).filter(fits).collect(),
            None => kinds
                .iter()
                .flat_map(|kind| self.source.of_kind(*kind))
                .copied()
                .filter(fits)
                .collect(),
        };
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The children of a pattern without which nothing fits it, where that is cheap to see: what is passed by name or spread, and what is
    /// set. Putting down what metavariables stand for takes much longer.
    fn needed(&self, root: NodeId) -> Vec<NodeId> {
        let pattern = self.pattern;
        let is_needed = |child: &NodeId| match pattern.kind(root) {
            Kind::Call | Kind::New => matches!(pattern.kind(*child), Kind::Keyword | Kind::Spread),
            Kind::Assign => {
                pattern.role(*child) == Role::Target
                    && matches!(pattern.kind(*child), Kind::Index | Kind::Member)
            }
            _ => false,
        };
        pattern.children(root).filter(is_needed).collect()
    }

    fn has_needed(&self, needed: &[NodeId], id: NodeId) -> bool {
        let (p, t) = (self.pattern, &self.source.tree);
        needed.iter().all(|wanted| {
            let name = p.name(*wanted);
            t.children(id).any(|child| match p.kind(*wanted) {
                Kind::Member => self.may_be_called(*wanted, child),
                kind => {
                    t.kind(child) == kind
                        && (name.is_empty()
                            || name.starts_with('$')
                            || name == "..."
                            || t.name(child) == name)
                }
            })
        })
    }

    /// The last name that a pattern's root asks for, if it asks for one: of what is called, or of a chain of members.
    fn last_name(&self, root: NodeId) -> Option<&'m str> {
        let pattern = self.pattern;
        let named = match pattern.kind(root) {
            Kind::Call | Kind::New => pattern.child(root, Role::Callee)?,
            Kind::Name | Kind::Member => root,
            _ => return None,
        };
        let name = pattern.name(named);
        let is_plain = matches!(pattern.kind(named), Kind::Name | Kind::Member)
            && !name.starts_with('$')
            && name != "...";
        is_plain.then_some(name)
    }

    /// Whether a pattern's callee may fit a file's, by its last name alone: most calls are of something else.
    fn may_be_called(&self, wanted: NodeId, called: NodeId) -> bool {
        let (p, t) = (self.pattern, &self.source.tree);
        let name = p.name(wanted);
        match p.kind(wanted) {
            Kind::Name | Kind::Member if !name.starts_with('$') && name != "..." => match t.kind(called) {
                Kind::Member => t.name(called) == name,
                // What was imported may have another name here.
                Kind::Name => {
                    let found = t.name(called);
                    let imported = || self.source.names.imported(found);
                    found == name || imported().is_some_and(|path| path.rsplit('.').next() == Some(name))
                }
                _ => false,
            },
            _ => true,
        }
    }

    fn step(&mut self) -> bool {
        self.steps = self.steps.saturating_sub(1);
        self.steps > 0
    }

    /// One node against another.
    fn node(&mut self, pattern: NodeId, target: NodeId, then: Then<'_, 'm>) -> bool {
        if !self.step() {
            return false;
        }
        let (p, t) = (self.pattern, &self.source.tree);
        let kind = p.kind(pattern);
        if is_script(t.language()) && !self.same_quotes(pattern, target) {
            return false;
        }
        match kind {
            Kind::Ellipsis => return then(self),
            // `${$X}` also fits `${a%.b}` and `${a:-b}`.
            Kind::Name
                if is_script(t.language())
                    && t.kind(target) == Kind::Binary
                    && p.name(pattern).starts_with('$') =>
            {
                let variable = t
                    .child(target, Role::Left)
                    .filter(|left| t.kind(*left) == Kind::Name);
                return variable.is_some_and(|left| self.name(pattern, left, then));
            }
            Kind::Metavariable => {
                // Java's `(T $X)`
                let fits = p
                    .child(pattern, Role::Type)
                    .is_none_or(|of| has_type(self.source, target, p.name(of)));
                return fits && self.bind_node(p.name(pattern), target, then);
            }
            // `$X. ... .build()`: what is called and taken in between.
            Kind::Member if p.name(pattern) == "..." => {
                let Some(inner) = p.child(pattern, Role::Object) else {
                    return false;
                };
                return along_chain(t, target)
                    .into_iter()
                    .any(|part| self.node(inner, part, then));
            }
            Kind::Deep => {
                let Some(inner) = p.children(pattern).last() else {
                    return false;
                };
                return t.subtree(target).any(|id| self.node(inner, id, then));
            }
            Kind::ExprStmt if t.kind(target) != Kind::ExprStmt => {
                // A pattern's expression stands for a statement that is one, and for one that returns or assigns it.
                return false;
            }
            _ => {}
        }
        if matches!(kind, Kind::Name | Kind::Member) && self.same_path(pattern, target) {
            return then(self);
        }
        if t.kind(target) == Kind::Name
            && matches!(
                kind,
                Kind::Str | Kind::Num | Kind::Bool | Kind::Null | Kind::List | Kind::Tuple | Kind::Set
            )
            && let Some(constant) = self.source.names.constant(t, target)
        {
            return self.node(pattern, constant, then);
        }
        if kind == Kind::Str {
            return self.string(pattern, target, then);
        }
        // `subprocess.$RUN` also fits `run` that was imported from there.
        if kind == Kind::Member
            && t.kind(target) == Kind::Name
            && let Some(metavariable) = p
                .name(pattern)
                .strip_prefix('$')
                .filter(|name| is_metavariable(name))
            && let Some(module) = p
                .child(pattern, Role::Object)
                .and_then(|object| plain_path(p, object))
            && let Some(path) = self.source.names.qualified(t, target)
            && let Some((found, member)) = path.rsplit_once('.')
            && found == module
        {
            let bound = Bound {
                node: None,
                span: t.span(target),
                canonical: member.to_owned(),
            };
            return self.bind(metavariable, bound, then);
        }
        if kind == Kind::For && self.is_any_loop(pattern) {
            let body =
                |tree: &Tree, id: NodeId| -> Vec<NodeId> { tree.children_in(id, Role::Body).collect() };
            let is_loop = matches!(t.kind(target), Kind::For | Kind::ForEach);
            return is_loop && self.bodies(&body(p, pattern), &body(t, target), then);
        }
        let same_kind = kind == t.kind(target) || (kind == Kind::Function && t.kind(target) == Kind::Lambda);
        if !same_kind {
            return false;
        }
        if p.flags(pattern).has(Flags::ASYNC) && !t.flags(target).has(Flags::ASYNC) {
            return false;
        }
        // What Java and Rust say before a declaration is part of what a pattern asks for.
        let modifiers = [Flags::STATIC, Flags::CONST, Flags::EXPORTED];
        if matches!(t.language(), Language::Java | Language::Rust)
            && modifiers
                .iter()
                .any(|flag| p.flags(pattern).has(*flag) && !t.flags(target).has(*flag))
        {
            return false;
        }
        self.name(pattern, target, &mut |matcher| {
            matcher.children(pattern, target, then)
        })
    }

    /// The node's own name: of a function, a member, an operator.
    fn name(&mut self, pattern: NodeId, target: NodeId, then: Then<'_, 'm>) -> bool {
        let (p, t) = (self.pattern, &self.source.tree);
        let (wanted, found) = (p.name(pattern), t.name(target));
        match p.kind(pattern) {
            // A declaration and an assignment are one to a pattern; `+=` is another thing.
            Kind::Assign if self.as_semgrep && t.language() == Language::Go && wanted == ":=" => {
                return found == ":=" && then(self);
            }
            Kind::Assign if matches!(wanted, "=" | ":=") => return matches!(found, "=" | ":=") && then(self),
            // The name of a mapping is its anchor's.
            Kind::Break | Kind::Continue | Kind::ForEach | Kind::Composite | Kind::Object | Kind::List
                if wanted.is_empty() =>
            {
                return then(self);
            }
            Kind::Type if wanted == "..." => return then(self),
            Kind::Type
                if matches!(t.language(), Language::Java | Language::Rust) && is_same_type(wanted, found) =>
            {
                return then(self);
            }
            // `function (...) {...}` of a pattern fits a function with a name too.
            Kind::Lambda if wanted.is_empty() => return then(self),
            _ => {}
        }
        if let Some(metavariable) = wanted.strip_prefix('$').filter(|name| is_metavariable(name)) {
            if found.is_empty() {
                return false;
            }
            let bound = Bound {
                node: None,
                span: t.span(target),
                canonical: found.to_owned(),
            };
            return self.bind(metavariable, bound, then);
        }
        (wanted == "..." || wanted == found) && then(self)
    }

    /// `"..."` is any string that is known, `"$X"` names its text, `"=~/…/"` is not supported (a rule says `metavariable-regex`).
    fn string(&mut self, pattern: NodeId, target: NodeId, then: Then<'_, 'm>) -> bool {
        let (p, t) = (self.pattern, &self.source.tree);
        let wanted = p.name(pattern);
        if wanted == "..." {
            return is_constant_string(self.source, target, 0) && then(self);
        }
        if t.kind(target) != Kind::Str {
            return false;
        }
        match wanted.strip_prefix('$') {
            Some(metavariable) if is_metavariable(metavariable) => {
                let bound = Bound {
                    node: Some(target),
                    span: t.span(target),
                    canonical: t.name(target).to_owned(),
                };
                self.bind(metavariable, bound, then)
            }
            _ if t.language() == Language::Dockerfile && wanted.contains('$') => {
                self.parts_of_word(wanted, target, then)
            }
            _ => wanted == t.name(target) && then(self),
        }
    }

    /// Whether both are the same chain of names, what was imported taken for what it stands for.
    fn same_path(&self, pattern: NodeId, target: NodeId) -> bool {
        let t = &self.source.tree;
        // Cheap first: only what was imported has another name than its own.
        if !matches!(t.kind(target), Kind::Name | Kind::Member) || !self.may_be_called(pattern, target) {
            return false;
        }
        let p = self.pattern;
        let is_plain = |id: NodeId| !p.name(id).starts_with('$') && p.name(id) != "...";
        // Member by member from the end, without writing either path down.
        let (mut wanted, mut found) = (pattern, target);
        while t.kind(found) == Kind::Member {
            if p.kind(wanted) != Kind::Member || !is_plain(wanted) || p.name(wanted) != t.name(found) {
                return false;
            }
            let (Some(of_wanted), Some(of_found)) =
                (p.child(wanted, Role::Object), t.child(found, Role::Object))
            else {
                return false;
            };
            (wanted, found) = (of_wanted, of_found);
        }
        let is_own_name = t.kind(found) == Kind::Name && self.source.names.imported(t.name(found)).is_none();
        if is_own_name {
            return p.kind(wanted) == Kind::Name && is_plain(wanted) && p.name(wanted) == t.name(found);
        }
        // What was imported stands for something longer.
        plain_path(p, wanted).is_some_and(|wanted| {
            self.source
                .names
                .qualified(t, found)
                .is_some_and(|found| found == wanted)
        })
    }

    fn bind_node(&mut self, metavariable: &str, target: NodeId, then: Then<'_, 'm>) -> bool {
        let bound = bound_to(&self.source.tree, target);
        self.bind(metavariable, bound, then)
    }

    fn bind(&mut self, metavariable: &str, value: Bound, then: Then<'_, 'm>) -> bool {
        if metavariable == "_" {
            return then(self);
        }
        match bound(&self.bindings, metavariable) {
            Some(earlier) => earlier.canonical == value.canonical && then(self),
            None => {
                self.bindings.push((metavariable.to_owned(), value));
                let enough = then(self);
                self.bindings.pop();
                enough
            }
        }
    }
}

pub fn is_metavariable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && name
            .chars()
            .all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_')
}
