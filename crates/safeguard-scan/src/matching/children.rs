//! Where the children of a pattern's node fit those of a file's: one after the other, by role, or in any order.

use super::bindings::bound_to;
use super::words::is_script;
use super::{Bound, Matcher, Then, canonical};
use crate::language::Language;
use crate::tree::{Kind, NodeId, Role, Tree};

impl<'m> Matcher<'m> {
    pub(super) fn children(&mut self, pattern: NodeId, target: NodeId, then: Then<'_, 'm>) -> bool {
        let (p, t) = (self.pattern, &self.source.tree);
        let wanted: Vec<NodeId> = p.children(pattern).collect();
        let found: Vec<NodeId> = t.children(target).collect();
        match p.kind(pattern) {
            // Where a command's output goes, and which variables it gets, is no part of what a pattern asks for.
            Kind::Call if is_script(t.language()) => {
                let words = |tree: &Tree, all: Vec<NodeId>| -> Vec<NodeId> {
                    let of_command = |id: &NodeId| matches!(tree.role(*id), Role::Callee | Role::Arg);
                    all.into_iter().filter(of_command).collect()
                };
                self.sequence(&words(p, wanted), &words(t, found), then)
            }
            Kind::Module | Kind::Block => {
                self.statements(&wanted, &found, &mut |matcher, left| left == 0 && then(matcher))
            }
            // Decorators, types and parts that a pattern leaves out may be there.
            Kind::Function
            | Kind::Lambda
            | Kind::Class
            | Kind::Param
            | Kind::Field
            | Kind::Assign
            | Kind::If
            | Kind::Try
            | Kind::Catch
            | Kind::While
            | Kind::ForEach
            | Kind::With
            | Kind::Pair
            | Kind::Section
            | Kind::Jsx => self.by_role(pattern, target, then),
            Kind::Object => self.any_order(&wanted, &found, then),
            Kind::Call | Kind::New | Kind::Import => self.sequence(&wanted, &found, then),
            _ => self.sequence(&wanted, &found, then),
        }
    }

    /// The children of each role by themselves, roles that the pattern does not mention left out of account.
    fn by_role(&mut self, pattern: NodeId, target: NodeId, then: Then<'_, 'm>) -> bool {
        let (p, t) = (self.pattern, &self.source.tree);
        let mut roles: Vec<Role> = p.children(pattern).map(|child| p.role(child)).collect();
        roles.dedup();
        roles.sort();
        roles.dedup();
        // What has no parameters in a pattern has none in the file.
        if matches!(p.kind(pattern), Kind::Function | Kind::Lambda) && !roles.contains(&Role::Param) {
            roles.push(Role::Param);
        }
        let parts: Vec<(Role, Vec<NodeId>, Vec<NodeId>)> = roles
            .into_iter()
            .map(|role| {
                (
                    role,
                    p.children_in(pattern, role).collect(),
                    t.children_in(target, role).collect(),
                )
            })
            .collect();
        self.parts(&parts, then)
    }

    fn parts(&mut self, parts: &[(Role, Vec<NodeId>, Vec<NodeId>)], then: Then<'_, 'm>) -> bool {
        let Some(((role, wanted, found), rest)) = parts.split_first() else {
            return then(self);
        };
        let rest: Then<'_, 'm> = &mut |matcher| matcher.parts(rest, then);
        let (p, t) = (self.pattern, &self.source.tree);
        let is_keyword = |tree: &Tree, id: &NodeId| tree.kind(*id) == Kind::Keyword;
        match role {
            // `FROM $IMAGE` also fits `FROM python AS build`.
            Role::Arg
                if t.language() == Language::Dockerfile && !wanted.iter().any(|id| is_keyword(p, id)) =>
            {
                let has_words = found.iter().any(|id| !is_keyword(t, id));
                let words: Vec<NodeId> = found
                    .iter()
                    .filter(|id| !has_words || !is_keyword(t, id))
                    .copied()
                    .collect();
                self.sequence(wanted, &words, rest)
            }
            Role::Body if t.language() == Language::Dockerfile => self.scripts(wanted, found, rest),
            // A pattern's attributes are some of an element's.
            _ if self.as_semgrep && wanted.iter().any(|id| p.kind(*id) == Kind::JsxAttribute) => {
                self.any_order_of_some(wanted, found, rest)
            }
            Role::Decorator | Role::Base => self.any_order_of_some(wanted, found, rest),
            Role::Handler => self.any_order_of_some(wanted, found, rest),
            Role::Body => self.bodies(wanted, found, rest),
            _ => self.sequence(wanted, found, rest),
        }
    }

