//! Statements, and the ways in which one and the same can be written. Tokens stand apart by one space; a text has none within.
//! The proxy's own test sends them as well.

/// What stands in the scratch database: read by each statement, and changed by none that the guard lets an agent run.
pub const SHOP: &str = r"
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, age int, data jsonb DEFAULT '{}', at timestamptz DEFAULT '2026-01-01');
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE, total numeric(10,2));
CREATE INDEX orders_by_user ON orders (user_id);
CREATE TABLE entries (id int GENERATED ALWAYS AS IDENTITY, what text);
CREATE SEQUENCE numbers;
CREATE VIEW names AS SELECT id, name FROM users;
CREATE SCHEMA app;
CREATE TABLE app.settings (key text PRIMARY KEY, value text);
CREATE FUNCTION forget(int) RETURNS int LANGUAGE sql AS 'DELETE FROM users WHERE id = $1 RETURNING id';
CREATE FUNCTION wipe() RETURNS SETOF int LANGUAGE sql AS 'DELETE FROM orders RETURNING id';
CREATE FUNCTION calm(int) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN forget($1); END';
CREATE FUNCTION gone(users) RETURNS int LANGUAGE sql AS 'DELETE FROM users WHERE id = ($1).id RETURNING id';
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO entries (what) VALUES (TG_OP); RETURN NULL; END';
CREATE TRIGGER noting AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION noted();
CREATE FUNCTION erase(int, int) RETURNS int LANGUAGE sql AS 'DELETE FROM users WHERE id = $1 OR id = $2 RETURNING id';
CREATE OPERATOR @#@# (LEFTARG = int, RIGHTARG = int, FUNCTION = erase);
CREATE OPERATOR @@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = erase);
CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'DELETE FROM users WHERE id = $1 RETURNING id';
CREATE AGGREGATE worst(int) (SFUNC = erase, STYPE = int, INITCOND = '0');
CREATE DOMAIN odd AS int CHECK (coalesce(erase(VALUE, 0), 1) > 0);
CREATE VIEW wiping AS SELECT wipe() AS id;
";

pub const ROWS: &str = r"
INSERT INTO users (id, name, age) SELECT n, 'user ' || n, 20 + n FROM generate_series(1, 8) n;
INSERT INTO orders SELECT n, n % 8 + 1, n * 1.5 FROM generate_series(1, 12) n;
INSERT INTO app.settings VALUES ('a', '1'), ('b', '2');
";

/// All rows, in one number; large objects are among them.
pub const ROWS_STATE: &str = "SELECT md5(concat(
    (SELECT string_agg(oid::text, '|' ORDER BY oid) FROM pg_largeobject_metadata),
    (SELECT string_agg(concat(loid, pageno, data), '|' ORDER BY loid, pageno) FROM pg_largeobject),
    (SELECT string_agg(t::text, '|' ORDER BY t::text) FROM users t), (SELECT string_agg(t::text, '|' ORDER BY t::text) FROM orders t),
    (SELECT string_agg(t::text, '|' ORDER BY t::text) FROM entries t), (SELECT string_agg(t::text, '|' ORDER BY t::text) FROM app.settings t)))";
/// All definitions, owners and rights, and settings of roles.
pub const CATALOG_STATE: &str = "SELECT md5(concat(
    (SELECT string_agg(concat(oid, relname, relnamespace, relowner, relkind, relacl, relhasrules, relhastriggers, relfilenode), '|' ORDER BY oid)
       FROM pg_class WHERE relkind <> 't' AND relnamespace <> pg_my_temp_schema() AND relnamespace <> 'pg_toast'::regnamespace),
    (SELECT string_agg(concat(oid, proname, prosrc, proacl, proowner), '|' ORDER BY oid) FROM pg_proc WHERE oid > 16000 AND pronamespace <> pg_my_temp_schema()),
    (SELECT string_agg(concat(attrelid, attname, atttypid, attnotnull, attisdropped), '|' ORDER BY attrelid, attnum) FROM pg_attribute WHERE attrelid > 16000),
    (SELECT string_agg(concat(oid, tgname, tgenabled), '|' ORDER BY oid) FROM pg_trigger), (SELECT count(*) FROM pg_rewrite),
    (SELECT string_agg(concat(oid, typname), '|' ORDER BY oid) FROM pg_type WHERE oid > 16000 AND typnamespace <> pg_my_temp_schema()),
    (SELECT string_agg(concat(enumtypid, enumlabel), '|' ORDER BY oid) FROM pg_enum), (SELECT string_agg(nspname || coalesce(nspacl::text, ''), '|' ORDER BY oid) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'),
    (SELECT string_agg(rolname || rolsuper, '|' ORDER BY oid) FROM pg_authid), (SELECT string_agg(setconfig::text, '|') FROM pg_db_role_setting),
    (SELECT string_agg(seqrelid || ' ' || seqstart, '|' ORDER BY seqrelid) FROM pg_sequence)))";

