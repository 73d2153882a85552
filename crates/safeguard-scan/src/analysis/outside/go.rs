//! `net/http`, gin, echo, fiber, chi, fasthttp, AWS Lambda and gRPC: by the types of parameters, whatever their names.

use super::{parameter, type_of};
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

const OF_REQUEST: &[&str] = &[
    "Body",
    "Cookie",
    "Cookies",
    "Form",
    "FormFile",
    "FormValue",
    "Header",
    "Host",
    "MultipartForm",
    "MultipartReader",
    "PathValue",
    "PostForm",
    "PostFormValue",
    "Referer",
    "RequestURI",
    "URL",
    "UserAgent",
];

const OF_GIN: &[&str] = &[
    "Bind",
    "BindHeader",
    "BindJSON",
    "BindQuery",
    "BindUri",
    "Cookie",
    "DefaultPostForm",
    "DefaultQuery",
    "FormFile",
    "GetHeader",
    "GetPostForm",
    "GetQuery",
    "GetQueryArray",
    "GetRawData",
    "MultipartForm",
    "MustBindWith",
    "Param",
    "Params",
    "PostForm",
    "PostFormArray",
    "PostFormMap",
    "Query",
    "QueryArray",
    "QueryMap",
    "ShouldBind",
    "ShouldBindBodyWith",
    "ShouldBindJSON",
    "ShouldBindQuery",
    "ShouldBindUri",
    "ShouldBindWith",
];

const OF_ECHO: &[&str] = &[
    "Bind",
    "Cookie",
    "Cookies",
    "FormFile",
    "FormParams",
    "FormValue",
    "MultipartForm",
    "Param",
    "ParamValues",
    "QueryParam",
    "QueryParams",
    "QueryString",
];

const OF_FIBER: &[&str] = &[
    "AllParams",
    "Bind",
    "Body",
    "BodyParser",
    "BodyRaw",
    "Cookies",
    "FormFile",
    "FormValue",
    "Get",
    "GetReqHeaders",
    "MultipartForm",
    "OriginalURL",
    "Params",
    "ParamsParser",
    "Queries",
    "Query",
    "QueryParser",
    "ReqHeaderParser",
];

const OF_FASTHTTP: &[&str] = &[
    "FormFile",
    "FormValue",
    "MultipartForm",
    "PostArgs",
    "PostBody",
    "QueryArgs",
    "RequestURI",
    "URI",
    "UserValue",
];

pub fn outside(source: &Source) -> Vec<NodeId> {
    let tree = &source.tree;
    let mut found = Vec::new();
    for member in source.of_kind(Kind::Member) {
        let Some(object) = tree.child(*member, Role::Object) else {
            continue;
        };
        if members_of(tree, object).contains(&tree.name(*member)) {
            found.push(*member);
        }
    }
    for param in source.of_kind(Kind::Param) {
        if tree.role(*param) == Role::Param && holds_all(type_of(tree, *param)) {
            found.push(*param);
        }
    }
    found
}

/// The members of an object that hold what was sent, if it is a request or a framework's context.
fn members_of(tree: &Tree, object: NodeId) -> &'static [&'static str] {
    match tree.kind(object) {
        Kind::Name => {
            let written = parameter(tree, object).map_or("", |param| type_of(tree, param));
            match written.trim_start_matches('*') {
                "http.Request" => OF_REQUEST,
                "gin.Context" => OF_GIN,
                "echo.Context" => OF_ECHO,
                "fiber.Ctx" => OF_FIBER,
                "fasthttp.RequestCtx" => OF_FASTHTTP,
                _ => &[],
            }
        }
        // gin's `c.Request`
        Kind::Member if tree.name(object) == "Request" && is_framework(tree, object) => OF_REQUEST,
        // echo's `c.Request()`
        Kind::Call => match tree.child(object, Role::Callee) {
            Some(callee) if tree.name(callee) == "Request" && is_framework(tree, callee) => OF_REQUEST,
            _ => &[],
        },
        _ => &[],
    }
}

/// Whether a member is of a framework's context.
fn is_framework(tree: &Tree, member: NodeId) -> bool {
    tree.child(member, Role::Object)
        .is_some_and(|owner| tree.kind(owner) == Kind::Name && !members_of(tree, owner).is_empty())
}

/// Types of parameters that are what was sent as a whole.
fn holds_all(written: &str) -> bool {
    let plain = written.trim_start_matches('*');
    matches!(plain, "httprouter.Params")
        || (plain.starts_with("events.APIGateway") && plain.ends_with("Request"))
        || (["pb.", "proto."].iter().any(|package| plain.contains(package)) && plain.ends_with("Request"))
}

/// Whether a type can hold a text of free form: a string, bytes, or several of them.
pub fn is_text_type(written: &str) -> bool {
    let plain = written
        .trim_start_matches("...")
        .trim_start_matches("[]")
        .trim_start_matches('*');
    matches!(plain, "string" | "byte" | "interface{}" | "any") || plain.starts_with("map[string]")
}
