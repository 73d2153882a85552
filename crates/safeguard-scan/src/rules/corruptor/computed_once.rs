//! A moment, an id or a random value as a default that is computed when the file is loaded, once for all.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "computed-once",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-665"],
    languages: SCRIPT_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let calls = source.calls().iter().copied();
    for call in calls.filter(|call| differs_each_time(code, *call)) {
        let place = match code.tree.language() {
            Language::Python => python(code, call),
            _ => script(code, call),
        };
        if let Some(place) = place
            && !undoes_or_tests(code, call)
        {
            reports.add(
                call,
                format!("`{}` is computed once, when the file is loaded: {place} gets the same value until the process ends", code.tree.source(call)),
            );
        }
    }
}

/// A call that is made for another answer each time.
fn differs_each_time(code: Code<'_>, call: NodeId) -> bool {
    let path = code.path(call);
    match code.tree.language() {
        Language::Python => matches!(
            path,
            "datetime.datetime.now"
                | "datetime.datetime.utcnow"
                | "datetime.datetime.today"
                | "datetime.date.today"
                | "django.utils.timezone.now"
                | "django.utils.timezone.localdate"
                | "time.time"
                | "time.time_ns"
                | "uuid.uuid4"
                | "uuid.uuid1"
                | "random.random"
                | "random.randint"
                | "secrets.token_hex"
                | "secrets.token_urlsafe"
                | "pendulum.now"
                | "arrow.utcnow"
                | "arrow.now"
        ),
        _ => {
            matches!(
                path,
                "Date.now" | "crypto.randomUUID" | "uuid.v4" | "nanoid.nanoid" | "Math.random"
            ) || matches!(code.called(call), "randomUUID" | "uuidv4")
                || code.kind(call) == Kind::New && path == "Date" && code.args(call).is_empty()
        }
    }
}

/// The default of a parameter, of a column, or of a field of a class that describes what is kept.
fn python(code: Code<'_>, call: NodeId) -> Option<&'static str> {
    let tree = code.tree;
    // What the moment is made into still is the default: `date.today() + timedelta(days=30)`, `str(uuid4())`.
    let whole = tree
        .ancestors(call)
        .take_while(|around| {
            matches!(code.kind(*around), Kind::Binary)
                || code.kind(*around) == Kind::Member
                || code.kind(*around) == Kind::Call
                    && (code.receiver(*around).is_some() || code.path(*around) == "str")
                    && !is_maker(code, *around)
        })
        .last()
        .unwrap_or(call);
    let parent = tree.parent(whole)?;
    if code.kind(parent) == Kind::Param && tree.role(whole) == Role::Default {
        return Some("each call without this argument");
    }
    let at_top = functions_around(tree, parent).next().is_none();
    let class = tree
        .ancestors(parent)
        .any(|around| code.kind(around) == Kind::Class);
    if !at_top || !class {
        return None;
    }
    if code.kind(parent) == Kind::Keyword
        && matches!(code.name(parent), "default" | "onupdate" | "server_default")
    {
        return tree
            .parent(parent)
            .filter(|maker| is_maker(code, *maker))
            .map(|_| "each row");
    }
    // `created: datetime = datetime.now()` of a dataclass or a model of pydantic.
    let of = tree
        .ancestors(parent)
        .find(|around| code.kind(*around) == Kind::Class)?;
    let describes = tree
        .children_in(of, Role::Base)
        .any(|base| code.name(base).ends_with("Model") || code.name(base) == "Struct")
        || tree
            .children_in(of, Role::Decorator)
            .any(|decorator| tree.source(decorator).contains("dataclass"));
    let field = code.kind(parent) == Kind::Assign && code.child(parent, Role::Type).is_some();
    (field && describes).then_some("each object")
}

/// What makes a column or a field: `DateTimeField(…)`, `Column(…)`, `mapped_column(…)`, `Field(…)`.
fn is_maker(code: Code<'_>, call: NodeId) -> bool {
    code.kind(call) == Kind::Call
        && (code.called(call).ends_with("Field")
            || matches!(code.called(call), "Column" | "mapped_column" | "field"))
}

/// A default in a schema of Mongoose, Sequelize, TypeORM or zod.
fn script(code: Code<'_>, call: NodeId) -> Option<&'static str> {
    let tree = code.tree;
    let parent = tree.parent(call)?;
    if functions_around(tree, call).next().is_some() {
        return None;
    }
    let is_default = code.kind(parent) == Kind::Pair
        && tree.role(call) == Role::Value
        && matches!(code.key(parent), Some("default" | "defaultValue"));
    if is_default {
        let around = tree.parent(parent)?;
        let describes = ["type", "allowNull", "required", "primaryKey"]
            .iter()
            .any(|key| code.entry(around, key).is_some())
            || tree.ancestors(around).any(|outer| {
                code.kind(outer) == Kind::New
                    && code
                        .child(outer, Role::Callee)
                        .is_some_and(|of| code.name(of).ends_with("Schema"))
            });
        return describes.then_some("each row");
    }
    // `z.date().default(new Date())`
    let given = code.kind(parent) == Kind::Call
        && tree.role(call) == Role::Arg
        && code.called(parent) == "default"
        && code.first_name(parent) == "z";
    given.then_some("each object")
}