/// Makes the rows what they were.
pub fn again() -> String {
    let empty = "TRUNCATE users, orders, entries, app.settings RESTART IDENTITY CASCADE";
    format!("{empty}; SELECT lo_unlink(oid) FROM pg_largeobject_metadata; {ROWS}")
}

/// Change or remove what an agent must not, or take what it must not take.
const HOSTILE: &[&str] = &[
    "DELETE FROM users WHERE id = 1",
    "DELETE FROM users",
    "DELETE FROM ONLY orders",
    "DELETE FROM orders AS o USING users AS u WHERE o.user_id = u.id",
    "DELETE FROM names WHERE id = 2",
    "DELETE FROM app.settings",
    "DELETE FROM users WHERE id IN ( SELECT user_id FROM orders )",
    "TRUNCATE users CASCADE",
    "TRUNCATE TABLE ONLY orders RESTART IDENTITY",
    "DROP TABLE orders",
    "DROP TABLE IF EXISTS nothing , users CASCADE",
    "DROP VIEW names",
    "DROP SCHEMA app CASCADE",
    "DROP INDEX orders_by_user",
    "DROP FUNCTION forget",
    "DROP SEQUENCE numbers",
    "DROP TYPE mood",
    "DROP TRIGGER noting ON users",
    "DROP OWNED BY CURRENT_USER",
    "UPDATE users SET name = 'x'",
    "UPDATE users SET name = 'x' WHERE id = 1",
    "UPDATE users AS u SET age = 0 FROM orders AS o WHERE o.user_id = u.id",
    "UPDATE names SET name = 'x' WHERE id = 3",
    "INSERT INTO users ( id , name ) VALUES ( 99 , 'x' )",
    "INSERT INTO users ( id , name ) SELECT id + 100 , name FROM users",
    "INSERT INTO users ( id , name ) VALUES ( 1 , 'x' ) ON CONFLICT ( id ) DO UPDATE SET name = 'y'",
    "INSERT INTO entries ( what ) DEFAULT VALUES",
    "MERGE INTO users AS u USING orders AS o ON u.id = o.id WHEN MATCHED THEN DELETE",
    "MERGE INTO users AS u USING orders AS o ON u.id = o.id WHEN MATCHED THEN UPDATE SET age = 1",
    "ALTER TABLE users DROP COLUMN age",
    "ALTER TABLE users RENAME TO people",
    "ALTER TABLE users RENAME COLUMN age TO years",
    "ALTER TABLE users ADD COLUMN extra int",
    "ALTER TABLE users DISABLE TRIGGER ALL",
    "ALTER TABLE users ALTER COLUMN age TYPE smallint",
    "ALTER TABLE orders SET SCHEMA app",
    "ALTER TYPE mood ADD VALUE 'well'",
    "ALTER SEQUENCE numbers RESTART WITH 7",
    "CREATE TABLE copied AS SELECT * FROM users",
    "SELECT * INTO copied FROM users",
    "CREATE MATERIALIZED VIEW kept AS SELECT * FROM users",
    "CREATE VIEW seen AS SELECT * FROM users",
    "CREATE RULE quiet AS ON DELETE TO users DO INSTEAD NOTHING",
    "CREATE INDEX users_by_age ON users ( age )",
    "CREATE ROLE mallory SUPERUSER",
    "ALTER ROLE CURRENT_USER SET search_path = app",
    "GRANT ALL ON users TO PUBLIC",
    "REVOKE ALL ON users FROM PUBLIC",
    "SELECT forget ( 1 )",
    "SELECT * FROM forget ( 1 )",
    "SELECT * FROM wipe ( )",
    "SELECT * FROM ROWS FROM ( wipe ( ) , generate_series ( 1 , 2 ) )",
    "SELECT calm ( 4 )",
    "SELECT name FROM users ORDER BY forget ( id )",
    "SELECT name FROM users WHERE forget ( id ) IS NULL",
    "SELECT name FROM users LIMIT forget ( 1 )",
    "SELECT count ( * ) FILTER ( WHERE forget ( id ) > 0 ) FROM users",
    "SELECT CASE WHEN forget ( 2 ) > 0 THEN 1 END",
    "SELECT ( u ) . gone FROM users AS u",
    "SELECT 1 @#@# 2",
    "SELECT 1 OPERATOR( public.@#@# ) 2",
    "SELECT worst ( id ) FROM users",
    "SELECT sum ( worst ( id ) ) OVER ( ) FROM users GROUP BY id",
    "VALUES ( forget ( 1 ) )",
    "SELECT lo_create ( 0 )",
    "SELECT lo_from_bytea ( 0 , 'x' )",
    "SELECT setval ( 'numbers' , 9 )",
    "SELECT query_to_xml ( 'DELETE/**/FROM/**/users' , true , true , '' )",
    "SELECT set_config ( 'session_replication_role' , 'replica' , false )",
    "SET session_replication_role = replica",
    "LOCK TABLE users IN ACCESS EXCLUSIVE MODE",
    "CALL pg_catalog.forget ( 1 )",
    "REINDEX TABLE users",
    "SELECT pg_terminate_backend ( pid ) FROM pg_stat_activity WHERE pid = 0",
    "SELECT pg_read_file ( 'PG_VERSION' )",
    "COPY users TO '/tmp/users'",
    "SECURITY LABEL ON TABLE users IS 'x'",
    "REASSIGN OWNED BY CURRENT_USER TO CURRENT_USER",
    "CREATE TEMP VIEW held AS SELECT * FROM users ; DELETE FROM pg_temp.held WHERE id = 5",
    "CREATE TEMP VIEW held AS SELECT * FROM users ; UPDATE pg_temp.held SET name = 'x'",
    "CREATE TEMP VIEW held AS SELECT forget ( 1 ) AS id ; SELECT * FROM held",
    "CREATE TEMP TABLE held ( id int DEFAULT forget ( 1 ) , n int ) ; INSERT INTO pg_temp.held ( n ) VALUES ( 1 )",
    "BEGIN ; DECLARE held CURSOR FOR SELECT forget ( 2 ) ; FETCH ALL FROM held ; COMMIT",
];

