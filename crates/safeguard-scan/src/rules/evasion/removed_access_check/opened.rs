//! Spring: paths that asked for a role, and are now open to everybody.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role};

/// Words of paths that are for everybody.
const FOR_ALL: &[&str] = &[
    "public",
    "static",
    "assets",
    "css",
    "js",
    "img",
    "images",
    "fonts",
    "webjars",
    "docs",
    "doc",
    "swagger",
    "v3",
    "health",
    "login",
    "auth",
    "oauth",
    "oauth2",
    "register",
    "signup",
    "error",
    "favicon",
    "webhook",
    "webhooks",
    "actuator",
    "ui",
    "resources",
    "files",
    "media",
    "ws",
    "sso",
    "saml2",
    "password",
    "info",
    "open",
    "landing",
];

/// What is asked of whoever wants a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    Something,
}

/// A rule of a chain: its paths, in the order in which they are tried.
struct Rule {
    node: NodeId,
    paths: Vec<String>,
    asked: Asked,
    text: String,
}

pub fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if both.head.tree.language() != Language::Java {
        return;
    }
    let (before, now) = (rules(both.base), rules(both.head));
    let told = taken.len();
    for (at, rule) in now.iter().enumerate() {
        if rule.asked == Asked::Something {
            continue;
        }
        for path in &rule.paths {
            // What was asked of a path that this one covers.
            let was = before
                .iter()
                .find(|old| old.asked == Asked::Something && old.paths.iter().any(|old| covers(path, old)));
            let Some(was) = was else {
                continue;
            };
            let old = was
                .paths
                .iter()
                .find(|old| covers(path, old))
                .map_or("", String::as_str);
            // It was open before by an earlier rule, or is asked for by an earlier one now.
            let open_before = before
                .iter()
                .take_while(|one| one.node != was.node)
                .any(|one| one.asked == Asked::Nothing && one.paths.iter().any(|one| covers(one, old)));
            let asked_now = now
                .iter()
                .take(at)
                .any(|one| one.asked == Asked::Something && one.paths.iter().any(|one| covers(one, old)));
            if open_before || asked_now {
                continue;
            }
            taken.push(Taken {
                node: rule.node,
                severity: Severity::Critical,
                confidence: Confidence::High,
                message: format!(
                    "`{old}` asked for `{}`, and this change opens it to everybody",
                    was.text
                ),
            });
            return;
        }
    }
    if let Some(open) =
        opens_the_rest(both.head).filter(|_| asks_the_rest(both.base) && !asks_the_rest(both.head))
    {
        taken.push(Taken {
            node: open,
            severity: Severity::Critical,
            confidence: Confidence::High,
            message: "whatever no rule names asked for a login, and is open to everybody now".to_owned(),
        });
    }
    if taken.len() == told {
        of_the_rest(both, &before, &now, taken);
    }
}

/// `requestMatchers("/api/**").permitAll()` before an `anyRequest().authenticated()` that these paths came to until here.
fn of_the_rest(both: &Both<'_>, before: &[Rule], now: &[Rule], taken: &mut Vec<Taken>) {
    if !asks_the_rest(both.base) {
        return;
    }
    for rule in now.iter().filter(|rule| rule.asked == Asked::Nothing) {
        for path in &rule.paths {
            let known = before.iter().any(|one| {
                one.paths
                    .iter()
                    .any(|one| covers(one, path) || covers(path, one) && one.len() + 3 > path.len())
            });
            let for_all = names_for_everybody(path);
            let wide = path.starts_with('/') && path.ends_with("/**") && path.matches('/').count() <= 3;
            if wide && !known && !for_all {
                taken.push(Taken {
                    node: rule.node,
                    severity: Severity::Critical,
                    confidence: if is_most(path) {
                        Confidence::High
                    } else {
                        Confidence::Medium
                    },
                    message: format!("`{path}` asked for a login, as all did that no rule names, and this change opens it to everybody"),
                });
                return;
            }
        }
    }
}

