//! What can be seen of the changes: sizes, places, and what is known of the past of the files.

use std::collections::BTreeSet;

use safeguard_api::change::Change;
use safeguard_api::diff::{FileDiff, FileHistory, FileStatus};
use safeguard_api::risk::{FactorKind, RiskFactor};
use safeguard_api::time::Span;

use crate::case::{Case, ChangeCase};
use crate::coverage::patch_coverage;
use crate::introduced::touched;
use crate::paths::{PathParts, is_code, is_migration, is_test};

const STRONGEST: u32 = 1000;
const A_YEAR: Span = Span::hours(365 * 24);
/// As many commits in 90 days as make a file one that everybody works on.
const CHURN_COMMITS: u32 = 20;
const TESTS_REMOVED_LINES: u64 = 50;

const SENSITIVE: &[&str] = &[
    "auth",
    "authentication",
    "authorization",
    "billing",
    "checkout",
    "credential",
    "credentials",
    "crypto",
    "jwt",
    "login",
    "oauth",
    "password",
    "passwords",
    "pay",
    "payment",
    "payments",
    "permission",
    "permissions",
    "rbac",
    "secret",
    "secrets",
    "security",
    "session",
    "sessions",
    "token",
    "tokens",
];
const INFRASTRUCTURE_NAMES: &[&str] = &["dockerfile", "jenkinsfile", "makefile", "procfile", "vagrantfile"];
const INFRASTRUCTURE_FOLDERS: &[&str] = &[
    ".circleci",
    ".github",
    ".gitlab",
    "ansible",
    "chart",
    "charts",
    "config",
    "deploy",
    "deployment",
    "helm",
    "infra",
    "infrastructure",
    "k8s",
    "kubernetes",
    "manifests",
    "systemd",
    "terraform",
];
const INFRASTRUCTURE_ENDINGS: &[&str] = &[
    "cfg",
    "conf",
    "env",
    "hcl",
    "ini",
    "properties",
    "service",
    "tf",
    "tfvars",
    "toml",
    "yaml",
    "yml",
];
const DEPENDENCY_NAMES: &[&str] = &[
    "build.gradle",
    "build.gradle.kts",
    "cargo.lock",
    "cargo.toml",
    "composer.json",
    "composer.lock",
    "gemfile",
    "gemfile.lock",
    "go.mod",
    "go.sum",
    "package-lock.json",
    "package.json",
    "pipfile",
    "pipfile.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pom.xml",
    "pyproject.toml",
    "requirements.txt",
    "uv.lock",
    "yarn.lock",
];
const INTERFACE_WORDS: &[&str] = &[
    "api",
    "apis",
    "controller",
    "controllers",
    "endpoint",
    "endpoints",
    "graphql",
    "handler",
    "handlers",
    "openapi",
    "route",
    "router",
    "routers",
    "routes",
    "swagger",
    "views",
    "webhook",
    "webhooks",
];
const INTERFACE_ENDINGS: &[&str] = &["avsc", "graphql", "proto", "thrift", "wsdl"];
const USER_INTERFACE_ENDINGS: &[&str] = &[
    "css", "html", "jsx", "less", "sass", "scss", "svelte", "svg", "tsx", "vue",
];

/// Every factor, in the order of its kinds. A change without a diff may be anything: each factor is at its strongest.
pub(super) fn see(case: &Case<'_>) -> Vec<RiskFactor> {
    let unknown = case.changes.iter().find(|change| change.diff.is_none());
    if let Some(change) = unknown {
        let because = format!("change {} has no diff", change.change.id);
        return KINDS
            .iter()
            .map(|kind| factor(*kind, STRONGEST, because.clone()))
            .collect();
    }
    if case.changes.is_empty() && case.release.changes.is_empty() {
        let because = "the release names no change".to_owned();
        return KINDS
            .iter()
            .map(|kind| factor(*kind, STRONGEST, because.clone()))
            .collect();
    }
    KINDS.iter().map(|kind| see_one(case, *kind)).collect()
}

const KINDS: [FactorKind; 17] = [
    FactorKind::Size,
    FactorKind::Spread,
    FactorKind::Age,
    FactorKind::Churn,
    FactorKind::Unfamiliar,
    FactorKind::Ai,
    FactorKind::Migrations,
    FactorKind::Sensitive,
    FactorKind::Infrastructure,
    FactorKind::Dependencies,
    FactorKind::Interface,
    FactorKind::UserInterface,
    FactorKind::Deletions,
    FactorKind::TestsRemoved,
    FactorKind::Untested,
    FactorKind::CoverageGap,
    FactorKind::Opaque,
];

