//! What is meant for developers, shown to everybody.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::place;
use crate::analysis::sent::is_request;
use crate::analysis::settings::settings;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "debug-exposed",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-489", "CWE-209", "CWE-215"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    match code.tree.language() {
        Language::Python => python(code, reports),
        Language::Go => go(code, reports),
        Language::Java | Language::JavaScript | Language::Rust | Language::TypeScript | Language::Tsx => {}
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {}
    }
    for call in code.calls() {
        traces(code, call, reports);
        environment(code, call, reports);
    }
    for returned in source.of_kind(Kind::Return) {
        let answers = code
            .function(*returned)
            .is_some_and(|function| has_request(code, function));
        if let Some(value) = code.child(*returned, Role::Value).filter(|_| answers)
            && matches!(code.kind(value), Kind::Object | Kind::Tuple | Kind::Call)
        {
            if let Some(trace) = trace_in(code, value).filter(|_| code.kind(value) != Kind::Call) {
                report_trace(code, trace, reports);
            }
            if let Some(all) = whole_environment(code, value) {
                reports.add(
                    all,
                    format!("`{}` answers with every secret of the process", short(code, all)),
                );
            }
        }
    }
}

fn python(code: Code<'_>, reports: &mut Reports) {
    if !["debug", "DEBUG"]
        .iter()
        .any(|word| code.tree.text().contains(word))
    {
        return;
    }
    for call in code.calls() {
        let Some(debug) = code
            .option(call, "debug")
            .or_else(|| code.option(call, "use_debugger"))
        else {
            continue;
        };
        if code.boolean(debug) != Some(true) {
            continue;
        }
        let path = code.path(call);
        let runs = code.called(call) == "run"
            && code.receiver(call).is_some_and(|of| {
                has_word(
                    code.last_name(of),
                    &["app", "application", "server", "api", "socketio", "create"],
                )
            });
        let made = matches!(
            path,
            "fastapi.FastAPI"
                | "starlette.applications.Starlette"
                | "tornado.web.Application"
                | "werkzeug.serving.run_simple"
                | "litestar.Litestar"
                | "sanic.Sanic"
        );
        if !runs && !made {
            continue;
        }
        let host = code
            .option(call, "host")
            .or_else(|| code.arg(call, 0))
            .and_then(|host| code.text(host));
        let local = runs
            && host.is_none_or(|host| matches!(host, "127.0.0.1" | "localhost" | "::1"))
            && code
                .option(call, "host")
                .is_none_or(|host| code.text(host).is_some());
        let message = format!(
            "`{}` shows every visitor the program from inside, and may let them run code",
            short(code, call)
        );
        let by_hand = code
            .conditions_around(call)
            .into_iter()
            .any(|condition| code.mentions(condition, |name| name == "__name__"));
        let switched = code.conditions_around(call).into_iter().any(|condition| {
            code.mentions(condition, |name| {
                has_word(name, &["debug", "dev", "development", "local", "env"])
            })
        });
        if switched || local && by_hand {
            reports.note(call, message);
        } else {
            reports.add(call, message);
        }
    }
    let is_django = [
        "INSTALLED_APPS",
        "MIDDLEWARE",
        "ROOT_URLCONF",
        "ALLOWED_HOSTS",
        "TEMPLATES",
    ]
    .iter()
    .any(|name| {
        code.source
            .of_kind(Kind::Name)
            .iter()
            .any(|id| code.name(*id) == *name)
    });
    for setting in settings(code) {
        if setting.name == "DEBUG" || setting.name == "debug" && code.kind(setting.node) == Kind::Assign {
            debug_set(code, setting.node, setting.value, is_django, reports);
        }
        if setting.name == "ALLOWED_HOSTS"
            && code.texts_in(setting.value).any(|host| host == "*")
            && code.kind(setting.value) == Kind::List
        {
            reports.note(
                setting.node,
                "every name is taken for this server's own, so links in its mails can be forged",
            );
        }
    }
}

