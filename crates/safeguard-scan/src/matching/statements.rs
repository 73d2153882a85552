//! Statements one after the other, with `...` for any number of them.

use super::Matcher;
use crate::language::Language;
use crate::tree::{Kind, NodeId, Role};

impl<'m> Matcher<'m> {
    pub(super) fn is_statement_ellipsis(&self, id: NodeId) -> bool {
        self.pattern.kind(id) == Kind::Ellipsis
    }

    /// Statements one after the other, from the first; tells how many were used.
    pub(super) fn run_of_statements(
        &mut self,
        pattern: &[NodeId],
        target: &[NodeId],
        then: &mut dyn FnMut(&mut Matcher<'m>, usize) -> bool,
    ) -> bool {
        let all = target.len();
        self.statements(pattern, target, &mut |matcher, left| then(matcher, all - left))
    }

    pub(super) fn statements(
        &mut self,
        pattern: &[NodeId],
        target: &[NodeId],
        then: &mut dyn FnMut(&mut Matcher<'m>, usize) -> bool,
    ) -> bool {
        let Some((first, rest)) = pattern.split_first() else {
            return then(self, target.len());
        };
        if self.is_statement_ellipsis(*first) {
            if rest.is_empty() {
                return then(self, 0);
            }
            return (0..=target.len()).any(|skipped| self.statements(rest, &target[skipped..], then))
                || self.as_semgrep && self.deeper(rest, target, then);
        }
        let Some((statement, after)) = target.split_first() else {
            return false;
        };
        self.node(*first, *statement, &mut |matcher| {
            matcher.statements(rest, after, then)
        })
    }

    /// What follows `...` may stand in the blocks of what is skipped.
    fn deeper(
        &mut self,
        rest: &[NodeId],
        skipped: &[NodeId],
        then: &mut dyn FnMut(&mut Matcher<'m>, usize) -> bool,
    ) -> bool {
        let t = &self.source.tree;
        let of_function = |id: NodeId| matches!(t.kind(id), Kind::Function | Kind::Lambda | Kind::Class);
        let blocks = skipped
            .iter()
            .filter(|id| !of_function(**id))
            .flat_map(|id| t.subtree(*id));
        let blocks: Vec<NodeId> = blocks.filter(|id| t.kind(*id) == Kind::Block).collect();
        blocks.into_iter().any(|block| {
            let inner: Vec<NodeId> = t.children(block).collect();
            (0..inner.len()).any(|at| self.statements(rest, &inner[at..], &mut |matcher, _| then(matcher, 0)))
        })
    }

    /// Go's `for ... { }` is any loop.
    pub(super) fn is_any_loop(&self, id: NodeId) -> bool {
        let p = self.pattern;
        let mut head = p.children(id).filter(|child| p.role(*child) != Role::Body);
        let (Some(only), None) = (head.next(), head.next()) else {
            return false;
        };
        p.language() == Language::Go && p.kind(id) == Kind::For && p.kind(only) == Kind::Ellipsis
    }
}
