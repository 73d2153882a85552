//! What asked for a role and asks for any user now, or for nobody: `IsAdminUser` that became `IsAuthenticated`, routes that left their group.

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use super::names_for_everybody;
use crate::analysis::code::Code;
use crate::analysis::functions::{called, head};
use crate::analysis::guards::is_about_access;
use crate::analysis::handlers::{Route, asks_caller, is_guard, routes};
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken, pairs};
use crate::tree::{Kind, NodeId, Role, Tree};

/// Words of what few are.
const ROLES: &[&str] = &[
    "admin",
    "admins",
    "administrator",
    "staff",
    "superuser",
    "superadmin",
    "owner",
    "operator",
    "moderator",
    "manager",
    "supervisor",
    "accountant",
    "finance",
    "role",
    "roles",
    "permission",
    "permissions",
    "scope",
    "scopes",
    "authority",
];
/// Words of what everybody with an account is.
const SIGNED_IN: &[&str] = &[
    "user",
    "authenticated",
    "auth",
    "login",
    "logged",
    "signed",
    "signin",
    "session",
    "member",
];
/// What only holds the names of guards.
const HOLDERS: &[&str] = &[
    "permission_classes",
    "UseGuards",
    "PreAuthorize",
    "Secured",
    "Depends",
];

/// Who is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Everybody,
    /// Everybody reads, and who is signed in writes.
    Readers,
    SignedIn,
    Role,
}

pub fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    match both.head.tree.language() {
        Language::Python => lists(both, taken),
        Language::Java => annotations(both, taken),
        Language::Rust => layers(both, taken),
        Language::JavaScript | Language::TypeScript | Language::Tsx => later(both, taken),
        Language::Go
        | Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {}
    }
    left_group(both, taken);
}

/// Whether what is left asks for any user, where what is gone asked for a role.
pub fn is_weaker(gone: &str, still: &BTreeSet<String>) -> bool {
    let holds = |name: &&String| !HOLDERS.contains(&name.as_str());
    has_word(gone, ROLES)
        && !still.iter().filter(holds).any(|name| has_word(name, ROLES))
        && still.iter().filter(holds).any(|name| has_word(name, SIGNED_IN))
}

fn sure(node: NodeId, message: String) -> Taken {
    Taken {
        node,
        severity: Severity::Critical,
        confidence: Confidence::High,
        message,
    }
}

fn level(name: &str) -> Option<Level> {
    let last = name.rsplit('.').next().unwrap_or(name);
    if matches!(last, "AllowAny") {
        Some(Level::Everybody)
    } else if last.ends_with("ReadOnly") {
        Some(Level::Readers)
    } else if has_word(last, ROLES) {
        Some(Level::Role)
    } else if last == "IsAuthenticated" {
        Some(Level::SignedIn)
    } else {
        None
    }
}

/// Lists of permissions, by the class that they stand in, or by their key in the settings.
fn lists(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (before, after) = (permissions(both.base), permissions(both.head));
    for (of, (_, was)) in &before {
        let Some((node, now)) = after.get(of) else {
            continue;
        };
        let strictest = |names: &[String]| names.iter().filter_map(|name| level(name)).max();
        // What the project itself wrote may ask for anything.
        let unknown = now
            .iter()
            .any(|name| level(name).is_none() && !was.contains(name));
        let (Some(was), Some(asked)) = (strictest(was), strictest(now)) else {
            continue;
        };
        if asked < was && !unknown {
            let who = match asked {
                Level::Everybody => "everybody",
                Level::Readers => "everybody read it",
                Level::SignedIn | Level::Role => "whoever is signed in",
            };
            taken.push(sure(
                *node,
                format!("`{of}` asked for more, and `{}` lets {who} now", now.join(", ")),
            ));
        }
    }
    let (was, now) = (&both.base.tree, &both.head.tree);
    for class in both.head.of_kind(Kind::Class) {
        let same = |old: &&NodeId| was.name(**old) == now.name(*class);
        let Some(old) = both.base.of_kind(Kind::Class).iter().find(same) else {
            continue;
        };
        let asking = |tree: &Tree, class: NodeId| -> Vec<String> {
            let bases = tree.children_in(class, Role::Base).map(|base| tree.name(base));
            bases
                .filter(|name| {
                    [
                        "LoginRequired",
                        "PermissionRequired",
                        "UserPassesTest",
                        "StaffRequired",
                        "SuperuserRequired",
                    ]
                    .iter()
                    .any(|part| name.contains(part))
                })
                .map(str::to_owned)
                .collect()
        };
        let (before, after) = (asking(was, *old), asking(now, *class));
        let gone = before.iter().find(|name| !after.contains(name));
        if let Some(gone) = gone.filter(|name| after.is_empty() && !both.moved.mentions(name)) {
            let others = now.children_in(*class, Role::Base).filter(|base| {
                !was.children_in(*old, Role::Base)
                    .any(|old| was.name(old) == now.name(*base))
            });
            if others.count() == 0 {
                taken.push(sure(
                    now.child(*class, Role::Base).unwrap_or(*class),
                    format!(
                        "`{gone}` stood before `{}`, and this change takes it away",
                        now.name(*class)
                    ),
                ));
            }
        }
    }
}

