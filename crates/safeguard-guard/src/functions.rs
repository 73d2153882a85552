//! What is known of functions and operators by their names.

use std::sync::LazyLock;

use safeguard_api::guard::StatementClass as Class;

/// Functions of PostgreSQL 13 to 18 that change nothing but the session, sorted.
static HARMLESS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    include_str!("functions/harmless.txt")
        .split_whitespace()
        .collect()
});
/// Functions of PostGIS, pgvector, pg_trgm, uuid-ossp, fuzzystrmatch and unaccent that only read, sorted.
static EXTENSIONS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    include_str!("functions/extensions.txt")
        .split_whitespace()
        .collect()
});
/// Operators of pgvector and pg_trgm, sorted.
static EXTENSION_OPERATORS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    include_str!("functions/extension_operators.txt")
        .split_whitespace()
        .collect()
});
/// Operators of PostgreSQL 13 to 18, sorted.
static OPERATORS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    include_str!("functions/operators.txt")
        .split_whitespace()
        .collect()
});

/// What is known of a function.
pub(crate) enum Known {
    Harmless,
    /// Sets a setting, as `SET` does.
    SetConfig,
    /// Runs SQL that stands in these arguments, counted from 0.
    TakesSql(&'static [usize]),
    /// Does what the words say, and more than reading.
    Does(Class, &'static str),
    /// Only reads, if it is that of the extension: one's own may have the same name.
    Extension,
    /// It may do anything.
    Unknown,
}

/// Returns what is known of a function. What does harm is known by its name in whatever schema, since extensions may be put
/// into any; what is harmless only as PostgreSQL's own.
pub(crate) fn known((schema, function): (Option<&str>, &str), arguments: usize) -> Known {
    if schema == Some("cron") {
        return Known::Does(Class::Deferred, "has SQL run later");
    }
    if schema == Some("net") || schema.is_some_and(|schema| schema.starts_with("aws_")) {
        return Known::Does(Class::Outward, "reaches another server");
    }
    if let Some(known) = special(function, arguments) {
        return known;
    }
    match schema {
        None | Some("pg_catalog") if HARMLESS.binary_search(&function).is_ok() => Known::Harmless,
        None | Some("public" | "extensions" | "postgis") if EXTENSIONS.binary_search(&function).is_ok() => {
            Known::Extension
        }
        Some("information_schema") if function.starts_with("_pg_") => Known::Harmless,
        // The prefix is PostgreSQL's own: a function that is not known here is of a newer one, or was left out for a reason.
        None | Some("pg_catalog")
            if function.starts_with("pg_") || function.starts_with("binary_upgrade_") =>
        {
            Known::Does(Class::ServerAdmin, "tends the server")
        }
        _ => Known::Unknown,
    }
}

pub(crate) fn is_operator(name: &str) -> bool {
    OPERATORS.binary_search(&name).is_ok()
}

pub(crate) fn is_extension_operator(name: &str) -> bool {
    EXTENSION_OPERATORS.binary_search(&name).is_ok()
}

fn special(function: &str, arguments: usize) -> Option<Known> {
    if let Ok(at) = SPECIAL.binary_search_by(|(name, _, _)| (*name).cmp(function)) {
        let (_, class, does) = SPECIAL[at];
        return Some(Known::Does(class, does));
    }
    match function {
        "set_config" => Some(Known::SetConfig),
        "query_to_xml" | "query_to_xml_and_xmlschema" | "query_to_xmlschema" | "ts_stat" => {
            Some(Known::TakesSql(&[0]))
        }
        "crosstab" if arguments == 2 => Some(Known::TakesSql(&[0, 1])),
        "crosstab" | "crosstab2" | "crosstab3" | "crosstab4" | "crosstabn" => Some(Known::TakesSql(&[0])),
        // With three arguments it takes queries of text search alone.
        "ts_rewrite" if arguments == 3 => Some(Known::Harmless),
        "ts_rewrite" => Some(Known::TakesSql(&[1])),
        _ if function.starts_with("dblink") => Some(Known::Does(Class::Outward, "reaches another database")),
        _ if function.starts_with("pg_stat_reset") || function.starts_with("pg_stat_statements_reset") => {
            Some(Known::Does(
                Class::ServerAdmin,
                "resets what the server has counted",
            ))
        }
        _ => None,
    }
}

const HOLDS: &str = "takes an advisory lock that its transaction's end does not release";

/// Functions that do more than read, sorted by name.
static SPECIAL: &[(&str, Class, &str)] = &[
    (
        "add_retention_policy",
        Class::Deferred,
        "has chunks of a table dropped later",
    ),
    ("addgeometrycolumn", Class::Alter, "adds a column"),
    ("citus_drop_all_shards", Class::Drop, "drops tables"),
    ("citus_remove_node", Class::ServerAdmin, "takes a node away"),
    ("connectby", Class::DynamicSql, "runs SQL made of names and texts"),
    ("cursor_to_xml", Class::Read, "reads a cursor"),
    ("database_to_xml", Class::DynamicSql, "reads every table"),
    (
        "database_to_xml_and_xmlschema",
        Class::DynamicSql,
        "reads every table",
    ),
    ("drop_chunks", Class::Drop, "drops tables"),
    ("drop_partition_id", Class::Drop, "drops tables"),
    ("drop_partition_time", Class::Drop, "drops tables"),
    ("dropgeometrycolumn", Class::Drop, "drops a column"),
    ("dropgeometrytable", Class::Drop, "drops a table"),
    ("get_raw_page", Class::Secret, "reads pages past every right"),
    (
        "heap_force_freeze",
        Class::ServerAdmin,
        "changes pages of a table past every count",
    ),
    (
        "heap_force_kill",
        Class::ServerAdmin,
        "removes rows of a table past every count",
    ),
    ("http", Class::Outward, "reaches another server"),
    ("http_delete", Class::Outward, "reaches another server"),
    ("http_get", Class::Outward, "reaches another server"),
    ("http_head", Class::Outward, "reaches another server"),
    ("http_patch", Class::Outward, "reaches another server"),
    ("http_post", Class::Outward, "reaches another server"),
    ("http_put", Class::Outward, "reaches another server"),
    ("lo_creat", Class::Write, "makes a large object"),
    ("lo_create", Class::Write, "makes a large object"),
    ("lo_export", Class::Host, "writes a file on the server"),
    ("lo_from_bytea", Class::Write, "makes a large object"),
    ("lo_import", Class::Host, "reads a file of the server"),
    ("lo_open", Class::Write, "opens a large object"),
    ("lo_put", Class::Write, "changes a large object"),
    ("lo_truncate", Class::Truncate, "cuts a large object"),
    ("lo_truncate64", Class::Truncate, "cuts a large object"),
    ("lo_unlink", Class::Delete, "deletes a large object"),
    ("lowrite", Class::Write, "changes a large object"),
    ("master_remove_node", Class::ServerAdmin, "takes a node away"),
    ("pg_advisory_lock", Class::SessionLock, HOLDS),
    ("pg_advisory_lock_shared", Class::SessionLock, HOLDS),
    (
        "pg_background_launch",
        Class::Deferred,
        "has SQL run beside the transaction",
    ),
    (
        "pg_background_v2_launch",
        Class::Deferred,
        "has SQL run beside the transaction",
    ),
    (
        "pg_cancel_backend",
        Class::BackendControl,
        "ends a statement of somebody else",
    ),
    ("pg_file_length", Class::Host, "looks at files of the server"),
    ("pg_file_read", Class::Host, "reads a file of the server"),
    ("pg_file_rename", Class::Host, "renames a file of the server"),
    ("pg_file_sync", Class::Host, "writes files of the server"),
    ("pg_file_unlink", Class::Host, "deletes a file of the server"),
    ("pg_file_write", Class::Host, "writes a file on the server"),
    ("pg_hba_file_rules", Class::Secret, "reads who may log in"),
    ("pg_ident_file_mappings", Class::Secret, "reads who may log in"),
    ("pg_logdir_ls", Class::Host, "lists files of the server"),
    (
        "pg_ls_archive_statusdir",
        Class::Host,
        "lists files of the server",
    ),
    ("pg_ls_dir", Class::Host, "lists files of the server"),
    ("pg_ls_logdir", Class::Host, "lists files of the server"),
    ("pg_ls_logicalmapdir", Class::Host, "lists files of the server"),
    ("pg_ls_logicalsnapdir", Class::Host, "lists files of the server"),
    ("pg_ls_replslotdir", Class::Host, "lists files of the server"),
    ("pg_ls_summariesdir", Class::Host, "lists files of the server"),
    ("pg_ls_tmpdir", Class::Host, "lists files of the server"),
    ("pg_ls_waldir", Class::Host, "lists files of the server"),
    ("pg_read_binary_file", Class::Host, "reads a file of the server"),
    ("pg_read_file", Class::Host, "reads a file of the server"),
    ("pg_read_file_old", Class::Host, "reads a file of the server"),
    (
        "pg_show_all_file_settings",
        Class::Secret,
        "reads the files of settings",
    ),
    ("pg_stat_file", Class::Host, "looks at files of the server"),
    (
        "pg_terminate_backend",
        Class::BackendControl,
        "ends a session of somebody else",
    ),
    ("pg_try_advisory_lock", Class::SessionLock, HOLDS),
    ("pg_try_advisory_lock_shared", Class::SessionLock, HOLDS),
    (
        "postgres_fdw_disconnect",
        Class::Outward,
        "ends connections to another server",
    ),
    (
        "postgres_fdw_disconnect_all",
        Class::Outward,
        "ends connections to other servers",
    ),
    (
        "run_command_on_all_nodes",
        Class::Outward,
        "runs SQL on other servers",
    ),
    (
        "run_command_on_placements",
        Class::Outward,
        "runs SQL on other servers",
    ),
    (
        "run_command_on_shards",
        Class::Outward,
        "runs SQL on other servers",
    ),
    (
        "run_command_on_workers",
        Class::Outward,
        "runs SQL on other servers",
    ),
    (
        "run_maintenance_proc",
        Class::Drop,
        "drops partitions that are old",
    ),
    (
        "schema_to_xml",
        Class::DynamicSql,
        "reads every table of a schema",
    ),
    (
        "schema_to_xml_and_xmlschema",
        Class::DynamicSql,
        "reads every table of a schema",
    ),
    ("setval", Class::Write, "sets a sequence"),
    ("table_to_xml", Class::DynamicSql, "reads a table named in a text"),
    (
        "table_to_xml_and_xmlschema",
        Class::DynamicSql,
        "reads a table named in a text",
    ),
    (
        "xpath_table",
        Class::DynamicSql,
        "runs SQL made of names and texts",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        assert!(
            HARMLESS.is_sorted() && HARMLESS.len() > 1_000,
            "{}",
            HARMLESS.len()
        );
        assert!(EXTENSIONS.is_sorted() && EXTENSIONS.len() > 300);
        assert!(EXTENSION_OPERATORS.is_sorted());
        assert!(OPERATORS.is_sorted() && OPERATORS.len() > 50);
        assert!(SPECIAL.is_sorted_by(|one, two| one.0 < two.0));
    }

    #[test]
    fn nothing_harmful_is_on_the_list_of_the_harmless() {
        let both: Vec<&str> = HARMLESS
            .iter()
            .chain(EXTENSIONS.iter())
            .copied()
            .filter(|name| !matches!(special(name, 1), None | Some(Known::Does(Class::Read, _))))
            .collect();
        assert_eq!(both, Vec::<&str>::new());
    }
}