/// What agents do all day.
const HARMLESS: &[&str] = &[
    "SELECT 1",
    "SELECT * FROM users WHERE id = 1",
    "SELECT id , name FROM users ORDER BY name LIMIT 5",
    "SELECT u.name , count ( * ) FROM users AS u JOIN orders AS o ON o.user_id = u.id GROUP BY u.name HAVING count ( * ) > 1",
    "SELECT name FROM users WHERE id IN ( SELECT user_id FROM orders WHERE total > 3 )",
    "SELECT name FROM users AS u WHERE EXISTS ( SELECT 1 FROM orders AS o WHERE o.user_id = u.id )",
    "SELECT id , row_number ( ) OVER ( PARTITION BY user_id ORDER BY total DESC ) FROM orders",
    "SELECT coalesce ( age , 0 ) , upper ( name ) , length ( name ) , now ( ) FROM users LIMIT 3",
    "SELECT date_trunc ( 'month' , at ) , count ( * ) FROM users GROUP BY 1",
    "SELECT to_char ( at , 'YYYY-MM' ) FROM users LIMIT 1",
    "SELECT data ->> 'a' , data -> 'b' FROM users WHERE data @> '{}'",
    "SELECT jsonb_agg ( name ) , string_agg ( name , ',' ) , array_agg ( id ) FROM users",
    "SELECT DISTINCT ON ( user_id ) user_id , total FROM orders ORDER BY user_id , total DESC",
    "SELECT CASE WHEN age > 21 THEN 'old' ELSE 'young' END FROM users LIMIT 3",
    "SELECT id FROM users UNION ALL SELECT id FROM orders LIMIT 4",
    "SELECT * FROM generate_series ( 1 , 3 )",
    "SELECT * FROM users AS u LEFT JOIN LATERAL ( SELECT total FROM orders WHERE user_id = u.id LIMIT 1 ) AS o ON true LIMIT 3",
    "SELECT name FROM users WHERE name ILIKE '%a%' OR name ~ '^u' LIMIT 2",
    "SELECT count ( * ) FILTER ( WHERE age > 22 ) , avg ( age ) , max ( age ) FROM users",
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
    "SELECT relname FROM pg_class WHERE relkind = 'r' LIMIT 5",
    "SELECT indexdef FROM pg_indexes WHERE tablename = 'orders'",
    "SELECT pg_size_pretty ( pg_total_relation_size ( 'users' ) )",
    "SELECT CAST ( total AS int ) , total :: text FROM orders LIMIT 2",
    "SELECT extract ( year FROM at ) FROM users LIMIT 1",
    "SELECT percentile_cont ( 0.5 ) WITHIN GROUP ( ORDER BY total ) FROM orders",
    "SELECT round ( avg ( total ) , 2 ) FROM orders",
    "SELECT name FROM names WHERE id BETWEEN 2 AND 4",
    "VALUES ( 1 , 'a' ) , ( 2 , 'b' )",
    "SELECT current_user , current_database ( ) , version ( )",
    "SELECT 'drop-table-users' AS note",
    "SELECT 'x;DELETE/*' || '*/FROM--users' AS text",
    "SELECT id AS delete , name AS update FROM users LIMIT 1",
    "SELECT * FROM users FETCH FIRST 2 ROWS ONLY",
    "TABLE users LIMIT 1",
];

