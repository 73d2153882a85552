//! What was strict, or an error, and is switched off.

use super::{by_path, tell};
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role, Tree};

/// Strictness that is turned off.
pub(super) fn switches(both: &Both<'_>, taken: &mut Vec<Taken>) {
    const STRICT: &[&str] = &[
        "strict",
        "noimplicitany",
        "strictnullchecks",
        "strictfunctiontypes",
        "noimplicitreturns",
        "nouncheckedindexedaccess",
        "disallow_untyped_defs",
        "disallow_any_generics",
        "check_untyped_defs",
        "warn_return_any",
        "warn_unused_ignores",
        "no_implicit_optional",
        "strict_equality",
        "warn_unreachable",
        "check-coverage",
        "checkcoverage",
        "sonar.qualitygate.wait",
        "require_ci_to_pass",
        "haltonfailure",
        "failonviolation",
        "failsonerror",
        "failonerror",
    ];
    const CERTAIN: &[&str] = &[
        "strict",
        "ignore_errors",
        "check-coverage",
        "checkcoverage",
        "sonar.qualitygate.wait",
        "informational",
        "maven.test.skip",
        "testfailureignore",
        "maven.test.failure.ignore",
        "dependency-check.skip",
        "haltonfailure",
    ];
    const LOOSE: &[&str] = &[
        "ignore_errors",
        "ignore_missing_imports",
        "skiplibcheck",
        "allow_untyped_defs",
        "informational",
        "maven.test.skip",
        "skiptests",
        "testfailureignore",
        "maven.test.failure.ignore",
        "dependency-check.skip",
    ];
    let before = by_path(both.base);
    for (path, (now, node)) in by_path(both.head) {
        let lower = path.to_ascii_lowercase();
        let last = lower.rsplit('/').next().unwrap_or("");
        let is = level_of(&both.head.tree, now).to_ascii_lowercase();
        let was = before
            .get(&path)
            .map(|(was, _)| level_of(&both.base.tree, *was).to_ascii_lowercase());
        let off = STRICT.contains(&last) && is == "false" && was.as_deref() == Some("true");
        let loose = LOOSE.contains(&last)
            && is == "true"
            && was.as_deref() != Some("true")
            && last != "skiplibcheck"
            && last != "ignore_missing_imports";
        if off || loose {
            tell(
                taken,
                node,
                CERTAIN.contains(&last),
                format!("`{last}` is `{is}` now: what it found is found no more"),
            );
        }
        // A linter's rule that was an error.
        let in_rules = lower.contains("rules/");
        let weak = |text: &str| matches!(text, "off" | "0");
        let strong = |text: &str| matches!(text, "error" | "2" | "warn" | "1");
        if in_rules && weak(&is) && was.as_deref().is_some_and(strong) {
            tell(
                taken,
                node,
                is_of_security(last),
                format!("the rule `{last}` is off now"),
            );
        }
        // Cargo's lints: `unsafe_code = "forbid"`.
        let in_lints = lower.starts_with("lints/") || lower.starts_with("workspace/lints/");
        let rank = |text: &str| {
            ["allow", "warn", "deny", "forbid"]
                .iter()
                .position(|level| *level == text)
        };
        let lint = lower.strip_suffix("/level").unwrap_or(&lower);
        let lint = lint.rsplit('/').next().unwrap_or("");
        if let Some((was, is)) = was.as_deref().and_then(rank).zip(rank(&is)).filter(|_| in_lints)
            && was >= 2
            && is < 2
        {
            tell(
                taken,
                node,
                lint == "unsafe_code",
                format!("`{lint}` stops no build any more"),
            );
        }
    }
}

/// How strict a rule is: `error` of itself, of `['error', { … }]` and of `{ level: 'error' }`.
fn level_of(tree: &Tree, value: NodeId) -> &str {
    match tree.kind(value) {
        Kind::List => tree.children(value).next().map_or("", |first| tree.name(first)),
        Kind::Object => tree
            .children(value)
            .find(|pair| {
                tree.child(*pair, Role::Key)
                    .is_some_and(|key| tree.name(key) == "level")
            })
            .and_then(|pair| tree.child(pair, Role::Value))
            .map_or("", |level| tree.name(level)),
        _ => tree.name(value),
    }
}

/// Whether a linter's rule of this name finds weaknesses.
fn is_of_security(rule: &str) -> bool {
    [
        "eval",
        "security",
        "danger",
        "unsafe",
        "new-func",
        "script-url",
        "unsanitized",
        "no-secrets",
        "floating-promises",
    ]
    .iter()
    .any(|part| rule.contains(part))
}
