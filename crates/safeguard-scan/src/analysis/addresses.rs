//! Which parts of an address can not change where it leads.

use super::built::{HOLE, built};
use crate::matching::Source;
use crate::tree::NodeId;

/// The values that stand behind the host of an address that is put together, or in a path of one's own site: `${API}/users/${id}`, `/login?next=${next}`.
pub fn behind_host(source: &Source) -> Vec<NodeId> {
    let mut found = Vec::new();
    for one in built(source) {
        for hole in &one.holes {
            if is_behind_host(&one.text[..hole.at]) {
                found.push(hole.node);
            }
        }
    }
    found
}

fn is_behind_host(before: &str) -> bool {
    if let Some((_, rest)) = before.split_once("://") {
        // The second of two values, as in `https://${host}${path}`.
        return rest.contains(['/', '?', '#', HOLE]);
    }
    // What begins with a value has its host in it: `${API}/users/`. A value that begins without one is a path.
    if let Some(rest) = before.strip_prefix(HOLE) {
        return rest.contains(['/', '?', '#', '=']);
    }
    (before.len() > 1 || before.starts_with(['?', '#']))
        && before.starts_with(['/', '?', '#', '.'])
        && !before.starts_with("//")
        && !before.starts_with("/\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_behind_the_host_leads_nowhere_else() {
        let behind = |text: &str| is_behind_host(&text.replace('§', &HOLE.to_string()));
        assert!(behind("https://api.example.com/users/"));
        assert!(behind("§/users/"));
        assert!(behind("https://§"));
        assert!(behind("/login?next="));
        assert!(!behind("https://"));
        assert!(!behind("https://cdn-"));
        assert!(!behind(""));
        assert!(!behind("//"));
        assert!(!behind("/"));
    }
}
