//! All that is in a database: its definitions as PostgreSQL writes them, its rows counted, its values added up.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::{Client, Error};

/// What of the differences is shown.
const DIFFERENCES_MAX: usize = 20;

const LINE_CHARS_MAX: usize = 120;

/// Schemas that are not PostgreSQL's own.
const OURS: &str =
    "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'";

pub(super) struct Catalog {
    pub tables: BTreeMap<String, Table>,
    definitions: BTreeSet<String>,
}

pub(super) struct Table {
    pub oid: i64,
    /// The file that its rows are in: another one after a rewrite.
    pub file: i64,
    pub rows: u64,
    /// By their numbers, which a new name does not change.
    pub columns: BTreeMap<i16, Column>,
}

pub(super) struct Column {
    pub name: String,
    pub kind: String,
    /// Those that are not null.
    pub values: u64,
    /// The same for the same values in any order.
    pub sum: String,
}

impl Catalog {
    pub async fn read(client: &Client) -> Result<Catalog, Error> {
        let sql = format!(
            "SELECT c.oid::regclass::text, c.oid::int8, COALESCE(pg_relation_filenode(c.oid), 0)::int8
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OURS} AND c.relkind = 'r'"
        );
        let mut tables = BTreeMap::new();
        for row in client.query(&sql, &[]).await? {
            let (name, oid, file): (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
            let table = read_table(client, &name, oid, file).await?;
            tables.insert(name, table);
        }
        let definitions = client.query(&definitions(), &[]).await?;
        Ok(Catalog {
            tables,
            definitions: definitions.iter().map(|row| row.get(0)).collect(),
        })
    }

    /// What is not as here, a line each.
    pub fn differences(&self, other: &Catalog) -> Vec<String> {
        let missing = self.definitions.difference(&other.definitions);
        let more = other.definitions.difference(&self.definitions);
        let mut found: Vec<String> = missing.map(|text| format!("missing: {}", line(text))).collect();
        found.extend(more.map(|text| format!("left over: {}", line(text))));
        for (name, was) in &self.tables {
            let Some(now) = other.tables.get(name) else {
                continue;
            };
            if now.rows != was.rows {
                found.push(format!("rows of {name}: {} instead of {}", now.rows, was.rows));
            }
            for column in was.columns.values() {
                let same = now.columns.values().find(|same| same.name == column.name);
                if same.is_some_and(|same| same.sum != column.sum) {
                    found.push(format!("other values in {name}.{}", column.name));
                }
            }
        }
        let hidden = found.len().saturating_sub(DIFFERENCES_MAX);
        if hidden > 0 {
            found.truncate(DIFFERENCES_MAX);
            found.push(format!("and {hidden} more"));
        }
        found
    }
}

/// The beginning of a definition, on one line.
fn line(definition: &str) -> String {
    let words: Vec<&str> = definition.split_whitespace().collect();
    let words = words.join(" ");
    match words.char_indices().nth(LINE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &words[..at]),
        None => words,
    }
}

async fn read_table(client: &Client, name: &str, oid: i64, file: i64) -> Result<Table, Error> {
    let sql = "SELECT attnum, attname::text, quote_ident(attname), format_type(atttypid, atttypmod)
        FROM pg_attribute WHERE attrelid = $1::int8::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    let attributes = client.query(sql, &[&oid]).await?;
    let mut wanted = vec!["count(*)".to_owned()];
    for attribute in &attributes {
        let quoted: String = attribute.get(2);
        wanted.push(format!("count({quoted})"));
        wanted.push(format!(
            "COALESCE(sum(hashtextextended({quoted}::text, 0)::numeric), 0)::text"
        ));
    }
    // The name is as `regclass` writes it: quoted where it has to be.
    let counted = client
        .query_one(&format!("SELECT {} FROM ONLY {name}", wanted.join(", ")), &[])
        .await?;
    let count = |at: usize| u64::try_from(counted.get::<_, i64>(at)).unwrap_or_default();
    let columns = attributes.iter().enumerate().map(|(at, attribute)| {
        let column = Column {
            name: attribute.get(1),
            kind: attribute.get(3),
            values: count(1 + 2 * at),
            sum: counted.get(2 + 2 * at),
        };
        (attribute.get(0), column)
    });
    Ok(Table {
        oid,
        file,
        rows: count(0),
        columns: columns.collect(),
    })
}

/// One line for each thing that a migration can make, as PostgreSQL itself writes it down. What belongs to an extension is left out.
fn definitions() -> String {
    let foreign = |class: &str, oid: &str| {
        format!(
            "NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{class}'::regclass AND d.objid = {oid} AND d.deptype = 'e')"
        )
    };
    format!(
        "SELECT 'column ' || c.oid::regclass || '.' || quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
            || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END || a.attidentity::text || a.attgenerated::text
            || COALESCE(' DEFAULT ' || pg_get_expr(b.adbin, b.adrelid), '')
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_attrdef b ON b.adrelid = a.attrelid AND b.adnum = a.attnum
          WHERE {OURS} AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND {class}
        UNION ALL SELECT 'constraint ' || quote_ident(o.conname) || ' on ' || o.conrelid::regclass || ' ' || pg_get_constraintdef(o.oid)
          FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace WHERE {OURS} AND o.conrelid <> 0
        UNION ALL SELECT 'index ' || pg_get_indexdef(i.indexrelid)
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OURS}
        UNION ALL SELECT 'view ' || c.oid::regclass || ' ' || pg_get_viewdef(c.oid)
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OURS} AND c.relkind IN ('v', 'm') AND {class}
        UNION ALL SELECT 'sequence ' || c.oid::regclass || ' by ' || s.seqincrement || ' from ' || s.seqstart
          FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OURS}
        UNION ALL SELECT 'function ' || pg_get_functiondef(p.oid)
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {OURS} AND p.prokind IN ('f', 'p') AND {function}
        UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE {OURS} AND NOT t.tgisinternal
        UNION ALL SELECT 'type ' || t.oid::regtype || ' of ' || string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
          FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY t.oid
        UNION ALL SELECT 'policy ' || quote_ident(o.polname) || ' on ' || o.polrelid::regclass || ' for ' || o.polcmd::text || ' '
            || COALESCE(pg_get_expr(o.polqual, o.polrelid), '') || COALESCE(pg_get_expr(o.polwithcheck, o.polrelid), '')
          FROM pg_policy o
        UNION ALL SELECT 'schema ' || quote_ident(n.nspname) FROM pg_namespace n WHERE {OURS}
        UNION ALL SELECT 'extension ' || quote_ident(extname) FROM pg_extension",
        class = foreign("pg_class", "c.oid"),
        function = foreign("pg_proc", "p.oid"),
    )
}
