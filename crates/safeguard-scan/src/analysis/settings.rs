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

/// A setting, as it is kept with its file: many rules ask for all of them.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    /// The node that has the name.
    named: NodeId,
    value: NodeId,
    node: NodeId,
}

/// All settings of a file, in the order of the text.
pub fn settings<'s>(code: Code<'s>) -> Vec<Setting<'s>> {
    let placed = code.source.settings.get_or_init(|| placed(code));
    placed
        .iter()
        .map(|setting| Setting {
            name: code.name(setting.named),
            value: setting.value,
            node: setting.node,
        })
        .collect()
}

fn placed(code: Code<'_>) -> Vec<Placed> {
    let mut found = Vec::new();
    let mut add = |named, value, node| found.push(Placed { named, value, node });
    for id in code.tree.all() {
        let kind = code.kind(id);
        if !matches!(kind, Kind::Keyword | Kind::Field | Kind::Pair | Kind::Assign) {
            continue;
        }
        let Some(value) = code.child(id, Role::Value) else {
            continue;
        };
        match kind {
            Kind::Keyword | Kind::Field => add(id, value, id),
            Kind::Pair => {
                if let Some(key) = code.child(id, Role::Key).filter(|_| code.key(id).is_some()) {
                    add(key, value, id);
                }
            }
            Kind::Assign if matches!(code.name(id), "=" | ":=" | "||=" | "??=") => {
                for target in code.tree.children_in(id, Role::Target) {
                    let named = match code.kind(target) {
                        Kind::Name | Kind::Member => Some(target),
                        Kind::Index => code
                            .child(target, Role::Index)
                            .filter(|index| code.kind(*index) == Kind::Str),
                        _ => None,
                    };
                    if let Some(named) = named.filter(|named| !code.name(*named).is_empty()) {
                        add(named, value, id);
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
            add(*param, value, *param);
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
