//! Variables of credentials whose values a command would print.

use tree_sitter::Node;

use super::{Redirects, Script};
use crate::shell::tree::{children, slice};

/// Whether a variable is named as credentials are.
pub(in crate::shell) fn is_secret(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "API_KEY",
        "APIKEY",
        "CREDENTIAL",
        "PASSWD",
        "PASSWORD",
        "PRIVATE_KEY",
        "SECRET",
        "TOKEN",
    ];
    let name = name.to_uppercase();
    // Where they lie, and how many there are, is none.
    let about = [
        "_FILE", "_PATH", "_DIR", "_URL", "_ID", "_NAME", "_COUNT", "TOKENS",
    ];
    PARTS.iter().any(|part| name.contains(part)) && !about.iter().any(|ending| name.ends_with(ending))
}

impl<'t> Script<'t, '_, '_> {
    /// The first such variable that `echo` or `printf` would put on the screen. What goes on into a program or a file is not shown.
    pub(super) fn shown_secret(&self, node: Node<'t>, redirects: &Redirects) -> Option<String> {
        let name = node.child_by_field_name("name")?;
        let prints = matches!(slice(name, self.text), "echo" | "printf");
        let goes_on = node
            .parent()
            .filter(|above| above.kind() == "pipeline")
            .is_some_and(|above| children(above).into_iter().rfind(|part| part.is_named()) != Some(node));
        let written = redirects.files.iter().any(|redirect| redirect.writes);
        if !prints || goes_on || written {
            return None;
        }
        let mut open: Vec<Node<'t>> = children(node);
        while let Some(part) = open.pop() {
            if matches!(part.kind(), "simple_expansion" | "expansion") {
                let text = slice(part, self.text);
                let name = text.trim_start_matches(['$', '{', '!']);
                let end = name
                    .find(|one: char| !one.is_ascii_alphanumeric() && one != '_')
                    .unwrap_or(name.len());
                // `${X:+set}` says only that there is one, and what the command itself has set is in sight anyway.
                let shows = !name[end..].starts_with(":+")
                    && !name[end..].starts_with('+')
                    && !text.starts_with("${#");
                if shows && is_secret(&name[..end]) && !self.state.variables.is_in_sight(&name[..end]) {
                    return Some(name[..end].to_owned());
                }
            } else if part.kind() != "command_substitution" {
                open.extend(children(part));
            }
        }
        None
    }
}
