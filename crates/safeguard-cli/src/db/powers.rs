//! What the catalog says that a credential may: each check one question, answered for the role and all it can become.

use safeguard_api::Environment;
use safeguard_api::guard::Principal;
use tokio_postgres::Client;

use super::REACHING;
use super::attempts;
use super::connect::told;
use crate::doctor::{Check, bad, care, good};

/// What ends a statement, a wait for a lock and an idle transaction.
const BOUNDING: [&str; 3] = [
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "statement_timeout",
];

/// The names that a check lists.
const NAMED_MAX: usize = 5;

/// Roles of PostgreSQL itself that reach around privileges or out of the database (manual, "Predefined Roles").
const POWERFUL_ROLES: &str =
    "'pg_write_server_files', 'pg_read_server_files', 'pg_execute_server_program', 'pg_write_all_data',
 'pg_signal_backend', 'pg_checkpoint', 'pg_maintain', 'pg_create_subscription'";

/// Everything outside of PostgreSQL's own schemas.
const OURS: &str =
    "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'";

struct Question {
    name: &'static str,
    /// Lists names; none is good.
    sql: String,
    good: &'static str,
    /// What the names are.
    bad: &'static str,
    mend: &'static str,
    /// Whether it only asks for a look.
    care: bool,
}

/// Asks all that concerns who has this credential, and where.
pub async fn check(client: &Client, principal: Principal, environment: Environment) -> Vec<Check> {
    let mut checks = Vec::new();
    for question in questions(principal, environment) {
        checks.push(ask(client, &question).await);
    }
    checks.push(timeouts(client).await);
    checks
}

fn questions(principal: Principal, environment: Environment) -> Vec<Question> {
    let mut all = vec![
        Question {
            name: "server powers",
            sql: "SELECT r.rolname::text FROM pg_roles r WHERE pg_has_role(current_user, r.oid, 'MEMBER')
                  AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls) ORDER BY 1"
                .to_owned(),
            good: "it is no superuser, and makes no roles, no databases and no replicas",
            bad: "it has, or can become, a role with power over the server",
            mend: "`safeguard db harden --login NAME=writer` takes it away",
            care: false,
        },
        Question {
            name: "memberships",
            sql: format!(
                "SELECT r.rolname::text FROM pg_roles r WHERE r.rolname IN ({POWERFUL_ROLES})
                 AND pg_has_role(current_user, r.oid, 'MEMBER') ORDER BY 1"
            ),
            good: "it is in none of PostgreSQL's own powerful roles",
            bad: "it is a member of",
            mend: "`REVOKE` the membership; `safeguard db harden` does it",
            care: false,
        },
        Question {
            name: "reach",
            sql: format!(
                "SELECT DISTINCT e.extname::text FROM pg_extension e JOIN pg_depend d ON d.refobjid = e.oid AND d.deptype = 'e'
                   AND d.classid = 'pg_proc'::regclass
                 WHERE e.extname IN ({REACHING}) AND has_function_privilege(d.objid, 'EXECUTE') ORDER BY 1"
            ),
            good: "no extension lets it reach other hosts or files",
            bad: "it may call what reaches further, in",
            mend: "`REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA …` from PUBLIC, or drop the extension",
            care: false,
        },
        Question {
            name: "owner's rights",
            sql: format!(
                "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                 WHERE {OURS} AND p.prosecdef AND NOT pg_has_role(current_user, p.proowner, 'MEMBER')
                   AND has_function_privilege(p.oid, 'EXECUTE') ORDER BY 1"
            ),
            good: "it calls nothing that runs with somebody else's rights",
            bad: "these run with their owner's rights, whatever its own are",
            mend: "read each of them, then `REVOKE EXECUTE` where it is not meant",
            care: true,
        },
    ];
    if principal == Principal::Migration {
        return all;
    }
    all.extend([
        Question {
            name: "ownership",
            sql: format!(
                "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE {OURS} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND pg_has_role(current_user, c.relowner, 'MEMBER')
                 UNION ALL SELECT 'the schema ' || n.nspname FROM pg_namespace n
                   WHERE {OURS} AND pg_has_role(current_user, n.nspowner, 'MEMBER')
                 UNION ALL SELECT 'the database ' || d.datname FROM pg_database d
                   WHERE d.datname = current_database() AND pg_has_role(current_user, d.datdba, 'MEMBER') ORDER BY 1"
            ),
            good: "it owns nothing",
            bad: "an owner may always drop, and it owns",
            mend: "`safeguard db harden --login NAME=writer` gives all of it to the migrators",
            care: false,
        },
        Question {
            name: "create",
            sql: format!(
                "SELECT 'in the schema ' || n.nspname FROM pg_namespace n WHERE {OURS} AND has_schema_privilege(n.oid, 'CREATE')
                 UNION ALL SELECT 'schemas' WHERE has_database_privilege(current_database(), 'CREATE')
                 UNION ALL SELECT 'temporary tables' WHERE has_database_privilege(current_database(), 'TEMPORARY') ORDER BY 1"
            ),
            good: "it creates nothing, not even temporary tables",
            bad: "it may create",
            mend: "`safeguard db harden` leaves that to the migrators",
            care: false,
        },
    ]);
    if matches!(principal, Principal::Agent | Principal::Service) {
        all.push(tables(
            "delete",
            "has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE')",
            "it deletes from nothing",
            "it may delete from, or truncate",
            "`safeguard db harden --login NAME=writer` takes DELETE and TRUNCATE away",
        ));
    }
    if environment == Environment::Staging {
        all.push(tables(
            "read-only",
            "has_any_column_privilege(c.oid, 'INSERT') OR has_any_column_privilege(c.oid, 'UPDATE')",
            "it writes nothing in staging",
            "staging is read-only, and it may write",
            "`safeguard db harden --env staging` takes INSERT and UPDATE away",
        ));
    }
    all
}

