//! Chains of calls: `User.objects.filter(…).delete()`, whichever link is asked about.

use super::code::Code;
use crate::tree::{Kind, NodeId, Role};

/// How many links a chain may have.
const LINKS_MAX: usize = 64;

#[derive(Debug, Clone, Copy)]
pub struct Link<'s> {
    /// The member's name; of the first link, the name that the chain begins with or the function that is called first.
    pub name: &'s str,
    /// The call, if it is called.
    pub call: Option<NodeId>,
}

/// A chain, from what it begins with to its end.
#[derive(Debug)]
pub struct Chain<'s> {
    pub begin: NodeId,
    /// The outermost node.
    pub end: NodeId,
    pub links: Vec<Link<'s>>,
}

impl<'s> Chain<'s> {
    /// The whole chain that a node is a link of.
    pub fn around(code: Code<'s>, id: NodeId) -> Chain<'s> {
        let mut end = id;
        while let Some(parent) = code.tree.parent(end) {
            let goes_on = match code.kind(parent) {
                Kind::Member | Kind::Index => code.tree.role(end) == Role::Object,
                Kind::Call | Kind::New => code.tree.role(end) == Role::Callee,
                _ => false,
            };
            if !goes_on {
                break;
            }
            end = parent;
        }
        let mut links = Vec::new();
        let mut at = end;
        let mut call = None;
        while links.len() < LINKS_MAX {
            match code.kind(at) {
                Kind::Call | Kind::New => {
                    call = Some(at);
                    match code.child(at, Role::Callee) {
                        Some(callee) => at = callee,
                        None => break,
                    }
                }
                Kind::Member => {
                    links.push(Link {
                        name: code.name(at),
                        call: call.take(),
                    });
                    match code.child(at, Role::Object) {
                        Some(object) => at = code.bare(object),
                        None => break,
                    }
                }
                Kind::Index => match code.child(at, Role::Object) {
                    Some(object) => {
                        call = None;
                        at = object;
                    }
                    None => break,
                },
                _ => break,
            }
        }
        links.push(Link {
            name: match code.kind(at) {
                Kind::Name => code.name(at),
                _ => "",
            },
            call,
        });
        links.reverse();
        Chain {
            begin: at,
            end,
            links,
        }
    }

    pub fn has(&self, names: &[&str]) -> bool {
        self.links.iter().any(|link| names.contains(&link.name))
    }

    /// Whether one of them is called.
    pub fn calls(&self, names: &[&str]) -> bool {
        self.called(names).is_some()
    }

    /// The first call of one of them.
    pub fn called(&self, names: &[&str]) -> Option<NodeId> {
        self.links
            .iter()
            .filter(|link| names.contains(&link.name))
            .find_map(|link| link.call)
    }
}