fn permissions(source: &Source) -> BTreeMap<String, (NodeId, Vec<String>)> {
    let code = Code::of(source);
    let tree = code.tree;
    let names = |value: NodeId| -> Vec<String> {
        tree.children(value)
            .map(|item| match tree.kind(item) {
                Kind::Str => tree.name(item).to_owned(),
                _ => code.last_name(item).to_owned(),
            })
            .collect()
    };
    let mut found = BTreeMap::new();
    for assign in source.of_kind(Kind::Assign) {
        let is_one = code
            .child(*assign, Role::Target)
            .is_some_and(|target| tree.name(target) == "permission_classes");
        let class = tree
            .ancestors(*assign)
            .find(|around| tree.kind(*around) == Kind::Class);
        let value = code.child(*assign, Role::Value);
        if let (true, Some(class), Some(value)) = (is_one && code.function(*assign).is_none(), class, value) {
            found.insert(tree.name(class).to_owned(), (*assign, names(value)));
        }
    }
    for pair in source.of_kind(Kind::Pair) {
        if let Some(value) = code
            .child(*pair, Role::Value)
            .filter(|_| code.key(*pair) == Some("DEFAULT_PERMISSION_CLASSES"))
        {
            found.insert("DEFAULT_PERMISSION_CLASSES".to_owned(), (*pair, names(value)));
        }
    }
    found
}

/// `@PreAuthorize("hasRole('ADMIN')")` that became `@PreAuthorize("isAuthenticated()")`.
fn annotations(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (was, now) = (&both.base.tree, &both.head.tree);
    let asked = |tree: &Tree, of: NodeId| -> Option<(NodeId, Level)> {
        tree.children_in(of, Role::Decorator)
            .find_map(|decorator| Some((decorator, asked_by(tree.source(decorator))?)))
    };
    let mut told = |name: &str, old: NodeId, new: NodeId| {
        if let (Some((_, before)), Some((node, after))) = (asked(was, old), asked(now, new))
            && after < before
        {
            taken.push(sure(
                node,
                format!(
                    "`{name}` asked for a role, and `{}` lets many more in",
                    now.source(node)
                ),
            ));
        }
    };
    for (name, old, new) in pairs(both) {
        told(&name, old, new);
    }
    for class in both.head.of_kind(Kind::Class) {
        let same = |old: &&NodeId| was.name(**old) == now.name(*class);
        if let Some(old) = both.base.of_kind(Kind::Class).iter().find(same) {
            told(now.name(*class), *old, *class);
        }
    }
}

/// Whom an annotation lets in: of what is joined by `or`, the most.
fn asked_by(text: &str) -> Option<Level> {
    let part = |text: &str| {
        if text.contains("permitAll") || text.contains("PermitAll") || text.contains("isAnonymous") {
            return Some(Level::Everybody);
        }
        let by_role = [
            "hasRole",
            "hasAnyRole",
            "hasAuthority",
            "hasAnyAuthority",
            "RolesAllowed",
            "Secured",
        ]
        .iter()
        .any(|call| text.contains(call));
        let of_users = ["'USER'", "'ROLE_USER'", "\"USER\"", "\"ROLE_USER\""]
            .iter()
            .any(|role| text.contains(role));
        match (by_role, of_users, text.contains("uthenticated()")) {
            (true, false, _) => Some(Level::Role),
            (true, true, _) | (_, _, true) => Some(Level::SignedIn),
            (false, _, false) => None,
        }
    };
    let all: Vec<Option<Level>> = text
        .split(" or ")
        .flat_map(|text| text.split("||"))
        .map(part)
        .collect();
    // What no one knows may ask for anything.
    if all.iter().any(Option::is_none) {
        return None;
    }
    all.into_iter().flatten().min()
}

/// axum's `.layer(from_fn(require_user))`, actix's `.wrap(…)`.
fn layers(both: &Both<'_>, taken: &mut Vec<Taken>) {
    for (name, old, new) in pairs(both) {
        let before = layered(&both.base.tree, old);
        let after = layered(&both.head.tree, new);
        let tree = &both.head.tree;
        let is_used = |guard: &str| tree.subtree(new).any(|id| tree.name(id) == guard);
        let answers = tree.subtree(new).any(|id| {
            tree.kind(id) == Kind::Call && matches!(called(tree, id), Some("route" | "service" | "nest"))
        });
        let gone = before
            .difference(&after)
            .find(|guard| !is_used(guard) && !both.moved.mentions(guard));
        if let Some(gone) = gone.filter(|_| answers) {
            taken.push(Taken {
                node: head(tree, new),
                severity: Severity::Critical,
                confidence: match after.is_empty() {
                    true => Confidence::High,
                    false => Confidence::Medium,
                },
                message: format!(
                    "`{gone}` stood before the routes of `{name}`, and this change takes it away"
                ),
            });
        }
    }
}

