//! Fields that were held to a form, a length or a range, and take whatever is sent now.

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use crate::analysis::calls;
use crate::analysis::code::Code;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role};

/// What says only whether something must be there, or of which type it is.
const SAYS_LITTLE: &[&str] = &[
    "string",
    "number",
    "boolean",
    "date",
    "object",
    "array",
    "any",
    "unknown",
    "optional",
    "nullable",
    "nullish",
    "default",
    "describe",
    "required",
    "trim",
    "transform",
    "toLowerCase",
    "toUpperCase",
    "lazy",
    "coerce",
    "label",
    "meta",
    "openapi",
    "brand",
    "catch",
    "messages",
    "message",
    "allow",
    "shape",
    "keys",
    "preprocess",
    "readonly",
];
const DECORATORS: &[&str] = &[
    "IsEmail",
    "IsIn",
    "IsEnum",
    "IsUUID",
    "IsUrl",
    "IsInt",
    "IsPositive",
    "Length",
    "MinLength",
    "MaxLength",
    "Min",
    "Max",
    "Matches",
    "IsISO8601",
    "IsDateString",
    "IsPhoneNumber",
    "IsIBAN",
    "IsCurrency",
    "IsIP",
    "ArrayMaxSize",
    "ArrayMinSize",
    "ValidateNested",
    "IsAlphanumeric",
    "IsCreditCard",
    "Size",
    "Email",
    "Pattern",
    "Positive",
    "PositiveOrZero",
    "DecimalMin",
    "DecimalMax",
    "Digits",
    "Past",
    "Future",
    "Range",
    "URL",
    "Valid",
    "Validated",
];
const KEYWORDS: &[&str] = &[
    "gt",
    "ge",
    "lt",
    "le",
    "pattern",
    "regex",
    "min_length",
    "max_length",
    "min_value",
    "max_value",
    "max_digits",
    "decimal_places",
    "validators",
    "validate",
    "choices",
    "multiple_of",
    "min_items",
    "max_items",
];
/// What is only as wide as its column, where a model says it.
const WIDTHS: &[&str] = &["max_length", "max_digits", "decimal_places"];
const TYPES: &[&str] = &[
    "EmailStr",
    "HttpUrl",
    "AnyUrl",
    "PositiveInt",
    "NonNegativeInt",
    "PositiveFloat",
    "conint",
    "constr",
    "condecimal",
    "conlist",
    "UUID4",
    "Literal",
    "IPvAnyAddress",
    "PastDate",
    "FutureDate",
    "StrictInt",
    "StrictStr",
];
/// What says nothing of a value by itself.
const TYPING: &[&str] = &[
    "Annotated",
    "Any",
    "ClassVar",
    "Decimal",
    "Dict",
    "Field",
    "Final",
    "FrozenSet",
    "Iterable",
    "List",
    "Mapping",
    "None",
    "Optional",
    "Required",
    "NotRequired",
    "Sequence",
    "Set",
    "Tuple",
    "Type",
    "Union",
];
/// Before the name of a type that is the repository's own.
const OWN: &str = "own ";
/// What no field escapes.
const WHOLE: &[&str] = &["strict", "forbid", "Valid", "Validated"];
/// Fields of which one alone is enough.
const MATTERS: &[&str] = &[
    "amount", "quantity", "qty", "price", "total", "cents", "password", "role", "roles", "iban", "url",
    "path", "filename", "discount", "percent", "age", "currency", "redirect", "callback", "status",
];

