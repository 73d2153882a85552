//! What reaches beyond the tables of one database: roles, files, other servers, maintenance, the server itself.

use pg_raw_parse::Node;
use pg_raw_parse::list::CastNodeList;
use pg_raw_parse::nodes::{CreateExtensionStmt, DefElem};
use safeguard_api::guard::StatementClass as Class;

use crate::names::{shown, written};
use crate::read::{Below, Scope, Walk};

/// Relations of PostgreSQL's own with passwords, or with what lets one log in somewhere.
const SECRETS: &[&str] = &[
    "pg_authid",
    "pg_file_settings",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_largeobject",
    "pg_shadow",
    "pg_subscription",
    "pg_user_mapping",
    "pg_user_mappings",
];

/// Whether a relation belongs to PostgreSQL itself. Without a schema, its own names come before everyone's.
pub(crate) fn is_catalog(parts: &[&str]) -> bool {
    match *parts {
        [name] => name.starts_with("pg_"),
        [.., schema, _] => matches!(schema, "pg_catalog" | "information_schema" | "pg_toast"),
        [] => false,
    }
}

/// Notes the reading of a relation with secrets. A common table expression of that name does not hide it.
pub(crate) fn secret(walk: &mut Walk<'_, '_>, name: &[&str], scope: Scope) {
    // The secrets that an extension keeps, deciphered.
    let is_vault = matches!(name, [.., "vault", "decrypted_secrets"]);
    if let Some(relation) = name.last().filter(|name| is_vault || SECRETS.contains(name))
        && (is_vault || is_catalog(name))
    {
        walk.add(Class::Secret, format!("reads `{relation}`"), scope);
    }
}

pub(crate) fn see<'a>(walk: &mut Walk<'a, '_>, node: Node<'a>, scope: Scope) -> Option<Below> {
    let (class, does): (Class, String) = match node {
        Node::DoStmt(_) => (Class::DynamicSql, "runs a block of code".to_owned()),
        Node::CallStmt(_) => {
            walk.facts.calls_unknown = true;
            (Class::UnknownFunction, "calls a procedure".to_owned())
        }
        Node::GrantStmt(grant) => {
            let does = match grant.is_grant {
                true => "grants privileges",
                false => "revokes privileges",
            };
            walk.add(Class::Privilege, does, scope);
            // Its list of objects holds other things than the library says.
            return Some(Below::Pushed);
        }
        Node::AlterDefaultPrivilegesStmt(_) => {
            walk.add(Class::Privilege, "changes default privileges", scope);
            return Some(Below::Pushed);
        }
        Node::AlterOwnerStmt(_) => (Class::Privilege, "gives an object to another owner".to_owned()),
        Node::SecLabelStmt(_) => (Class::Privilege, "sets a security label".to_owned()),
        Node::CreatePolicyStmt(policy) => (
            Class::Privilege,
            format!("makes a policy of row security on {}", shown(policy.table())),
        ),
        Node::AlterPolicyStmt(policy) => (
            Class::Privilege,
            format!("changes a policy of row security on {}", shown(policy.table())),
        ),
        Node::GrantRoleStmt(_) => (Class::Role, "changes who is a member of a role".to_owned()),
        Node::CreateRoleStmt(_) => (Class::Role, "makes a role".to_owned()),
        Node::AlterRoleStmt(_) => (Class::Role, "changes a role".to_owned()),
        Node::AlterRoleSetStmt(_) => {
            walk.add(Class::Role, "changes the settings of a role", scope);
            return Some(Below::Pushed);
        }
        Node::DropRoleStmt(_) => (Class::Role, "removes a role".to_owned()),
        Node::ReassignOwnedStmt(_) => (Class::Role, "gives away everything that a role owns".to_owned()),
        Node::DropOwnedStmt(_) => (
            Class::DropEverything,
            "drops everything that a role owns".to_owned(),
        ),
        Node::DropdbStmt(drop) => {
            let name = written(&[drop.dbname().unwrap_or_default()]);
            (Class::DropEverything, format!("drops the database `{name}`"))
        }
        Node::DropTableSpaceStmt(_) => (Class::DropEverything, "drops a tablespace".to_owned()),
        Node::CreateExtensionStmt(create) => extension(create),
        Node::AlterExtensionStmt(_) | Node::AlterExtensionContentsStmt(_) => {
            (Class::Extension, "changes an extension".to_owned())
        }
        Node::LoadStmt(_) => (Class::Host, "loads a library into the server".to_owned()),
        Node::CreatePLangStmt(_) => (Class::Host, "makes a language".to_owned()),
        Node::CreateTableSpaceStmt(_) => (Class::Host, "makes a tablespace".to_owned()),
        Node::AlterSystemStmt(_) => {
            walk.add(Class::ServerAdmin, "changes a setting of the server", scope);
            return Some(Below::Pushed);
        }
        Node::AlterDatabaseSetStmt(_) => {
            walk.add(Class::ServerAdmin, "changes the settings of a database", scope);
            return Some(Below::Pushed);
        }
        Node::AlterDatabaseStmt(_) | Node::AlterDatabaseRefreshCollStmt(_) => {
            (Class::ServerAdmin, "changes a database".to_owned())
        }
        Node::AlterTableSpaceOptionsStmt(_) => (Class::ServerAdmin, "changes a tablespace".to_owned()),
        Node::CheckPointStmt(_) => (Class::ServerAdmin, "makes a checkpoint".to_owned()),
        Node::VacuumStmt(vacuum) => maintenance(vacuum.is_vacuumcmd, vacuum.options()),
        Node::RefreshMatViewStmt(refresh) if refresh.skip_data => (
            Class::Truncate,
            format!("empties the view {}", shown(refresh.relation())),
        ),
        Node::RefreshMatViewStmt(refresh) => (
            Class::Maintenance,
            format!("refreshes {}", shown(refresh.relation())),
        ),
        Node::ReindexStmt(reindex) if is_said(reindex.params(), "concurrently") => {
            (Class::Maintenance, "builds indexes again".to_owned())
        }
        Node::ReindexStmt(_) => (
            Class::ExclusiveMaintenance,
            "builds indexes again while nobody can write".to_owned(),
        ),
        Node::ClusterStmt(_) => (
            Class::ExclusiveMaintenance,
            "writes a table again while nobody can read".to_owned(),
        ),
        Node::AlterTableMoveAllStmt(_) => (
            Class::ExclusiveMaintenance,
            "moves tables to another place".to_owned(),
        ),
        Node::CreateFdwStmt(_) | Node::AlterFdwStmt(_) => {
            (Class::Outward, "defines how other servers are reached".to_owned())
        }
        Node::CreateForeignServerStmt(_) | Node::AlterForeignServerStmt(_) => (
            Class::Outward,
            "defines a connection to another server".to_owned(),
        ),
        Node::CreateUserMappingStmt(_) | Node::AlterUserMappingStmt(_) | Node::DropUserMappingStmt(_) => {
            (Class::Outward, "changes who one is on another server".to_owned())
        }
        Node::ImportForeignSchemaStmt(_) => (Class::Outward, "takes in tables of another server".to_owned()),
        Node::CreateSubscriptionStmt(_) | Node::AlterSubscriptionStmt(_) | Node::DropSubscriptionStmt(_) => (
            Class::Outward,
            "changes what is replicated from another server".to_owned(),
        ),
        _ => return None,
    };
    walk.add(class, does, scope);
    Some(Below::All(scope))
}

