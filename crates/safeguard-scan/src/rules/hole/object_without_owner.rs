//! A thing that is fetched by the number that the client sends, whoever it belongs to.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use super::unscoped_viewset::PRIVATE;
use crate::analysis::code::Code;
use crate::analysis::handlers::{Route, routes};
use crate::analysis::words::{has_word, words};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "object-without-owner",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-639", "CWE-284"],
    languages: EVERY,
    run,
};

/// How a handler gets at a thing of one kind.
struct Fetch {
    node: NodeId,
    of: String,
    owned: bool,
}

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let routes = routes(code);
    let handlers: Vec<(&Route, NodeId, Vec<Fetch>)> = routes
        .iter()
        .filter_map(|route| {
            let handler = route.handler?;
            Some((route, handler, fetches(code, handler)))
        })
        .collect();
    for (at, (route, handler, own)) in handlers.iter().enumerate() {
        let asks = knows_owner(code, *handler) || compares_owner(code, *handler);
        if asks || is_for_admins(code, route, *handler) {
            continue;
        }
        for fetch in own.iter().filter(|fetch| !fetch.owned) {
            let sibling = handlers
                .iter()
                .enumerate()
                .find(|(other, (route, handler, theirs))| {
                    *other != at
                        && !is_for_admins(code, route, *handler)
                        && theirs.iter().any(|other| {
                            other.of == fetch.of && (other.owned || knows_owner_of(code, *handler))
                        })
                });
            let Some((_, (_, other, _))) = sibling else {
                continue;
            };
            let message = format!(
                "`{}` fetches by a number that the client sends, whoever it belongs to; `{}` beside it asks whose it is",
                short(code, fetch.node),
                code.function_name(*other)
            );
            let name = code.function_name(*other);
            let message = if name.is_empty() {
                message.replace("`` beside it", "another handler")
            } else {
                message
            };
            reports.add(fetch.node, message);
            break;
        }
    }
}

fn is_owner(name: &str) -> bool {
    let joined = words(name).join("");
    matches!(
        joined.as_str(),
        "userid"
            | "ownerid"
            | "owner"
            | "user"
            | "author"
            | "authorid"
            | "createdby"
            | "accountid"
            | "tenantid"
            | "tenant"
            | "orgid"
            | "organizationid"
            | "organization"
            | "customerid"
            | "currentuser"
            | "useruuid"
            | "memberid"
            | "creatorid"
            | "creator"
            | "workspaceid"
            | "teamid"
            | "customer"
            | "account"
    )
}

/// Whether a handler asks whose a thing is: it compares an owner, or hands the caller to what fetches.
fn knows_owner(code: Code<'_>, handler: NodeId) -> bool {
    code.tree.subtree(handler).any(|id| match code.kind(id) {
        Kind::Name | Kind::Member => {
            let name = code.name(id);
            let is_param_type = code.tree.role(id) == Role::Type;
            !is_param_type
                && (matches!(
                    name,
                    "current_user"
                        | "currentUser"
                        | "session"
                        | "claims"
                        | "principal"
                        | "identity"
                        | "userId"
                        | "user_id"
                        | "userID"
                        | "UserID"
                        | "uid"
                        | "owner_id"
                        | "ownerId"
                        | "OwnerID"
                        | "is_staff"
                        | "is_superuser"
                        | "isAdmin"
                        | "is_admin"
                ) || name == "user"
                    && code
                        .tree
                        .parent(id)
                        .is_none_or(|parent| code.kind(parent) != Kind::Param)
                    || has_word(
                        name,
                        &[
                            "owner",
                            "permission",
                            "permissions",
                            "authorize",
                            "authorized",
                            "policy",
                            "ability",
                            "can",
                            "tenant",
                            "acl",
                        ],
                    ))
        }
        Kind::Str => {
            let text = code.name(id);
            matches!(
                text,
                "user_id" | "userID" | "user" | "userId" | "owner_id" | "X-User-ID"
            ) || text.contains("user_id =")
                || text.contains("owner_id =")
        }
        _ => false,
    }) || code
        .tree
        .children_in(handler, Role::Param)
        .any(|param| false_if_unused(code, handler, param))
}

/// `receipt.customer_id != customer.id`
fn compares_owner(code: Code<'_>, handler: NodeId) -> bool {
    code.tree.subtree(handler).any(|id| {
        code.comparison(id).is_some_and(|(operator, left, right)| {
            let members = [left, right].iter().all(|side| code.kind(*side) == Kind::Member);
            matches!(operator, "==" | "!=" | "===" | "!==")
                && members
                && (is_owner(code.last_name(left)) || is_owner(code.last_name(right)))
        })
    })
}

