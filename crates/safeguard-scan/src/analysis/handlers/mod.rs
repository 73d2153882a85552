//! The routes of a file: by which methods and paths which function is reached, and what stands before it.

mod go;
mod javascript;
mod python;

use super::code::Code;
use super::words::{is_about_access, words};
use crate::language::Language;
use crate::tree::{Kind, NodeId, Role};

#[derive(Debug, Clone)]
pub struct Route {
    /// Where the route is declared: the decorator, the call, or the function.
    pub node: NodeId,
    /// The function that answers, if it is in this file.
    pub handler: Option<NodeId>,
    /// In capitals; empty if it answers all or does not say.
    pub methods: Vec<String>,
    pub path: String,
    /// The names of what stands before it: decorators, middlewares, dependencies.
    pub guards: Vec<String>,
    /// What it is declared on, so that routes can be compared.
    pub on: String,
}

pub fn routes(code: Code<'_>) -> Vec<Route> {
    match code.tree.language() {
        Language::Python => python::routes(code),
        Language::JavaScript | Language::TypeScript | Language::Tsx => javascript::routes(code),
        Language::Go => go::routes(code),
        Language::Dockerfile
        | Language::Hcl
        | Language::Java
        | Language::Rust
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => Vec::new(),
    }
}

impl Route {
    pub fn changes(&self) -> bool {
        self.methods
            .iter()
            .any(|method| matches!(method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE"))
    }

    /// Whether something that stands before the handler checks who asks.
    pub fn is_guarded(&self) -> bool {
        self.guards.iter().any(|guard| is_guard(guard))
    }

    /// The name of its function, and the words of its path.
    pub fn words(&self, code: Code<'_>) -> Vec<String> {
        let mut all = words(&self.path);
        if let Some(handler) = self.handler {
            all.extend(words(code.function_name(handler)));
        }
        all
    }
}

/// Whether a decorator, a middleware or a dependency of this name checks who asks.
pub fn is_guard(name: &str) -> bool {
    let words = words(name);
    if words.iter().any(|word| {
        matches!(
            word.as_str(),
            "exempt" | "optional" | "anonymous" | "public" | "allowany"
        )
    }) {
        return false;
    }
    let joined = words.join("");
    is_about_access(name)
        || [
            "required",
            "protected",
            "currentuser",
            "adminonly",
            "verifytoken",
            "checktoken",
            "apikey",
            "loggedin",
            "accesscontrol",
        ]
        .iter()
        .any(|part| joined.contains(part))
        || words.iter().any(|word| {
            matches!(
                word.as_str(),
                "roles" | "role" | "admin" | "token" | "session" | "bearer" | "claims" | "tenant" | "user"
            )
        }) && words.len() > 1
}

/// Whether a function itself looks at who asks: the user, the session, a token, or a check by name.
pub fn looks_at_caller(code: Code<'_>, function: NodeId) -> bool {
    code.tree.subtree(function).any(|id| match code.kind(id) {
        Kind::Member | Kind::Name => {
            let name = code.name(id);
            matches!(
                name,
                "current_user"
                    | "currentUser"
                    | "getServerSession"
                    | "identity"
                    | "principal"
                    | "claims"
                    | "authorization"
                    | "Authorization"
                    | "is_authenticated"
                    | "isAuthenticated"
                    | "userId"
                    | "user_id"
                    | "UserID"
                    | "auth"
            ) || name == "session"
                && (super::sent::is_request(code.first_name(id))
                    || code
                        .tree
                        .parent(id)
                        .is_some_and(|parent| code.kind(parent) == Kind::Index))
                || name == "user"
                    && code.kind(id) == Kind::Member
                    && super::sent::is_request(code.first_name(id))
                || code.tree.role(id) == Role::Callee && (is_about_access(name) || is_guard(name))
        }
        Kind::Str => {
            let text = code.name(id);
            text.eq_ignore_ascii_case("authorization")
                || text.eq_ignore_ascii_case("x-api-key")
                || matches!(text, "user" | "user_id" | "userID" | "userId" | "claims")
                    && code
                        .tree
                        .parent(id)
                        .is_some_and(|around| code.is_call(around) || code.kind(around) == Kind::Index)
        }
        _ => false,
    })
}

/// Whether a function itself asks who calls, beyond doubt.
pub fn asks_caller(code: Code<'_>, function: NodeId) -> bool {
    code.tree.subtree(function).any(|id| {
        let name = code.name(id);
        match code.kind(id) {
            Kind::Member | Kind::Name => {
                matches!(
                    name,
                    "current_user"
                        | "currentUser"
                        | "is_authenticated"
                        | "isAuthenticated"
                        | "getServerSession"
                        | "getSession"
                ) || name == "user"
                    && code.kind(id) == Kind::Member
                    && super::sent::is_request(code.first_name(id))
                    || code.tree.role(id) == Role::Callee
                        && words(name).iter().any(|word| {
                            matches!(
                                word.as_str(),
                                "auth"
                                    | "authenticate"
                                    | "authorize"
                                    | "authorized"
                                    | "require"
                                    | "permission"
                                    | "permissions"
                                    | "jwt"
                            )
                        })
            }
            Kind::Str => name.eq_ignore_ascii_case("authorization"),
            _ => false,
        }
    })
}

/// The function of a name, in the file.
fn function_named<'s>(code: Code<'s>, name: &str) -> Option<NodeId> {
    let named = |kind| {
        code.source
            .of_kind(kind)
            .iter()
            .copied()
            .find(|function| code.function_name(*function) == name)
    };
    named(Kind::Function).or_else(|| named(Kind::Lambda))
}

/// The names in a guard: `requireRole` and `admin` of `requireRole("admin")`, `auth.required` of itself.
fn guard_names(code: Code<'_>, id: NodeId, names: &mut Vec<String>) {
    let id = code.bare(id);
    match code.kind(id) {
        Kind::Name | Kind::Member => names.push(code.tree.source(id).to_owned()),
        Kind::Call | Kind::New => {
            if let Some(callee) = code.child(id, Role::Callee) {
                guard_names(code, callee, names);
            }
            for arg in code.tree.children_in(id, Role::Arg) {
                let arg = match code.kind(arg) {
                    Kind::Keyword => code.child(arg, Role::Value).unwrap_or(arg),
                    _ => arg,
                };
                guard_names(code, arg, names);
            }
        }
        Kind::List | Kind::Tuple => {
            for item in code.tree.children(id) {
                guard_names(code, item, names);
            }
        }
        Kind::Lambda if looks_at_caller(code, id) => names.push("auth".to_owned()),
        _ => {}
    }
}
