//! The roles of a database, as SQL: readers, writers who delete nothing, and migrators who own everything.
//!
//! Nobody who works in the database owns anything in it, for an owner may always drop what is his
//! (PostgreSQL manual, "Privileges"); and no privilege comes from `PUBLIC`.

use clap::ValueEnum;
use safeguard_api::Environment;

use super::REACHING;

/// PostgreSQL cuts longer names silently, and two roles would become one.
const NAME_BYTES_MAX: usize = 63;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// Reads
    Reader,
    /// Reads, inserts and updates, but neither deletes nor truncates
    Writer,
    /// Owns tables and changes their definitions
    Migrator,
}

impl Group {
    const ALL: [Group; 3] = [Group::Reader, Group::Writer, Group::Migrator];

    fn role(self, prefix: &str) -> String {
        match self {
            Group::Reader => format!("{prefix}_reader"),
            Group::Writer => format!("{prefix}_writer"),
            Group::Migrator => format!("{prefix}_migrator"),
        }
    }
}

/// A role that logs in, and the one group that it belongs to.
#[derive(Debug, Clone)]
pub struct Login {
    pub name: String,
    pub group: Group,
}

impl std::str::FromStr for Login {
    type Err = String;

    fn from_str(text: &str) -> Result<Login, String> {
        let (name, group) = text
            .rsplit_once('=')
            .ok_or_else(|| format!("`{text}` is not NAME=GROUP, such as shop_app=writer"))?;
        let group = Group::from_str(group, false)
            .map_err(|_| format!("`{group}` is no group: reader, writer or migrator"))?;
        Ok(Login {
            name: name.to_owned(),
            group,
        })
    }
}

#[derive(Debug)]
pub struct Hardening<'a> {
    pub environment: Environment,
    pub database: &'a str,
    pub schemas: &'a [String],
    /// Begins the names of the groups.
    pub prefix: &'a str,
    pub logins: &'a [Login],
}

