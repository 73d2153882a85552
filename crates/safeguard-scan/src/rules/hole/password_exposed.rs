//! A password or a key in a log or an answer.

use safeguard_api::evidence::Severity;

use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::sent::is_request;
use crate::analysis::words::{has_word, is_password, is_secret, words};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "password-exposed",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-532", "CWE-200", "CWE-312"],
    languages: crate::rules::ALL_LANGUAGES,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        logged(code, call, reports);
        if answers(code, call) {
            answered(code, call, reports);
        }
    }
    for returned in source.of_kind(Kind::Return) {
        let Some(value) = code.child(*returned, Role::Value) else {
            continue;
        };
        let by_route = code.function(*returned).is_some_and(|function| {
            code.tree.children_in(function, Role::Decorator).any(|decorator| {
                code.child(decorator, Role::Value).is_some_and(|value| {
                    matches!(
                        code.called(value),
                        "get"
                            | "post"
                            | "put"
                            | "patch"
                            | "route"
                            | "delete"
                            | "Get"
                            | "Post"
                            | "Put"
                            | "Patch"
                    )
                })
            })
        });
        if by_route && code.kind(value) == Kind::Object {
            answered(code, value, reports);
        }
    }
    for class in source.of_kind(Kind::Class) {
        schema(code, *class, reports);
    }
}

/// How a call writes a log: for others to read, or for whoever runs the program.
fn log_of(code: Code<'_>, call: NodeId) -> Option<bool> {
    let called = code.called(call);
    let path = code.path(call);
    if matches!(
        path,
        "print" | "pprint.pprint" | "fmt.Println" | "fmt.Printf" | "fmt.Print" | "println"
    ) {
        return Some(false);
    }
    if path.starts_with("console.") && matches!(called, "log" | "info" | "debug" | "warn" | "error" | "trace")
    {
        return Some(true);
    }
    if path.starts_with("log.")
        && matches!(
            called,
            "Printf" | "Println" | "Print" | "Fatalf" | "Fatal" | "Fatalln" | "Panicf"
        )
    {
        return Some(true);
    }
    let level = matches!(
        called,
        "debug"
            | "info"
            | "warning"
            | "warn"
            | "error"
            | "critical"
            | "exception"
            | "log"
            | "trace"
            | "Info"
            | "Infof"
            | "Debug"
            | "Debugf"
            | "Warn"
            | "Warnf"
            | "Error"
            | "Errorf"
            | "Infow"
            | "Debugw"
            | "Errorw"
            | "fatal"
            | "verbose"
            | "success"
    );
    let on_log = code.receiver(call).is_some_and(|of| {
        has_word(
            code.last_name(of),
            &[
                "log", "logger", "logging", "slog", "sugar", "zap", "logrus", "winston", "pino", "zerolog",
            ],
        ) || code.tree.source(of).ends_with(".log")
    });
    (level && on_log).then_some(true)
}

fn logged(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let Some(for_others) = log_of(code, call) else {
        return;
    };
    for arg in code.tree.children_in(call, Role::Arg) {
        let Some(secret) = secret_in(code, arg) else {
            continue;
        };
        let message = format!(
            "`{}` is written to the log, where many can read it, for long",
            short(code, secret)
        );
        // A program at the terminal shows what it has made to whoever asked for it.
        let serves = code.functions(call).any(|function| {
            code.tree
                .children_in(function, Role::Param)
                .any(|param| is_server_param(code.name(param)))
        });
        if for_others && !shows_new_one(code, call) || serves {
            reports.add(call, message);
        } else {
            reports.note(call, message);
        }
        return;
    }
    // `console.log(req.body)` where somebody signs in.
    let whole = code.tree.children_in(call, Role::Arg).any(|arg| {
        let source = code.tree.source(arg);
        matches!(
            source,
            "req.body"
                | "request.body"
                | "request.form"
                | "request.data"
                | "request.POST"
                | "request.json"
                | "ctx.request.body"
        ) || code.is_call(arg) && source.contains("req.body") && source.starts_with("JSON.stringify")
    });
    let signs_in = code.names_around(call).iter().any(|name| {
        has_word(
            name,
            &[
                "login",
                "signin",
                "register",
                "signup",
                "auth",
                "authenticate",
                "password",
            ],
        )
    }) || code
        .tree
        .ancestors(call)
        .filter(|around| code.is_call(*around))
        .any(|around| {
            code.arg(around, 0)
                .and_then(|path| code.text(path))
                .is_some_and(|path| {
                    path.starts_with('/')
                        && has_word(
                            path,
                            &[
                                "login", "signin", "register", "signup", "auth", "password", "payment",
                            ],
                        )
                })
        });
    if let Some(body) = sent_with_password(code, call) {
        reports.add(
            call,
            format!("`{body}` is written to the log, and the password is in it"),
        );
    } else if whole && signs_in {
        reports.note(call, "what is logged here has the password in it");
    }
}

