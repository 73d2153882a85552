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

/// Whether a place in an address is meant for a key of the address's own: `?api_key=`.
fn is_for_a_key(before: &str) -> bool {
    const PARTS: &[&str] = &["key", "token", "auth", "appid", "sig", "signature"];
    let parameter = before.rsplit(['?', '&']).next().unwrap_or("").to_lowercase();
    parameter.ends_with('=') && PARTS.iter().any(|part| parameter.contains(part))
}

impl<'t> Script<'t, '_, '_> {
    /// The first such variable that an address would carry away: in what is asked of a web server, or in a name that is looked up.
    pub(super) fn sent_secret(&self, node: Node<'t>) -> Option<String> {
        let name = slice(node.child_by_field_name("name")?, self.text);
        let by_name = matches!(name, "dig" | "host" | "nslookup" | "ping");
        if !by_name && !matches!(name, "curl" | "wget" | "http" | "https" | "xh") {
            return None;
        }
        for argument in children(node) {
            let mut open = vec![argument];
            while let Some(part) = open.pop() {
                if !matches!(part.kind(), "simple_expansion" | "expansion") {
                    open.extend(children(part));
                    continue;
                }
                let before = &self.text[argument.start_byte()..part.start_byte()];
                let name = slice(part, self.text).trim_start_matches(['$', '{', '!']);
                let end = name.find(|one: char| !one.is_ascii_alphanumeric() && one != '_');
                let name = &name[..end.unwrap_or(name.len())];
                let upper = name.to_uppercase();
                let of_an_interface =
                    upper.contains("API_KEY") || upper.contains("APIKEY") || upper.contains("TOKEN");
                let in_query =
                    before.contains('?') && !before.trim_start_matches(['"', '\'']).starts_with('{');
                let carried = by_name || (in_query && !(of_an_interface && is_for_a_key(before)));
                if carried && is_secret(name) && !self.state.variables.is_in_sight(name) {
                    return Some(name.to_owned());
                }
            }
        }
        None
    }

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
