//! What squawk does not say of a migration: tables that are written anew, views that are kept from their readers, names that the
//! version that still runs calls, rows that go, rights that everybody gets, and what a block of code would do.

use std::collections::BTreeSet;

use pg_raw_parse::Node;
use pg_raw_parse::nodes::{AlterTableCmd, AlterTableStmt, ColumnDef, GrantStmt, RangeVar};
use pg_raw_parse::raw::{AlterTableType as At, ConstrType, DropBehavior, ObjectType, RoleSpecType};
use safeguard_api::evidence::Severity;
use safeguard_api::guard::StatementClass as Class;
use squawk_syntax::ast::{self, AstNode as _};
use squawk_syntax::{SourceFile, SyntaxKind};

use crate::facts::Facts;
use crate::names::{relation_parts, shown, strings, written};
use crate::read;

/// From here on a lock keeps every writer out (`EXCLUSIVE`).
const NO_WRITERS_LOCK: i32 = 7;

/// A finding of a statement, before its place is known.
#[derive(Debug)]
pub(super) struct Told {
    pub rule: &'static str,
    pub severity: Severity,
    pub message: String,
    pub hint: &'static str,
}

fn high(rule: &'static str, message: impl Into<String>, hint: &'static str) -> Told {
    Told {
        rule,
        severity: Severity::High,
        message: message.into(),
        hint,
    }
}

/// What the statements so far have made, changed and set.
#[derive(Debug, Default)]
pub(super) struct Seen {
    made: BTreeSet<String>,
    altered: BTreeSet<String>,
    /// Whether a lock is waited for no longer than was said.
    waits_briefly: bool,
}

impl Seen {
    /// Whether a relation came with this very migration: nobody reads or writes it yet.
    fn is_new(&self, relation: Option<&RangeVar>) -> bool {
        relation.is_some_and(|relation| self.made.contains(&name(relation)))
    }

    fn note(&mut self, node: Node<'_>) {
        match node {
            Node::CreateStmt(made) => self.made.extend(made.relation().map(name)),
            Node::CreateTableAsStmt(made) => {
                let made = made.into().and_then(|into| into.rel());
                self.made.extend(made.map(name));
            }
            Node::AlterTableStmt(alter) => self.altered.extend(alter.relation().map(name)),
            Node::VariableSetStmt(set) if set.name() == Some("lock_timeout") => self.waits_briefly = true,
            _ => {}
        }
    }
}

fn name(relation: &RangeVar) -> String {
    written(&relation_parts(relation))
}

/// What is dangerous in a statement that has been read.
pub(super) fn told(statement: &str, facts: &Facts, seen: &mut Seen) -> Vec<Told> {
    let mut found: Vec<Told> = every_row(facts, seen).into_iter().collect();
    let Ok(parsed) = pg_raw_parse::parse(statement) else {
        return found;
    };
    for raw in &**parsed {
        found.extend(of_node(raw.stmt(), seen));
        seen.note(raw.stmt());
    }
    found
}

/// A table whose rows all go, or are all written while its schema is changed.
fn every_row(facts: &Facts, seen: &Seen) -> Option<Told> {
    let bulk = facts.acts.iter().find(|act| act.class == Class::BulkWrite)?;
    let mut targets = facts.relations.iter().filter(|relation| relation.target);
    if targets.clone().all(|target| seen.made.contains(&target.name)) {
        return None;
    }
    let message = format!("It {}.", bulk.does);
    if facts.acts.iter().any(|act| act.class == Class::Delete) {
        let hint =
            "delete by key and in batches, and say how many are meant to go: `-- safeguard: removes 40 rows`";
        return Some(high("delete", message, hint));
    }
    if targets.any(|target| seen.altered.contains(&target.name)) {
        let hint = "change the schema in one migration, and fill in batches, by key, in one that follows: the lock is held until the commit";
        return Some(high("backfill-under-lock", message, hint));
    }
    let hint = "name the rows in `WHERE`, by key and in batches";
    Some(Told {
        severity: Severity::Medium,
        ..high("bulk-write", message, hint)
    })
}