/// `body = request.get_json()`, of which the function takes `body["password"]`, and which it logs as a whole.
fn sent_with_password<'s>(code: Code<'s>, call: NodeId) -> Option<&'s str> {
    let function = code.function(call)?;
    let args = code.tree.children_in(call, Role::Arg);
    let names = args.flat_map(|arg| match code.kind(arg) {
        Kind::Interp => code.tree.children(arg).collect(),
        Kind::Call if matches!(code.called(arg), "stringify" | "dumps" | "str" | "repr") => code.args(arg),
        _ => vec![arg],
    });
    let body = names.filter(|arg| code.kind(*arg) == Kind::Name).find(|arg| {
        code.set_to(*arg).is_some_and(|value| {
            let of = match code.is_call(value) {
                true => code.receiver(value).unwrap_or(value),
                false => value,
            };
            let reads = matches!(
                code.called(value),
                "get_json" | "json" | "form" | "to_dict" | "formData"
            );
            let holds = matches!(code.last_name(value), "body" | "json" | "form" | "data" | "POST");
            is_request(code.first_name(of)) && (reads || holds)
        })
    })?;
    let name = code.name(body);
    let takes = code.tree.subtree(function).any(|id| {
        matches!(code.kind(id), Kind::Index | Kind::Member | Kind::Call)
            && code.first_name(id) == name
            && is_password(code.last_name(id))
    });
    // `const { email, password } = body`
    let takes_apart = code.tree.subtree(function).any(|id| {
        code.kind(id) == Kind::Assign
            && code
                .child(id, Role::Value)
                .is_some_and(|value| code.name(value) == name)
            && code
                .child(id, Role::Target)
                .is_some_and(|target| code.mentions(target, is_password))
    });
    (takes || takes_apart).then_some(name)
}

fn is_server_param(name: &str) -> bool {
    is_request(name) && !matches!(name, "self" | "this" | "info" | "r" | "c" | "context" | "event")
        || matches!(name, "res" | "w")
}

fn shows_new_one(code: Code<'_>, call: NodeId) -> bool {
    code.names_around(call).iter().any(|name| {
        has_word(
            name,
            &[
                "main",
                "cli",
                "generate",
                "setup",
                "init",
                "seed",
                "bootstrap",
                "command",
                "install",
            ],
        )
    }) && code.tree.language() != Language::Go
}

/// What opens something by itself: passwords, keys, numbers of cards.
fn is_exposing(name: &str) -> bool {
    if is_password(name) && !is_count(name) {
        return true;
    }
    let joined = words(name).join("");
    is_secret(name)
        && !has_word(
            name,
            &[
                "public", "masked", "redacted", "hidden", "safe", "partial", "session", "without", "no",
                "omit", "cache", "row",
            ],
        )
        || matches!(
            joined.as_str(),
            "cvv"
                | "cvc"
                | "cardnumber"
                | "creditcard"
                | "creditcardnumber"
                | "ssn"
                | "socialsecuritynumber"
                | "privatekey"
                | "jwttoken"
                | "resettoken"
                | "passwordresettoken"
        )
}

fn is_count(name: &str) -> bool {
    words(name).last().is_some_and(|last| last == "passwords")
        || has_word(
            name,
            &[
                "masked",
                "redacted",
                "weak",
                "safe",
                "missing",
                "wrong",
                "hidden",
                "obfuscated",
                "without",
                "omit",
                "no",
                "stripped",
            ],
        )
}

/// The secret in what is written: the value itself, not its length, its truth or a part of it.
fn secret_in(code: Code<'_>, id: NodeId) -> Option<NodeId> {
    match code.kind(id) {
        Kind::Name | Kind::Member | Kind::Index => {
            let name = code.last_name(id);
            (is_exposing(name) && !is_settled(code, id)).then_some(id)
        }
        Kind::Interp
        | Kind::Binary
        | Kind::Tuple
        | Kind::Object
        | Kind::List
        | Kind::Pair
        | Kind::Keyword => {
            if code.kind(id) == Kind::Binary && !matches!(code.name(id), "+" | "%" | "or" | "??") {
                return None;
            }
            code.tree
                .children(id)
                .filter(|part| code.tree.role(*part) != Role::Key)
                .find_map(|part| secret_in(code, part))
        }
        Kind::Call => {
            let called = code.called(id);
            let passes = matches!(called, "format" | "str" | "String" | "stringify" | "Sprintf" | "dumps" | "decode" | "toString" | "repr" | "concat")
                // zap and zerolog
                || code.path(id).starts_with("zap.") || matches!(called, "Str" | "Any");
            if !passes {
                return match code.last_name(id) {
                    // `data.get("password")`
                    name if matches!(called, "get" | "FormValue" | "PostForm" | "PostFormValue")
                        && is_exposing(name) =>
                    {
                        Some(id)
                    }
                    _ => None,
                };
            }
            code.tree
                .children_in(id, Role::Arg)
                .find_map(|part| secret_in(code, part))
                .or_else(|| {
                    code.receiver(id)
                        .filter(|_| called == "decode" || called == "toString")
                        .and_then(|of| secret_in(code, of))
                })
        }
        Kind::Spread => None,
        _ => None,
    }
}