/// One transaction, which may be run again. An error names what can not be a name.
pub fn script(hardening: &Hardening<'_>) -> Result<String, String> {
    let Hardening {
        environment,
        database,
        schemas,
        prefix,
        logins,
    } = *hardening;
    let groups = Group::ALL.map(|group| group.role(prefix));
    let names = logins.iter().map(|login| login.name.as_str());
    let named = [database, prefix].into_iter().chain(names.clone());
    for name in named
        .chain(schemas.iter().map(String::as_str))
        .chain(groups.iter().map(String::as_str))
    {
        if name.is_empty() || NAME_BYTES_MAX < name.len() {
            return Err(format!(
                "`{}` can not be a name: it has {} bytes (1 to {NAME_BYTES_MAX})",
                name.escape_debug(),
                name.len()
            ));
        }
        if name.contains(['\0', '$']) {
            return Err(format!(
                "`{}` can not be a name here: it would end a text within the script",
                name.escape_debug()
            ));
        }
    }
    let [reader, writer, migrator] = groups.each_ref().map(|role| identifier(role));
    let everyone: Vec<&str> = groups.iter().map(String::as_str).chain(names).collect();
    let roles = array(&everyone);
    let may_log_in = array(&everyone[groups.len()..]);
    let without: Vec<String> = everyone.iter().map(|name| identifier(name)).collect();
    let without = without.join(", ");
    let schema_names = array(&schemas.iter().map(String::as_str).collect::<Vec<_>>());
    let db = identifier(database);
    // In staging nothing is written, also by what writes elsewhere.
    let writes = environment != Environment::Staging;

    let mut sql = format!(
        "-- Roles of the database {db} in {environment}. A superuser runs it there; one transaction, and it may be run again.
BEGIN;
SET LOCAL lock_timeout = '10s';
SET LOCAL search_path = pg_catalog;

-- Groups, which nobody logs in as, and the roles that do; none has a power over the server.
DO $guard$
DECLARE
  who text;
  off text;
  other text;
BEGIN
  FOREACH who IN ARRAY {roles} LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = who) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', who);
    END IF;
    SELECT concat_ws(' ', CASE WHEN rolsuper THEN 'NOSUPERUSER' END, CASE WHEN rolcreaterole THEN 'NOCREATEROLE' END,
        CASE WHEN rolcreatedb THEN 'NOCREATEDB' END, CASE WHEN rolreplication THEN 'NOREPLICATION' END,
        CASE WHEN rolbypassrls THEN 'NOBYPASSRLS' END, CASE WHEN NOT rolinherit THEN 'INHERIT' END,
        CASE WHEN rolcanlogin AND rolname <> ALL ({may_log_in}) THEN 'NOLOGIN' END,
        CASE WHEN NOT rolcanlogin AND rolname = ANY ({may_log_in}) THEN 'LOGIN' END)
      INTO off FROM pg_roles WHERE rolname = who;
    IF off <> '' THEN
      EXECUTE format('ALTER ROLE %I %s', who, off);
    END IF;
    FOR other IN SELECT has.rolname FROM pg_auth_members m JOIN pg_roles has ON has.oid = m.roleid
        JOIN pg_roles member ON member.oid = m.member WHERE member.rolname = who LOOP
      EXECUTE format('REVOKE %I FROM %I', other, who);
    END LOOP;
  END LOOP;
END $guard$;
"
    );
    for login in logins {
        let (group, name) = (identifier(&login.group.role(prefix)), identifier(&login.name));
        sql.push_str(&format!("GRANT {group} TO {name};\n"));
    }

    sql.push_str(&format!(
        "
-- Who works in the database owns nothing in it: an owner may always drop.
GRANT {migrator} TO CURRENT_USER;
DO $guard$
DECLARE
  thing record;
  who text;
BEGIN
  FOR thing IN SELECT rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
      WHERE datname = {database} AND rolname = ANY ({roles}) LOOP
    EXECUTE format('ALTER DATABASE %I OWNER TO CURRENT_USER', {database});
  END LOOP;
  FOREACH who IN ARRAY {may_log_in} LOOP
    EXECUTE format('REASSIGN OWNED BY %I TO %I', who, {migrator_name});
  END LOOP;
  FOR thing IN SELECT n.nspname, c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ANY ({schema_names}) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        AND c.relowner <> (SELECT oid FROM pg_roles WHERE rolname = {migrator_name})
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
          AND d.deptype IN ('e', 'a', 'i') AND (d.deptype = 'e' OR c.relkind = 'S')) LOOP
    EXECUTE format('ALTER %s %I.%I OWNER TO %I',
      CASE thing.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
        WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, thing.nspname, thing.relname, {migrator_name});
  END LOOP;
END $guard$;

-- Temporary tables hide the real ones from whoever looks for them first.
REVOKE ALL ON DATABASE {db} FROM PUBLIC, {without};
GRANT CONNECT ON DATABASE {db} TO {reader}, {writer}, {migrator};
",
        database = literal(database),
        migrator_name = literal(&groups[2]),
    ));
    for schema in schemas.iter().map(|schema| identifier(schema)) {
        sql.push_str(&format!(
            "
REVOKE ALL ON SCHEMA {schema} FROM PUBLIC, {without};
GRANT USAGE ON SCHEMA {schema} TO {reader}, {writer};
GRANT USAGE, CREATE ON SCHEMA {schema} TO {migrator};
REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {reader}, {writer}{others};
REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM PUBLIC, {reader}, {writer}{others};
GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {reader}, {writer};
ALTER DEFAULT PRIVILEGES FOR ROLE {migrator} IN SCHEMA {schema} GRANT SELECT ON TABLES TO {reader}, {writer};
",
            others = logins
                .iter()
                .map(|login| format!(", {}", identifier(&login.name)))
                .collect::<String>(),
        ));
        let (verb, direction) = match writes {
            true => ("GRANT", "TO"),
            false => ("REVOKE", "FROM"),
        };
        sql.push_str(&format!(
            "{verb} INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} {direction} {writer};
{verb} USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} {direction} {writer};
ALTER DEFAULT PRIVILEGES FOR ROLE {migrator} IN SCHEMA {schema} {verb} INSERT, UPDATE ON TABLES {direction} {writer};
ALTER DEFAULT PRIVILEGES FOR ROLE {migrator} IN SCHEMA {schema} {verb} USAGE, SELECT ON SEQUENCES {direction} {writer};
"
        ));
    }
    sql.push_str(&format!(
        "
-- What runs with its owner's rights, or reaches other hosts, is granted by hand, to whom it is meant for. Whoever can write
-- code in the database, or large objects, does not ask the tables' privileges.
DO $guard$
DECLARE
  thing text;
BEGIN
  FOR thing IN SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = ANY ({schema_names}) AND p.prosecdef
    UNION SELECT d.objid::regprocedure FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
      WHERE d.deptype = 'e' AND d.classid = 'pg_proc'::regclass AND e.extname IN ({REACHING}) LOOP
    EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC, %s', thing, {without_literal});
  END LOOP;
  FOR thing IN SELECT lanname FROM pg_language WHERE lanpltrusted AND lanispl LOOP
    EXECUTE format('REVOKE USAGE ON LANGUAGE %I FROM PUBLIC', thing);
    EXECUTE format('GRANT USAGE ON LANGUAGE %I TO %I', thing, {migrator_name});
  END LOOP;
  FOR thing IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
      AND p.proname IN ('lo_create', 'lo_creat', 'lo_from_bytea', 'lo_put', 'lo_unlink', 'lo_truncate', 'lo_truncate64', 'lowrite') LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', thing);
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'not all of it is yours to revoke: %; `safeguard db doctor` says what is left', SQLERRM;
END $guard$;
REVOKE {migrator} FROM CURRENT_USER;
",
        without_literal = literal(&without),
        migrator_name = literal(&groups[2]),
    ));
    for login in logins {
        sql.push_str(&settings(login, &db, &migrator));
    }
    sql.push_str("\nCOMMIT;\n");
    Ok(sql)
}

