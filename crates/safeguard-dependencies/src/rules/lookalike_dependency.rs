//! `lookalike-dependency`.

use safeguard_api::evidence::Severity;

use super::Rule;
use crate::change::{Change, Facts};
use crate::finding::Finding;
use crate::popular::{Likeness, near_twin};

pub(super) static RULE: Rule = Rule {
    id: "lookalike-dependency",
    failure: "X6",
    cwe: &["CWE-1357"],
    page: include_str!("lookalike_dependency.md"),
    check,
};

/// Imitations are found and removed within months; an honest package with a near name has mostly been there for years.
const YOUNG_SECONDS: i64 = 180 * 86_400;

fn check(change: &Change, facts: &Facts, findings: &mut Vec<Finding>) {
    for added in change.added() {
        let dependency = added.dependency;
        if !added.is_new || !dependency.source.is_registry() {
            continue;
        }
        let Some((twin, likeness)) = near_twin(dependency.ecosystem, &dependency.name) else {
            continue;
        };
        let is_young = facts
            .known(dependency)
            .and_then(|known| known.first)
            .is_some_and(|first| facts.now - first < YOUNG_SECONDS);
        let how = match likeness {
            Likeness::Looks => "looks like",
            Likeness::Separators => "is, but for its separators,",
            Likeness::Words => "has the words of",
            Likeness::OneEdit => "is one letter from",
        };
        let since = if is_young {
            ", and is less than half a year old"
        } else {
            ""
        };
        findings.push(Finding {
            rule: RULE.id,
            path: added.file.path.clone(),
            span: dependency.span.clone(),
            message: format!("`{}` {how} `{twin}`, which many use{since}", dependency.name),
            severity: Severity::High,
            certain: is_young,
            about: Some((dependency.ecosystem, dependency.name.clone())),
        });
    }
}
