//! What is done to the schema: what is made, changed, removed, and what code is left behind to run later.

use pg_raw_parse::Node;
use pg_raw_parse::nodes::{AlterTableCmd, AlterTableStmt, CreateFunctionStmt, DropStmt};
use pg_raw_parse::raw::{AlterTableType as At, ObjectType};
use safeguard_api::guard::StatementClass as Class;

use crate::facts::{Taking, TakingVerb};
use crate::names::{object, owned, parts, shown, strings, text, written};
use crate::read::{Below, Scope, Walk};
use crate::server::{is_catalog, is_trusted_language};
use crate::table::is_temporary;

pub(crate) fn see<'a>(walk: &mut Walk<'a, '_>, node: Node<'a>, scope: Scope) -> Option<Below> {
    made(walk, node, scope)
        .or_else(|| code(walk, node, scope))
        .or_else(|| changed(walk, node, scope))
}

fn made<'a>(walk: &mut Walk<'a, '_>, node: Node<'a>, scope: Scope) -> Option<Below> {
    let (class, does) = match node {
        // A parent that lasts is changed by its children too.
        Node::CreateStmt(table) if is_temporary(table.relation()) && !table.inh_relations().is_empty() => (
            Class::Alter,
            format!(
                "makes the temporary table {} a part of another",
                shown(table.relation())
            ),
        ),
        Node::CreateStmt(table) if is_temporary(table.relation()) => (
            Class::Temporary,
            format!("makes the temporary table {}", shown(table.relation())),
        ),
        Node::CreateStmt(table) => (
            Class::Create,
            format!("makes the table {}", shown(table.relation())),
        ),
        Node::CreateTableAsStmt(made) => {
            walk.add(Class::Read, "reads", scope);
            let kept = made.objtype == ObjectType::OBJECT_MATVIEW;
            return Some(Below::All(Scope { kept, ..scope }));
        }
        Node::CreateSeqStmt(sequence) if is_temporary(sequence.sequence()) => (
            Class::Temporary,
            format!("makes the temporary sequence {}", shown(sequence.sequence())),
        ),
        Node::CreateSeqStmt(sequence) => (
            Class::Create,
            format!("makes the sequence {}", shown(sequence.sequence())),
        ),
        Node::IndexStmt(index) => (
            Class::Create,
            format!("makes an index on {}", shown(index.relation())),
        ),
        Node::ViewStmt(view) => {
            let class = match is_temporary(view.view()) {
                true => Class::Temporary,
                false => Class::Create,
            };
            walk.add(class, format!("makes the view {}", shown(view.view())), scope);
            walk.push(view.query(), scope.later());
            return Some(Below::Pushed);
        }
        Node::CreateSchemaStmt(schema) => (
            Class::Create,
            format!(
                "makes the schema `{}`",
                written(&[schema.schemaname().unwrap_or_default()])
            ),
        ),
        Node::CreateEnumStmt(_)
        | Node::CompositeTypeStmt(_)
        | Node::CreateRangeStmt(_)
        | Node::CreateDomainStmt(_) => (Class::Create, "makes a type".to_owned()),
        Node::CreateStatsStmt(_) => (Class::Create, "makes statistics".to_owned()),
        Node::CreatePublicationStmt(_) => (Class::Create, "makes a publication".to_owned()),
        Node::CreatedbStmt(_) => (Class::Create, "makes a database".to_owned()),
        Node::DefineStmt(define) => match define.kind {
            ObjectType::OBJECT_AGGREGATE | ObjectType::OBJECT_OPERATOR | ObjectType::OBJECT_TYPE => (
                Class::Code,
                format!("defines `{}`", written(&strings(define.defnames()))),
            ),
            _ => (
                Class::Create,
                "makes a collation or a part of text search".to_owned(),
            ),
        },
        Node::CommentStmt(_) => (Class::Comment, "describes an object".to_owned()),
        _ => return None,
    };
    walk.add(class, does, scope);
    Some(Below::All(scope))
}

fn code<'a>(walk: &mut Walk<'a, '_>, node: Node<'a>, scope: Scope) -> Option<Below> {
    let does = match node {
        Node::CreateFunctionStmt(function) => {
            self::function(walk, function, scope);
            return Some(Below::Pushed);
        }
        Node::AlterFunctionStmt(function) => {
            let name = function
                .func()
                .map(|function| written(&parts(function.objname())));
            walk.add(
                Class::Code,
                format!("changes the function `{}`", name.unwrap_or_default()),
                scope,
            );
            return Some(Below::Pushed);
        }
        Node::CreateTrigStmt(trigger) => {
            walk.add(
                Class::Code,
                format!("makes a trigger on {}", shown(trigger.relation())),
                scope,
            );
            walk.push(trigger.when_clause(), scope.later());
            return Some(Below::Pushed);
        }
        Node::RuleStmt(rule) => {
            walk.add(
                Class::Code,
                format!("makes a rule on {}", shown(rule.relation())),
                scope,
            );
            for action in rule.actions() {
                walk.push(action, scope.later());
            }
            walk.push(rule.where_clause(), scope.later());
            return Some(Below::Pushed);
        }
        Node::CreateEventTrigStmt(_) => "makes an event trigger",
        Node::CreateCastStmt(_) => "makes a cast",
        Node::CreateOpClassStmt(_) | Node::CreateOpFamilyStmt(_) | Node::AlterOpFamilyStmt(_) => {
            "changes how indexes compare"
        }
        Node::AlterOperatorStmt(_) => "changes an operator",
        Node::CreateConversionStmt(_) | Node::CreateTransformStmt(_) | Node::CreateAmStmt(_) => {
            "defines how values are stored or turned into others"
        }
        _ => return None,
    };
    walk.add(Class::Code, does, scope);
    Some(Below::All(scope))
}

