//! axum, actix-web, Rocket, warp and poem: by the types of parameters and the attributes of functions.

use super::type_of;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

/// Types that take a part of a request out of it.
const EXTRACTORS: &[&str] = &[
    "Form",
    "HeaderMap",
    "Host",
    "Json",
    "Multipart",
    "OriginalUri",
    "Path",
    "Query",
    "QsQuery",
    "RawForm",
    "RawQuery",
    "TypedHeader",
    "Uri",
];

const OF_REQUEST: &[&str] = &[
    "body",
    "cookie",
    "headers",
    "match_info",
    "query_string",
    "uri",
    "path",
];

pub fn outside(source: &Source) -> Vec<NodeId> {
    let tree = &source.tree;
    let mut found = Vec::new();
    for param in source.of_kind(Kind::Param) {
        let written = type_of(tree, *param);
        let is_of_route = || {
            tree.parent(*param)
                .is_some_and(|function| tree.kind(function) == Kind::Function && is_route(tree, function))
                && is_text_type(written)
        };
        if is_extractor(written) || is_of_route() {
            found.push(*param);
        }
    }
    for member in source.of_kind(Kind::Member) {
        let Some(object) = tree.child(*member, Role::Object) else {
            continue;
        };
        if OF_REQUEST.contains(&tree.name(*member))
            && tree.kind(object) == Kind::Name
            && let Some(param) = super::parameter(tree, object)
            && is_request(type_of(tree, param))
        {
            found.push(*member);
        }
    }
    found
}

/// Whether a function answers requests.
pub fn is_handler(source: &Source, function: NodeId) -> bool {
    let tree = &source.tree;
    is_route(tree, function)
        || tree.kind(function) == Kind::Function
            && tree.children_in(function, Role::Param).any(|param| {
                let written = type_of(tree, param);
                is_extractor_of_any(written) || is_request(written)
            })
}

/// `#[get("/users/<name>")]`, `#[post("/users")]`
fn is_route(tree: &Tree, function: NodeId) -> bool {
    tree.children_in(function, Role::Decorator).any(|decorator| {
        let Some(call) = tree.child(decorator, Role::Value) else {
            return false;
        };
        let callee = tree.child(call, Role::Callee).unwrap_or(call);
        matches!(
            tree.name(callee),
            "get" | "post" | "put" | "patch" | "delete" | "route" | "handler"
        ) && tree
            .children_in(call, Role::Arg)
            .next()
            .is_some_and(|path| tree.kind(path) == Kind::Str && tree.name(path).starts_with('/'))
    })
}

fn is_request(written: &str) -> bool {
    let plain = written.trim_start_matches('&').trim_start_matches("mut");
    let name = plain.split('<').next().unwrap_or(plain);
    matches!(
        name.rsplit("::").next().unwrap_or(name),
        "HttpRequest" | "Request" | "ServiceRequest"
    )
}

fn is_extractor_of_any(written: &str) -> bool {
    let (name, _) = parts(written);
    EXTRACTORS.contains(&name)
}

/// An extractor that can hold a text: not `Path<u64>`.
fn is_extractor(written: &str) -> bool {
    let (name, inner) = parts(written);
    // Without what it takes out, `Path` is the standard library's.
    let is_bare = matches!(
        name,
        "HeaderMap" | "Host" | "Multipart" | "OriginalUri" | "RawForm" | "RawQuery"
    );
    EXTRACTORS.contains(&name) && (is_bare || !inner.is_empty()) && !is_number_type(inner)
}

/// `web::Query<Params>`: `Query` and `Params`.
fn parts(written: &str) -> (&str, &str) {
    let (name, inner) = written.split_once('<').unwrap_or((written, ""));
    let name = name.rsplit("::").next().unwrap_or(name);
    (name, inner.strip_suffix('>').unwrap_or(inner))
}

pub fn is_text_type(written: &str) -> bool {
    let plain = written.trim_start_matches('&');
    let plain = plain.split_once(' ').map_or(
        plain,
        |(first, rest)| if first.starts_with('\'') { rest } else { plain },
    );
    let inner = plain
        .strip_prefix("Option<")
        .or(plain.strip_prefix("Vec<"))
        .map_or(plain, |inner| inner.trim_end_matches('>'));
    matches!(
        inner,
        "str"
            | "String"
            | "[u8]"
            | "u8"
            | "Bytes"
            | "OsStr"
            | "OsString"
            | "PathBuf"
            | "Path"
            | "impl AsRef<str>"
            | "impl Into<String>"
            | "Cow<'_,str>"
            | "[String]"
            | "[&str]"
            | "&str"
    )
}

fn is_number_type(written: &str) -> bool {
    matches!(
        written,
        "i8" | "i16"
            | "i32"
            | "i64"
            | "i128"
            | "u8"
            | "u16"
            | "u32"
            | "u64"
            | "u128"
            | "usize"
            | "isize"
            | "f32"
            | "f64"
            | "bool"
            | "Uuid"
            | "uuid::Uuid"
            | "NaiveDate"
    ) || written
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
        .is_some_and(|inner| inner.split(',').all(|part| is_number_type(part.trim())))
}
