//! One database session or connection for all threads and requests.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls};
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "shared-session",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-567"],
    languages: &[Language::Python],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for assign in source.of_kind(Kind::Assign).iter().copied() {
        let (Some(target), Some(value)) = (tree.child(assign, Role::Target), tree.child(assign, Role::Value))
        else {
            continue;
        };
        if tree.kind(target) != Kind::Name
            || tree.kind(value) != Kind::Call
            || functions_around(tree, assign).next().is_some()
        {
            continue;
        }
        let name = tree.name(target);
        let path = calls::path(source, value);
        let is_session = is_session(source, value, &path);
        let is_connection = matches!(
            path.as_str(),
            "psycopg2.connect"
                | "pymysql.connect"
                | "mysql.connector.connect"
                | "MySQLdb.connect"
                | "sqlite3.connect"
                | "psycopg.connect"
        );
        if !is_session && !is_connection {
            continue;
        }
        let used = tree.all().find(|id| {
            tree.kind(*id) == Kind::Name
                && tree.name(*id) == name
                && tree.role(*id) == Role::Object
                && bodies::handler_around(source, *id).is_some_and(|handler| {
                    !bodies::has_param(tree, handler, name)
                        && !crate::analysis::change::set(tree, &bodies::body(tree, handler)).contains(name)
                })
        });
        if let Some(used) = used {
            if is_session {
                reports.add(used, format!("all requests use the one session `{name}`: each commits and rolls back what others have begun"));
            } else {
                reports.note(used, format!("all requests use the one connection `{name}`: each commits and rolls back what others have begun"));
            }
        }
    }
    for call in source.of_kind(Kind::Call).iter().copied() {
        if !matches!(calls::path(source, call).as_str(), "threading.Thread" | "Thread") {
            continue;
        }
        let shared = calls::keyword(tree, call, "args").and_then(|args| {
            tree.children(args).find(|arg| {
                tree.kind(*arg) == Kind::Name
                    && matches!(
                        tree.name(*arg),
                        "session" | "db_session" | "conn" | "cursor" | "connection"
                    )
            })
        });
        if let Some(shared) = shared {
            reports.note(
                shared,
                format!(
                    "this thread and the one that starts it use the same `{}`",
                    tree.name(shared)
                ),
            );
        }
    }
}

/// `Session()` of what the file made a session with, `sqlalchemy.orm.Session(engine)`.
fn is_session(source: &Source, value: NodeId, path: &str) -> bool {
    let tree = &source.tree;
    if matches!(
        path,
        "sqlalchemy.orm.Session" | "sqlmodel.Session" | "SessionLocal"
    ) || path.ends_with(".SessionLocal")
    {
        return true;
    }
    let Some(callee) = tree.child(value, Role::Callee) else {
        return false;
    };
    // `sessionmaker(bind=engine)()`
    let maker = |id: NodeId| calls::path(source, id).ends_with("sessionmaker");
    if tree.kind(callee) == Kind::Call {
        return maker(callee);
    }
    tree.kind(callee) == Kind::Name
        && source.of_kind(Kind::Assign).iter().any(|assign| {
            tree.child(*assign, Role::Target)
                .is_some_and(|target| tree.name(target) == tree.name(callee))
                && tree
                    .child(*assign, Role::Value)
                    .is_some_and(|made| tree.kind(made) == Kind::Call && maker(made))
        })
}