    /// A body: `{ ... }` of a pattern also fits an arrow function's expression.
    pub(super) fn bodies(&mut self, wanted: &[NodeId], found: &[NodeId], then: Then<'_, 'm>) -> bool {
        let (p, t) = (self.pattern, &self.source.tree);
        if let ([body], [expression]) = (wanted, found)
            && p.kind(*body) == Kind::Block
            && t.kind(*expression) != Kind::Block
        {
            let statements: Vec<NodeId> = p.children(*body).collect();
            return match statements.as_slice() {
                [only] if self.is_statement_ellipsis(*only) => then(self),
                _ => false,
            };
        }
        self.sequence(wanted, found, then)
    }

    /// What an instruction runs: one command of a pattern is somewhere in the script, or is the list of words.
    fn scripts(&mut self, wanted: &[NodeId], found: &[NodeId], then: Then<'_, 'm>) -> bool {
        let (p, t) = (self.pattern, &self.source.tree);
        let ([script], [target]) = (wanted, found) else {
            return self.sequence(wanted, found, then);
        };
        let is_list = |tree: &Tree, id: NodeId| tree.source(id).starts_with('[');
        if p.kind(*script) == Kind::Ellipsis {
            return then(self);
        }
        if is_list(p, *script) != is_list(t, *target) {
            return false;
        }
        let statements: Vec<NodeId> = p.children(*script).collect();
        match statements.as_slice() {
            [only] if p.kind(*only) == Kind::ExprStmt => {
                let Some(command) = p.children(*only).next() else {
                    return false;
                };
                t.subtree(*target).any(|id| self.node(command, id, then))
            }
            _ => self.sequence(wanted, found, then),
        }
    }

    /// One after the other, with `...` for any number. Arguments by name fit in any order.
    fn sequence(&mut self, wanted: &[NodeId], found: &[NodeId], then: Then<'_, 'm>) -> bool {
        let (p, t) = (self.pattern, &self.source.tree);
        let Some((first, rest)) = wanted.split_first() else {
            return found.is_empty() && then(self);
        };
        match p.kind(*first) {
            Kind::Ellipsis => {
                if rest.is_empty() {
                    return then(self);
                }
                (0..=found.len()).any(|skipped| self.sequence(rest, &found[skipped..], then))
            }
            Kind::Metavariables => (0..=found.len()).rev().any(|taken| {
                let several = match found[..taken].split_first() {
                    None => Bound {
                        node: None,
                        span: 0..0,
                        canonical: String::new(),
                    },
                    Some((one, [])) => bound_to(t, *one),
                    Some((begin, more)) => Bound {
                        node: None,
                        span: t.span(*begin).start..more.last().map_or(0, |last| t.span(*last).end),
                        canonical: found[..taken]
                            .iter()
                            .map(|id| canonical(t, *id))
                            .collect::<Vec<_>>()
                            .join(","),
                    },
                };
                self.bind(p.name(*first), several, &mut |matcher| {
                    matcher.sequence(rest, &found[taken..], then)
                })
            }),
            Kind::Keyword | Kind::JsxAttribute => (0..found.len()).any(|at| {
                if t.kind(found[at]) != p.kind(*first) {
                    return false;
                }
                let mut others = found.to_vec();
                others.remove(at);
                self.node(*first, found[at], &mut |matcher| {
                    matcher.sequence(rest, &others, then)
                })
            }),
            _ => {
                let Some((one, others)) = found.split_first() else {
                    return false;
                };
                // `f($X)` speaks of what stands at that place, not of what is passed by name or spread.
                if matches!(t.kind(*one), Kind::Keyword | Kind::Spread | Kind::JsxAttribute)
                    && t.kind(*one) != p.kind(*first)
                {
                    return false;
                }
                self.node(*first, *one, &mut |matcher| matcher.sequence(rest, others, then))
            }
        }
    }

    /// Entries in any order; all of them, unless the pattern has `...`.
    fn any_order(&mut self, wanted: &[NodeId], found: &[NodeId], then: Then<'_, 'm>) -> bool {
        let open = wanted.iter().any(|id| self.pattern.kind(*id) == Kind::Ellipsis);
        if !open && wanted.len() != found.len() {
            return false;
        }
        self.any_order_of_some(wanted, found, then)
    }

    /// Each of the pattern's fits one of the file's, whatever else there is.
    fn any_order_of_some(&mut self, wanted: &[NodeId], found: &[NodeId], then: Then<'_, 'm>) -> bool {
        let Some((first, rest)) = wanted.split_first() else {
            return then(self);
        };
        if matches!(self.pattern.kind(*first), Kind::Ellipsis | Kind::Metavariables) {
            return self.any_order_of_some(rest, found, then);
        }
        (0..found.len()).any(|at| {
            let mut others = found.to_vec();
            let one = others.remove(at);
            self.node(*first, one, &mut |matcher| {
                matcher.any_order_of_some(rest, &others, then)
            })
        })
    }
}
