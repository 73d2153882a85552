//! What a client sends is bound onto the stored model itself, which has fields that say what somebody may do or has.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::outside::java_decorators;
use crate::analysis::words::words;
use crate::analysis::{bodies, typed};
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, file_name};
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "mass-assignment",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-915"],
    languages: &[Language::Go, Language::Java],
    run,
};

const FILES_MAX: usize = 3_000;

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for function in source.of_kind(Kind::Function).iter().copied() {
        if undoes_or_tests(code, function) || !bodies::is_handler(source, function) {
            continue;
        }
        match source.tree.language() {
            Language::Java => java(code, project, function, reports),
            _ => go(code, project, function, reports),
        }
    }
}

/// Whether a field says what somebody may do, has, or belongs to.
fn is_authority(name: &str) -> bool {
    let words = words(name);
    let all: Vec<&str> = words.iter().map(String::as_str).collect();
    let money = |word: &&str| matches!(*word, "balance" | "credit" | "credits" | "wallet");
    match all.as_slice() {
        [
            "role" | "roles" | "admin" | "permissions" | "permission" | "verified" | "superuser" | "staff"
            | "scopes" | "privileges",
        ] => true,
        [
            "is",
            "admin" | "staff" | "superuser" | "verified" | "owner" | "moderator",
        ] => true,
        ["email" | "phone" | "kyc", "verified"] => true,
        ["password", "hash"] | ["owner" | "tenant" | "org" | "organization", "id"] => true,
        all => all.iter().any(money) && !all.contains(&"card"),
    }
}

/// `c.ShouldBindJSON(&user)` of a model with `Role`, and `db.Save(&user)`.
fn go(code: Code<'_>, project: &Project, function: NodeId, reports: &mut Reports) {
    let tree = code.tree;
    let calls: Vec<NodeId> = bodies::body(tree, function)
        .into_iter()
        .filter(|id| tree.kind(*id) == Kind::Call)
        .collect();
    for bind in calls.iter().copied() {
        let target = match code.called(bind) {
            "ShouldBindJSON" | "BindJSON" | "ShouldBind" | "Bind" | "BodyParser" | "ShouldBindBodyWith"
            | "Decode" | "ReadJSON" | "DecodeJSON" => code
                .args(bind)
                .into_iter()
                .rev()
                .find(|arg| is_pointer(code, *arg)),
            "Unmarshal" => code.arg(bind, 1),
            _ => None,
        };
        let Some(bound) = target
            .map(|target| code.bare(target))
            .filter(|bound| tree.kind(*bound) == Kind::Name)
        else {
            continue;
        };
        let name = tree.name(bound);
        let Some(ty) = typed_as(code, function, bound) else {
            continue;
        };
        let saved = calls.iter().copied().find(|call| {
            *call > bind
                && matches!(
                    code.called(*call),
                    "Save"
                        | "Create"
                        | "Updates"
                        | "InsertOne"
                        | "Insert"
                        | "Update"
                        | "UpdateOne"
                        | "ReplaceOne"
                        | "FirstOrCreate"
                )
                && code.args(*call).iter().any(|arg| {
                    let arg = code.bare(*arg);
                    tree.kind(arg) == Kind::Name && tree.name(arg) == name
                })
        });
        let Some(saved) = saved else {
            continue;
        };
        // `db.Select("name").Save(&user)`, `db.Omit("role")`
        let chosen = code
            .receiver(saved)
            .is_some_and(|of| code.mentions(of, |name| matches!(name, "Select" | "Omit")));
        let Some(fields) = go_fields(code, project, &ty).filter(|_| !chosen) else {
            continue;
        };
        let set_again = |field: &str| {
            bodies::body(tree, function).into_iter().any(|id| {
                id > bind
                    && tree.kind(id) == Kind::Assign
                    && tree.children_in(id, Role::Target).any(|target| {
                        tree.subtree(target).any(|part| {
                            tree.kind(part) == Kind::Member
                                && tree.name(part) == field
                                && code.last_name_of_object(part) == name
                        })
                    })
            })
        };
        if let Some(field) = fields
            .iter()
            .find(|field| is_authority(field) && !set_again(field))
        {
            reports.add(
                bind,
                format!("whoever sends this also sets `{field}` of `{ty}`, which is then stored"),
            );
        }
    }
}

fn is_pointer(code: Code<'_>, arg: NodeId) -> bool {
    code.kind(arg) == Kind::Unary && code.name(arg) == "&" || code.kind(arg) == Kind::Name
}

