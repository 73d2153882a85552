//! A table as it was recorded, and as it is: its columns, what makes its rows one of a kind, and what they refer to.

use tokio_postgres::{Client, Error};

use crate::db::{identifier, literal};

/// What was recorded of one table.
#[derive(Debug)]
pub struct Recorded {
    pub schema: String,
    pub name: String,
    oid: u32,
    pub columns: Vec<String>,
    /// Whether all acts of the record had the same columns.
    one_shape: bool,
}

/// The table that the rows come back to.
#[derive(Debug)]
pub struct Table {
    /// Names its temporary tables.
    pub number: usize,
    pub oid: u32,
    /// Quoted, with its schema.
    pub name: String,
    pub recorded: Recorded,
    /// Of the recorded ones, in their order.
    pub columns: Vec<Column>,
    /// Without nulls; the primary key where there is one.
    pub key: Option<Unique>,
    /// All of them, the key included, but those of expressions and of a part of the rows.
    pub uniques: Vec<Unique>,
    pub references: Vec<Reference>,
}

#[derive(Debug)]
pub struct Column {
    /// Quoted.
    pub name: String,
    pub type_name: String,
    /// It can be given with a new row, and never be set.
    pub always: bool,
}

/// Columns that no two rows have alike, each with the operator that says so.
#[derive(Debug, Clone)]
pub struct Unique {
    pub columns: Vec<(String, String)>,
    primary: bool,
    not_null: bool,
}

#[derive(Debug)]
pub struct Reference {
    pub parent: u32,
    pub parent_name: String,
    /// Column here, column there, and the operator: there on its left.
    pub columns: Vec<(String, String, String)>,
}

impl Recorded {
    pub fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// The acts that are its, of `safeguard_undo.act a`.
    pub fn acts(&self, undo: &str) -> String {
        format!(
            "a.undo = {} AND a.schema_name = {} AND a.table_name = {}",
            literal(undo),
            literal(&self.schema),
            literal(&self.name)
        )
    }
}

impl Unique {
    /// That row `left` of the table and the row `right` that comes back have the same.
    pub fn same(&self, left: &str, right: &str) -> String {
        let each = self
            .columns
            .iter()
            .map(|(column, operator)| format!("{left}.{column} {operator} ({right}).{column}"));
        each.collect::<Vec<_>>().join(" AND ")
    }

    pub fn shown(&self) -> String {
        let names: Vec<String> = self
            .columns
            .iter()
            .map(|(name, _)| name.replace('"', ""))
            .collect();
        names.join(", ")
    }
}

pub async fn recorded(client: &Client, undo: &str) -> Result<Vec<Recorded>, Error> {
    let sql = "SELECT DISTINCT ON (a.schema_name, a.table_name) a.schema_name, a.table_name, a.relation, a.columns,
            NOT EXISTS (SELECT FROM safeguard_undo.act b WHERE b.undo = a.undo AND b.schema_name = a.schema_name
              AND b.table_name = a.table_name AND (b.columns <> a.columns OR b.types <> a.types))
        FROM safeguard_undo.act a WHERE a.undo = $1 ORDER BY a.schema_name, a.table_name, a.id";
    let rows = client.query(sql, &[&undo]).await?;
    let tables = rows.iter().map(|row| Recorded {
        schema: row.get(0),
        name: row.get(1),
        oid: row.get(2),
        columns: row.get(3),
        one_shape: row.get(4),
    });
    Ok(tables.collect())
}

/// The table as it is, locked against everybody who writes; or why its rows can not come back.
pub async fn find(
    client: &Client,
    number: usize,
    recorded: Recorded,
    same_cluster: bool,
) -> Result<Result<Table, (Recorded, String)>, Error> {
    if !recorded.one_shape {
        return Ok(Err((
            recorded,
            "its columns changed within the transaction".to_owned(),
        )));
    }
    // By its name, as after a dump and its restoration; a table that was renamed is found by its number.
    let sql = "SELECT c.oid, n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND (n.nspname = $1 AND c.relname = $2 OR $4 AND c.oid = $3)
        ORDER BY n.nspname = $1 AND c.relname = $2 DESC LIMIT 1";
    let found = client
        .query_opt(
            sql,
            &[&recorded.schema, &recorded.name, &recorded.oid, &same_cluster],
        )
        .await?;
    let Some(found) = found else {
        return Ok(Err((recorded, "the table is gone".to_owned())));
    };
    let (oid, schema, name): (u32, String, String) = (found.get(0), found.get(1), found.get(2));
    if schema == "safeguard_trash" {
        let why = format!(
            "the table was dropped: it is in the trash as `{name}`, and comes back by its own undo id"
        );
        return Ok(Err((recorded, why)));
    }
    let name = format!("{}.{}", identifier(&schema), identifier(&name));
    client
        .batch_execute(&format!("LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE"))
        .await?;
    let columns = match columns(client, oid, &recorded.columns).await? {
        Ok(columns) => columns,
        Err(why) => return Ok(Err((recorded, why))),
    };
    let known = |column: &String| columns.iter().any(|known| known.name == *column);
    let mut uniques = uniques(client, oid).await?;
    uniques.retain(|unique| unique.columns.iter().all(|(column, _)| known(column)));
    let mut references = references(client, oid).await?;
    references.retain(|reference| reference.columns.iter().all(|(column, _, _)| known(column)));
    let key = uniques.iter().find(|unique| unique.primary);
    let key = key
        .or_else(|| uniques.iter().find(|unique| unique.not_null))
        .cloned();
    Ok(Ok(Table {
        number,
        oid,
        name,
        recorded,
        columns,
        key,
        uniques,
        references,
    }))
}

