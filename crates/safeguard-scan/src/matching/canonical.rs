//! What a node says, without white space and comments.

use crate::tree::{Kind, NodeId, Role, Tree};

/// What a node says, without white space and comments: equal code has equal text.
pub fn canonical(tree: &Tree, id: NodeId) -> String {
    let mut text = String::new();
    write_canonical(tree, id, &mut text);
    text
}

fn write_canonical(tree: &Tree, id: NodeId, text: &mut String) {
    match tree.kind(id) {
        Kind::Name | Kind::Num | Kind::Bool => text.push_str(tree.name(id)),
        Kind::Member => {
            if let Some(object) = tree.child(id, Role::Object) {
                write_canonical(tree, object, text);
            }
            text.push('.');
            text.push_str(tree.name(id));
        }
        Kind::Str => text.push_str(&format!("{:?}", tree.name(id))),
        Kind::ExprStmt => {
            for child in tree.children(id) {
                write_canonical(tree, child, text);
            }
        }
        kind => {
            text.push_str(&format!("({kind:?}"));
            if !tree.name(id).is_empty() {
                text.push_str(&format!(" {:?}", tree.name(id)));
            }
            for child in tree.children(id) {
                text.push(' ');
                write_canonical(tree, child, text);
            }
            text.push(')');
        }
    }
}

/// `a.b.c` without metavariables.
pub(super) fn plain_path(tree: &Tree, id: NodeId) -> Option<String> {
    let name = tree.name(id);
    if name.starts_with('$') || name == "..." {
        return None;
    }
    match tree.kind(id) {
        Kind::Name => Some(name.to_owned()),
        Kind::Member => {
            let mut path = plain_path(tree, tree.child(id, Role::Object)?)?;
            path.push('.');
            path.push_str(name);
            Some(path)
        }
        _ => None,
    }
}
