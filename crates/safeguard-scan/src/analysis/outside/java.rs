//! Servlets, Spring, JAX-RS, Micronaut, Javalin, Spark, Vert.x and the JDK's own server: by annotations and by the types of parameters and fields.

use super::{parameter, type_of};
use crate::analysis::code::Code;
use crate::analysis::typed::declared_type;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

/// Annotations of parameters that hold what was sent.
const OF_PARAMETERS: &[&str] = &[
    "BeanParam",
    "Body",
    "CookieParam",
    "CookieValue",
    "FormParam",
    "Header",
    "HeaderParam",
    "MatrixParam",
    "MatrixVariable",
    "ModelAttribute",
    "Part",
    "PathParam",
    "PathVariable",
    "QueryParam",
    "QueryValue",
    "RequestBody",
    "RequestHeader",
    "RequestParam",
    "RequestPart",
    "RestForm",
    "RestPath",
    "RestQuery",
];

/// Annotations of methods that answer requests.
const OF_METHODS: &[&str] = &[
    "DELETE",
    "Delete",
    "DeleteMapping",
    "GET",
    "Get",
    "GetMapping",
    "HEAD",
    "MessageMapping",
    "MutationMapping",
    "OPTIONS",
    "PATCH",
    "POST",
    "PUT",
    "Patch",
    "PatchMapping",
    "Path",
    "Post",
    "PostMapping",
    "Put",
    "PutMapping",
    "QueryMapping",
    "RequestMapping",
];

const OF_REQUEST: &[&str] = &[
    "attributes",
    "bodyAsBytes",
    "body",
    "bodyToMono",
    "cookie",
    "cookies",
    "formParam",
    "formParamMap",
    "getBody",
    "getBodyAsString",
    "getCookies",
    "getHeader",
    "getHeaders",
    "getHeaderValues",
    "getInputStream",
    "getParam",
    "getParameter",
    "getParameterMap",
    "getParameterNames",
    "getParameterValues",
    "getPart",
    "getParts",
    "getPathInfo",
    "getQueryParams",
    "getQueryString",
    "getReader",
    "getRequestBody",
    "getRequestHeaders",
    "getRequestURI",
    "getRequestURL",
    "header",
    "headers",
    "multipartData",
    "params",
    "pathParam",
    "pathVariable",
    "pathVariables",
    "queryParam",
    "queryParamMap",
    "queryParams",
    "queryString",
    "raw",
    "splat",
    "uploadedFile",
    "uploadedFiles",
];

/// Types of values that are requests, or hold one.
const REQUESTS: &[&str] = &[
    "ActionRequest",
    "Context",
    "HttpExchange",
    "HttpRequest",
    "HttpServerRequest",
    "HttpServletRequest",
    "MultipartHttpServletRequest",
    "NativeWebRequest",
    "Request",
    "RoutingContext",
    "ServerHttpRequest",
    "ServerRequest",
    "ServletRequest",
    "UriInfo",
    "WebRequest",
];

pub fn outside(source: &Source) -> Vec<NodeId> {
    let tree = &source.tree;
    let code = Code::of(source);
    let mut found = Vec::new();
    for member in source.of_kind(Kind::Member) {
        if OF_REQUEST.contains(&tree.name(*member))
            && tree.role(*member) == Role::Callee
            && let Some(object) = tree.child(*member, Role::Object)
            && is_request(code, object)
        {
            found.push(*member);
        }
    }
    for param in source.of_kind(Kind::Param) {
        let written = type_of(tree, *param);
        let decorators = decorators(tree, *param);
        let is_marked = decorators.iter().any(|name| OF_PARAMETERS.contains(name));
        // Spring takes a parameter without an annotation from the query.
        let is_plain = decorators.is_empty()
            && matches!(written, "String" | "MultipartFile" | "String[]" | "List<String>")
            && tree
                .parent(*param)
                .is_some_and(|function| decorators_end_in_mapping(tree, function));
        // What has no annotation and can be read is the body: in Spring's methods these, in those of JAX-RS anything.
        let is_body = decorators.is_empty()
            && tree.parent(*param).is_some_and(|function| {
                decorators_end_in_mapping(tree, function)
                    && (matches!(written, "InputStream" | "Reader")
                        || ["HttpEntity<", "RequestEntity<"]
                            .iter()
                            .any(|start| written.starts_with(start)))
                    || code.imports("jakarta.ws.rs") | code.imports("javax.ws.rs")
                        && takes_entity(tree, function)
                        && matches!(written, "String" | "InputStream" | "Reader" | "byte[]" | "File")
            });
        if is_marked && !is_number_type(written) || is_plain || is_body {
            found.push(*param);
        }
    }
    found
}

