//! Prisma: fields of `schema.prisma`.

use crate::analysis::code::Code;
use crate::analysis::schema::{Model, Schema};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::Reports;
use crate::rules::invented::data;
use crate::tree::{Flags, Kind, NodeId};

const OPERATIONS: &[&str] = &[
    "findMany",
    "findFirst",
    "findFirstOrThrow",
    "findUnique",
    "findUniqueOrThrow",
    "create",
    "createMany",
    "createManyAndReturn",
    "update",
    "updateMany",
    "upsert",
    "delete",
    "deleteMany",
    "count",
    "aggregate",
    "groupBy",
];

/// What other libraries call their operations, and Prisma does not.
const OF_OTHERS: &[&str] = &[
    "all",
    "bulkCreate",
    "bulkInsert",
    "createAll",
    "createOne",
    "deleteAll",
    "deleteById",
    "deleteOne",
    "destroy",
    "exists",
    "fetch",
    "find",
    "findAll",
    "findAndCount",
    "findAndCountAll",
    "findById",
    "findByIdAndUpdate",
    "findByPk",
    "findBy",
    "findOne",
    "findOneAndUpdate",
    "findOneBy",
    "findOneOrFail",
    "findOrCreate",
    "get",
    "getAll",
    "insert",
    "insertMany",
    "insertOne",
    "list",
    "paginate",
    "query",
    "remove",
    "save",
    "select",
    "selectMany",
    "sum",
    "updateAll",
    "updateById",
    "updateOne",
    "where",
];

/// Whether a file of the repository adds to the client: `$extends`.
fn client_is_extended(project: &Project) -> bool {
    const FILES_MAX: usize = 2_000;
    project
        .files()
        .filter(|path| {
            [".ts", ".js", ".mjs", ".tsx"]
                .iter()
                .any(|end| path.ends_with(end))
                && !path.contains("node_modules/")
        })
        .take(FILES_MAX)
        .any(|path| project.text(path).is_none_or(|text| text.contains("$extends")))
}

/// How deeply what is selected of related ones is followed.
const DEPTH_MAX: usize = 8;

pub(super) fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if source.tree.language() == Language::Python || source.tree.language() == Language::Go {
        return;
    }
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call) {
        let is_operation = OPERATIONS.contains(&code.called(*call));
        let Some(of) = code.receiver(*call).filter(|of| code.kind(*of) == Kind::Member) else {
            continue;
        };
        let client = code.last_name_of_object(of).to_ascii_lowercase();
        let is_client = ["prisma", "db", "tx", "client", "trx", "transaction", "database"]
            .iter()
            .any(|name| client == *name || client.ends_with("prisma") || client.ends_with("prismaclient"));
        if !is_client || project.schema().models.is_empty() {
            continue;
        }
        let Some((name, model)) = project.schema().model_of(code.name(of)) else {
            continue;
        };
        if !is_operation {
            // An extension of the client may have more, under names of its own.
            if OF_OTHERS.contains(&code.called(*call)) && !client_is_extended(project) {
                reports.add(
                    *call,
                    format!(
                        "a model of Prisma has no `{}`{}",
                        code.called(*call),
                        data::hint(code.called(*call), OPERATIONS.iter().copied())
                    ),
                );
            }
            continue;
        }
        if let Some(options) = code
            .arg(*call, 0)
            .filter(|options| code.kind(*options) == Kind::Object)
        {
            let mut seen = Seen {
                code,
                schema: project.schema(),
                reports: &mut *reports,
            };
            seen.options(options, name, model, 0);
        }
    }
}

struct Seen<'s, 'r> {
    code: Code<'s>,
    schema: &'s Schema,
    reports: &'r mut Reports,
}

impl Seen<'_, '_> {
    fn options(&mut self, options: NodeId, name: &str, model: &Model, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        for pair in self.code.tree.children(options).collect::<Vec<_>>() {
            let Some(key) = self.code.key(pair) else {
                continue;
            };
            let Some(value) = self.code.entry(options, key) else {
                continue;
            };
            let others: &[&str] = match key {
                "where" => &["AND", "OR", "NOT"],
                "data" | "create" | "update" => &[],
                "orderBy" => &["_count", "_relevance", "_sum", "_avg", "_min", "_max", "_all"],
                "select" | "include" | "cursor" => &["_count", "_relevance"],
                _ => continue,
            };
            let values = match self.code.kind(value) {
                Kind::List => self.code.tree.children(value).collect(),
                _ => vec![value],
            };
            for value in values {
                self.keys(value, name, model, others, depth);
            }
        }
    }

    /// `where: { site: { name: "a" } }`, `where: { devices: { some: { … } } }`
    fn related(&mut self, value: NodeId, name: &str, model: &Model, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        const QUANTIFIERS: &[&str] = &["some", "every", "none", "is", "isNot"];
        let quantified = self
            .code
            .tree
            .children(value)
            .any(|pair| self.code.key(pair).is_some_and(|key| QUANTIFIERS.contains(&key)));
        if !quantified {
            self.keys(value, name, model, &["AND", "OR", "NOT"], depth);
            return;
        }
        for key in QUANTIFIERS {
            if let Some(inner) = self.code.entry(value, key) {
                self.keys(inner, name, model, &["AND", "OR", "NOT"], depth);
            }
        }
    }

    fn keys(&mut self, object: NodeId, name: &str, model: &Model, others: &[&str], depth: usize) {
        if self.code.kind(object) != Kind::Object {
            return;
        }
        for pair in self.code.tree.children(object).collect::<Vec<_>>() {
            if self.code.kind(pair) != Kind::Pair || self.code.tree.flags(pair).has(Flags::COMPUTED) {
                continue;
            }
            let Some(key) = self.code.key(pair) else {
                continue;
            };
            if let Some(of) = model.fields.get(key) {
                if let Some(inner) = self.schema.models.get(of)
                    && let Some(value) = self.code.entry(object, key)
                    && self.code.kind(value) == Kind::Object
                {
                    // `{ select: { … } }` of a related one; what creates one has other keys.
                    let plain = self.code.tree.children(value).all(|pair| {
                        self.code.key(pair).is_some_and(|key| {
                            matches!(key, "select" | "include" | "where" | "orderBy" | "take" | "skip")
                        })
                    });
                    if others.contains(&"AND") {
                        self.related(value, of, inner, depth + 1);
                    } else if plain {
                        self.options(value, of, inner, depth + 1);
                    }
                }
                continue;
            }
            if others.contains(&key) || model.keys.contains(key) {
                // `OR: [{ … }, { … }]` is of the same model.
                if matches!(key, "AND" | "OR" | "NOT")
                    && depth < DEPTH_MAX
                    && let Some(value) = self.code.entry(object, key)
                {
                    let parts = match self.code.kind(value) {
                        Kind::List => self.code.tree.children(value).collect(),
                        _ => vec![value],
                    };
                    for part in parts {
                        self.keys(part, name, model, others, depth + 1);
                    }
                }
                continue;
            }
            self.reports.add(
                pair,
                format!(
                    "the model `{name}` of this repository's schema has no field `{key}`{}",
                    data::hint(key, model.fields.keys().map(String::as_str))
                ),
            );
        }
    }
}
