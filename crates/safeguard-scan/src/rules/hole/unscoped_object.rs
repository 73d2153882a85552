//! Django: a view fetches a thing by the number in its path from all there are, where the views beside it look only among those of the caller.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::analysis::{bodies, calls};
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, folder};
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::scan;
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "object-without-owner",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-639", "CWE-284"],
    languages: &[Language::Python],
    run,
};

const FILES_MAX: usize = 40;

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    let views: Vec<NodeId> = source
        .of_kind(Kind::Function)
        .iter()
        .copied()
        .filter(|function| bodies::is_handler(source, *function) && request_of(tree, *function).is_some())
        .collect();
    let mut beside: Option<Vec<String>> = None;
    for view in views {
        if undoes_or_tests(code, view) || asks_by_itself(code, view) {
            continue;
        }
        for call in bodies::body(tree, view) {
            let Some(model) = unscoped(code, call, view) else {
                continue;
            };
            let scoped = beside.get_or_insert_with(|| {
                let mut found = scoped_in(source);
                found.extend(scoped_elsewhere(source, project));
                found
            });
            if scoped.contains(&model) {
                reports.add(
                    call,
                    format!("fetches any `{model}` by the number that the client sends; the views beside it look only among those of the caller"),
                );
                break;
            }
        }
    }
}

/// The parameter that holds the request.
fn request_of(tree: &Tree, function: NodeId) -> Option<&str> {
    bodies::params(tree, function)
        .map(|param| tree.name(param))
        .find(|name| *name == "request")
}

/// Whether a view looks at who calls: at the user or the tenant, or by a decorator that asks for more than a login.
fn asks_by_itself(code: Code<'_>, view: NodeId) -> bool {
    const WHO: &[&str] = &[
        "user",
        "tenant",
        "owner",
        "member",
        "membership",
        "account",
        "organization",
        "organisation",
        "org",
        "team",
        "permission",
        "permissions",
        "perm",
        "perms",
        "can",
        "admin",
        "staff",
        "superuser",
        "role",
        "signed",
        "token",
        "signature",
    ];
    let tree = code.tree;
    let in_body = tree
        .child(view, Role::Body)
        .is_some_and(|body| code.mentions(body, |name| has_word(name, WHO)));
    let decorated = tree.children_in(view, Role::Decorator).any(|decorator| {
        code.mentions(decorator, |name| {
            has_word(
                name,
                &[
                    "permission",
                    "permissions",
                    "staff",
                    "admin",
                    "superuser",
                    "passes",
                    "owner",
                    "member",
                    "perm",
                    "role",
                ],
            )
        })
    });
    let in_class = bodies::class_of(tree, view).is_some_and(|class| {
        code.names_in(class)
            .any(|name| has_word(name, &["permission", "permissions", "admin", "staff"]))
    });
    in_body || decorated || in_class
}

/// The model that is fetched whole: `get_object_or_404(Invoice, pk=pk)`, `Invoice.objects.get(pk=pk)`, with a number of the view's own.
fn unscoped(code: Code<'_>, call: NodeId, view: NodeId) -> Option<String> {
    let tree = code.tree;
    if tree.kind(call) != Kind::Call {
        return None;
    }
    let model = match code.called(call) {
        "get_object_or_404" | "aget_object_or_404" => {
            let first = code.arg(call, 0)?;
            match tree.kind(first) {
                Kind::Name => tree.name(first).to_owned(),
                // `Invoice.objects`, `Invoice.objects.all()`
                _ => whole(tree.source(first))?,
            }
        }
        "get" | "aget" => whole(tree.source(code.receiver(call)?))?,
        _ => return None,
    };
    let keys: Vec<NodeId> = tree
        .children_in(call, Role::Arg)
        .filter(|arg| tree.kind(*arg) == Kind::Keyword)
        .collect();
    let by_number = keys.len() == 1
        && keys.iter().all(|key| {
            matches!(
                tree.name(*key),
                "pk" | "id" | "uuid" | "public_id" | "slug" | "number"
            )
        });
    let of_client = keys.iter().all(|key| {
        tree.child(*key, Role::Value).is_some_and(|value| {
            let root = calls::root(tree, value).map_or("", |root| tree.name(root));
            bodies::has_param(tree, view, root)
        })
    });
    (by_number && of_client && model.starts_with(|first: char| first.is_ascii_uppercase())).then_some(model)
}

/// `Invoice` of `Invoice.objects` and `Invoice.objects.select_related("customer")`, with nothing that chooses.
pub(super) fn whole(text: &str) -> Option<String> {
    let (model, rest) = text.split_once(".objects")?;
    let chooses = rest.split('.').skip(1).any(|part| {
        ![
            "all",
            "select_related",
            "prefetch_related",
            "only",
            "defer",
            "order_by",
        ]
        .iter()
        .any(|name| part.starts_with(name))
    });
    (!chooses && model.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| model.to_owned())
}

/// The models that views of a file fetch among those of the caller.
pub(super) fn scoped_in(source: &Source) -> Vec<String> {
    let tree = &source.tree;
    let code = Code::of(source);
    let mut found = Vec::new();
    for call in source.calls().iter().copied() {
        let by_caller = tree.children_in(call, Role::Arg).any(|arg| {
            tree.subtree(arg).any(|part| {
                tree.kind(part) == Kind::Member
                    && matches!(
                        tree.name(part),
                        "user" | "tenant" | "account" | "organization" | "team"
                    )
                    && code.first_name(part).ends_with("request")
                    || tree.kind(part) == Kind::Member
                        && tree.name(part) == "user"
                        && tree.source(part) == "self.request.user"
            })
        });
        if !by_caller {
            continue;
        }
        let text = tree.source(call);
        if let Some((model, _)) = text.split_once(".objects.") {
            let model = model
                .rsplit(|char: char| !char.is_ascii_alphanumeric())
                .next()
                .unwrap_or("");
            found.push(model.to_owned());
        } else if code.called(call).ends_with("get_object_or_404")
            && let Some(first) = code.arg(call, 0).filter(|first| tree.kind(*first) == Kind::Name)
        {
            found.push(tree.name(first).to_owned());
        }
    }
    found.retain(|model| model.starts_with(|first: char| first.is_ascii_uppercase()));
    found
}

/// The same of the other files of the package.
pub(super) fn scoped_elsewhere(source: &Source, project: &Project) -> Vec<String> {
    let own = folder(&source.path);
    project
        .below(own)
        .filter(|path| path.ends_with(".py") && *path != source.path && path.contains("view"))
        .take(FILES_MAX)
        .filter_map(|path| Some((path, project.text(path)?)))
        .filter(|(_, text)| text.contains("request.user"))
        .filter_map(|(path, text)| scan::read(path, Language::Python, &text).ok())
        .flat_map(|other| scoped_in(&other))
        .collect()
}
