//! Calls that stop the event loop.

mod elsewhere;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, loops};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "blocking-in-async",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-400", "CWE-833"],
    languages: &[
        Language::JavaScript,
        Language::Python,
        Language::Rust,
        Language::Tsx,
        Language::TypeScript,
    ],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    match tree.language() {
        Language::Python => {
            for id in source.of_kind(Kind::Call).iter().copied() {
                if bodies::in_async(tree, id) {
                    python(source, id, reports);
                    elsewhere::python(source, id, reports);
                }
            }
        }
        Language::Rust => {
            for id in source.of_kind(Kind::Call).iter().copied() {
                if bodies::in_async(tree, id) {
                    elsewhere::rust(source, id, reports);
                }
            }
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            for id in source.of_kind(Kind::Call).iter().copied() {
                javascript(source, id, reports);
            }
            for id in loops::conditional(source) {
                if spins(source, id) {
                    reports.add(id, "this waits by asking for the time again and again; nothing else runs until it is over");
                }
            }
        }
        Language::Go | Language::Java => {}
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {}
    }
}

fn python(source: &Source, id: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    // What is awaited is no call of the blocking kind, whatever it is called.
    if tree
        .parent(id)
        .is_some_and(|parent| tree.kind(parent) == Kind::Await)
    {
        return;
    }
    let path = calls::path(source, id);
    let (module, function) = path.rsplit_once('.').unwrap_or(("", path.as_str()));
    let sure = is_sure(source, id, module, function);
    let maybe = match module {
        "psycopg2" | "pymysql" | "MySQLdb" | "mysql.connector" | "sqlite3" | "psycopg" => {
            function == "connect"
        }
        "smtplib" => matches!(function, "SMTP" | "SMTP_SSL"),
        "shutil" => matches!(function, "copytree" | "rmtree" | "copyfile" | "make_archive"),
        "boto3" => matches!(function, "client" | "resource"),
        "bcrypt" => matches!(function, "hashpw" | "checkpw"),
        "hashlib" => matches!(function, "pbkdf2_hmac" | "scrypt"),
        "threading" => false,
        "" => matches!(function, "open" | "input"),
        _ => false,
    };
    if sure {
        reports.add(id, format!("`{path}` blocks the event loop of this async function: nothing else is served until it returns"));
    } else if maybe && (function != "open" || reads_all(source, id)) {
        reports.note(
            id,
            format!("`{path}` blocks the event loop of this async function while it works"),
        );
    }
}

/// Whether a function of a module blocks the thread, in whatever function it is called.
fn is_sure(source: &Source, id: NodeId, module: &str, function: &str) -> bool {
    let tree = &source.tree;
    match module {
        "time" => function == "sleep" && is_long(source, id),
        "requests" => matches!(
            function,
            "get" | "post" | "put" | "patch" | "delete" | "head" | "options" | "request"
        ),
        "urllib.request" => matches!(function, "urlopen" | "urlretrieve"),
        "subprocess" => matches!(
            function,
            "run" | "call" | "check_call" | "check_output" | "getoutput"
        ),
        "httpx" => matches!(
            function,
            "get" | "post" | "put" | "patch" | "delete" | "head" | "request"
        ),
        "os" => matches!(function, "system" | "wait" | "waitpid") && calls::arg(tree, id, 1).is_none(),
        "socket" => matches!(function, "create_connection" | "gethostbyname" | "getaddrinfo"),
        _ => false,
    }
}

/// `time.sleep(0)` gives up the turn of a thread, and no more.
fn is_long(source: &Source, id: NodeId) -> bool {
    calls::arg(&source.tree, id, 0).is_none_or(|time| source.tree.name(time) != "0")
}

/// `open(…)` in a request's own function.
fn reads_all(source: &Source, id: NodeId) -> bool {
    bodies::handler_around(source, id).is_some()
}

fn javascript(source: &Source, id: NodeId, reports: &mut Reports) {
    const FILES: &[&str] = &[
        "readFileSync",
        "writeFileSync",
        "appendFileSync",
        "readdirSync",
        "copyFileSync",
        "cpSync",
        "rmSync",
    ];
    let tree = &source.tree;
    let path = calls::path(source, id);
    let name = calls::name(tree, id);
    if path == "Atomics.wait" && bodies::in_async(tree, id) {
        reports.add(
            id,
            "`Atomics.wait` stops the whole thread, and every request that it serves",
        );
        return;
    }
    let heavy = matches!(
        name,
        "execSync"
            | "spawnSync"
            | "execFileSync"
            | "pbkdf2Sync"
            | "scryptSync"
            | "hashSync"
            | "compareSync"
            | "gzipSync"
            | "brotliCompressSync"
    );
    let files = FILES.contains(&name)
        && (path.starts_with("fs.") || path == format!("fs.{name}") || path.starts_with("fs-extra."));
    if !heavy && !files {
        return;
    }
    let Some(handler) = bodies::handler_around(source, id) else {
        return;
    };
    // Only what the handler itself runs; a worker's code may lie in a function of its own.
    let inner = bodies::enclosing(tree, id);
    let runs_here = inner == Some(handler) || inner.is_some_and(|inner| tree.role(inner) == Role::Arg);
    if !runs_here {
        return;
    }
    let told = format!("`{name}` stops every other request of this process until it is done");
    // Made to take long, or another program's time.
    if matches!(
        name,
        "pbkdf2Sync" | "scryptSync" | "execSync" | "spawnSync" | "execFileSync"
    ) {
        reports.add(id, told);
    } else {
        reports.note(id, told);
    }
}

/// `while (Date.now() < end) {}`.
fn spins(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    let clock = |id: NodeId| {
        tree.kind(id) == Kind::Call
            && matches!(
                calls::path(source, id).as_str(),
                "Date.now" | "performance.now" | "process.hrtime"
            )
            || tree.kind(id) == Kind::New && calls::path(source, id) == "Date"
    };
    let asks = tree
        .child(id, Role::Condition)
        .is_some_and(|condition| tree.subtree(condition).any(clock));
    let works = tree.child(id, Role::Body).is_some_and(|body| {
        bodies::running(tree, body).iter().any(|id| {
            matches!(tree.kind(*id), Kind::Call | Kind::New | Kind::Await | Kind::Yield) && !clock(*id)
        })
    });
    asks && !works
}