/// The struct that a variable of a function is: `var user models.User`, `user := models.User{}`, `user := new(models.User)`.
fn typed_as(code: Code<'_>, function: NodeId, name: NodeId) -> Option<String> {
    let tree = code.tree;
    let declared = typed::declared_type(code.source, name)
        .filter(|ty| !ty.is_empty())
        .map(str::to_owned);
    let whole = bodies::body(tree, function).into_iter().find_map(|id| {
        let is_of_name = tree.kind(id) == Kind::Assign
            && tree
                .child(id, Role::Target)
                .is_some_and(|target| tree.name(target) == tree.name(name));
        if !is_of_name {
            return None;
        }
        if let Some(ty) = tree.child(id, Role::Type) {
            return Some(tree.name(ty).to_owned());
        }
        let value = code.bare(tree.child(id, Role::Value)?);
        match tree.kind(value) {
            Kind::Composite => Some(tree.name(value).to_owned()),
            Kind::Call if code.called(value) == "new" => Some(tree.source(code.arg(value, 0)?).to_owned()),
            _ => None,
        }
    });
    let ty = whole.or(declared)?;
    let ty = ty.trim_start_matches(['*', '&']);
    (!ty.starts_with("map[") && !ty.starts_with("[]")).then(|| ty.to_owned())
}

/// The fields of a stored struct that JSON may set; `None` where it is not found or is not stored.
fn go_fields(code: Code<'_>, project: &Project, ty: &str) -> Option<Vec<String>> {
    let (package, name) = ty.rsplit_once('.').unwrap_or(("", ty));
    let begin = format!("type {name} struct {{");
    let fields = |text: &str| {
        let (_, rest) = text.split_once(begin.as_str())?;
        let (body, _) = rest.split_once("\n}")?;
        let stored = body.contains("gorm:")
            || body.contains("gorm.Model")
            || body.contains("db:\"")
            || body.contains("bson:\"")
            || body.contains("bun:\"");
        let names = body
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("//") && !line.contains("json:\"-\""))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()))
            .map(str::to_owned)
            .collect::<Vec<_>>();
        stored.then_some(names)
    };
    if let Some(found) = fields(code.tree.text()) {
        return Some(found);
    }
    project
        .go_texts(&code.source.path, package)
        .find_map(|text| fields(&text))
}

/// `save(@RequestBody User user)` of an entity with a role.
fn java(code: Code<'_>, project: &Project, function: NodeId, reports: &mut Reports) {
    let tree = code.tree;
    for param in bodies::params(tree, function) {
        if !java_decorators(tree, param)
            .iter()
            .any(|mark| matches!(*mark, "RequestBody" | "ModelAttribute"))
        {
            continue;
        }
        let ty = tree.child(param, Role::Type).map_or("", |ty| tree.name(ty));
        let name = tree.name(param);
        let saved = bodies::body(tree, function).into_iter().any(|id| {
            tree.kind(id) == Kind::Call
                && matches!(
                    code.called(id),
                    "save" | "saveAndFlush" | "persist" | "merge" | "insert" | "update" | "create"
                )
                && code
                    .args(id)
                    .iter()
                    .any(|arg| tree.kind(*arg) == Kind::Name && tree.name(*arg) == name)
        });
        let Some(fields) = java_fields(project, ty).filter(|_| saved) else {
            continue;
        };
        let set_again = |field: &str| {
            let setter = format!("set{}{}", field[..1].to_ascii_uppercase(), &field[1..]);
            bodies::body(tree, function).into_iter().any(|id| {
                tree.kind(id) == Kind::Call
                    && code.called(id) == setter
                    && code.receiver(id).is_some_and(|of| tree.name(of) == name)
            })
        };
        if let Some(field) = fields
            .iter()
            .find(|field| is_authority(field) && !set_again(field))
        {
            reports.add(
                param,
                format!("whoever sends this also sets `{field}` of `{ty}`, which is then stored"),
            );
        }
    }
}

/// The fields of an entity that JSON may set.
fn java_fields(project: &Project, ty: &str) -> Option<Vec<String>> {
    let file = format!("{ty}.java");
    let path = project
        .files()
        .take(FILES_MAX * 4)
        .find(|path| file_name(path) == file)?;
    let text = project.text(path)?;
    let stored = text.contains("@Entity") || text.contains("@Document") || text.contains("@Table");
    if !stored {
        return None;
    }
    let mut hidden = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        hidden |= line.contains("@JsonIgnore") || line.contains("READ_ONLY");
        let words: Vec<&str> = line
            .trim_end_matches(';')
            .split('=')
            .next()
            .unwrap_or("")
            .split_whitespace()
            .collect();
        if line.ends_with(';')
            && line.contains("private ")
            && !line.contains('(')
            && !line.contains(" static ")
        {
            if !hidden {
                names.extend(
                    words
                        .last()
                        .filter(|name| name.is_ascii())
                        .map(|name| (*name).to_owned()),
                );
            }
            hidden = false;
        } else if line.ends_with(';') {
            hidden = false;
        }
    }
    Some(names)
}