fn of_node(node: Node<'_>, seen: &Seen) -> Vec<Told> {
    let one = match node {
        Node::AlterTableStmt(alter) => return altered(alter, seen),
        Node::VacuumStmt(_) | Node::ClusterStmt(_) => rewritten(node),
        Node::RefreshMatViewStmt(refresh) if !refresh.concurrent && !seen.is_new(refresh.relation()) => {
            let message = format!("Nobody reads {} while its query runs.", shown(refresh.relation()));
            Some(high(
                "refresh-blocks-readers",
                message,
                "`REFRESH MATERIALIZED VIEW CONCURRENTLY`, which needs a unique index, or refresh outside of the migration",
            ))
        }
        Node::LockStmt(lock) if lock.mode >= NO_WRITERS_LOCK && !seen.waits_briefly => Some(high(
            "lock",
            "Whoever comes after it waits for the table, and so does everybody behind a lock that is waited for.",
            "leave it to the statements themselves, or set `lock_timeout` before it",
        )),
        Node::DropStmt(drop) if drop.behavior == DropBehavior::DROP_CASCADE => Some(high(
            "drop-cascade",
            "`CASCADE` drops whatever depends on it, also what nobody thinks of.",
            "drop what depends on it by name, and leave `CASCADE` out",
        )),
        Node::AlterEnumStmt(change) if change.old_val().is_some() => Some(renamed("a value of a type")),
        Node::RenameStmt(rename) => kind_called(rename.rename_type).map(renamed),
        Node::AlterObjectSchemaStmt(moved)
            if kind_called(moved.object_type).is_some() || moved.object_type == ObjectType::OBJECT_TABLE =>
        {
            (!seen.is_new(moved.relation())).then(|| Told {
                rule: "moved-to-another-schema",
                ..renamed("an object")
            })
        }
        Node::GrantStmt(grant) => granted(grant),
        _ => None,
    };
    one.into_iter().collect()
}

fn rewritten(node: Node<'_>) -> Option<Told> {
    let full = match node {
        Node::VacuumStmt(vacuum) => {
            let mut options = vacuum.options().into_iter();
            vacuum.is_vacuumcmd && options.any(|option| option.defname() == Some("full"))
        }
        _ => true,
    };
    full.then(|| {
        high(
            "table-rewritten",
            "It writes the table anew, whole, while nobody can use it.",
            "`VACUUM` without `FULL`, or a tool that copies beside it (`pg_repack`), outside of the migrations",
        )
    })
}

/// Objects that the version that still runs calls by their names.
fn kind_called(kind: ObjectType::Type) -> Option<&'static str> {
    match kind {
        ObjectType::OBJECT_VIEW => Some("a view"),
        ObjectType::OBJECT_MATVIEW => Some("a materialized view"),
        ObjectType::OBJECT_FOREIGN_TABLE => Some("a foreign table"),
        ObjectType::OBJECT_SEQUENCE => Some("a sequence"),
        ObjectType::OBJECT_SCHEMA => Some("a schema"),
        ObjectType::OBJECT_TYPE => Some("a type"),
        ObjectType::OBJECT_DOMAIN => Some("a domain"),
        ObjectType::OBJECT_ATTRIBUTE => Some("a part of a type"),
        ObjectType::OBJECT_FUNCTION | ObjectType::OBJECT_PROCEDURE | ObjectType::OBJECT_ROUTINE => {
            Some("a function")
        }
        _ => None,
    }
}

fn renamed(what: &str) -> Told {
    high(
        "renaming-object",
        format!("The version that still runs names {what} as it was."),
        "add the new one beside it, move the readers, and drop the old one in a later migration",
    )
}

