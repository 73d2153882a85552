//! What would take safeguard, its hooks or its approvals out of the way.

use super::rewrite_history::GLOBALS as GIT_GLOBALS;
use super::{CommandRule, Invocation, POLICY};
use crate::shell::options::{fits, leading_options, options};
use crate::shell::paths::Spot;
use crate::shell::word::shown;

pub(super) static RULE: CommandRule = CommandRule {
    id: "evade-safeguard",
    page: include_str!("evade_safeguard.md"),
    sqlstate: POLICY,
    why: "who is held by a rule does not lift it; approvals, exceptions and settings of the hooks are for persons",
    instead: "say what stands in the way, and have a person decide",
    check: |invocation| {
        commanded(invocation)
            .or_else(|| stopped(invocation))
            .or_else(|| past_hooks(invocation))
            .or_else(|| past_checks(invocation))
            .or_else(|| touched(invocation))
    },
};

/// What an agent may ask of safeguard: to look, to add evidence, to propose, and to go back.
const ALLOWED: &[&[&str]] = &[
    &[],
    &["init|status|doctor|schema|guard|gate|evidence|audit|rollout|drill|help|up|mcp"],
    &["check|verify|rules|osv|sbom"],
    &["change", "add|attach|document|dossier|follow|list|show"],
    &["release", "create|list|show|rollback|bisect|watch"],
    &["approval|waiver|breakglass|passkey|token|credential", "list|who"],
    &["statement|undo", "list|show"],
    &["freeze", "open|list|check|export"],
    &["policy", "show|changes"],
    &["agent", "hook|explain"],
];
const GLOBALS: &[&str] = &["--config", "--state", "--server", "--token-file"];

fn commanded(invocation: &Invocation) -> Option<String> {
    if invocation.program != "safeguard" {
        return None;
    }
    let options = invocation.options(GLOBALS);
    let words = options.words();
    let allowed = ALLOWED
        .iter()
        .any(|pattern| fits(&words, pattern) && (!pattern.is_empty() || words.is_empty()));
    let looks = options.any(&["--help", "-h", "--check"]);
    let verb: Vec<&str> = words.into_iter().take(2).collect();
    (!allowed && !looks).then(|| format!("calls `safeguard {}`", shown(&verb.join(" "))))
}

fn stopped(invocation: &Invocation) -> Option<String> {
    let named = |word: &str| word.to_lowercase().contains("safeguard");
    let ends = invocation.is(&[
        "pkill",
        "killall",
        "kill",
        "systemctl",
        "service",
        "launchctl",
        "supervisorctl",
        "skill",
    ]);
    let looks = invocation.args.iter().any(|word| {
        matches!(
            word.text.as_str(),
            "status" | "is-active" | "show" | "-l" | "list"
        )
    });
    (ends && !looks && invocation.args.iter().any(|word| named(&word.text)))
        .then(|| "stops safeguard".to_owned())
}

/// Another agent that would not ask.
fn past_hooks(invocation: &Invocation) -> Option<String> {
    const AGENTS: &[&str] = &["aider", "claude", "codex", "copilot", "cursor-agent", "gemini"];
    const OPTIONS: &[&str] = &[
        "--dangerously-skip-permissions",
        "--yolo",
        "-y",
        "--dangerously-bypass-approvals-and-sandbox",
        "--allow-all-tools",
        "--force",
        "--settings",
        "--setting-sources",
        "--bare",
    ];
    const FOLDERS: &[&str] = &[
        "CLAUDE_CONFIG_DIR",
        "CODEX_HOME",
        "GEMINI_CLI_HOME",
        "XDG_CONFIG_HOME",
        "HOME",
    ];
    let moved = invocation
        .assignments
        .iter()
        .any(|(name, _)| FOLDERS.contains(&name.as_str()));
    let past = moved
        || invocation
            .args
            .iter()
            .any(|word| OPTIONS.contains(&word.text.as_str()));
    (invocation.is(AGENTS) && past).then(|| format!("starts `{}` past its hooks", invocation.program))
}

