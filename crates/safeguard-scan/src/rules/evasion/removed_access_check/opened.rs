//! Spring: paths that asked for a role, and are now open to everybody.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role};

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