/// Extensions that PostgreSQL trusts anybody who owns the database with, and those like them that only add types and
/// functions over rows. Sorted.
const PLAIN_EXTENSIONS: &[&str] = &[
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "ltree",
    "pg_stat_statements",
    "pg_trgm",
    "pgcrypto",
    "plpgsql",
    "postgis",
    "seg",
    "tablefunc",
    "tsm_system_rows",
    "tsm_system_time",
    "unaccent",
    "uuid-ossp",
    "vector",
];

fn extension(create: &CreateExtensionStmt) -> (Class, String) {
    let name = create.extname().unwrap_or_default();
    let class = match PLAIN_EXTENSIONS.binary_search(&name) {
        Ok(_) => Class::Create,
        Err(_) => Class::Extension,
    };
    (class, format!("adds the extension `{}`", written(&[name])))
}

fn is_said(options: &CastNodeList<DefElem>, name: &str) -> bool {
    options.into_iter().any(|option| {
        option
            .defname()
            .is_some_and(|said| said.eq_ignore_ascii_case(name))
    })
}

fn maintenance(is_vacuum: bool, options: &CastNodeList<DefElem>) -> (Class, String) {
    if is_vacuum && is_said(options, "full") {
        let does = "writes tables again while nobody can read them".to_owned();
        return (Class::ExclusiveMaintenance, does);
    }
    (
        Class::Maintenance,
        "tidies tables or counts their values".to_owned(),
    )
}

/// Languages that can reach nothing but the database.
const TRUSTED_LANGUAGES: &[&str] = &["plperl", "plpgsql", "pltcl", "plv8", "sql"];

pub(crate) fn is_trusted_language(name: &str) -> bool {
    TRUSTED_LANGUAGES.iter().any(|one| name.eq_ignore_ascii_case(one))
}