fn altered(alter: &AlterTableStmt, seen: &Seen) -> Vec<Told> {
    if seen.is_new(alter.relation()) {
        return Vec::new();
    }
    let commands = || {
        alter.cmds().into_iter().filter_map(|command| match command {
            Node::AlterTableCmd(command) => Some(command),
            _ => None,
        })
    };
    let table = shown(alter.relation());
    let keyed = commands().any(
        |command| matches!(command.def(), Node::Constraint(key) if key.contype == ConstrType::CONSTR_PRIMARY),
    );
    commands()
        .filter_map(|command| changed(command, &table, keyed))
        .collect()
}

fn changed(command: &AlterTableCmd, table: &str, keyed: bool) -> Option<Told> {
    const IN_BATCHES: &str =
        "add the column without it, set a default for new rows, and fill the old ones in batches";
    let cascades = command.behavior == DropBehavior::DROP_CASCADE;
    match (command.subtype, command.def()) {
        (At::AT_AddColumn, Node::ColumnDef(column)) if is_numbered(column) => {
            let message = format!(
                "It numbers every row of {table}: the table is written anew, whole, while nobody can use it."
            );
            Some(high("table-rewritten", message, IN_BATCHES))
        }
        (At::AT_SetTableSpace | At::AT_SetAccessMethod, _) => {
            let message = format!("It copies {table}, whole, while nobody can use it.");
            Some(high(
                "table-rewritten",
                message,
                "move it outside of the migrations, while it may be away",
            ))
        }
        (At::AT_DropConstraint, _) if cascades => Some(high(
            "drop-cascade",
            "`CASCADE` drops whatever depends on the constraint: the foreign keys of other tables.",
            "drop those by name, and leave `CASCADE` out",
        )),
        // PostgreSQL's own name for it.
        (At::AT_DropConstraint, _)
            if !keyed && command.name().is_some_and(|name| name.ends_with("_pkey")) =>
        {
            Some(high(
                "drop-primary-key",
                format!(
                    "Nothing keeps the rows of {table} apart any more, and replicas can not tell them apart."
                ),
                "put the new key in its place in the same statement (`ADD PRIMARY KEY USING INDEX`)",
            ))
        }
        _ => None,
    }
}

/// Whether every row would get a number of its own.
fn is_numbered(column: &ColumnDef) -> bool {
    const SERIALS: &[&str] = &[
        "bigserial",
        "serial",
        "serial2",
        "serial4",
        "serial8",
        "smallserial",
    ];
    let serial = column
        .type_name()
        .and_then(|kind| strings(kind.names()).last().copied());
    let mut constraints = column.constraints().into_iter();
    serial.is_some_and(|kind| SERIALS.contains(&kind))
        || constraints.any(|constraint| matches!(constraint, Node::Constraint(one) if one.contype == ConstrType::CONSTR_IDENTITY))
}

/// Everybody who logs in gets to write.
fn granted(grant: &GrantStmt) -> Option<Told> {
    const READ: &[&str] = &["connect", "execute", "references", "select", "usage"];
    const HAS_ROWS: &[ObjectType::Type] = &[
        ObjectType::OBJECT_DATABASE,
        ObjectType::OBJECT_SCHEMA,
        ObjectType::OBJECT_SEQUENCE,
        ObjectType::OBJECT_TABLE,
    ];
    let mut grantees = grant.grantees().into_iter();
    let public = grantees.any(|role| role.roletype == RoleSpecType::ROLESPEC_PUBLIC);
    // None is all of them.
    let privileges: Vec<&str> = grant
        .privileges()
        .into_iter()
        .filter_map(|privilege| privilege.priv_name())
        .collect();
    let writes = privileges.is_empty() || privileges.iter().any(|name| !READ.contains(name));
    (grant.is_grant && public && writes && HAS_ROWS.contains(&grant.objtype)).then(|| {
        high(
            "grant-to-public",
            "Every role that can log in, now and later, may write there.",
            "grant to the roles that need it, by name",
        )
    })
}