fn function<'a>(walk: &mut Walk<'a, '_>, function: &'a CreateFunctionStmt, scope: Scope) {
    let name = written(&parts(function.funcname()));
    walk.add(Class::Code, format!("makes the function `{name}`"), scope);
    let option = |wanted: &str| {
        let mut options = function.options().into_iter();
        options
            .find(|option| option.defname() == Some(wanted))
            .map(|option| option.arg())
    };
    let language = option("language").and_then(text).unwrap_or("sql");
    if !is_trusted_language(language) {
        let does = format!(
            "makes the function `{name}` in the language `{}`, which can reach the host",
            written(&[language])
        );
        walk.add(Class::Host, does, scope);
    }
    if language.eq_ignore_ascii_case("sql")
        && let Some(Node::NodeList(body)) = option("as")
        && let Some(body) = body.first().and_then(text)
    {
        walk.inner_text(body, scope.later());
    }
    walk.push(function.sql_body(), scope.later());
    for parameter in function.parameters() {
        walk.push(parameter.defexpr(), scope.later());
    }
}

fn changed<'a>(walk: &mut Walk<'a, '_>, node: Node<'a>, scope: Scope) -> Option<Below> {
    let does = match node {
        Node::AlterTableStmt(alter) => {
            alter_table(walk, alter, scope);
            return Some(Below::All(scope));
        }
        Node::DropStmt(drop) => {
            dropped(walk, drop, scope);
            return Some(Below::All(scope));
        }
        Node::AlterEventTrigStmt(_) => {
            walk.add(Class::Protection, "changes when an event trigger fires", scope);
            return Some(Below::All(scope));
        }
        Node::RenameStmt(rename) => {
            let new = written(&[rename.newname().unwrap_or_default()]);
            let old = match rename.relation() {
                Some(relation) => shown(Some(relation)),
                None => "an object".to_owned(),
            };
            walk.add(
                Class::Alter,
                format!("renames {old} or a part of it to `{new}`"),
                scope,
            );
            return Some(Below::All(scope));
        }
        Node::AlterObjectSchemaStmt(_) => "moves an object to another schema",
        Node::AlterObjectDependsStmt(_) => "changes what an object depends on",
        Node::AlterDomainStmt(_)
        | Node::AlterTypeStmt(_)
        | Node::AlterEnumStmt(_)
        | Node::AlterCollationStmt(_) => "changes a type",
        Node::AlterSeqStmt(_) => "changes a sequence",
        Node::AlterStatsStmt(_) => "changes statistics",
        Node::AlterTSDictionaryStmt(_) | Node::AlterTSConfigurationStmt(_) => "changes text search",
        Node::AlterPublicationStmt(_) => "changes a publication",
        _ => return None,
    };
    walk.add(Class::Alter, does, scope);
    Some(Below::All(scope))
}

fn alter_table(walk: &mut Walk<'_, '_>, alter: &AlterTableStmt, scope: Scope) {
    let relation = shown(alter.relation());
    if let Some(relation) = alter.relation() {
        walk.relation(relation, true, scope);
    }
    for command in alter.cmds() {
        if let Node::AlterTableCmd(command) = command {
            let (class, does) = altered(command, &relation);
            walk.add(class, does, scope);
        }
    }
}