/// The recorded columns as they are. What was added since must be able to be left out.
async fn columns(
    client: &Client,
    oid: u32,
    recorded: &[String],
) -> Result<Result<Vec<Column>, String>, Error> {
    let sql = "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attgenerated <> '', a.attidentity = 'a',
            a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
        FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let present = client.query(sql, &[&oid]).await?;
    let mut columns = Vec::new();
    for name in recorded {
        let Some(row) = present.iter().find(|row| row.get::<_, &str>(0) == name) else {
            return Ok(Err(format!("its column `{name}` is gone")));
        };
        if row.get(2) {
            return Ok(Err(format!("its column `{name}` is computed by now")));
        }
        columns.push(Column {
            name: identifier(name),
            type_name: row.get(1),
            always: row.get(3),
        });
    }
    let must_be_said = present.iter().find(|row| {
        let name: String = row.get(0);
        row.get(4) && !recorded.contains(&name)
    });
    if let Some(row) = must_be_said {
        let name: &str = row.get(0);
        return Ok(Err(format!(
            "its new column `{name}` needs a value, and has no default"
        )));
    }
    Ok(Ok(columns))
}

async fn uniques(client: &Client, oid: u32) -> Result<Vec<Unique>, Error> {
    let sql = "SELECT i.indisprimary, bool_and(a.attnotnull), array_agg(a.attname::text ORDER BY k.place),
            array_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY k.place)
        FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[]) WITH ORDINALITY k(number, class, place)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
            JOIN pg_opclass c ON c.oid = k.class
            JOIN pg_amop m ON m.amopfamily = c.opcfamily AND m.amoplefttype = c.opcintype AND m.amoprighttype = c.opcintype
                AND m.amopstrategy = 3 AND m.amoppurpose = 's'
            JOIN pg_operator o ON o.oid = m.amopopr JOIN pg_namespace n ON n.oid = o.oprnamespace
        WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
            AND k.place <= i.indnkeyatts
        GROUP BY i.indexrelid, i.indisprimary ORDER BY i.indisprimary DESC, i.indexrelid";
    let rows = client.query(sql, &[&oid]).await?;
    let uniques = rows.iter().map(|row| {
        let (columns, operators): (Vec<String>, Vec<String>) = (row.get(2), row.get(3));
        Unique {
            primary: row.get(0),
            not_null: row.get(1),
            columns: columns
                .iter()
                .map(|name| identifier(name))
                .zip(operators)
                .collect(),
        }
    });
    Ok(uniques.collect())
}

async fn references(client: &Client, oid: u32) -> Result<Vec<Reference>, Error> {
    let sql = "SELECT c.confrelid, format('%I.%I', pn.nspname, p.relname), array_agg(f.attname::text ORDER BY k.place),
            array_agg(t.attname::text ORDER BY k.place), array_agg(format('OPERATOR(%I.%s)', opn.nspname, o.oprname) ORDER BY k.place)
        FROM pg_constraint c JOIN pg_class p ON p.oid = c.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
            CROSS JOIN LATERAL unnest(c.conkey, c.confkey, c.conpfeqop) WITH ORDINALITY k(here, there, operator, place)
            JOIN pg_attribute f ON f.attrelid = c.conrelid AND f.attnum = k.here
            JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = k.there
            JOIN pg_operator o ON o.oid = k.operator JOIN pg_namespace opn ON opn.oid = o.oprnamespace
        WHERE c.contype = 'f' AND c.conrelid = $1 AND c.conparentid = 0
        GROUP BY c.oid, c.confrelid, pn.nspname, p.relname ORDER BY c.oid";
    let rows = client.query(sql, &[&oid]).await?;
    let references = rows.iter().map(|row| {
        let (here, there): (Vec<String>, Vec<String>) = (row.get(2), row.get(3));
        let operators: Vec<String> = row.get(4);
        let columns = here.iter().zip(there).zip(operators);
        Reference {
            parent: row.get(0),
            parent_name: row.get(1),
            columns: columns
                .map(|((here, there), operator)| (identifier(here), identifier(&there), operator))
                .collect(),
        }
    });
    Ok(references.collect())
}
