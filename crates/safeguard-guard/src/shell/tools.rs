//! Tools of agents that are called over the Model Context Protocol: what one destroys is told by its name.

use safeguard_api::guard::GuardFinding;

use super::rules::DELETE_INFRASTRUCTURE;
use super::word::{name_parts, shown};

/// They say it, whatever they do it to.
const DESTROY: &[&str] = &[
    "delete",
    "deletes",
    "destroy",
    "drop",
    "flushall",
    "flushdb",
    "purge",
    "terminate",
    "truncate",
    "uninstall",
    "wipe",
];
/// They say it of these.
const TAKE_AWAY: &[&str] = &["clear", "flush", "remove", "reset"];
const OF_OTHERS: &[&str] = &[
    "bucket",
    "cluster",
    "collection",
    "container",
    "database",
    "db",
    "deployment",
    "environment",
    "index",
    "instance",
    "namespace",
    "project",
    "repo",
    "repository",
    "schema",
    "stack",
    "table",
    "user",
    "volume",
];
/// What an agent keeps for itself, and pages that it looks at.
const OWN: &[&str] = &[
    "browser",
    "memory",
    "notes",
    "playwright",
    "puppeteer",
    "task",
    "tasks",
    "todo",
    "todos",
];
/// A path says whether these may go.
const BY_PATH: &[&str] = &["dir", "directory", "file", "files", "folder"];

/// Why an agent may not call a tool, if its name says that it destroys something of others.
#[must_use]
pub fn judge_tool(tool: &str) -> Option<GuardFinding> {
    let mut parts = tool.split("__");
    parts.next().filter(|first| first.eq_ignore_ascii_case("mcp"))?;
    let (server, verb) = (parts.next()?, parts.last()?);
    let words = name_parts(verb);
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    let is_own = name_parts(server).iter().any(|word| OWN.contains(&word.as_str())) || has(OWN);
    let destroys = has(DESTROY) || (has(TAKE_AWAY) && has(OF_OTHERS));
    (destroys && !is_own && !has(BY_PATH)).then(|| {
        let does = format!("calls the tool `{}`, which destroys by its name", shown(tool));
        DELETE_INFRASTRUCTURE.finding(&does)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_judged_by_its_name() {
        for tool in [
            "mcp__github__delete_repository",
            "mcp__mongodb__drop-database",
            "mcp__redis__flushall",
            "mcp__neon__deleteProject",
            "mcp__kubernetes__pods_delete",
            "mcp__docker__remove_volume",
            "mcp__db__reset_database",
        ] {
            assert!(judge_tool(tool).is_some(), "{tool}");
        }
        for tool in [
            "mcp__github__list_deleted_branches",
            "mcp__memory__delete_entities",
            "mcp__playwright__browser_drop",
            "mcp__linear__remove_label",
            "mcp__filesystem__delete_file",
            "mcp__app__todo_remove",
            "delete_repository",
            "Bash",
        ] {
            assert!(judge_tool(tool).is_none(), "{tool}");
        }
    }
}