pub fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let before = held(both.base);
    if before.is_empty() {
        return;
    }
    let after = held(both.head);
    let mut looser = Vec::new();
    for (field, (_, was)) in &before {
        let Some((node, now)) = after.get(field) else {
            continue;
        };
        let mut lost = was.difference(now).filter(|lost| !lost.starts_with(OWN));
        let gained = now.difference(was).next().is_some();
        let Some(first) = lost.next().filter(|_| !gained || now.contains("passthrough")) else {
            continue;
        };
        let name = field.rsplit('.').next().unwrap_or(field);
        let whole = was.difference(now).any(|lost| WHOLE.contains(&lost.as_str()));
        looser.push((
            *node,
            field,
            first,
            whole || now.is_empty() && has_word(name, MATTERS),
        ));
    }
    let sure = looser.len() > 1 || looser.iter().any(|(_, _, _, sure)| *sure);
    if let Some((node, field, lost, _)) = looser.iter().find(|(_, _, _, sure)| *sure).or(looser.first()) {
        let more = match looser.len() {
            1 => String::new(),
            all => format!(", and {} more like it", all - 1),
        };
        taken.push(Taken {
            node: *node,
            severity: Severity::High,
            confidence: match sure {
                true => Confidence::High,
                false => Confidence::Medium,
            },
            message: format!("`{field}` was held to `{lost}`, and takes whatever is sent now{more}"),
        });
    }
}

/// Whether somebody looks at the types of a class when an object of it is made.
fn is_checked(code: Code<'_>, class: NodeId) -> bool {
    let mut bases = code.tree.children_in(class, Role::Base).peekable();
    bases.peek().is_some()
        && !bases.any(|base| matches!(code.name(base), "TypedDict" | "NamedTuple" | "Protocol"))
}

/// By class or schema and field: what it is held to.
type Held = BTreeMap<String, (NodeId, BTreeSet<String>)>;

fn held(source: &Source) -> Held {
    let code = Code::of(source);
    match source.tree.language() {
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let mut found = schemas(code);
            found.extend(decorated(code));
            found
        }
        Language::Java => decorated(code),
        Language::Python => models(code),
        Language::Go => tags(code),
        Language::Rust
        | Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => Held::new(),
    }
}

/// zod, Joi, yup: `z.object({ email: z.string().email() }).strict()`
fn schemas(code: Code<'_>) -> Held {
    let tree = code.tree;
    let of = |value: NodeId| -> Option<BTreeSet<String>> {
        let root = calls::root(tree, value).map(|root| tree.name(root))?;
        (code.kind(value) == Kind::Call && matches!(root, "z" | "Joi" | "joi" | "yup" | "Yup")).then(|| {
            calls::chain(tree, value)
                .into_iter()
                .filter(|name| !SAYS_LITTLE.contains(name) && *name != root && !name.is_empty())
                .map(str::to_owned)
                .collect()
        })
    };
    let mut found = Held::new();
    for kind in [Kind::Pair, Kind::Assign] {
        for id in code.source.of_kind(kind).iter().copied() {
            let Some(held) = code.child(id, Role::Value).and_then(of) else {
                continue;
            };
            let mut parts: Vec<&str> = std::iter::once(id)
                .chain(tree.ancestors(id))
                .filter_map(|around| match code.kind(around) {
                    Kind::Pair => code.key(around),
                    Kind::Assign => code.child(around, Role::Target).map(|target| code.name(target)),
                    _ => None,
                })
                .collect();
            parts.reverse();
            found.insert(parts.join("."), (id, held));
        }
    }
    found
}

/// Decorators of fields and parameters.
fn decorated(code: Code<'_>) -> Held {
    let tree = code.tree;
    let mut found = Held::new();
    for kind in [Kind::Field, Kind::Assign, Kind::Param] {
        for id in code.source.of_kind(kind).iter().copied() {
            let Some(class) = tree
                .ancestors(id)
                .find(|around| code.kind(*around) == Kind::Class)
            else {
                continue;
            };
            if kind == Kind::Assign && code.function(id).is_some() {
                continue;
            }
            let name = match kind {
                Kind::Assign => code
                    .child(id, Role::Target)
                    .map_or("", |target| code.name(target)),
                _ => code.name(id),
            };
            let held = tree
                .children_in(id, Role::Decorator)
                .map(|decorator| {
                    let value = code.child(decorator, Role::Value).unwrap_or(decorator);
                    match code.kind(value) {
                        Kind::Call => code.called(value),
                        _ => code.last_name(value),
                    }
                })
                .filter(|name| DECORATORS.contains(name))
                .map(str::to_owned)
                .collect();
            let function = code
                .function(id)
                .map_or("", |function| code.function_name(function));
            let path = match function {
                "" => format!("{}.{name}", code.name(class)),
                function => format!("{}.{function}.{name}", code.name(class)),
            };
            found.insert(path, (id, held));
        }
    }
    found
}

