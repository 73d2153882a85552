//! An amount of money is stored as a float: a column, a field of a model, a sum that is kept.

use safeguard_api::evidence::Severity;

use super::typed_fields;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::sql_text::{self, Token};
use crate::analysis::words::words;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "money-in-floats",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-682"],
    languages: ALL_LANGUAGES,
    run,
};

/// Whether a name is that of an amount of money beyond doubt.
pub fn is_money(name: &str) -> bool {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if has(&[
        "count",
        "id",
        "ids",
        "at",
        "date",
        "rate",
        "ratio",
        "percent",
        "percentage",
        "pct",
        "score",
        "weight",
        "weights",
        "type",
        "status",
        "currency",
        "code",
        "name",
        "method",
        "url",
        "level",
        "label",
        "key",
        "factor",
        "lookup",
        "history",
        "change",
        "changes",
        "elasticity",
        "prediction",
        "predicted",
        "estimate",
        "estimated",
        "std",
        "mean",
        "tokens",
        "per",
        "usage",
        "budget",
        "loss",
        "sigma",
        "volatility",
        "index",
        "multiplier",
        "threshold",
        "model",
        "models",
        "load",
        "text",
        "str",
        "string",
        "formatted",
        "display",
        "cents",
        "minor",
    ]) {
        return false;
    }
    has(&[
        "price",
        "prices",
        "balance",
        "salary",
        "wage",
        "wages",
        "invoice",
        "payment",
        "payout",
        "refund",
        "refunded",
        "revenue",
        "subtotal",
        "deposit",
        "withdrawal",
        "fee",
        "fees",
        "discount",
        "surcharge",
        "price2",
        "earnings",
        "payable",
        "receivable",
        "debit",
        "credit",
        "gratuity",
        "rent",
        "donation",
        "money",
        "unitprice",
        "totalprice",
        "grandtotal",
        "commission",
        "vat",
    ]) || words.last().is_some_and(|last| {
        matches!(
            last.as_str(),
            "amount" | "cost" | "tax" | "charge" | "due" | "paid" | "owed"
        )
    }) || words.join("_").ends_with("total_amount")
        || matches!(
            words.join("_").as_str(),
            "grand_total" | "order_total" | "cart_total" | "invoice_total" | "total_due"
        )
}

pub fn is_column_money(name: &str) -> bool {
    is_money(name) && !words(name).iter().any(|word| word == "cost")
        || matches!(name, "total" | "amount" | "tax")
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for field in source
        .of_kind(Kind::Field)
        .iter()
        .chain(source.of_kind(Kind::Assign))
        .chain(source.of_kind(Kind::Pair))
        .copied()
    {
        if let Some((name, sure)) = float_field(code, field)
            && !undoes_or_tests(code, field)
        {
            let told = format!("`{name}` is an amount of money, and kept as a binary fraction");
            if sure {
                reports.add(field, told);
            } else {
                reports.note(field, told);
            }
        }
    }
    for call in code.calls() {
        let Some(name) = float_column(code, call).or_else(|| float_in_sql(code, call)) else {
            continue;
        };
        if !undoes_or_tests(code, call) {
            reports.add(
                call,
                format!("`{name}` is an amount of money, and the column keeps it as a binary fraction"),
            );
        }
    }
    conversions(code, reports);
}

/// A field or column declared as a float, and whether it is stored.
fn float_field<'s>(code: Code<'s>, field: NodeId) -> Option<(&'s str, bool)> {
    let name = match code.kind(field) {
        Kind::Field => code.name(field),
        Kind::Pair => code.key(field)?,
        _ => code
            .child(field, Role::Target)
            .filter(|target| code.kind(*target) == Kind::Name)
            .map(|target| code.name(target))?,
    };
    if !is_column_money(name) {
        return None;
    }
    let value = code.child(field, Role::Value);
    let in_class = code
        .tree
        .ancestors(field)
        .any(|around| code.kind(around) == Kind::Class)
        && code.function(field).is_none();
    match code.tree.language() {
        Language::Python => {
            let column = value.is_some_and(|value| {
                code.kind(value) == Kind::Call
                    && (matches!(code.called(value), "FloatField" | "DoubleField")
                        && code.receiver(value).is_none_or(|of| !has_index(code, of))
                        || matches!(
                            code.called(value),
                            "Column" | "mapped_column" | "Field" | "db.Column"
                        ) && code.args(value).iter().any(|arg| is_float_type(code, *arg)))
            });
            if column && in_class {
                return Some((name, true));
            }
            // `price: float` in a class of data.
            let annotated = code.child(field, Role::Type).map_or("", |ty| code.name(ty));
            let stored = value.is_some_and(|value| {
                code.kind(value) == Kind::Call && matches!(code.called(value), "mapped_column" | "Field")
            }) || annotated == "Mapped[float]";
            (in_class
                && matches!(
                    annotated,
                    "float" | "Optional[float]" | "float|None" | "Mapped[float]"
                ))
            .then_some((name, stored && annotated.starts_with("Mapped")))
        }
        Language::Go => {
            let ty = code.child(field, Role::Type).map_or("", |ty| code.name(ty));
            let text = code.tree.source(field);
            (code.kind(field) == Kind::Field
                && matches!(ty, "float64" | "float32" | "*float64" | "sql.NullFloat64"))
            .then(|| {
                (
                    name,
                    text.contains("gorm:")
                        || text.contains("db:\"")
                        || text.contains("bson:\"")
                        || text.contains("bun:\"")
                        || text.contains("sql:\""),
                )
            })
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let decorated = code.tree.children_in(field, Role::Decorator).any(|decorator| {
                code.child(decorator, Role::Value).is_some_and(|call| {
                    code.called(call) == "Column"
                        && (code
                            .arg(call, 0)
                            .is_some_and(|kind| code.text(kind).is_some_and(is_float_name))
                            || code
                                .option(call, "type")
                                .is_some_and(|kind| code.text(kind).is_some_and(is_float_name)))
                })
            });
            // `price: { type: DataTypes.FLOAT }`, `price: real('price')`
            let model = value.is_some_and(|value| {
                let ty = code.entry(value, "type").unwrap_or(value);
                is_float_type(code, ty) && code.kind(ty) == Kind::Member
                    || code.kind(ty) == Kind::Call
                        && (is_float_type(code, ty) && code.receiver(ty).is_some()
                            || matches!(code.called(ty), "real" | "doublePrecision" | "float")
                                && code.imports("drizzle-orm"))
            });
            (decorated || model).then_some((name, true))
        }
        Language::Java => typed_fields::java(code, field, in_class).map(|stored| (name, stored)),
        Language::Rust => typed_fields::rust(code, field).map(|stored| (name, stored)),
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => None,
    }
}