fn see_one(case: &Case<'_>, kind: FactorKind) -> RiskFactor {
    match kind {
        FactorKind::Size => size(case),
        FactorKind::Spread => spread(case),
        FactorKind::Age => age(case),
        FactorKind::Churn => churn(case),
        FactorKind::Unfamiliar => unfamiliar(case),
        FactorKind::Ai => ai(case),
        FactorKind::Migrations => any(case, kind, |file| is_migration(&file.path)),
        FactorKind::Sensitive => any(case, kind, |file| {
            !is_test(&file.path) && has_word(file, SENSITIVE)
        }),
        FactorKind::Infrastructure => any(case, kind, is_infrastructure),
        FactorKind::Dependencies => any(case, kind, |file| {
            DEPENDENCY_NAMES.contains(&PathParts::of(&file.path).name())
        }),
        FactorKind::Interface => any(case, kind, is_interface),
        FactorKind::UserInterface => any(case, kind, |file| {
            USER_INTERFACE_ENDINGS.contains(&PathParts::of(&file.path).ending())
        }),
        FactorKind::Deletions => deletions(case),
        FactorKind::TestsRemoved => tests_removed(case),
        FactorKind::Untested => untested(case),
        FactorKind::CoverageGap => coverage_gap(case),
        FactorKind::Opaque => any(case, kind, is_opaque),
    }
}

fn factor(kind: FactorKind, strength_permille: u32, because: String) -> RiskFactor {
    RiskFactor {
        kind,
        strength_permille: strength_permille.min(STRONGEST),
        because,
    }
}

/// Steps that a person can remember: the strength of the last bound that is exceeded.
fn stepped(value: u64, bounds: [u64; 5]) -> u32 {
    let exceeded = bounds.iter().filter(|bound| **bound < value).count();
    [0, 200, 400, 600, 800, 1000][exceeded]
}

/// `part` of `whole`, in permille.
fn share(part: u64, whole: u64) -> u32 {
    u32::try_from(part.saturating_mul(1000).checked_div(whole).unwrap_or(0)).unwrap_or(STRONGEST)
}

/// The places where something is, at its strongest if there is any.
fn any(case: &Case<'_>, kind: FactorKind, is: impl Fn(&FileDiff) -> bool) -> RiskFactor {
    let found: BTreeSet<&str> = touched(case)
        .filter(|file| is(file))
        .map(|file| file.path.as_str())
        .collect();
    let because = match (found.first(), found.len()) {
        (None, _) => "none touched".to_owned(),
        (Some(first), 1) => format!("`{first}`"),
        (Some(first), count) => format!("`{first}` and {} more", count - 1),
    };
    factor(kind, if found.is_empty() { 0 } else { STRONGEST }, because)
}

fn size(case: &Case<'_>) -> RiskFactor {
    let lines: u64 = touched(case)
        .map(|file| file.added.len() + u64::from(file.removed_lines))
        .sum();
    factor(
        FactorKind::Size,
        stepped(lines, [10, 50, 200, 500, 1000]),
        format!("{lines} lines added and removed"),
    )
}

fn spread(case: &Case<'_>) -> RiskFactor {
    let files: BTreeSet<&str> = touched(case).map(|file| file.path.as_str()).collect();
    let count = files.len() as u64;
    factor(
        FactorKind::Spread,
        stepped(count, [2, 5, 10, 20, 40]),
        format!("{count} files"),
    )
}

/// Files that were there before, each with its past, as far as it is known.
fn existing<'a>(case: &Case<'a>) -> impl Iterator<Item = (&'a ChangeCase<'a>, Option<&'a FileHistory>)> {
    case.changes.iter().flat_map(|change| {
        let files = change.diff.iter().flat_map(|diff| &diff.files);
        let before = files.filter(|file| file.status != FileStatus::Added);
        before.map(move |file| {
            let past = change.history.and_then(|history| {
                let before = file.moved_from.as_ref().unwrap_or(&file.path);
                history
                    .files
                    .get(&file.path)
                    .or_else(|| history.files.get(before))
            });
            (change, past)
        })
    })
}

fn age(case: &Case<'_>) -> RiskFactor {
    let (mut old, mut all) = (0, 0);
    for (_, past) in existing(case) {
        all += 1;
        old += u64::from(past.is_none_or(|past| A_YEAR < case.now.since(past.last_commit_at)));
    }
    let because = format!("{old} of {all} touched files untouched for a year, or of unknown age");
    factor(FactorKind::Age, share(old, all), because)
}

fn churn(case: &Case<'_>) -> RiskFactor {
    let most = existing(case)
        .map(|(_, past)| past.map_or(CHURN_COMMITS, |past| past.commits_last_90_days))
        .max();
    let most = most.unwrap_or(0);
    let because = format!("at most {most} commits in 90 days to one touched file");
    factor(
        FactorKind::Churn,
        share(u64::from(most), u64::from(CHURN_COMMITS)),
        because,
    )
}

