//! A controller without the guard that every other one under the same path has.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::outside::java_decorators;
use crate::analysis::place;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::scan;
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "unguarded-controller",
    failure: "X3",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-862", "CWE-306"],
    languages: &[Language::Java, Language::TypeScript],
    run,
};

const FILES_MAX: usize = 4_000;
const PARSED_MAX: usize = 60;

/// A controller: the first part of its path, whether something stands before it, and the services it works with.
struct Controller {
    node: NodeId,
    first: String,
    guarded: bool,
    services: Vec<String>,
    routes: usize,
}

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let own: Vec<Controller> = controllers(source)
        .into_iter()
        .filter(|one| {
            !one.guarded && one.routes > 0 && !undoes_or_tests(code, one.node) && !is_open(code, one.node)
        })
        .collect();
    if own.is_empty() || !project.is_known() {
        return;
    }
    let Some(others) = others(source, project) else {
        return;
    };
    for one in own {
        let beside: Vec<&Controller> = others
            .iter()
            .filter(|other| !one.first.is_empty() && other.first == one.first)
            .collect();
        let guarded = beside.iter().filter(|other| other.guarded).count();
        let same_service = others.iter().any(|other| {
            other.guarded
                && other
                    .services
                    .iter()
                    .any(|service| one.services.contains(service))
        });
        let staff = has_word(
            &one.first,
            &[
                "admin",
                "administration",
                "internal",
                "backoffice",
                "staff",
                "manage",
                "management",
                "ops",
            ],
        );
        let all_guarded = guarded > 0 && guarded == beside.len();
        if all_guarded && (staff || same_service) {
            let first = &one.first;
            reports.add(
                one.node,
                format!("every other controller under `{first}` has a guard, and this one has none: whoever finds its path may call it"),
            );
        } else if all_guarded && guarded > 1 {
            let first = &one.first;
            reports.note(
                one.node,
                format!("the other controllers under `{first}` have a guard, and this one has none"),
            );
        }
    }
}

/// The controllers of the other files; `None` where something stands before all of them, or that can not be told.
fn others(source: &Source, project: &Project) -> Option<Vec<Controller>> {
    let language = source.tree.language();
    let ending = match language {
        Language::Java => ".java",
        _ => ".ts",
    };
    let mut found = controllers(source);
    found.retain(|one| one.guarded);
    let mut parsed = 0;
    for path in project
        .files()
        .filter(|path| path.ends_with(ending))
        .take(FILES_MAX)
    {
        if path == source.path || place::is_test(path) {
            continue;
        }
        let Some(text) = project.text(path) else {
            continue;
        };
        let for_all = match language {
            Language::Java => [
                "SecurityFilterChain",
                "WebSecurityConfigurer",
                "HandlerInterceptor",
                "OncePerRequestFilter",
            ]
            .iter()
            .any(|word| text.contains(word)),
            _ => ["APP_GUARD", "useGlobalGuards", "consumer.apply", "forRoutes"]
                .iter()
                .any(|word| text.contains(word)),
        };
        if for_all {
            return None;
        }
        if !text.contains("Controller(")
            && !text.contains("@RestController")
            && !text.contains("@RequestMapping")
        {
            continue;
        }
        parsed += 1;
        if parsed > PARSED_MAX {
            return None;
        }
        if let Ok(other) = scan::read(path, language, &text) {
            found.extend(controllers(&other));
        }
    }
    Some(found)
}

fn controllers(source: &Source) -> Vec<Controller> {
    let java = source.tree.language() == Language::Java;
    source
        .of_kind(Kind::Class)
        .iter()
        .filter_map(|class| match java {
            true => spring(source, *class),
            false => nest(source, *class),
        })
        .collect()
}

/// The decorators of a class or a method: name, and the decorator.
fn marks(tree: &Tree, of: NodeId) -> Vec<(&str, NodeId)> {
    tree.children_in(of, Role::Decorator)
        .filter_map(|decorator| {
            let value = tree.child(decorator, Role::Value)?;
            let name = tree.child(value, Role::Callee).unwrap_or(value);
            Some((tree.name(name), decorator))
        })
        .collect()
}

fn methods(tree: &Tree, class: NodeId) -> Vec<NodeId> {
    let Some(body) = tree.child(class, Role::Body) else {
        return Vec::new();
    };
    tree.children(body)
        .filter(|id| tree.kind(*id) == Kind::Function)
        .collect()
}