/// What a block of code runs, statement by statement; none for a text that only shows when it runs.
pub(super) fn unfolded(statement: &str) -> Vec<Option<String>> {
    let file = SourceFile::parse(statement);
    let blocks = file.tree().stmts().filter_map(|statement| match statement {
        ast::Stmt::Do(block) => block.plpgsql(),
        _ => None,
    });
    let mut found = Vec::new();
    for block in blocks {
        for node in block.syntax().descendants() {
            if let Some(run) = ast::PlpgsqlExecSqlStmt::cast(node.clone()) {
                found.extend(understood(&run.syntax().to_string()).map(Some));
            } else if let Some(run) = ast::PlpgsqlDynExecuteStmt::cast(node) {
                let tokens = run.syntax().descendants_with_tokens();
                let texts = tokens
                    .filter_map(|part| part.into_token())
                    .filter_map(|token| unquoted(token.kind(), token.text()));
                let texts: Vec<String> = texts.filter_map(|text| put_together(&filled(&text))).collect();
                match texts.is_empty() {
                    true => found.push(None),
                    false => found.extend(texts.into_iter().map(Some)),
                }
            }
        }
    }
    found
}

/// A statement, or the beginning of one to which a name is joined; whether a condition is joined as well is not in sight.
fn put_together(text: &str) -> Option<String> {
    let every_row = |sql: &String| read(sql).acts.iter().any(|act| act.class == Class::BulkWrite);
    let joined = || understood(&format!("{text}put_in")).filter(|sql| !every_row(sql));
    understood(text).or_else(joined)
}

fn understood(sql: &str) -> Option<String> {
    let sql = sql.trim().trim_end_matches(';');
    let facts = read(sql);
    let whole = !facts.acts.iter().any(|act| act.class == Class::NotUnderstood);
    (whole && !facts.acts.is_empty()).then(|| sql.to_owned())
}

fn unquoted(kind: SyntaxKind, text: &str) -> Option<String> {
    match kind {
        SyntaxKind::STRING => {
            let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
            Some(inner.replace("''", "'"))
        }
        SyntaxKind::DOLLAR_QUOTED_STRING => {
            let (tag, rest) = text.strip_prefix('$')?.split_once('$')?;
            let inner = rest.strip_suffix(&format!("${tag}$"))?;
            Some(inner.to_owned())
        }
        _ => None,
    }
}

/// What `format` puts in stands for some name or some value.
fn filled(text: &str) -> String {
    ["%I", "%s", "%1$I", "%1$s", "%2$I", "%2$s"]
        .iter()
        .fold(text.to_owned(), |text, mark| text.replace(mark, "put_in"))
        .replace("%L", "'put in'")
}

#[cfg(test)]
mod tests {
    use crate::migration::lint;

    fn linted(text: &str) -> Vec<String> {
        let line = |finding: &safeguard_api::migration::MigrationFinding| {
            format!("{} {} {}", finding.line, finding.severity.as_str(), finding.rule)
        };
        let text = format!("SET lock_timeout = '2s'; {text}");
        lint(&text).iter().map(line).collect()
    }