/// Past what looks at a commit, a push or a merge before it counts.
fn past_checks(invocation: &Invocation) -> Option<String> {
    const SWITCHES: &[&str] = &[
        "HUSKY",
        "LEFTHOOK",
        "SKIP",
        "HUSKY_SKIP_HOOKS",
        "OVERCOMMIT_DISABLE",
    ];
    let off = |(name, _): &&(String, Vec<String>)| SWITCHES.contains(&name.as_str());
    let leading = leading_options(&invocation.args, GIT_GLOBALS);
    let verb = leading.rest.first().map(|(at, verb)| (*at, verb.text.as_str()));
    match (invocation.program.as_str(), verb) {
        ("git", Some((at, verb @ ("commit" | "push" | "merge" | "am" | "rebase" | "cherry-pick")))) => {
            let given = options(
                &invocation.args[at + 1..],
                &["-m", "-F", "-C", "-c", "-t", "-o", "-X", "-s"],
            );
            let moved = leading
                .values(&["-c"])
                .any(|setting| setting.text.to_lowercase().starts_with("core.hookspath"));
            let past = given.any(&["--no-verify"]) || (verb == "commit" && given.any(&["-n"])) || moved;
            let switched = invocation.assignments.iter().any(|one| off(&one));
            (past || switched).then(|| format!("goes past the checks before `git {verb}`"))
        }
        ("pre-commit" | "lefthook" | "husky" | "overcommit", Some((_, "uninstall"))) => {
            Some("takes the checks before a commit out".to_owned())
        }
        ("gh", Some((_, "pr"))) if invocation.options(&[]).any(&["--admin"]) => {
            Some("merges past the checks that a branch requires".to_owned())
        }
        ("gh", Some((at, "workflow")))
            if invocation.args[at + 1..]
                .first()
                .is_some_and(|word| word.text == "disable") =>
        {
            Some("turns a workflow of checks off".to_owned())
        }
        ("chmod" | "mv" | "truncate" | "unlink", _) => invocation
            .spots()
            .find(|spot| spot.shown().contains(".git/hooks/"))
            .map(|spot| format!("changes `{}`, a check before a commit", shown(&spot.shown()))),
        _ => None,
    }
}

/// They show a file and leave it as it is.
const ONLY_READ: &[&str] = &[
    "[",
    "bat",
    "cat",
    "cd",
    "cmp",
    "diff",
    "du",
    "echo",
    "export",
    "file",
    "find",
    "git",
    "grep",
    "head",
    "jq",
    "less",
    "ls",
    "md5sum",
    "more",
    "printf",
    "rg",
    "sha256sum",
    "stat",
    "tail",
    "test",
    "tree",
    "wc",
    "which",
    "xxd",
    "python",
    "python3",
    "node",
    "",
];
/// They change a program that lies at a path.
const CHANGE_PROGRAMS: &[&str] = &[
    "chattr", "chmod", "chown", "cp", "dd", "install", "ln", "mv", "rm", "setfacl", "shred", "truncate",
    "unlink",
];

fn touched(invocation: &Invocation) -> Option<String> {
    let written = invocation.written().find_map(|spot| file(&spot));
    if written.is_some() {
        return written;
    }
    let in_place =
        invocation.options(&[]).any(&["-i", "--in-place"]) && !invocation.is(&["grep", "rg", "diff"]);
    let git_writes = invocation.program == "git"
        && invocation.args.first().is_some_and(|verb| {
            matches!(
                verb.text.as_str(),
                "rm" | "mv" | "checkout" | "restore" | "clean" | "stash" | "apply"
            )
        });
    if !invocation.is(ONLY_READ) || in_place || git_writes {
        let named = invocation.spots().find_map(|spot| file(&spot));
        if named.is_some() {
            return named;
        }
    }
    let binary = |spot: &Spot| spot.last() == "safeguard" && !spot.is_made_again();
    let changed = (invocation.is(CHANGE_PROGRAMS) && invocation.spots().any(|spot| binary(&spot)))
        || invocation.written().any(|spot| binary(&spot));
    changed.then(|| "changes the program `safeguard`".to_owned())
}

/// Whether a file belongs to safeguard or says which hooks an agent runs.
pub(crate) fn file(spot: &Spot) -> Option<String> {
    let path = spot.shown();
    let ends = |ending: &str| path == ending || path.ends_with(&format!("/{ending}"));
    let settings = [
        ".claude/settings.json",
        ".claude/settings.local.json",
        ".claude/hooks",
        ".claude",
        ".claude.json",
        ".codex/hooks.json",
        ".codex/config.toml",
        ".codex",
        ".cursor/hooks.json",
        ".cursor",
        ".gemini/settings.json",
        ".gemini",
        ".copilot/config.json",
        ".copilot",
        ".github/hooks",
        "managed-settings.json",
    ];
    let folders = [
        ".claude/hooks/",
        ".github/hooks/",
        ".copilot/hooks/",
        ".cursor/hooks/",
        ".codex/hooks/",
        ".gemini/hooks/",
    ];
    let hook = settings.iter().any(|ending| ends(ending))
        || folders
            .iter()
            .any(|folder| path.starts_with(folder) || path.contains(&format!("/{folder}")));
    if hook {
        return Some(format!(
            "changes `{}`, where an agent's hooks are set",
            shown(&path)
        ));
    }
    let state = spot.parts.iter().any(|part| part == ".safeguard");
    state.then(|| format!("touches `{}`, safeguard's own state", shown(&path)))
}
