//! Bodies of requests that are read as a whole, however large they are.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::{bodies, served};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "unlimited-body",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-409", "CWE-400"],
    languages: EVERY_LANGUAGE,
    run,
};

pub static COMPARISON: Comparison = Comparison {
    id: "unlimited-body",
    failure: "X2",
    cwe: &["CWE-400", "CWE-770"],
    languages: EVERY_LANGUAGE,
    run: compare,
    gone: None,
};

/// What unpacks a stream or a whole text, by the full name.
const UNPACKS: &[&str] = &[
    "gzip.NewReader",
    "zlib.NewReader",
    "flate.NewReader",
    "brotli.NewReader",
    "zstd.NewReader",
    "bzip2.NewReader",
    "gzip.decompress",
    "zlib.decompress",
    "bz2.decompress",
    "lzma.decompress",
    "brotli.decompress",
    "zlib.gunzipSync",
    "zlib.inflateSync",
    "zlib.unzipSync",
    "zlib.brotliDecompressSync",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        let path = code.path(call);
        if !UNPACKS.contains(&path) || undoes_or_tests(code, call) {
            continue;
        }
        let Some(function) = code.function(call) else {
            continue;
        };
        let from_outside = code.arg(call, 0).is_some_and(|arg| is_body(code, arg));
        if !from_outside {
            continue;
        }
        let whole = match code.tree.language() {
            Language::Go => read_whole(code, function, call),
            Language::Python => true,
            _ => code.option(call, "maxOutputLength").is_none(),
        };
        if whole {
            let told = "a small body unpacks to gigabytes, and nothing limits what is read of it";
            if served::is_served(source, project, function) {
                reports.add(call, told);
            } else {
                reports.note(call, told);
            }
        }
    }
}

/// Whether a value is the body of a request: `r.Body`, `request.data`, `req.rawBody`.
fn is_body(code: Code<'_>, id: NodeId) -> bool {
    let value = code.set_to(id).unwrap_or(id);
    [id, value].into_iter().any(|value| {
        code.tree.subtree(value).any(|part| {
            code.kind(part) == Kind::Member
                && matches!(
                    code.name(part),
                    "Body" | "data" | "body" | "rawBody" | "get_data" | "stream"
                )
                && matches!(
                    code.first_name(part),
                    "r" | "req" | "request" | "c" | "ctx" | "self" | "flask"
                )
        })
    }) && !limits(code, value)
}

fn limits(code: Code<'_>, id: NodeId) -> bool {
    code.mentions(id, is_limit)
}

fn is_limit(name: &str) -> bool {
    matches!(
        name,
        "MaxBytesReader" | "LimitReader" | "LimitedReader" | "MaxBytesHandler" | "CopyN"
    )
}

/// Go: the unpacked stream is read to its end, without a limit.
fn read_whole(code: Code<'_>, function: NodeId, call: NodeId) -> bool {
    let tree = code.tree;
    let name = tree
        .parent(call)
        .filter(|assign| code.kind(*assign) == Kind::Assign)
        .and_then(|assign| code.child(assign, Role::Target))
        .map(|target| match code.kind(target) {
            Kind::Tuple => tree.children(target).next().map_or("", |first| code.name(first)),
            _ => code.name(target),
        })
        .unwrap_or("");
    let body = bodies::body(tree, function);
    // `reader = unpacked`
    let mut names = vec![name];
    for id in body
        .iter()
        .copied()
        .filter(|id| *id > call && code.kind(*id) == Kind::Assign)
    {
        let same = code
            .child(id, Role::Value)
            .is_some_and(|value| code.kind(value) == Kind::Name && names.contains(&code.name(value)));
        names.extend(
            code.child(id, Role::Target)
                .filter(|_| same)
                .map(|target| code.name(target)),
        );
    }
    !name.is_empty()
        && body.iter().any(|id| {
            code.kind(*id) == Kind::Call
                && matches!(code.path(*id), "io.ReadAll" | "ioutil.ReadAll" | "io.Copy")
                && code
                    .args(*id)
                    .into_iter()
                    .any(|arg| code.kind(arg) == Kind::Name && names.contains(&code.name(arg)))
        })
        && !body
            .iter()
            .any(|id| code.kind(*id) == Kind::Member && is_limit(code.name(*id)))
}

/// A limit of the body that was there, and is gone, while the body is still read.
fn compare(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (was, is) = (Code::of(both.base), Code::of(both.head));
    let node = match was.tree.language() {
        Language::Go => {
            let limited = |code: Code<'_>| {
                code.calls().into_iter().any(|call| {
                    is_limit(code.called(call))
                        && code
                            .tree
                            .subtree(call)
                            .any(|part| code.kind(part) == Kind::Member && code.name(part) == "Body")
                })
            };
            if !limited(was)
                || limited(is)
                || both.moved.mentions("MaxBytes")
                || both.moved.mentions("LimitReader")
            {
                return;
            }
            is.calls().into_iter().find(|call| {
                matches!(
                    is.path(*call),
                    "io.ReadAll" | "ioutil.ReadAll" | "json.NewDecoder" | "io.Copy"
                ) && is.args(*call).iter().any(|arg| {
                    is.kind(*arg) == Kind::Member
                        && is.name(*arg) == "Body"
                        && matches!(is.first_name(*arg), "r" | "req" | "request" | "c" | "ctx")
                })
            })
        }
        Language::Python => {
            let limit = |code: Code<'_>| {
                code.tree.all().find(|id| {
                    code.kind(*id) == Kind::Assign
                        && code.child(*id, Role::Target).is_some_and(|target| {
                            matches!(
                                code.last_name(target),
                                "MAX_CONTENT_LENGTH" | "DATA_UPLOAD_MAX_MEMORY_SIZE" | "max_content_length"
                            )
                        })
                        && code
                            .child(*id, Role::Value)
                            .is_some_and(|value| !code.is_null(value))
                })
            };
            if limit(was).is_none() || limit(is).is_some() || both.moved.mentions("MAX_CONTENT_LENGTH") {
                return;
            }
            // Told where the settings are still set, or at the first statement.
            is.tree.children(NodeId::ROOT).next()
        }
        _ => {
            let limited = |code: Code<'_>, call: NodeId| {
                code.called(call) == "multer" && code.option(call, "limits").is_some()
                    || code.option(call, "bodyLimit").is_some()
            };
            let before = was.calls().into_iter().filter(|call| limited(was, *call)).count();
            let after = is.calls().into_iter().filter(|call| limited(is, *call)).count();
            if before == 0 || after > 0 || both.moved.mentions("fileSize") {
                return;
            }
            is.calls()
                .into_iter()
                .find(|call| is.called(*call) == "multer" && is.option(*call, "limits").is_none())
        }
    };
    if let Some(node) = node {
        taken.push(Taken {
            node,
            severity: Severity::High,
            confidence: Confidence::High,
            message: "the size of a body was limited here, and this change takes the limit away: one request can use up the memory".to_owned(),
        });
    }
}
