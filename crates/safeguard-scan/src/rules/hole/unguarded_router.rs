//! A group of routes for administrators is mounted without what its neighbours are mounted behind.

use super::missing_authentication;
use crate::analysis::code::Code;
use crate::analysis::handlers::{asks_caller, is_guard, looks_at_caller, routes};
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::{is_about_access, words};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::elsewhere::file_of;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: EVERY_LANGUAGE,
    run,
    ..missing_authentication::CHECK
};

struct Mount {
    node: NodeId,
    /// What it is mounted on, as written.
    on: String,
    path: String,
    /// What stands before it, by its name.
    guard: Option<String>,
    /// What answers, if it has a name.
    router: Option<NodeId>,
}

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let mounts: Vec<Mount> = source
        .calls()
        .iter()
        .filter_map(|call| mount(code, *call))
        .collect();
    for one in mounts
        .iter()
        .filter(|one| one.guard.is_none() && is_for_admins(code, one))
    {
        let beside = mounts.iter().find(|other| {
            other.on == one.on && other.node != one.node && other.guard.is_some() && other.path != one.path
        });
        let Some(beside) = beside else {
            continue;
        };
        if undoes_or_tests(code, one.node) || all_are_guarded(code, one) || asks_within(code, one) {
            continue;
        }
        let told = format!(
            "`{}` is open to everybody: `{}` beside it is mounted behind `{}`",
            one.path,
            beside.path,
            beside.guard.as_deref().unwrap_or_default()
        );
        match one.router {
            None => reports.add(one.node, told),
            Some(router) => match answers(code, project, router) {
                Answers::Anybody => reports.add(one.node, told),
                Answers::WhoMay => {}
                Answers::Unknown => reports.note(one.node, told),
            },
        }
    }
}

fn is_for_admins(code: Code<'_>, mount: &Mount) -> bool {
    let is_one = |name: &str| {
        words(name).iter().any(|word| {
            matches!(
                word.as_str(),
                "admin" | "admins" | "administration" | "backoffice" | "superadmin" | "superuser"
            )
        })
    };
    is_one(&mount.path)
        || mount
            .router
            .is_some_and(|router| is_one(code.last_name(router)) || is_one(code.first_name(router)))
}

/// The name of something that stands before others and asks who calls; routers and handlers are named for whom they answer.
fn guard_of(code: Code<'_>, arg: NodeId) -> Option<String> {
    let bare = code.bare(arg);
    let name = match code.kind(bare) {
        Kind::Call => code.called(bare),
        Kind::Name | Kind::Member => code.last_name(bare),
        Kind::List => {
            return code.tree.children(bare).find_map(|inner| guard_of(code, inner));
        }
        _ => return None,
    };
    let answers = words(name).last().is_some_and(|word| {
        matches!(
            word.as_str(),
            "router"
                | "routers"
                | "routes"
                | "route"
                | "handler"
                | "handlers"
                | "controller"
                | "api"
                | "app"
                | "plugin"
        )
    });
    if name == "Depends" || name == "Security" {
        return code.arg(bare, 0).and_then(|inner| guard_of(code, inner));
    }
    (!answers && is_guard(name)).then(|| name.to_owned())
}

fn mount(code: Code<'_>, call: NodeId) -> Option<Mount> {
    let tree = code.tree;
    let receiver = code.receiver(call)?;
    let args = code.args(call);
    match tree.language() {
        Language::Python => {
            if code.called(call) != "include_router" {
                return None;
            }
            let router = *args.first()?;
            let guard = code
                .option(call, "dependencies")
                .and_then(|dependencies| guard_of(code, dependencies));
            // What is there can not be read.
            let unread = code.option(call, "dependencies").is_some() && guard.is_none();
            let path = code
                .option(call, "prefix")
                .and_then(|prefix| code.text(prefix))
                .map_or_else(|| tree.source(router).to_owned(), str::to_owned);
            (!unread).then(|| Mount {
                node: call,
                on: tree.source(receiver).to_owned(),
                path,
                guard,
                router: Some(router),
            })
        }
        Language::Go => go_mount(code, call, receiver, &args),
        _ => {
            if !matches!(code.called(call), "use" | "route") || args.len() < 2 {
                return None;
            }
            let path = code.text(*args.first()?).filter(|path| path.starts_with('/'))?;
            let last = *args.last()?;
            // `app.use('/admin', requireAdmin)` guards, and mounts nothing.
            if guard_of(code, last).is_some() || code.kind(last) == Kind::Lambda {
                return None;
            }
            let between = args.get(1..args.len() - 1).unwrap_or_default();
            let guard = between.iter().find_map(|arg| guard_of(code, *arg));
            // `[...all]`, and names that say nothing may hold one.
            let unread = guard.is_none()
                && between.iter().any(|arg| {
                    !matches!(code.kind(code.bare(*arg)), Kind::Call | Kind::Name | Kind::Member)
                        || words(code.last_name(*arg)).iter().any(|word| {
                            matches!(word.as_str(), "middleware" | "middlewares" | "chain" | "stack")
                        })
                });
            (!unread).then(|| Mount {
                node: call,
                on: tree.source(receiver).to_owned(),
                path: path.to_owned(),
                guard,
                router: Some(last),
            })
        }
    }
}