/// Fields of a search index are copies.
fn has_index(code: Code<'_>, of: NodeId) -> bool {
    matches!(code.last_name(of), "indexes" | "fields" | "serializers" | "forms")
}

pub fn is_float_name(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "float" | "double" | "real" | "double precision" | "float8" | "float4" | "doubleprecision"
    )
}

fn is_float_type(code: Code<'_>, ty: NodeId) -> bool {
    let name = match code.kind(ty) {
        Kind::Call => code.called(ty),
        Kind::Name | Kind::Member => code.name(ty),
        _ => return false,
    };
    matches!(
        name,
        "Float" | "FLOAT" | "REAL" | "Double" | "DOUBLE" | "DOUBLE_PRECISION" | "FLOAT4" | "FLOAT8"
    )
}

/// `sa.Column("price", sa.Float())`, `table.float('price')`, `AlterField(…, field=FloatField())`
fn float_column<'s>(code: Code<'s>, call: NodeId) -> Option<&'s str> {
    match code.called(call) {
        "Column" => {
            let name = code.text(code.arg(call, 0)?)?;
            (is_column_money(name)
                && code
                    .args(call)
                    .iter()
                    .skip(1)
                    .any(|arg| is_float_type(code, *arg)))
            .then_some(name)
        }
        "float" | "double" | "real" if code.tree.language() != Language::Python => {
            let of = code.receiver(call)?;
            let name = code.text(code.arg(call, 0)?)?;
            (matches!(code.last_name(of), "table" | "t" | "builder") && is_column_money(name)).then_some(name)
        }
        "AlterField" | "AddField" => {
            let name = code
                .option(call, "name")
                .or_else(|| code.arg(call, 1))
                .and_then(|name| code.text(name))?;
            let field = code.option(call, "field").or_else(|| code.arg(call, 2))?;
            (is_column_money(name) && code.called(field) == "FloatField").then_some(name)
        }
        "alter_column" => {
            let name = code.text(code.arg(call, 1)?)?;
            let ty = code.option(call, "type_")?;
            (is_column_money(name) && is_float_type(code, ty)).then_some(name)
        }
        _ => None,
    }
}

fn float_in_sql<'s>(code: Code<'s>, call: NodeId) -> Option<&'s str> {
    if !matches!(
        code.called(call),
        "execute" | "executescript" | "exec" | "Exec" | "ExecContext" | "MustExec" | "query" | "run" | "raw"
    ) {
        return None;
    }
    let arg = code.args(call).into_iter().take(2).find(|arg| {
        sql_text::text_of(code, *arg).is_some_and(|text| text.to_ascii_lowercase().contains("table"))
    })?;
    let text = sql_text::text_of(code, arg)?;
    let found = sql_text::statements(&text).iter().any(|statement| {
        let begins = matches!(statement.first(), Some(Token::Word(word)) if matches!(word.to_ascii_lowercase().as_str(), "create" | "alter"));
        begins
            && statement.windows(2).any(|pair| match pair {
                [Token::Word(name), Token::Word(ty)] => is_column_money(name) && is_float_name(ty),
                _ => false,
            })
    });
    found.then(|| code.tree.source(arg)).map(|_| "the amount")
}

/// `float(order.price)`, `parseFloat(amount)`: advice, and refused where the result is stored or charged.
fn conversions(code: Code<'_>, reports: &mut Reports) {
    for call in code.source.of_kind(Kind::Call).iter().copied() {
        let path = code.path(call);
        let converts = matches!(
            path,
            "float" | "parseFloat" | "Number.parseFloat" | "strconv.ParseFloat"
        );
        if !converts {
            continue;
        }
        let Some(of) = code.arg(call, 0) else {
            continue;
        };
        let name = code.last_name(of);
        if !is_money(name) || undoes_or_tests(code, call) {
            continue;
        }
        let Some(parent) = code.tree.parent(call) else {
            continue;
        };
        // `account.balance -= float(amount)`: a sum that is kept.
        let kept = code.kind(parent) == Kind::Assign
            && code.name(parent) == "+="
            && code
                .child(parent, Role::Target)
                .is_some_and(|target| code.kind(target) == Kind::Member && is_money(code.name(target)));
        let told = format!("`{name}` is an amount of money, and becomes a binary fraction here");
        if kept {
            reports.add(call, told);
        } else {
            reports.note(call, told);
        }
    }
}