fn debug_set(code: Code<'_>, node: NodeId, value: NodeId, is_django: bool, reports: &mut Reports) {
    let path = &code.source.path;
    if place::is_local(path) || !code.conditions_around(node).is_empty() {
        return;
    }
    let message = format!(
        "`{}` shows every visitor the program from inside",
        short(code, node)
    );
    let default = code.is_call(value)
        && matches!(code.called(value), "get" | "getenv" | "config" | "bool" | "env")
        && code.tree.children_in(value, Role::Arg).skip(1).any(|arg| {
            matches!(code.text(arg), Some("True" | "true" | "1"))
                || code.boolean(arg) == Some(true)
                || code.child(arg, Role::Value).and_then(|value| code.boolean(value)) == Some(true)
        });
    let target = code.child(node, Role::Target);
    let in_config = target.is_some_and(|target| {
        code.kind(target) == Kind::Index && matches!(code.last_name_of_object(target), "config")
    }) || target.is_some_and(|target| {
        code.kind(target) == Kind::Member && matches!(code.last_name_of_object(target), "app" | "application")
    });
    let class = code
        .tree
        .ancestors(node)
        .find(|around| code.kind(*around) == Kind::Class)
        .map(|class| code.name(class));
    let in_class = class.is_some_and(|class| {
        has_word(class, &["production", "prod", "base", "config", "settings"])
            && !has_word(
                class,
                &["dev", "development", "test", "testing", "local", "debug"],
            )
    });
    if code.boolean(value) == Some(true) {
        if in_config
            || is_django && code.function(node).is_none() && class.is_none()
            || class.is_some_and(|class| has_word(class, &["production", "prod"])) && in_class
        {
            reports.add(node, message);
        } else if in_class {
            reports.note(node, message);
        }
    } else if default && (is_django || in_config || in_class) {
        reports.note(node, format!("{message} unless somebody turns it off"));
    }
}

fn go(code: Code<'_>, reports: &mut Reports) {
    let profiled = code
        .source
        .of_kind(Kind::Import)
        .iter()
        .copied()
        .find(|import| matches!(code.name(*import), "net/http/pprof" | "expvar"));
    if let Some(import) = profiled {
        // The default multiplexer has the pages of both.
        let open = code.calls().into_iter().find(|call| {
            matches!(code.path(*call), "http.ListenAndServe" | "http.ListenAndServeTLS")
                && code.args(*call).last().is_some_and(|handler| {
                    code.is_null(*handler) || code.last_name(*handler) == "DefaultServeMux"
                })
                && !code
                    .arg(*call, 0)
                    .and_then(|at| code.text(at))
                    .is_some_and(|at| at.starts_with("localhost") || at.starts_with("127.0.0.1"))
                && code.arg(*call, 0).and_then(|at| code.text(at)).is_some()
        });
        let apart = code.calls().into_iter().any(|call| {
            code.called(call) == "ListenAndServe"
                && code
                    .arg(call, 0)
                    .and_then(|at| code.text(at))
                    .is_some_and(|at| at.starts_with("localhost") || at.starts_with("127.0.0.1"))
        });
        match open {
            None if apart => {}
            Some(call) => reports.add(
                call,
                format!(
                    "`{}` serves `{}` to everybody",
                    short(code, call),
                    code.name(import)
                ),
            ),
            None => {
                let blank = code.tree.children(import).any(|item| {
                    code.child(item, Role::Target)
                        .is_some_and(|name| code.name(name) == "_")
                });
                if blank {
                    reports.note(
                        import,
                        format!(
                            "`{}` adds its pages to the server that others use",
                            code.name(import)
                        ),
                    );
                }
            }
        }
    }
    for call in code.calls() {
        let debug = code.path(call) == "gin.SetMode"
            && code
                .arg(call, 0)
                .is_some_and(|mode| code.last_name(mode) == "DebugMode")
            || matches!(code.path(call), "pprof.Register" | "ginpprof.Wrap");
        if debug {
            reports.note(call, format!("`{}` is for developers", short(code, call)));
        }
    }
}

/// Whether a function answers a request.
fn has_request(code: Code<'_>, function: NodeId) -> bool {
    code.tree.children_in(function, Role::Param).any(|param| {
        let name = code.name(param);
        is_request(name) && !matches!(name, "self" | "this" | "info" | "event" | "context")
            || matches!(name, "res" | "response" | "w" | "reply")
    }) || code.tree.children_in(function, Role::Decorator).any(|decorator| {
        code.child(decorator, Role::Value).is_some_and(|value| {
            matches!(
                code.called(value),
                "route"
                    | "get"
                    | "post"
                    | "put"
                    | "delete"
                    | "patch"
                    | "errorhandler"
                    | "exception_handler"
                    | "app_errorhandler"
            )
        })
    })
}