/// Whether a method answers requests.
pub fn is_handler(source: &Source, function: NodeId) -> bool {
    let tree = &source.tree;
    decorators(tree, function)
        .iter()
        .any(|name| OF_METHODS.contains(name))
        || tree.children_in(function, Role::Param).any(|param| {
            matches!(
                type_of(tree, param),
                "HttpServletRequest" | "ServletRequest" | "HttpExchange" | "RoutingContext" | "ServerRequest"
            )
        })
}

/// The names of what stands before a declaration with `@`.
pub fn decorators(tree: &Tree, of: NodeId) -> Vec<&str> {
    tree.children_in(of, Role::Decorator)
        .filter_map(|decorator| {
            let value = tree.child(decorator, Role::Value)?;
            let name = match tree.kind(value) {
                Kind::Call => tree.child(value, Role::Callee)?,
                _ => value,
            };
            Some(tree.name(name))
        })
        .collect()
}

/// Whether a method of JAX-RS is sent a body.
fn takes_entity(tree: &Tree, function: NodeId) -> bool {
    decorators(tree, function)
        .iter()
        .any(|name| matches!(*name, "POST" | "PUT" | "PATCH"))
}

fn decorators_end_in_mapping(tree: &Tree, function: NodeId) -> bool {
    decorators(tree, function)
        .iter()
        .any(|name| name.ends_with("Mapping"))
}

fn is_request(code: Code<'_>, object: NodeId) -> bool {
    let tree = code.tree;
    match tree.kind(object) {
        Kind::Name => {
            let name = tree.name(object);
            let written = declared_type(code.source, object).unwrap_or("");
            match written {
                // A lambda's parameters have no types.
                "" => {
                    parameter(tree, object).is_some()
                        && (matches!(name, "ctx" | "context") && code.imports("io.javalin")
                            || matches!(name, "req" | "request")
                                && (code.imports("spark")
                                    || code.imports("io.vertx")
                                    || code.imports("io.javalin"))
                            || matches!(name, "exchange") && code.imports("com.sun.net.httpserver")
                            || matches!(name, "ctx" | "rc") && code.imports("io.vertx"))
                }
                "Context" => code.imports("io.javalin"),
                "HttpRequest" => !code.imports("java.net.http"),
                "Request" => {
                    code.imports("spark")
                        || code.imports("jakarta.ws.rs")
                        || code.imports("org.springframework")
                }
                written => REQUESTS.contains(&written),
            }
        }
        // Vert.x' `ctx.request()`, Spring's `exchange.getRequest()`.
        Kind::Call => {
            matches!(code.called(object), "request" | "getRequest" | "currentRequest")
                || code
                    .receiver(object)
                    .is_some_and(|of| tree.kind(of) == Kind::Name && is_request(code, of))
                    && matches!(code.called(object), "getHttpInputMessage")
        }
        _ => false,
    }
}

/// Whether a type can hold a text of free form.
pub fn is_text_type(written: &str) -> bool {
    let plain = written.trim_end_matches("[]").trim_end_matches("...");
    matches!(
        plain,
        "String"
            | "Object"
            | "CharSequence"
            | "StringBuilder"
            | "StringBuffer"
            | "byte"
            | "char"
            | "Path"
            | "File"
    ) || plain.contains("<") && (plain.contains("String") || plain.contains("Object"))
}

/// Types whose values are numbers, dates or the like, whatever was sent.
fn is_number_type(written: &str) -> bool {
    let plain = written
        .trim_end_matches("[]")
        .strip_prefix("Optional<")
        .or(written.strip_prefix("List<"))
        .map_or(written, |inner| inner.trim_end_matches('>'));
    matches!(
        plain,
        "int"
            | "long"
            | "short"
            | "byte"
            | "double"
            | "float"
            | "boolean"
            | "Integer"
            | "Long"
            | "Short"
            | "Double"
            | "Float"
            | "Boolean"
            | "BigDecimal"
            | "BigInteger"
            | "UUID"
            | "Instant"
            | "LocalDate"
            | "LocalDateTime"
            | "ZonedDateTime"
            | "OffsetDateTime"
            | "Date"
            | "Pageable"
            | "Principal"
    )
}
