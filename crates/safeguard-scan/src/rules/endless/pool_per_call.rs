//! Pools of threads or connections that each call makes anew, and nobody ends.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::analysis::{bodies, change, served};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_BUT_RUST, Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "pool-per-call",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-772", "CWE-400"],
    languages: ALL_BUT_RUST,
    run,
};

/// What a call makes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Makes {
    /// Threads that stay until somebody ends them, wherever they were made.
    Threads,
    /// Connections: each request that makes some leaves them behind.
    Connections,
}

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        let Some(makes) = makes(code, call) else {
            continue;
        };
        let Some(function) = code.function(call) else {
            continue;
        };
        if undoes_or_tests(code, call)
            || begins_the_program(code, call)
            || !stays_here(code, call, function, makes)
        {
            continue;
        }
        match makes {
            Makes::Threads => reports.add(
                call,
                "each call makes a pool of threads that nothing shuts down: its threads stay, until no more can be made",
            ),
            Makes::Connections if served::is_served(source, project, function) => reports.add(
                call,
                "each request makes a pool of connections that nothing closes: they stay, until the other side takes no more",
            ),
            Makes::Connections => {}
        }
    }
}

fn makes(code: Code<'_>, call: NodeId) -> Option<Makes> {
    let path = code.path(call);
    let called = code.called(call);
    let created = code.kind(call) == Kind::New;
    match code.tree.language() {
        Language::Java => {
            let of_executors = code
                .receiver(call)
                .is_some_and(|of| code.last_name(of) == "Executors");
            // The threads of a cached pool end by themselves.
            let threads = of_executors
                && matches!(
                    called,
                    "newFixedThreadPool"
                        | "newSingleThreadExecutor"
                        | "newScheduledThreadPool"
                        | "newSingleThreadScheduledExecutor"
                )
                || created
                    && matches!(
                        called,
                        "ThreadPoolExecutor" | "ScheduledThreadPoolExecutor" | "NioEventLoopGroup"
                    );
            if threads {
                return Some(Makes::Threads);
            }
            (created
                && matches!(
                    called,
                    "HikariDataSource" | "BasicDataSource" | "JedisPool" | "KafkaProducer"
                )
                || path.ends_with("MongoClients.create"))
            .then_some(Makes::Connections)
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => (created
            && matches!(
                called,
                "Pool" | "PrismaClient" | "MongoClient" | "Sequelize" | "Redis" | "Kysely"
            )
            || matches!(called, "createPool") && path.contains("mysql")
            || matches!(
                path,
                "redis.createClient" | "mongoose.createConnection" | "knex.knex" | "knex"
            ))
        .then_some(Makes::Connections),
        Language::Python => (matches!(
            called,
            "create_engine"
                | "create_async_engine"
                | "create_pool"
                | "ConnectionPool"
                | "AsyncConnectionPool"
                | "ThreadedConnectionPool"
                | "SimpleConnectionPool"
                | "MongoClient"
                | "AsyncIOMotorClient"
        ) && !path.starts_with("self."))
        .then_some(Makes::Connections),
        Language::Go => matches!(
            path,
            "sql.Open"
                | "sqlx.Open"
                | "sqlx.Connect"
                | "sqlx.MustConnect"
                | "pgxpool.New"
                | "pgxpool.Connect"
                | "pgxpool.NewWithConfig"
                | "redis.NewClient"
                | "redis.NewClusterClient"
                | "mongo.Connect"
                | "gorm.Open"
        )
        .then_some(Makes::Connections),
        Language::Dockerfile
        | Language::Hcl
        | Language::Rust
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => None,
    }
}

/// Whether a place runs once: the program's beginning, a bean, a constructor.
fn begins_the_program(code: Code<'_>, call: NodeId) -> bool {
    const BEGINS: &[&str] = &[
        "main",
        "init",
        "initialize",
        "start",
        "startup",
        "setup",
        "bootstrap",
        "create",
        "build",
        "make",
        "new",
        "provide",
        "configure",
        "open",
        "connect",
        "construct",
        "lifespan",
        "factory",
        "get",
        "before",
        "run",
        "register",
        "constructor",
    ];
    code.functions(call).any(|function| {
        let name = code.function_name(function);
        let class = bodies::class_of(code.tree, function);
        let constructs = class.is_some_and(|class| code.name(class) == name);
        let marked = code.tree.children_in(function, Role::Decorator).any(|decorator| {
            code.mentions(decorator, |name| {
                matches!(
                    name,
                    "Bean"
                        | "PostConstruct"
                        | "BeforeAll"
                        | "BeforeEach"
                        | "Before"
                        | "Test"
                        | "Provides"
                        | "Produces"
                        | "Singleton"
                        | "lru_cache"
                        | "cache"
                        | "fixture"
                        | "on_event"
                        | "asynccontextmanager"
                        | "contextmanager"
                        | "Setup"
                        | "Benchmark"
                )
            })
        });
        let served = bodies::is_handler(code.source, function);
        constructs || marked || !served && has_word(name, BEGINS)
    }) || code
        .tree
        .ancestors(call)
        .any(|around| code.kind(around) == Kind::Field)
}

/// Whether what is made stays in its function, and is not ended there.
fn stays_here(code: Code<'_>, call: NodeId, function: NodeId, makes: Makes) -> bool {
    let tree = code.tree;
    let mut at = call;
    // `await createPool()`, casts
    while let Some(parent) = tree.parent(at)
        && matches!(code.kind(parent), Kind::Await | Kind::Cast)
    {
        at = parent;
    }
    let Some(parent) = tree.parent(at) else {
        return false;
    };
    match code.kind(parent) {
        // `Executors.newFixedThreadPool(4).submit(…)`
        Kind::Member => {
            let name = code.name(parent);
            !is_end(name)
                && tree.parent(parent).is_some_and(|around| {
                    code.kind(around) == Kind::Call
                        && matches!(
                            name,
                            "submit" | "execute" | "invokeAll" | "schedule" | "query" | "get" | "set"
                        )
                        || code.kind(around) == Kind::Member && makes == Makes::Connections
                })
        }
        Kind::Assign => {
            let Some(target) = code.child(parent, Role::Target) else {
                return false;
            };
            let target = match code.kind(target) {
                Kind::Tuple => match tree.children(target).next() {
                    Some(first) => first,
                    None => return false,
                },
                _ => target,
            };
            let name = code.name(target);
            let own = match tree.language() {
                Language::Python => !bodies::body(tree, function).iter().any(|id| {
                    code.kind(*id) == Kind::Global && tree.children(*id).any(|item| code.name(item) == name)
                }),
                Language::Go => code.name(parent) == ":=",
                _ => tree.flags(parent).has(Flags::DECLARATION),
            };
            code.kind(target) == Kind::Name
                && own
                && name != "_"
                && !change::set_by_inner(tree, function).contains(name)
                && !tree.source(function).contains(&format!("{name}::"))
                && !tree.subtree(function).any(|id| {
                    code.kind(id) == Kind::Name
                        && id != target
                        && code.name(id) == name
                        && is_given_away(code, id, makes)
                })
        }
        _ => false,
    }
}

fn is_end(name: &str) -> bool {
    matches!(
        name,
        "shutdown"
            | "shutdownNow"
            | "close"
            | "Close"
            | "end"
            | "quit"
            | "disconnect"
            | "Disconnect"
            | "dispose"
            | "destroy"
            | "$disconnect"
            | "terminate"
            | "closeall"
            | "aclose"
            | "wait_closed"
            | "shutdownGracefully"
            | "stop"
            | "DB"
    )
}

/// Whether a use of the pool ends it, or gives it to somebody who may.
fn is_given_away(code: Code<'_>, id: NodeId, makes: Makes) -> bool {
    let tree = code.tree;
    let Some(parent) = tree.parent(id) else {
        return true;
    };
    match code.kind(parent) {
        Kind::Member => is_end(code.name(parent)),
        Kind::Call | Kind::New if tree.role(id) == Role::Arg => {
            let called = code.called(parent);
            let uses = match makes {
                Makes::Threads => matches!(
                    called,
                    "supplyAsync"
                        | "runAsync"
                        | "ExecutorCompletionService"
                        | "thenApplyAsync"
                        | "thenAcceptAsync"
                        | "thenRunAsync"
                        | "thenComposeAsync"
                        | "handleAsync"
                        | "whenCompleteAsync"
                        | "sendAsync"
                        | "invokeAll"
                ),
                Makes::Connections => {
                    code.kind(parent) == Kind::Call
                        && !has_word(
                            called,
                            &[
                                "close", "release", "end", "dispose", "with", "closing", "using", "cleanup",
                                "defer", "set", "add", "register", "push", "append", "put", "finally",
                            ],
                        )
                }
            };
            !uses
        }
        Kind::Call if tree.role(id) == Role::Callee => false,
        Kind::If | Kind::Binary | Kind::ExprStmt | Kind::Conditional | Kind::While => false,
        Kind::Assign => tree.role(id) == Role::Value || code.name(parent) != ":=",
        _ => true,
    }
}