/// A parameter for the caller that the body uses.
fn false_if_unused(code: Code<'_>, handler: NodeId, param: NodeId) -> bool {
    let name = code.name(param);
    let is_caller = matches!(
        name,
        "user" | "current_user" | "currentUser" | "me" | "principal" | "identity"
    );
    is_caller
        && code.body(handler).is_some_and(|body| {
            code.tree
                .subtree(body)
                .any(|id| code.kind(id) == Kind::Name && code.name(id) == name)
        })
}

fn knows_owner_of(code: Code<'_>, handler: NodeId) -> bool {
    // It compares or filters by one; that it only knows who asks is not enough.
    code.tree.subtree(handler).any(|id| match code.kind(id) {
        Kind::Keyword => is_owner(code.name(id)),
        Kind::Pair => code.key(id).is_some_and(is_owner),
        Kind::Binary => code.comparison(id).is_some_and(|(operator, left, right)| {
            matches!(operator, "==" | "!=" | "===" | "!==")
                && (is_owner(code.last_name(left)) || is_owner(code.last_name(right)))
                && !code.is_null(left)
                && !code.is_null(right)
        }),
        Kind::Str => {
            let text = code.name(id).to_ascii_lowercase();
            [
                "user_id = ",
                "owner_id = ",
                "user_id=",
                "owner_id=",
                "account_id = ",
                "tenant_id = ",
            ]
            .iter()
            .any(|part| text.contains(part))
                && text.contains("where")
                || text.starts_with("user_id = ?")
                || text.contains("and user_id = ?")
                || text.contains("and owner_id = ?")
        }
        _ => false,
    })
}

fn is_for_admins(code: Code<'_>, route: &Route, handler: NodeId) -> bool {
    let about = |word: &String| {
        matches!(
            word.as_str(),
            "admin"
                | "staff"
                | "superuser"
                | "internal"
                | "public"
                | "moderator"
                | "role"
                | "roles"
                | "permission"
                | "permissions"
        )
    };
    route.words(code).iter().any(about)
        || route.guards.iter().any(|guard| words(guard).iter().any(about))
        || code
            .tree
            .ancestors(handler)
            .any(|around| code.kind(around) == Kind::Class && words(code.name(around)).iter().any(about))
}

/// What a handler fetches by an id.
fn fetches(code: Code<'_>, handler: NodeId) -> Vec<Fetch> {
    let mut found = Vec::new();
    for call in code
        .tree
        .subtree(handler)
        .filter(|id| code.kind(*id) == Kind::Call)
    {
        if let Some(of) = model(code, call).or_else(|| table(code, call)) {
            let owned = code.tree.subtree(call).any(|id| match code.kind(id) {
                Kind::Keyword => is_owner(code.name(id)),
                Kind::Pair => code.key(id).is_some_and(is_owner),
                Kind::Member => is_owner(code.name(id)) && code.name(id) != "user",
                Kind::Str => {
                    let text = code.name(id).to_ascii_lowercase();
                    ["user_id", "owner_id", "account_id", "tenant_id", "created_by"]
                        .iter()
                        .any(|part| text.contains(part))
                }
                _ => false,
            });
            found.push(Fetch {
                node: call,
                of,
                owned,
            });
        } else if let Some(of) = listed(code, call) {
            found.push(Fetch {
                node: call,
                of,
                owned: true,
            });
        }
    }
    found
}

/// What a handler lists only those of the caller of, where nobody else has a business with the others: `this.orders.find({ where: { userId } })`.
fn listed(code: Code<'_>, call: NodeId) -> Option<String> {
    if !matches!(
        code.called(call),
        "find"
            | "findMany"
            | "findAll"
            | "findAndCount"
            | "findAndCountAll"
            | "findBy"
            | "filter"
            | "filter_by"
    ) {
        return None;
    }
    let of = code.tree.source(code.receiver(call)?);
    let of = of
        .strip_suffix(".objects")
        .or(of.strip_suffix(".query"))
        .unwrap_or(of);
    let last = of.rsplit('.').next().unwrap_or(of);
    let private = words(last)
        .iter()
        .any(|word| PRIVATE.contains(&word.strip_suffix('s').unwrap_or(word)));
    let by_owner = code.tree.subtree(call).any(|id| match code.kind(id) {
        Kind::Keyword => is_owner(code.name(id)),
        Kind::Pair => code.key(id).is_some_and(is_owner),
        _ => false,
    });
    (private && by_owner).then(|| of.to_owned())
}