fn unfamiliar(case: &Case<'_>) -> RiskFactor {
    let (mut strange, mut all) = (0, 0);
    for (change, past) in existing(case) {
        all += 1;
        strange += u64::from(!past.is_some_and(|past| knows(change.change, past)));
    }
    let because = format!("{strange} of {all} touched files that the author never touched before");
    factor(FactorKind::Unfamiliar, share(strange, all), because)
}

/// Whether the author has a commit in the file. Co-authors do not count: one of them may be the tool.
fn knows(change: &Change, past: &FileHistory) -> bool {
    let author = change.spec.author.to_lowercase();
    let address = |name: &str| {
        name.split_once('<')
            .map(|(_, rest)| rest.trim_end_matches('>').to_owned())
    };
    past.authors
        .keys()
        .map(|name| name.to_lowercase())
        .any(|name| name == author || address(&name).is_some_and(|of| Some(of) == address(&author)))
}

fn ai(case: &Case<'_>) -> RiskFactor {
    let by_ai = case
        .changes
        .iter()
        .filter(|change| change.change.spec.ai_tool.is_some())
        .count() as u64;
    let all = case.changes.len() as u64;
    let because = format!("{by_ai} of {all} changes name an AI tool");
    factor(FactorKind::Ai, share(by_ai, all), because)
}

fn deletions(case: &Case<'_>) -> RiskFactor {
    let removed: u64 = touched(case)
        .filter(|file| !is_test(&file.path))
        .map(|file| u64::from(file.removed_lines))
        .sum();
    let because = format!("{removed} lines removed, tests apart");
    factor(
        FactorKind::Deletions,
        stepped(removed, [5, 20, 50, 100, 200]),
        because,
    )
}

fn tests_removed(case: &Case<'_>) -> RiskFactor {
    let tests = || touched(case).filter(|file| is_test(&file.path));
    let files = tests().filter(|file| file.status == FileStatus::Removed).count();
    let lines: u64 = tests()
        .map(|file| u64::from(file.removed_lines).saturating_sub(file.added.len()))
        .sum();
    let strength = if files > 0 {
        STRONGEST
    } else {
        share(lines, TESTS_REMOVED_LINES)
    };
    let because = format!("{files} tests removed, {lines} lines of tests more removed than added");
    factor(FactorKind::TestsRemoved, strength, because)
}

fn untested(case: &Case<'_>) -> RiskFactor {
    let code =
        touched(case).any(|file| is_code(&file.path) && !is_test(&file.path) && !file.added.is_empty());
    let tested = touched(case).any(|file| is_test(&file.path) && !file.added.is_empty());
    let (strength, because) = match (code, tested) {
        (true, false) => (STRONGEST, "code changed, and no test"),
        (true, true) => (0, "tests changed with the code"),
        (false, _) => (0, "no code changed"),
    };
    factor(FactorKind::Untested, strength, because.to_owned())
}

fn coverage_gap(case: &Case<'_>) -> RiskFactor {
    let (strength, because) = match patch_coverage(case) {
        None => (
            STRONGEST,
            "no report says which changed lines tests execute".to_owned(),
        ),
        Some(patch) => {
            let missed = patch.executable.saturating_sub(patch.executed);
            (
                share(missed, patch.executable),
                format!(
                    "{missed} of {} changed lines not executed by tests",
                    patch.executable
                ),
            )
        }
    };
    factor(FactorKind::CoverageGap, strength, because)
}

fn has_word(file: &FileDiff, words: &[&str]) -> bool {
    PathParts::of(&file.path)
        .words()
        .any(|word| words.contains(&word))
}

fn is_infrastructure(file: &FileDiff) -> bool {
    let parts = PathParts::of(&file.path);
    let dependencies = DEPENDENCY_NAMES.contains(&parts.name());
    !is_test(&file.path)
        && !dependencies
        && (INFRASTRUCTURE_NAMES.contains(&parts.stem())
            || INFRASTRUCTURE_ENDINGS.contains(&parts.ending())
            || parts.lies_in(INFRASTRUCTURE_FOLDERS))
}

fn is_interface(file: &FileDiff) -> bool {
    let ending = INTERFACE_ENDINGS.contains(&PathParts::of(&file.path).ending());
    !is_test(&file.path) && (ending || has_word(file, INTERFACE_WORDS))
}

/// What nobody reads in a diff, or reads as something else.
fn is_opaque(file: &FileDiff) -> bool {
    let mode = file.mode.as_deref();
    file.binary || mode.is_some_and(|mode| mode != "100644")
}