/// Settings count for the role that logs in; what a group has set counts for nobody.
fn settings(login: &Login, database: &str, migrator: &str) -> String {
    let name = identifier(&login.name);
    let set = |setting: &str, value: &str| {
        format!("ALTER ROLE {name} IN DATABASE {database} SET {setting} = {value};\n")
    };
    let mut sql = String::from("\n");
    let statement = match login.group {
        Group::Reader | Group::Writer => "'30s'",
        Group::Migrator => "'15min'",
    };
    sql.push_str(&set("statement_timeout", statement));
    sql.push_str(&set("lock_timeout", "'5s'"));
    sql.push_str(&set("idle_in_transaction_session_timeout", "'60s'"));
    match login.group {
        Group::Reader => sql.push_str(&set("default_transaction_read_only", "on")),
        Group::Writer => {}
        // What it makes is the group's, and another migration can change it.
        Group::Migrator => sql.push_str(&set("role", migrator)),
    }
    sql
}

/// Quoted as a name in SQL.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quoted as a text in SQL; reads the same whatever `standard_conforming_strings` is.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    match quoted.contains('\\') {
        true => format!("E'{}'", quoted.replace('\\', "\\\\")),
        false => format!("'{quoted}'"),
    }
}

fn array(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| literal(name)).collect();
    format!("ARRAY[{}]::text[]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(prefix: &str, logins: &[Login]) -> Result<String, String> {
        script(&Hardening {
            environment: Environment::Production,
            database: "shop",
            schemas: &["public".to_owned()],
            prefix,
            logins,
        })
    }

    #[test]
    fn no_name_becomes_a_statement() {
        let login = |name: &str| format!("{name}=writer").parse().expect("a login");
        let sql = of("shop", &[login("a\"; DROP ROLE x; --'\\")]).expect("a script");
        assert!(
            sql.contains(r#"GRANT "shop_writer" TO "a""; DROP ROLE x; --'\";"#),
            "{sql}"
        );
        assert!(sql.contains(r#"E'a"; DROP ROLE x; --''\\'"#), "{sql}");
        let told = of("shop", &[login("a$guard$; DROP ROLE x")]).expect_err("it ends the quote");
        assert!(told.contains("would end a text"), "{told}");
    }

    #[test]
    fn a_name_that_would_be_cut_is_refused() {
        let long = "s".repeat(60);
        assert!(
            of(&long, &[])
                .expect_err("too long")
                .contains("67 bytes (1 to 63)")
        );
        assert!("shop_app".parse::<Login>().is_err());
        assert!("shop_app=owner".parse::<Login>().is_err());
    }
}