/// The first part of the path in a decorator's texts.
fn first_part(tree: &Tree, decorator: NodeId) -> String {
    tree.subtree(decorator)
        .find(|id| tree.kind(*id) == Kind::Str)
        .map_or("", |text| tree.name(text))
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or("")
        .to_owned()
}

fn nest(source: &Source, class: NodeId) -> Option<Controller> {
    const ROUTES: &[&str] = &["Get", "Post", "Put", "Patch", "Delete", "All", "Sse"];
    let tree = &source.tree;
    let own = marks(tree, class);
    let (_, decorator) = own.iter().find(|(name, _)| *name == "Controller")?;
    // A decorator of the application may be a guard put together: `@Auth('admin')`.
    let stands_before = |marks: &[(&str, NodeId)]| {
        marks.iter().any(|(name, _)| {
            *name == "UseGuards"
                || has_word(
                    name,
                    &[
                        "auth",
                        "guard",
                        "guarded",
                        "roles",
                        "role",
                        "permissions",
                        "protected",
                        "secured",
                    ],
                )
        })
    };
    let routes: Vec<NodeId> = methods(tree, class)
        .into_iter()
        .filter(|method| marks(tree, *method).iter().any(|(name, _)| ROUTES.contains(name)))
        .collect();
    let guarded = stands_before(&own) || routes.iter().any(|route| stands_before(&marks(tree, *route)));
    let bases = tree.children_in(class, Role::Base).next().is_some();
    let services = methods(tree, class)
        .into_iter()
        .filter(|method| tree.name(*method) == "constructor")
        .flat_map(|made| tree.children_in(made, Role::Param).collect::<Vec<_>>())
        .filter_map(|param| tree.child(param, Role::Type))
        .map(|ty| tree.name(ty).to_owned())
        .collect();
    Some(Controller {
        node: class,
        first: first_part(tree, *decorator),
        // What it extends may bring one.
        guarded: guarded || bases,
        services,
        routes: routes.len(),
    })
}

fn spring(source: &Source, class: NodeId) -> Option<Controller> {
    const GUARDS: &[&str] = &[
        "PreAuthorize",
        "Secured",
        "RolesAllowed",
        "PostAuthorize",
        "DenyAll",
    ];
    let tree = &source.tree;
    let own = marks(tree, class);
    own.iter()
        .find(|(name, _)| matches!(*name, "RestController" | "Controller"))?;
    let decorator = own
        .iter()
        .find(|(name, _)| *name == "RequestMapping")
        .map(|(_, decorator)| *decorator);
    let routes: Vec<NodeId> = methods(tree, class)
        .into_iter()
        .filter(|method| {
            java_decorators(tree, *method)
                .iter()
                .any(|mark| mark.ends_with("Mapping"))
        })
        .collect();
    let marked = |id: NodeId| {
        marks(tree, id).iter().any(|(name, _)| {
            GUARDS.contains(name) || has_word(name, &["authorize", "requires", "secured", "admin", "role"])
        })
    };
    let guarded = marked(class) || routes.iter().any(|route| marked(*route));
    let services = source
        .of_kind(Kind::Assign)
        .iter()
        .filter(|field| tree.parent(**field).and_then(|body| tree.parent(body)) == Some(class))
        .filter_map(|field| tree.child(*field, Role::Type))
        .map(|ty| tree.name(ty).to_owned())
        .collect();
    Some(Controller {
        node: class,
        first: decorator.map_or_else(String::new, |decorator| first_part(tree, decorator)),
        guarded: guarded || tree.children_in(class, Role::Base).next().is_some(),
        services,
        routes: routes.len(),
    })
}

/// Whether a controller is meant for everybody, or asks by itself who calls.
fn is_open(code: Code<'_>, class: NodeId) -> bool {
    const OPEN: &[&str] = &[
        "public",
        "anonymous",
        "health",
        "healthz",
        "login",
        "auth",
        "webhook",
        "webhooks",
        "skip",
        "callback",
        "status",
        "metrics",
        "ping",
    ];
    has_word(code.name(class), OPEN)
        || code
            .tree
            .children_in(class, Role::Decorator)
            .any(|decorator| code.mentions(decorator, |name| has_word(name, OPEN)))
        || code.mentions(class, |name| {
            has_word(
                name,
                &[
                    "token",
                    "signature",
                    "secret",
                    "session",
                    "authorization",
                    "authorize",
                    "principal",
                    "authentication",
                ],
            )
        })
}