fn tables(
    name: &'static str,
    may: &str,
    good: &'static str,
    bad: &'static str,
    mend: &'static str,
) -> Question {
    let sql = format!(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE {OURS} AND c.relkind IN ('r', 'p', 'v', 'f') AND ({may}) ORDER BY 1"
    );
    Question {
        name,
        sql,
        good,
        bad,
        mend,
        care: false,
    }
}

async fn ask(client: &Client, question: &Question) -> Check {
    let rows = match client.query(&question.sql, &[]).await {
        Ok(rows) => rows,
        Err(error) => {
            let why = format!("the catalog does not answer: {}", told(&error));
            return bad(question.name, why, "run it with a role that may read pg_catalog");
        }
    };
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    if names.is_empty() {
        return good(question.name, question.good);
    }
    let shown = names.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>();
    let more = match names.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let found = format!("{}: {}{more}", question.bad, shown.join(", "));
    match question.care {
        true => care(question.name, found, question.mend),
        false => bad(question.name, found, question.mend),
    }
}

/// Without them one statement, lock or forgotten transaction holds up everybody; and what the role can switch off ends nothing.
async fn timeouts(client: &Client) -> Check {
    const NAME: &str = "timeouts";
    let asked = client
        .query(
            "SELECT name, setting = '0' FROM pg_settings WHERE name = ANY($1) ORDER BY 1",
            &[&BOUNDING.as_slice()],
        )
        .await;
    let rows = match asked {
        Ok(rows) => rows,
        Err(error) => return bad(NAME, told(&error), "run it again"),
    };
    let (unlimited, set): (Vec<_>, Vec<_>) = rows
        .iter()
        .map(|row| (row.get::<_, String>(0), row.get::<_, bool>(1)))
        .partition(|(_, is_unlimited)| *is_unlimited);
    let names = |all: Vec<(String, bool)>| all.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    if !unlimited.is_empty() {
        return care(
            NAME,
            format!("unlimited: {}", names(unlimited).join(", ")),
            "`safeguard db harden --login NAME=…` sets them for the role",
        );
    }
    match attempts::lifted(client, &names(set)).await {
        Ok(lifted) if lifted.is_empty() => good(
            NAME,
            "statements, locks and idle transactions end by themselves, and it can not switch that off",
        ),
        Ok(lifted) => care(
            NAME,
            format!("they are set, and it can switch off: {}", lifted.join(", ")),
            "PostgreSQL lets every role do so: let it in through `safeguard proxy` alone, which refuses it to agents and services",
        ),
        Err(why) => bad(NAME, format!("not tried: {why}"), "mend that, and run it again"),
    }
}