    #[test]
    fn what_stops_users_or_takes_what_is_used_is_high() {
        for (rule, text) in [
            ("table-rewritten", "ALTER TABLE users ADD COLUMN number serial"),
            (
                "table-rewritten",
                "ALTER TABLE users ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY",
            ),
            ("table-rewritten", "ALTER TABLE users SET TABLESPACE fast"),
            ("table-rewritten", "VACUUM (FULL) users"),
            ("table-rewritten", "CLUSTER users USING users_pkey"),
            ("refresh-blocks-readers", "REFRESH MATERIALIZED VIEW sales"),
            ("drop-cascade", "DROP TYPE status CASCADE"),
            (
                "drop-cascade",
                "ALTER TABLE users DROP CONSTRAINT users_email_key CASCADE",
            ),
            ("drop-primary-key", "ALTER TABLE users DROP CONSTRAINT users_pkey"),
            (
                "renaming-object",
                "ALTER TYPE status RENAME VALUE 'new' TO 'open'",
            ),
            ("renaming-object", "ALTER VIEW active RENAME TO live"),
            ("renaming-object", "ALTER FUNCTION total(int) RENAME TO sum_of"),
            ("moved-to-another-schema", "ALTER TABLE users SET SCHEMA old"),
            (
                "grant-to-public",
                "GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC",
            ),
            ("grant-to-public", "GRANT SELECT, INSERT ON users TO PUBLIC"),
            ("delete", "DELETE FROM sessions"),
            ("delete", "DELETE FROM sessions WHERE expires < now() OR true"),
            (
                "backfill-under-lock",
                "ALTER TABLE users ADD COLUMN a int; UPDATE users SET a = 1",
            ),
        ] {
            let expected = format!("1 high {rule}");
            assert!(linted(text).contains(&expected), "{text}: {:?}", linted(text));
        }
        let unbounded: Vec<String> = lint("LOCK TABLE users")
            .into_iter()
            .map(|finding| finding.rule)
            .collect();
        assert!(unbounded.contains(&"lock".to_owned()), "{unbounded:?}");
    }

    #[test]
    fn what_nobody_uses_yet_or_was_meant_says_nothing() {
        for text in [
            "CREATE TABLE a (id int); ALTER TABLE a ADD COLUMN number serial; UPDATE a SET id = 1; DELETE FROM a",
            "CREATE MATERIALIZED VIEW sales AS SELECT 1 AS one WITH NO DATA; REFRESH MATERIALIZED VIEW sales",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY sales",
            "VACUUM (ANALYZE) users",
            "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE",
            "ALTER TABLE users DROP CONSTRAINT users_pkey, ADD CONSTRAINT users_pkey PRIMARY KEY USING INDEX users_new",
            "ALTER TABLE users RENAME CONSTRAINT a TO b",
            "ALTER INDEX a RENAME TO b",
            "GRANT USAGE ON SCHEMA app TO PUBLIC",
            "GRANT ALL ON users TO app",
            "REVOKE ALL ON users FROM PUBLIC",
            "DELETE FROM sessions WHERE expires < now()",
            "\n-- safeguard: removes 40 rows\nDELETE FROM sessions",
            "\n-- squawk-ignore refresh-blocks-readers\nREFRESH MATERIALIZED VIEW sales",
        ] {
            assert_eq!(linted(text), Vec::<String>::new(), "{text}");
        }
        // Told, and not refused: the table may well be small.
        assert_eq!(linted("UPDATE users SET a = 1"), ["1 medium bulk-write"]);
    }

    #[test]
    fn what_a_block_of_code_does_is_told_where_it_begins() {
        for (rules, text) in [
            (
                &["2 high ban-drop-table"][..],
                "\nDO $$ BEGIN EXECUTE 'DROP TABLE users'; END $$",
            ),
            (
                &["2 high ban-drop-table"],
                "\nDO $x$ DECLARE t text; BEGIN FOR t IN SELECT 'a' LOOP EXECUTE format('DROP TABLE %I', t); END LOOP; END $x$",
            ),
            (
                &["2 high truncate"],
                "\nDO $$ BEGIN IF true THEN TRUNCATE users; END IF; END $$",
            ),
            (
                &["2 medium dynamic-sql"],
                "\nDO $$ DECLARE t text; BEGIN EXECUTE t; END $$",
            ),
            // As Drizzle writes it.
            (
                &[],
                "CREATE TABLE a (id bigint PRIMARY KEY, b bigint); DO $$ BEGIN ALTER TABLE a ADD CONSTRAINT x FOREIGN KEY (b) REFERENCES a (id); EXCEPTION WHEN duplicate_object THEN null; END $$",
            ),
            (
                &[],
                "DO $$ BEGIN CREATE TYPE status AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN null; END $$",
            ),
        ] {
            assert_eq!(linted(text), rules, "{text}");
        }
    }
}