fn layered(tree: &Tree, function: NodeId) -> BTreeSet<String> {
    let calls = tree.subtree(function).filter(|id| {
        tree.kind(*id) == Kind::Call && matches!(called(tree, *id), Some("layer" | "route_layer" | "wrap"))
    });
    calls
        .flat_map(|call| tree.children_in(call, Role::Arg).collect::<Vec<_>>())
        .flat_map(|arg| tree.subtree(arg).collect::<Vec<_>>())
        .filter(|id| matches!(tree.kind(*id), Kind::Name | Kind::Member))
        .map(|id| tree.name(id).to_owned())
        .filter(|name| is_guard(name) || is_about_access(name))
        .collect()
}

/// What is mounted behind `app.use(requireUser)` before, and in front of it now.
fn later(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (before, after) = (mounts(both.base), mounts(both.head));
    for (at, mount) in after.iter().enumerate() {
        let Mount::Routes {
            path,
            what,
            guarded: false,
        } = &mount.what
        else {
            continue;
        };
        if names_for_everybody(path) {
            continue;
        }
        let guards = |all: &[Mounted]| -> BTreeSet<String> {
            all.iter()
                .filter(|one| one.on == mount.on)
                .filter_map(|one| match &one.what {
                    Mount::Guard(name) => Some(name.clone()),
                    Mount::Routes { .. } => None,
                })
                .collect()
        };
        let Some(was) = before.iter().position(|old| {
            old.on == mount.on
                && matches!(&old.what, Mount::Routes { path: old, what: mounted, .. } if old == path && mounted == what)
        }) else {
            continue;
        };
        let stood = guards(before.get(..was).unwrap_or_default());
        let stands = guards(after.get(..at).unwrap_or_default());
        let comes_later = guards(after.get(at..).unwrap_or_default());
        if let Some(guard) = stood
            .intersection(&comes_later)
            .next()
            .filter(|_| stands.is_empty())
        {
            taken.push(sure(
                mount.node,
                format!("`{guard}` stood before `{path}`, and comes after it now: it never asks whoever is answered here"),
            ));
            return;
        }
    }
}

struct Mounted {
    node: NodeId,
    on: String,
    what: Mount,
}

enum Mount {
    Guard(String),
    Routes {
        path: String,
        what: String,
        guarded: bool,
    },
}

fn mounts(source: &Source) -> Vec<Mounted> {
    let code = Code::of(source);
    let mut found: Vec<Mounted> = Vec::new();
    for call in source.of_kind(Kind::Call).iter().copied() {
        let Some(on) = code.receiver(call).filter(|_| code.called(call) == "use") else {
            continue;
        };
        let args = code.args(call);
        let name = |arg: &NodeId| match code.kind(*arg) {
            Kind::Call => code.called(*arg).to_owned(),
            _ => code.last_name(*arg).to_owned(),
        };
        let what = match args.as_slice() {
            [guard] if code.kind(*guard) != Kind::Lambda && is_guard(&name(guard)) => {
                Mount::Guard(name(guard))
            }
            [path, between @ .., last] => match code.text(*path).filter(|path| path.starts_with('/')) {
                Some(path) if code.kind(*last) == Kind::Name => Mount::Routes {
                    path: path.to_owned(),
                    what: code.name(*last).to_owned(),
                    guarded: between.iter().any(|arg| is_guard(&name(arg))),
                },
                _ => continue,
            },
            _ => continue,
        };
        found.push(Mounted {
            node: call,
            on: code.tree.source(on).to_owned(),
            what,
        });
    }
    found.sort_by_key(|one| code.tree.span(one.node).start);
    found
}

/// The same handler, declared on something else that nothing stands before.
fn left_group(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (was, is) = (Code::of(both.base), Code::of(both.head));
    let (before, after) = (routes(was), routes(is));
    let asks = |route: &Route| {
        route.guards.iter().any(|guard| {
            let last = guard.rsplit('.').next().unwrap_or(guard);
            is_guard(last) && !HOLDERS.contains(&last)
        })
    };
    let answers = |code: Code<'_>, route: &Route| -> Option<String> {
        let last = code.args(route.node).last().copied()?;
        (code.is_call(route.node) && matches!(code.kind(last), Kind::Name | Kind::Member))
            .then(|| code.tree.source(last).to_owned())
    };
    for route in before.iter().filter(|route| asks(route)) {
        let Some(handler) = answers(was, route) else {
            continue;
        };
        let same = |code, all: &[Route]| -> Vec<usize> {
            (0..all.len())
                .filter(|at| {
                    all.get(*at).is_some_and(|other: &Route| {
                        answers(code, other).as_deref() == Some(&handler) && other.methods == route.methods
                    })
                })
                .collect()
        };
        let (old, new) = (same(was, &before), same(is, &after));
        let ([_], [now]) = (old.as_slice(), new.as_slice()) else {
            continue;
        };
        let Some(now) = after.get(*now).filter(|now| now.on != route.on && !asks(now)) else {
            continue;
        };
        let by_itself = now.handler.is_some_and(|handler| asks_caller(is, handler));
        if !by_itself && !names_for_everybody(&now.path) {
            taken.push(sure(
                now.node,
                format!(
                    "`{handler}` was answered behind `{}`, and nothing stands before it now",
                    route.on
                ),
            ));
        }
    }
}
