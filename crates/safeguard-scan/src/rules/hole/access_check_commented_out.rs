//! A check that has become a comment.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::handlers::is_guard;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "access-check-commented-out",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-306", "CWE-862"],
    languages: crate::rules::ALL_LANGUAGES,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let text = code.tree.text();
    let lines: Vec<usize> = code
        .tree
        .comments()
        .iter()
        .map(|comment| code.tree.line(comment.start))
        .collect();
    for (at, comment) in code.tree.comments().iter().enumerate() {
        let Some(written) = text.get(comment.clone()) else {
            continue;
        };
        let body = written
            .trim_start_matches(['#', '/', '*', ' ', '\t'])
            .trim_end_matches(['*', '/', ' ', '\t']);
        if written.contains('\n') || written.starts_with("///") || written.starts_with("/**") {
            continue;
        }
        let Some(what) = check_in(code.tree.language(), body) else {
            continue;
        };
        // Several lines of comment are an example or a text, and `///` is documentation.
        let others = block(&lines, at)
            .filter(|other| *other != at)
            .filter_map(|other| {
                code.tree
                    .comments()
                    .get(other)
                    .and_then(|span| text.get(span.clone()))
            });
        let alone = others.clone().count() < 4 && others.into_iter().all(goes_with_a_check);
        let node = place(code, comment.end);
        let message = format!("`{what}` is a comment here, so nobody is asked");
        if alone && is_in_place(code, comment.clone()) {
            reports.add(node, message);
        }
    }
}

/// The comments on the lines right before and after one.
fn block(lines: &[usize], at: usize) -> std::ops::Range<usize> {
    let mut begin = at;
    while begin > 0 && lines[begin - 1] + 1 == lines[begin] {
        begin -= 1;
    }
    let mut end = at + 1;
    while end < lines.len() && lines[end - 1] + 1 == lines[end] {
        end += 1;
    }
    begin..end
}

/// What the check would do, in a comment too, or why it is one.
fn goes_with_a_check(comment: &str) -> bool {
    let line = comment
        .trim_start_matches(['#', '/', '*', ' ', '\t'])
        .to_ascii_lowercase();
    [
        "return",
        "raise",
        "abort",
        "throw",
        "}",
        "next(",
        "res.",
        "c.abort",
        "http.error",
        "@",
    ]
    .iter()
    .any(|begin| line.starts_with(begin))
        || [
            "todo", "fixme", "disable", "temporar", "enable", "for now", "debug", "testing", "hack",
            "remove", "skip",
        ]
        .iter()
        .any(|word| line.contains(word))
}

/// The check that a line of code makes, if it is one.
fn check_in(language: Language, line: &str) -> Option<&str> {
    // `@login_required`, `@UseGuards(AuthGuard)`
    if let Some(decorator) = line.strip_prefix('@') {
        let name: &str = decorator.split(['(', ' ']).next().unwrap_or("");
        let called = name.rsplit('.').next().unwrap_or(name);
        let plain = !name.is_empty()
            && name
                .chars()
                .all(|char| char.is_alphanumeric() || matches!(char, '_' | '.'));
        let ends = decorator == name || decorator.ends_with(')');
        let guards = called == "UseGuards" || called == "Roles" || is_guard(called) && called != "auth";
        return (plain && ends && guards).then_some(line);
    }
    let is_code = line.ends_with([',', ';', ')', '(', '{', ':', ']', '\'', '"']);
    if !is_code || line.contains("e.g.") || line.contains(". ") {
        return None;
    }
    // `router.use(requireAuth);`, `r.Use(AuthMiddleware())`
    if let Some((before, after)) = line.split_once(".use(").or_else(|| line.split_once(".Use(")) {
        let on = before
            .chars()
            .all(|char| char.is_alphanumeric() || matches!(char, '_' | '.'));
        let guard = after
            .split(|char: char| !char.is_alphanumeric() && char != '_')
            .any(is_guard);
        return (on && guard).then_some(line);
    }
    // An argument or an item of its own: `requireAuth,`, `'django.middleware.csrf.CsrfViewMiddleware',`, `permission_classes = [IsAuthenticated]`
    let item = line.trim_end_matches([',', ';']);
    let csrf = item.trim_matches(['\'', '"']);
    if csrf == "django.middleware.csrf.CsrfViewMiddleware"
        || csrf.ends_with("AuthenticationMiddleware") && csrf.contains('.')
    {
        return Some(line);
    }
    if let Some((name, value)) = item.split_once('=')
        && matches!(name.trim(), "permission_classes" | "authentication_classes")
        && value.trim().starts_with(['[', '('])
    {
        return Some(line);
    }
    if line.ends_with(',') && !item.is_empty() {
        let called = item.split('(').next().unwrap_or(item);
        let plain = called
            .chars()
            .all(|char| char.is_alphanumeric() || matches!(char, '_' | '.'));
        let whole = called == item || item.ends_with(')');
        let name = called.rsplit('.').next().unwrap_or(called);
        let strong = is_guard(name)
            && has_word(
                name,
                &[
                    "require",
                    "required",
                    "requires",
                    "auth",
                    "authenticate",
                    "authorize",
                    "protect",
                    "guard",
                    "verify",
                    "check",
                    "ensure",
                    "is",
                ],
            );
        return (plain
            && whole
            && strong
            && language != Language::Python
            && called.contains(|char: char| char.is_uppercase() || char == '_'))
        .then_some(line);
    }
    // `if not current_user.is_admin:`, `if (!req.user) return res.status(401).end();`
    let asks = line.starts_with("if ") || line.starts_with("if(");
    let who = [
        "current_user",
        "req.user",
        "request.user",
        "is_admin",
        "isAdmin",
        "is_authenticated",
        "isAuthenticated",
        "has_permission",
        "hasPermission",
        "verify_signature",
        "verifySignature",
        "compare_digest",
        "timingSafeEqual",
        "session.user",
        "session['user",
        "hasRole",
        "has_role",
        "is_superuser",
        "is_staff",
        "owner_id",
        "ownerId",
    ];
    let denies = line.contains('!') || line.contains("not ");
    if asks && denies && who.iter().any(|who| line.contains(who)) {
        return Some(line);
    }
    None
}

/// Whether the comment stands where the check would work: before code, not after it on its line.
fn is_in_place(code: Code<'_>, comment: std::ops::Range<usize>) -> bool {
    let text = code.tree.text();
    let begin = text
        .get(..comment.start)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    text.get(begin..comment.start)
        .is_some_and(|before| before.trim().is_empty())
}

/// The code that the check would stand before.
fn place(code: Code<'_>, after: usize) -> NodeId {
    code.tree
        .all()
        .skip(1)
        .find(|id| code.tree.span(*id).start >= after && code.kind(*id) != Kind::Block)
        .unwrap_or(NodeId::ROOT)
}