fn altered(command: &AlterTableCmd, relation: &str) -> (Class, String) {
    let column = || {
        format!(
            "`{}` of {relation}",
            written(&[command.name().unwrap_or_default()])
        )
    };
    match command.subtype {
        At::AT_AddColumn | At::AT_AddColumnToView => (Class::Create, format!("adds a column to {relation}")),
        At::AT_AddIndex
        | At::AT_AddConstraint
        | At::AT_AddIndexConstraint
        | At::AT_ValidateConstraint
        | At::AT_AddIdentity
        | At::AT_AttachPartition
        | At::AT_AddInherit
        | At::AT_AddOf => (Class::Create, format!("adds to {relation}")),
        At::AT_DropColumn => (Class::Drop, format!("drops the column {}", column())),
        At::AT_DropConstraint | At::AT_DropIdentity | At::AT_DropExpression => {
            (Class::DropDefinition, format!("drops {}", column()))
        }
        At::AT_AlterColumnType => (Class::Alter, format!("changes the type of {}", column())),
        At::AT_DetachPartition | At::AT_DetachPartitionFinalize => {
            (Class::Drop, format!("takes a partition out of {relation}"))
        }
        At::AT_SetUnLogged => (
            Class::Protection,
            format!("makes {relation} unlogged, to be emptied by the next crash"),
        ),
        At::AT_DisableTrig
        | At::AT_DisableTrigAll
        | At::AT_DisableTrigUser
        | At::AT_EnableReplicaTrig
        | At::AT_DisableRule
        | At::AT_EnableReplicaRule => (
            Class::Protection,
            format!("switches off triggers or rules of {relation}"),
        ),
        At::AT_DisableRowSecurity | At::AT_NoForceRowSecurity => (
            Class::Protection,
            format!("switches off row security of {relation}"),
        ),
        At::AT_EnableRowSecurity | At::AT_ForceRowSecurity => (
            Class::Privilege,
            format!("switches on row security of {relation}"),
        ),
        At::AT_ChangeOwner => (Class::Privilege, format!("gives {relation} to another owner")),
        At::AT_GenericOptions | At::AT_AlterColumnGenericOptions => (
            Class::Outward,
            format!("changes how {relation} reaches another server"),
        ),
        _ => (Class::Alter, format!("changes {relation}")),
    }
}

/// Objects that are relations.
const HAS_ROWS: &[ObjectType::Type] = &[
    ObjectType::OBJECT_FOREIGN_TABLE,
    ObjectType::OBJECT_MATVIEW,
    ObjectType::OBJECT_TABLE,
    ObjectType::OBJECT_VIEW,
];

fn dropped(walk: &mut Walk<'_, '_>, drop: &DropStmt, scope: Scope) {
    let (class, kind) = match drop.remove_type {
        ObjectType::OBJECT_TABLE => (Class::Drop, "table"),
        ObjectType::OBJECT_FOREIGN_TABLE => (Class::Drop, "foreign table"),
        ObjectType::OBJECT_MATVIEW => (Class::Drop, "materialized view"),
        ObjectType::OBJECT_SEQUENCE => (Class::Drop, "sequence"),
        ObjectType::OBJECT_SCHEMA => (Class::Drop, "schema"),
        ObjectType::OBJECT_TYPE => (Class::Drop, "type"),
        ObjectType::OBJECT_DOMAIN => (Class::Drop, "domain"),
        ObjectType::OBJECT_EXTENSION => (Class::Drop, "extension"),
        ObjectType::OBJECT_INDEX => (Class::DropDefinition, "index"),
        ObjectType::OBJECT_VIEW => (Class::DropDefinition, "view"),
        ObjectType::OBJECT_FUNCTION | ObjectType::OBJECT_ROUTINE | ObjectType::OBJECT_PROCEDURE => {
            (Class::DropDefinition, "function")
        }
        ObjectType::OBJECT_TRIGGER => (Class::DropDefinition, "trigger"),
        ObjectType::OBJECT_RULE => (Class::DropDefinition, "rule"),
        ObjectType::OBJECT_POLICY => (Class::DropDefinition, "policy"),
        ObjectType::OBJECT_EVENT_TRIGGER => (Class::Protection, "event trigger"),
        ObjectType::OBJECT_FDW | ObjectType::OBJECT_FOREIGN_SERVER => (Class::Outward, "foreign server"),
        ObjectType::OBJECT_ACCESS_METHOD | ObjectType::OBJECT_LANGUAGE => (Class::Drop, "part of the server"),
        _ => (Class::DropDefinition, "definition"),
    };
    let cascades = drop.behavior == pg_raw_parse::raw::DropBehavior::DROP_CASCADE;
    if drop.remove_type == ObjectType::OBJECT_TABLE {
        let tables = drop.objects().into_iter();
        let tables = tables.filter_map(|named| match named {
            Node::NodeList(name) => Some(owned(&parts(name))),
            _ => None,
        });
        walk.take(Taking {
            verb: TakingVerb::DropTable,
            relations: tables.collect(),
            cascade: cascades,
            restarts: false,
        });
    }
    for named in drop.objects() {
        let with_dependants = match cascades {
            true => " and everything that depends on it",
            false => "",
        };
        let does = match object(named) {
            name if name.is_empty() => format!("drops a {kind}{with_dependants}"),
            name => format!("drops the {kind} `{name}`{with_dependants}"),
        };
        // What depends on it may hold data.
        let class = match (class, with_dependants) {
            (Class::DropDefinition, "") => Class::DropDefinition,
            (Class::DropDefinition, _) => Class::Drop,
            (class, _) => class,
        };
        walk.add(class, does, scope);
        if let Node::NodeList(name) = named {
            let name = parts(name);
            if HAS_ROWS.contains(&drop.remove_type) {
                walk.named(&name, true);
            }
            if is_catalog(&name) {
                walk.add(Class::CatalogWrite, format!("drops `{}`", written(&name)), scope);
            }
        }
    }
}
