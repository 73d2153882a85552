//! What is set by name, however a language writes it: `verify=False`, `{ rejectUnauthorized: false }`, `tls.Config{InsecureSkipVerify: true}`,
//! `cfg.InsecureSkipVerify = true`.

use super::code::Code;
use crate::tree::{Kind, NodeId, Role};

#[derive(Debug, Clone, Copy)]
pub struct Setting<'s> {
    pub name: &'s str,
    pub value: NodeId,
    /// The keyword, the pair or the assignment.
    pub node: NodeId,
}

/// All settings of a file, in the order of the text.
pub fn settings<'s>(code: Code<'s>) -> Vec<Setting<'s>> {
    let mut found = Vec::new();
    for id in code.tree.all() {
        let Some(value) = code.child(id, Role::Value) else {
            continue;
        };
        match code.kind(id) {
            Kind::Keyword | Kind::Field => found.push(Setting {
                name: code.name(id),
                value,
                node: id,
            }),
            Kind::Pair => {
                if let Some(name) = code.key(id) {
                    found.push(Setting {
                        name,
                        value,
                        node: id,
                    });
                }
            }
            Kind::Assign if matches!(code.name(id), "=" | ":=" | "||=" | "??=") => {
                for target in code.tree.children_in(id, Role::Target) {
                    let name = match code.kind(target) {
                        Kind::Name | Kind::Member => code.name(target),
                        Kind::Index => code
                            .child(target, Role::Index)
                            .filter(|index| code.kind(*index) == Kind::Str)
                            .map_or("", |index| code.name(index)),
                        _ => "",
                    };
                    if !name.is_empty() {
                        found.push(Setting {
                            name,
                            value,
                            node: id,
                        });
                    }
                }
            }
            _ => {}
        }
    }
    for param in code.source.of_kind(Kind::Param) {
        if let Some(value) = code.child(*param, Role::Default)
            && !code.name(*param).is_empty()
        {
            found.push(Setting {
                name: code.name(*param),
                value,
                node: *param,
            });
        }
    }
    found.sort_by_key(|setting| setting.node);
    found
}

impl Setting<'_> {
    /// The call, the construction or the literal that it is part of.
    pub fn within(self, code: Code<'_>) -> Option<NodeId> {
        code.tree
            .ancestors(self.node)
            .find(|id| !matches!(code.kind(*id), Kind::Object | Kind::Pair | Kind::Unary))
            .filter(|id| code.is_call(*id) || code.kind(*id) == Kind::Composite)
    }

    /// The other entries of the same call or literal.
    pub fn beside<'s>(self, code: Code<'s>, name: &str) -> Option<NodeId> {
        let parent = code.tree.parent(self.node)?;
        match code.kind(self.node) {
            Kind::Keyword => code.option(parent, name),
            Kind::Pair => code.entry(parent, name),
            _ => None,
        }
    }
}