/// Every statement in every spelling and form: whether it is hostile, the form's name, and the text.
pub fn variants() -> impl Iterator<Item = (bool, &'static str, String)> {
    let bases = HOSTILE
        .iter()
        .map(|base| (true, *base))
        .chain(HARMLESS.iter().map(|base| (false, *base)));
    bases.flat_map(|(hostile, base)| {
        let tokens: Vec<&str> = base.split(' ').collect();
        let mut written: Vec<String> = SPELLINGS.iter().map(|(_, spell)| spell(&tokens)).collect();
        written.dedup();
        let forms = FORMS.iter().filter(move |form| hostile || !form.code);
        forms.flat_map(move |form| {
            let all: Vec<_> = written
                .iter()
                .map(|sql| (hostile, form.name, (form.write)(sql)))
                .collect();
            all
        })
    })
}

/// Its name, and what it makes of the tokens.
type Spelling = (&'static str, fn(&[&str]) -> String);

/// One and the same, written otherwise.
const SPELLINGS: &[Spelling] = &[
    ("as it is", |tokens| tokens.join(" ")),
    ("lower case", |tokens| each(tokens, str::to_lowercase)),
    ("mixed case", |tokens| each(tokens, mixed)),
    ("lines", |tokens| tokens.join("\n")),
    ("tabs", |tokens| tokens.join(" \t\x0c ")),
    ("comments", |tokens| tokens.join("/**/")),
    ("line comments", |tokens| tokens.join("--'x\n")),
    ("nested comments", |tokens| tokens.join("/*/*'*/\"*/")),
    ("quoted", |tokens| each_name(tokens, |name| format!("\"{name}\""))),
    ("qualified", |tokens| {
        each_name(tokens, |name| format!("public.{name}"))
    }),
    ("qualified and quoted", |tokens| {
        each_name(tokens, |name| format!("\"public\" . \"{name}\""))
    }),
    ("escaped", |tokens| {
        each_name(tokens, |name| {
            format!("U&\"\\{:04x}{}\"", u32::from(first(name)), &name[1..])
        })
    }),
    ("empty statements", |tokens| format!(";;{};;", tokens.join(" "))),
    ("dollar quotes", |tokens| {
        each_text(tokens, |text| format!("$x${text}$x$"))
    }),
    ("escape strings", |tokens| {
        each_text(tokens, |text| format!("E'{text}'"))
    }),
];

/// Tables and functions; what is after a dot already, or before one, is not among them.
const NAMES: &[&str] = &[
    "users", "orders", "entries", "names", "forget", "wipe", "calm", "worst",
];

fn each(tokens: &[&str], change: impl Fn(&str) -> String) -> String {
    let texts = tokens.iter().map(|token| match is_text(token) {
        true => (*token).to_owned(),
        false => change(token),
    });
    texts.collect::<Vec<_>>().join(" ")
}

fn each_name(tokens: &[&str], change: impl Fn(&str) -> String) -> String {
    // A column has another name before it; after `DROP FUNCTION` and the like a name is a name as well.
    let texts = tokens.iter().map(|token| match NAMES.contains(token) {
        true => change(token),
        false => (*token).to_owned(),
    });
    texts.collect::<Vec<_>>().join(" ")
}

fn each_text(tokens: &[&str], change: impl Fn(&str) -> String) -> String {
    let texts = tokens.iter().map(|token| match is_text(token) {
        true => change(token.trim_matches('\'')),
        false => (*token).to_owned(),
    });
    texts.collect::<Vec<_>>().join(" ")
}

fn is_text(token: &str) -> bool {
    token.starts_with('\'')
}

fn first(name: &str) -> char {
    name.chars().next().expect("a name")
}

fn mixed(token: &str) -> String {
    let case = |(at, c): (usize, char)| match at % 2 {
        0 => c.to_ascii_lowercase(),
        _ => c.to_ascii_uppercase(),
    };
    token.chars().enumerate().map(case).collect()
}

/// Ways to have a statement run. One that only code can run is refused whatever it runs, and says nothing of what is harmless.
struct Form {
    name: &'static str,
    write: fn(&str) -> String,
    code: bool,
}

const fn plain(name: &'static str, write: fn(&str) -> String) -> Form {
    Form {
        name,
        write,
        code: false,
    }
}

const fn code(name: &'static str, write: fn(&str) -> String) -> Form {
    Form {
        name,
        write,
        code: true,
    }
}

const FORMS: &[Form] = &[
    plain("alone", str::to_owned),
    plain("second", |sql| format!("SELECT 1;{sql}")),
    plain("out of the transaction", |sql| {
        format!("SELECT 1; COMMIT; {sql}; BEGIN; SELECT 2; COMMIT")
    }),
    plain("in a transaction", |sql| {
        format!("BEGIN; SAVEPOINT a; {sql}; RELEASE a; COMMIT")
    }),
    plain("explained", |sql| format!("EXPLAIN ANALYZE {sql}")),
    plain("explained otherwise", |sql| {
        format!("EXPLAIN (COSTS off, \"analyze\" 'on', FORMAT json) {sql}")
    }),
    plain("prepared", |sql| format!("PREPARE a AS {sql}; EXECUTE a")),
    plain("within", |sql| {
        format!("WITH a AS MATERIALIZED ({sql}) SELECT count(*) FROM a")
    }),
    plain("within, returning", |sql| {
        format!("WITH a AS ({sql} RETURNING 1) SELECT count(*) FROM a")
    }),
    plain("copied", |sql| format!("COPY ({sql}) TO STDOUT")),
    plain("from a subquery", |sql| {
        format!("SELECT * FROM ({sql}) AS a LIMIT 9")
    }),
    plain("by a cursor", |sql| {
        format!("BEGIN; DECLARE a CURSOR FOR {sql}; FETCH ALL FROM a; COMMIT")
    }),
    code("in a block", |sql| format!("DO $f$ BEGIN {sql}; END $f$")),
    code("in a text", |sql| {
        format!("DO $f$ BEGIN EXECUTE $e${sql}$e$; END $f$")
    }),
    code("in a function", |sql| {
        format!(
            "CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN EXECUTE $e${sql}$e$; END $f$; SELECT pg_temp.f()"
        )
    }),
    code("in XML", |sql| {
        format!("SELECT query_to_xml($e${sql}$e$, true, true, '')")
    }),
];