/// Whether a name stands for a text of the program, not for somebody's secret.
fn is_settled(code: Code<'_>, id: NodeId) -> bool {
    code.kind(id) == Kind::Name && code.set_to(id).is_some_and(|value| {
        value != id && (matches!(code.kind(value), Kind::Bool | Kind::Num | Kind::Null | Kind::Object | Kind::Lambda) || code.is_call(value) && matches!(code.called(value), "len" | "bool" | "mask" | "redact" | "repeat"))
            || code.kind(value) == Kind::Str && code.name(value).contains(['*', ' '])
    })
        // `t.password`, `messages.password`, `errors.password`: texts about it.
        || matches!(code.kind(id), Kind::Member | Kind::Index)
            && has_word(code.first_name(id), &["errors", "error", "messages", "labels", "i18n", "t", "strings", "err", "e", "constants"])
}

fn answers(code: Code<'_>, call: NodeId) -> bool {
    match code.called(call) {
        "json" | "send" | "JSON" => code.first_name_of_call(call).is_some_and(|name| {
            matches!(
                name,
                "res" | "response" | "reply" | "c" | "ctx" | "NextResponse" | "Response"
            )
        }),
        "jsonify" | "JSONResponse" | "JsonResponse" | "json_response" => true,
        _ => false,
    }
}

/// `res.json({ password: user.password })`: the key says that it is one, and the value is a stored one.
fn answered(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    for id in code.tree.subtree(call) {
        let (name, value) = match code.kind(id) {
            Kind::Pair => (code.key(id).unwrap_or(""), code.child(id, Role::Value)),
            Kind::Keyword => (code.name(id), code.child(id, Role::Value)),
            _ => continue,
        };
        let Some(value) = value else {
            continue;
        };
        let parts = words(name);
        let is_hash = parts.iter().any(|word| word == "password" || word == "passwd")
            && parts
                .iter()
                .any(|word| matches!(word.as_str(), "hash" | "hashed" | "digest"));
        if !is_password(name) && !is_hash {
            continue;
        }
        let of = code.bare(value);
        let stored = matches!(code.kind(of), Kind::Member | Kind::Index)
            && !has_word(
                code.first_name(of),
                &[
                    "errors", "error", "messages", "form", "req", "request", "t", "body", "config",
                    "settings", "conf",
                ],
            )
            && (is_password(code.last_name(of))
                || code.last_name(of).to_ascii_lowercase().contains("password"));
        if stored {
            reports.add(id, format!("`{}` goes out with the answer", short(code, id)));
        }
    }
}

/// What a service answers with has a field for the password.
fn schema(code: Code<'_>, class: NodeId, reports: &mut Reports) {
    if code.tree.language() != Language::Python {
        return;
    }
    let name = code.name(class);
    let goes_out = has_word(name, &["out", "response", "public", "read"])
        && !has_word(name, &["create", "in", "update", "request"]);
    let is_schema = code.tree.children_in(class, Role::Base).any(|base| {
        let base = code.tree.source(base);
        base.ends_with("BaseModel") || base.ends_with("Schema") || has_word(base, &["user", "account"])
    });
    let Some(body) = code.body(class).filter(|_| goes_out && is_schema) else {
        return;
    };
    for field in code.tree.children(body) {
        let sets = code
            .child(field, Role::Target)
            .map_or(code.name(field), |target| code.name(target));
        let hidden = code.child(field, Role::Value).is_some_and(|value| {
            code.mentions(value, |name| {
                matches!(name, "load_only" | "exclude" | "write_only")
            })
        });
        let parts = words(sets);
        let is_hash = parts.iter().any(|word| word == "password")
            && parts
                .iter()
                .any(|word| matches!(word.as_str(), "hash" | "hashed"));
        if matches!(code.kind(field), Kind::Assign | Kind::Field) && (is_password(sets) || is_hash) && !hidden
        {
            let message = format!("`{name}` goes out with answers, and has `{sets}` in it");
            if is_hash
                || has_word(
                    name,
                    &[
                        "user", "users", "account", "member", "customer", "profile", "admin", "employee",
                    ],
                )
            {
                reports.add(field, message);
            } else {
                reports.note(field, message);
            }
        }
    }
}