/// What sends an answer.
fn sends(code: Code<'_>, call: NodeId) -> bool {
    match code.called(call) {
        "json" | "send" | "JSON" | "String" | "write" | "end" | "Write" | "render" => {
            code.first_name_of_call(call).is_some_and(|name| {
                matches!(name, "res" | "response" | "reply" | "NextResponse" | "Response")
                    || matches!(name, "ctx" | "c" | "w") && code.tree.language() != Language::Python
            })
        }
        "jsonify" | "JSONResponse" | "JsonResponse" | "HttpResponse" | "HTTPException" | "make_response"
        | "PlainTextResponse" | "HTMLResponse" | "Response" | "json_response" => true,
        "Error" | "Fprintf" | "Fprint" | "Fprintln" => {
            matches!(
                code.path(call),
                "http.Error" | "fmt.Fprintf" | "fmt.Fprint" | "fmt.Fprintln"
            ) && code.arg(call, 0).is_some_and(|w| code.last_name(w) == "w")
        }
        _ => false,
    }
}

/// A stack that is sent to the client.
fn traces(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    if !sends(code, call) {
        return;
    }
    for arg in code.tree.children_in(call, Role::Arg) {
        if let Some(trace) = trace_in(code, arg) {
            report_trace(code, trace, reports);
            return;
        }
    }
}

fn trace_in(code: Code<'_>, id: NodeId) -> Option<NodeId> {
    code.tree.subtree(id).find(|inner| match code.kind(*inner) {
        Kind::Member => {
            code.name(*inner) == "stack"
                && code
                    .child(*inner, Role::Object)
                    .is_some_and(|of| has_word(code.last_name(of), &["err", "error", "e", "ex", "exception"]))
        }
        Kind::Call => is_trace(code, *inner),
        Kind::Name => code
            .set_to(*inner)
            .is_some_and(|value| value != *inner && code.is_call(value) && is_trace(code, value)),
        _ => false,
    })
}

fn is_trace(code: Code<'_>, call: NodeId) -> bool {
    let path = code.path(call);
    matches!(
        path,
        "traceback.format_exc"
            | "traceback.format_exception"
            | "debug.Stack"
            | "traceback.format_tb"
            | "traceback.format_stack"
    ) || path == "string"
        && code
            .arg(call, 0)
            .is_some_and(|arg| code.is_call(arg) && code.path(arg) == "debug.Stack")
}

fn report_trace(code: Code<'_>, trace: NodeId, reports: &mut Reports) {
    let guarded = code.conditions_around(trace).into_iter().any(|condition| {
        let about = |name: &str| {
            has_word(
                name,
                &[
                    "dev",
                    "development",
                    "debug",
                    "production",
                    "prod",
                    "env",
                    "verbose",
                    "test",
                    "local",
                    "trace",
                    "stack",
                ],
            )
        };
        code.mentions(condition, about) || code.texts_in(condition).any(about)
    }) || code.tree.ancestors(trace).any(|around| {
        code.kind(around) == Kind::Binary
            && matches!(code.name(around), "and")
            && code.mentions(around, |name| {
                has_word(name, &["dev", "debug", "env", "production", "development"])
            })
    }) || place::is_local(&code.source.path);
    if !guarded {
        reports.add(
            trace,
            format!(
                "`{}` tells every client where the program failed, and with what",
                short(code, trace)
            ),
        );
    }
}

/// `res.json(process.env)`, `jsonify(dict(os.environ))`.
fn environment(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    if !sends(code, call) {
        return;
    }
    for arg in code.tree.children_in(call, Role::Arg) {
        if let Some(all) = whole_environment(code, arg) {
            reports.add(
                all,
                format!("`{}` answers with every secret of the process", short(code, all)),
            );
        }
    }
}

fn whole_environment(code: Code<'_>, id: NodeId) -> Option<NodeId> {
    code.tree.subtree(id).find(|inner| {
        let path = match code.kind(*inner) {
            Kind::Member => code.path_of(*inner),
            Kind::Call => return code.path(*inner) == "os.Environ",
            _ => return false,
        };
        if !matches!(path.as_str(), "os.environ" | "process.env") {
            return false;
        }
        // `process.env.PORT`, `os.environ["A"]` and `os.environ.get("A")` are one of them.
        code.tree.parent(*inner).is_none_or(|parent| {
            !matches!(code.kind(parent), Kind::Index | Kind::Member)
                && code.tree.role(*inner) != Role::Right
                && code.kind(parent) != Kind::Clause
        })
    })
}