/// pydantic, attrs, serializers: what a class's field is set to, and its type.
fn models(code: Code<'_>) -> Held {
    let tree = code.tree;
    let mut found = Held::new();
    for kind in [Kind::Assign, Kind::Field] {
        for id in code.source.of_kind(kind).iter().copied() {
            let class = tree
                .ancestors(id)
                .find(|around| code.kind(*around) == Kind::Class);
            let Some(class) = class.filter(|_| code.function(id).is_none()) else {
                continue;
            };
            let name = match kind {
                Kind::Assign => code
                    .child(id, Role::Target)
                    .map_or("", |target| code.name(target)),
                _ => code.name(id),
            };
            let mut held = BTreeSet::new();
            if let Some(value) = code.child(id, Role::Value).filter(|value| code.is_call(*value)) {
                let is_column = code
                    .receiver(value)
                    .is_some_and(|of| matches!(code.name(of), "models" | "db" | "sa"));
                for keyword in tree
                    .children_in(value, Role::Arg)
                    .filter(|arg| code.kind(*arg) == Kind::Keyword)
                {
                    let is_width = is_column && WIDTHS.contains(&code.name(keyword));
                    if KEYWORDS.contains(&code.name(keyword)) && !is_width {
                        held.insert(code.name(keyword).to_owned());
                    }
                    let forbids = code.name(keyword) == "extra"
                        && code
                            .child(keyword, Role::Value)
                            .and_then(|value| code.text(value))
                            == Some("forbid");
                    if forbids {
                        held.insert("forbid".to_owned());
                    }
                }
            }
            if let Some(written) = code.child(id, Role::Type).filter(|_| is_checked(code, class)) {
                let parts = code
                    .name(written)
                    .split(|char: char| !char.is_alphanumeric() && char != '_');
                for part in parts {
                    if TYPES.contains(&part) || KEYWORDS.contains(&part) {
                        held.insert(part.to_owned());
                    } else if part.starts_with(|char: char| char.is_ascii_uppercase())
                        && !TYPING.contains(&part)
                    {
                        // What a type of one's own is held to, its own lines say.
                        held.insert(format!("{OWN}{part}"));
                    }
                }
            }
            found.insert(format!("{}.{name}", code.name(class)), (id, held));
        }
    }
    found
}

/// Go: `binding:"required,email"`, `validate:"gt=0"` in the tag of a field.
fn tags(code: Code<'_>) -> Held {
    let tree = code.tree;
    let mut found = Held::new();
    for id in code.source.of_kind(Kind::Field).iter().copied() {
        let Some(class) = tree
            .ancestors(id)
            .find(|around| code.kind(*around) == Kind::Class)
        else {
            continue;
        };
        let text = tree.source(id);
        let mut held = BTreeSet::new();
        for key in ["binding:\"", "validate:\""] {
            if let Some((_, rest)) = text.split_once(key) {
                let rules = rest.split('"').next().unwrap_or("").split(',');
                held.extend(
                    rules
                        .map(|rule| rule.split('=').next().unwrap_or(rule))
                        .filter(|rule| !matches!(*rule, "required" | "omitempty" | "dive" | ""))
                        .map(str::to_owned),
                );
            }
        }
        found.insert(format!("{}.{}", code.name(class), code.name(id)), (id, held));
    }
    found
}