/// Whether a path says that it is for everybody: `/login`, `/static/**`.
pub fn names_for_everybody(path: &str) -> bool {
    has_word(path, FOR_ALL)
}

/// Whether a path is most of what there is, or for few: `/**`, `/api/**`, `/api/v1/**`, `/admin/**`.
fn is_most(path: &str) -> bool {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != "**")
        .collect();
    let last = parts.last().copied().unwrap_or("");
    parts
        .iter()
        .all(|part| matches!(*part, "api" | "rest" | "v1" | "v2"))
        || has_word(
            last,
            &[
                "admin",
                "internal",
                "management",
                "manage",
                "users",
                "user",
                "accounts",
                "account",
                "orders",
                "payments",
                "customers",
            ],
        )
}

/// `anyRequest().permitAll()`
fn opens_the_rest(source: &Source) -> Option<NodeId> {
    of_any_request(source, &["permitAll", "anonymous"])
}

/// `anyRequest().authenticated()`
fn asks_the_rest(source: &Source) -> bool {
    const ASKS: &[&str] = &[
        "authenticated",
        "fullyAuthenticated",
        "denyAll",
        "hasRole",
        "hasAnyRole",
        "hasAuthority",
        "hasAnyAuthority",
    ];
    of_any_request(source, ASKS).is_some()
}

fn of_any_request(source: &Source, methods: &[&str]) -> Option<NodeId> {
    let code = Code::of(source);
    source.of_kind(Kind::Call).iter().copied().find(|call| {
        methods.contains(&code.called(*call))
            && code
                .receiver(*call)
                .is_some_and(|of| matches!(code.called(of), "anyRequest" | "anyExchange"))
    })
}

/// `requestMatchers("/admin/**").hasRole("ADMIN")`
fn rules(source: &Source) -> Vec<Rule> {
    let code = Code::of(source);
    let tree = &source.tree;
    let mut found = Vec::new();
    for call in source.of_kind(Kind::Call).iter().copied() {
        let asked = match code.called(call) {
            "permitAll" | "anonymous" => Asked::Nothing,
            "authenticated" | "fullyAuthenticated" | "hasRole" | "hasAnyRole" | "hasAuthority"
            | "hasAnyAuthority" | "denyAll" | "access" | "hasIpAddress" => Asked::Something,
            _ => continue,
        };
        let Some(matcher) = code.receiver(call).filter(|of| {
            tree.kind(*of) == Kind::Call
                && matches!(
                    code.called(*of),
                    "requestMatchers"
                        | "antMatchers"
                        | "mvcMatchers"
                        | "pathMatchers"
                        | "regexMatchers"
                        | "securityMatcher"
                )
        }) else {
            continue;
        };
        // One method of a path is another rule: `requestMatchers(HttpMethod.GET, "/a")`.
        let method = tree
            .children_in(matcher, Role::Arg)
            .find(|arg| tree.source(*arg).contains("HttpMethod"))
            .map_or("", |arg| tree.source(arg));
        let paths: Vec<String> = code
            .args(matcher)
            .into_iter()
            .filter_map(|arg| Some(format!("{method}{}", code.text(arg)?)))
            .collect();
        let text = format!(
            "{}({})",
            code.called(call),
            code.args(call).first().map_or("", |arg| tree.source(*arg))
        );
        found.push((
            tree.span(call).end,
            Rule {
                node: call,
                paths,
                asked,
                text,
            },
        ));
    }
    // A chain's first rule is its innermost call.
    found.sort_by_key(|(end, _)| *end);
    found.into_iter().map(|(_, rule)| rule).collect()
}

/// Whether a pattern holds for all that another one holds for: `/admin/**` for `/admin/users`.
fn covers(wide: &str, narrow: &str) -> bool {
    if wide == narrow {
        return true;
    }
    wide.strip_suffix("**")
        .is_some_and(|begin| narrow.starts_with(begin) || narrow == begin.trim_end_matches('/'))
}