/// `r.Group("/admin", …)`, `r.Route("/admin", func(r chi.Router) { … })`, `r.Mount("/admin", …)`.
fn go_mount(code: Code<'_>, call: NodeId, receiver: NodeId, args: &[NodeId]) -> Option<Mount> {
    let tree = code.tree;
    if !matches!(code.called(call), "Group" | "Route" | "Mount") {
        return None;
    }
    let path = code.text(*args.first()?).filter(|path| path.starts_with('/'))?;
    let rest = args.get(1..).unwrap_or_default();
    let mut guard = rest.iter().find_map(|arg| guard_of(code, *arg));
    let used_within = |within: NodeId| {
        tree.subtree(within)
            .filter(|id| code.kind(*id) == Kind::Call && matches!(code.called(*id), "Use" | "With"))
            .find_map(|used| code.args(used).into_iter().find_map(|arg| guard_of(code, arg)))
    };
    let inner = rest.iter().copied().find(|arg| code.kind(*arg) == Kind::Lambda);
    guard = guard.or_else(|| inner.and_then(used_within));
    // `admin := r.Group("/admin")`, `admin.Use(requireAdmin)`
    let name = tree
        .parent(call)
        .filter(|parent| code.kind(*parent) == Kind::Assign)
        .and_then(|assign| code.child(assign, Role::Target))
        .map(|target| code.name(target));
    if let Some(name) = name {
        guard = guard.or_else(|| guard_on(code, name));
    }
    // `r.With(requireAdmin).Mount(…)`
    let mut on = receiver;
    while code.kind(on) == Kind::Call {
        guard = guard.or_else(|| code.args(on).into_iter().find_map(|arg| guard_of(code, arg)));
        on = code.receiver(on)?;
    }
    let router = rest
        .iter()
        .copied()
        .rfind(|arg| code.kind(*arg) != Kind::Lambda)
        .filter(|_| code.called(call) == "Mount");
    // A group that is handed on is guarded where it goes, or not.
    let handed = name.is_some_and(|name| {
        code.calls().iter().any(|other| {
            code.args(*other)
                .iter()
                .any(|arg| code.kind(*arg) == Kind::Name && code.name(*arg) == name)
        })
    });
    let each = name.is_some_and(|name| {
        routes(code).iter().any(|route| {
            route.on == name
                && (route.is_guarded()
                    || route
                        .handler
                        .is_some_and(|handler| looks_at_caller(code, handler)))
        })
    });
    (!(handed || each) || guard.is_some()).then(|| Mount {
        node: call,
        on: tree.source(on).to_owned(),
        path: path.to_owned(),
        guard,
        router,
    })
}

/// `admin.Use(requireAdmin)`
fn guard_on(code: Code<'_>, name: &str) -> Option<String> {
    code.calls().into_iter().find_map(|call| {
        let on = code.receiver(call)?;
        (matches!(code.called(call), "Use" | "use") && code.tree.source(on) == name)
            .then(|| code.args(call).into_iter().find_map(|arg| guard_of(code, arg)))?
    })
}

/// `app.use(requireUser)` without a path: all behind it are asked.
fn all_are_guarded(code: Code<'_>, mount: &Mount) -> bool {
    code.calls().into_iter().any(|call| {
        let whole = code.args(call).first().is_some_and(|first| {
            code.text(*first).is_none_or(|path| {
                matches!(path, "/" | "*" | "/*") || words(path).iter().any(|word| word == "admin")
            })
        });
        matches!(code.called(call), "use" | "Use" | "all")
            && whole
            // `r` of another group is another one.
            && code.function(call) == code.function(mount.node)
            && code.receiver(call).is_some_and(|of| code.tree.source(of) == mount.on)
            && code
                .args(call)
                .into_iter()
                .any(|arg| guard_of(code, arg).is_some())
    })
}

/// Whether what is written out in place of a router asks by itself.
fn asks_within(code: Code<'_>, mount: &Mount) -> bool {
    code.args(mount.node)
        .into_iter()
        .any(|arg| code.kind(arg) == Kind::Lambda && looks_at_caller(code, arg))
}

enum Answers {
    Anybody,
    WhoMay,
    Unknown,
}

/// Whom the routes of a router answer, by the file that it comes from.
fn answers(code: Code<'_>, project: &Project, router: NodeId) -> Answers {
    let name = code.first_name(router);
    let Some(file) = file_of(code.source, project, name) else {
        return Answers::Unknown;
    };
    let other = Code::of(&file);
    let tree = other.tree;
    let mut answering = 0;
    for call in other.calls() {
        let used = matches!(
            other.called(call),
            "use" | "addHook" | "APIRouter" | "Depends" | "Security"
        ) && tree.children_in(call, Role::Arg).any(|arg| {
            other.mentions(arg, |name| {
                is_about_access(name) && !words(name).iter().any(|word| word == "router")
            })
        });
        if used {
            return Answers::WhoMay;
        }
        let is_route = matches!(
            other.called(call),
            "get" | "post" | "put" | "patch" | "delete" | "del" | "all" | "api_route"
        ) && other
            .arg(call, 0)
            .and_then(|path| other.text(path))
            .is_some_and(|path| path.is_empty() || path.starts_with('/'));
        if !is_route {
            continue;
        }
        answering += 1;
        let args = other.args(call);
        let guarded = args.iter().skip(1).any(|arg| guard_of(other, *arg).is_some());
        let asks = args
            .iter()
            .any(|arg| is_function(other, *arg) && asks_caller(other, *arg));
        if guarded || asks {
            return Answers::WhoMay;
        }
    }
    let asks = routes(other)
        .iter()
        .any(|route| route.is_guarded() || route.handler.is_some_and(|handler| asks_caller(other, handler)));
    match (asks, answering) {
        (true, _) => Answers::WhoMay,
        (false, 0) => Answers::Unknown,
        (false, _) => Answers::Anybody,
    }
}

fn is_function(code: Code<'_>, id: NodeId) -> bool {
    matches!(code.kind(id), Kind::Lambda | Kind::Function)
}