/// The model that is asked for one by its id.
fn model(code: Code<'_>, call: NodeId) -> Option<String> {
    let called = code.called(call);
    let args = code.args(call);
    let by_id = |id: NodeId| {
        let name = code.last_name(id);
        has_word(name, &["id", "pk", "uuid", "slug"])
            || code.kind(id) == Kind::Name && name.ends_with("_id")
            || has_word(name, &["params"])
    };
    match called {
        // `Order.query.get(order_id)`, `Order.query.get_or_404(id)`, `db.session.get(Order, id)`
        "get" | "get_or_404" | "get_object_or_404" | "aget" => {
            let path = code.path(call);
            let owner = code.receiver(call).map_or("", |of| code.tree.source(of));
            if let Some(model) = owner.strip_suffix(".query").or(owner.strip_suffix(".objects")) {
                let named = code
                    .tree
                    .children_in(call, Role::Arg)
                    .any(|arg| match code.kind(arg) {
                        Kind::Keyword => matches!(code.name(arg), "id" | "pk" | "uuid"),
                        _ => by_id(arg),
                    });
                return named.then(|| model.to_owned());
            }
            let first = args.first()?;
            // `s.get(Order, order_id)` of SQLAlchemy
            let by_model = args.get(1).is_some_and(|id| by_id(*id));
            if path.ends_with("get_object_or_404") || owner.ends_with("session") || owner == "db" || by_model
            {
                let model = code.tree.source(*first);
                return model
                    .starts_with(|char: char| char.is_uppercase())
                    .then(|| model.split('.').next().unwrap_or(model).to_owned());
            }
            None
        }
        // `select(Order).where(Order.id == order_id)`
        "where" | "filter"
            if code
                .receiver(call)
                .is_some_and(|of| code.called(of) == "select" || code.called(of) == "query") =>
        {
            let of = code.receiver(call)?;
            let model = code.tree.source(code.arg(of, 0)?);
            let by_id = args.iter().any(|arg| {
                code.comparison(*arg).is_some_and(|(operator, left, _)| {
                    operator == "==" && matches!(code.last_name(left), "id" | "pk" | "uuid")
                })
            });
            (by_id && model.starts_with(|char: char| char.is_uppercase())).then(|| model.to_owned())
        }
        // `Order.query.filter_by(id=order_id)`, `Order.objects.filter(pk=id)`
        "filter_by" | "filter" => {
            let owner = code.tree.source(code.receiver(call)?);
            let model = owner.strip_suffix(".query").or(owner.strip_suffix(".objects"))?;
            code.tree
                .children_in(call, Role::Arg)
                .any(|arg| code.kind(arg) == Kind::Keyword && matches!(code.name(arg), "id" | "pk" | "uuid"))
                .then(|| model.to_owned())
        }
        "findById" | "findByPk" | "findByIdAndUpdate" | "findByIdAndDelete" | "findByIdAndRemove" => {
            Some(code.tree.source(code.receiver(call)?).to_owned())
        }
        "findOne" | "findUnique" | "findFirst" | "update" | "delete" | "deleteOne" | "updateOne"
        | "findOneAndUpdate" | "findOneAndDelete" | "destroy" | "findUniqueOrThrow" | "findOneBy" => {
            let first = *args.first()?;
            let filter = code.entry(first, "where").unwrap_or(first);
            (code.entry(filter, "id").is_some() || code.entry(filter, "_id").is_some())
                .then(|| code.receiver(call).map(|of| code.tree.source(of).to_owned()))?
        }
        // gorm: `db.First(&order, id)`
        "First" | "Find" | "Take" | "Delete" => {
            let first = code.bare(*args.first()?);
            let typed = code
                .set_to(first)
                .filter(|value| code.kind(*value) == Kind::Composite)
                .map(|value| code.name(value).to_owned());
            let declared = typed.or_else(|| declared_type(code, first));
            let composite = (code.kind(first) == Kind::Composite).then(|| code.name(first).to_owned());
            (args.len() > 1).then(|| composite.or(declared))?
        }
        _ => None,
    }
}

/// Go: `var order Order`.
fn declared_type(code: Code<'_>, name: NodeId) -> Option<String> {
    let function = code.function(name)?;
    code.tree
        .subtree(function)
        .filter(|id| code.kind(*id) == Kind::Assign)
        .find(|id| {
            code.child(*id, Role::Target)
                .is_some_and(|target| code.name(target) == code.name(name))
        })
        .and_then(|id| code.child(id, Role::Type))
        .map(|written| code.name(written).to_owned())
}

/// The table of `SELECT … FROM orders WHERE id = ?`, `DELETE FROM orders WHERE id = ?`.
fn table(code: Code<'_>, call: NodeId) -> Option<String> {
    let sql = code
        .tree
        .children_in(call, Role::Arg)
        .take(2)
        .find_map(|arg| code.text(arg))?
        .to_ascii_lowercase();
    let words: Vec<&str> = sql.split_whitespace().collect();
    let begins = *words.first()?;
    if !matches!(begins, "select" | "delete" | "update") {
        return None;
    }
    let (_, filter) = sql.split_once("where")?;
    let filter = filter.trim_start();
    if !(filter.starts_with("id ") || filter.starts_with("id=") || filter.starts_with("uuid")) {
        return None;
    }
    let table = if begins == "update" {
        words.get(1)?
    } else {
        words.get(words.iter().position(|word| *word == "from")? + 1)?
    };
    Some(format!("table {table}"))
}
