//! The SQL that works out what a record comes to, and what stands in its way. Text in, text out.
//!
//! The rows that were removed, less those that were added, are the rows that shall be there again; the rows that were added,
//! less those that were removed, are what the transaction left behind. Counted like that it does not matter in which order
//! triggers and cascades did what they did, and a row that came and went is none.

use super::table::{Reference, Table, Unique};
use crate::db::identifier;

impl Table {
    fn temporary(&self, what: &str) -> String {
        format!("pg_temp.safeguard_{what}_{}", self.number)
    }

    /// What shall be there again, a row each: `was`, and of a row that is there in another form `stands`.
    pub fn wanted(&self) -> String {
        self.temporary("wanted")
    }

    fn gone(&self) -> String {
        self.temporary("gone")
    }

    fn left(&self) -> String {
        self.temporary("left")
    }

    fn shape(&self) -> String {
        self.temporary("shape")
    }

    fn list(&self, prefix: &str) -> String {
        let each = self
            .columns
            .iter()
            .map(|column| format!("{prefix}{}", column.name));
        each.collect::<Vec<_>>().join(", ")
    }

    /// The text of a present row, as the record has it.
    pub fn text_of(&self, row: &str) -> String {
        format!("textin(record_out(ROW({})))", self.list(&format!("{row}.")))
    }

    /// Reads the images as rows of the table as it is by now. What does not read back as the same text is counted below.
    pub fn images(&self, undo: &str) -> String {
        let shape: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("{} {}", column.name, column.type_name))
            .collect();
        let side = |name: &str, side: char, other: char| {
            let of = |side: char| {
                format!(
                    "SELECT i.row_text FROM safeguard_undo.image i JOIN safeguard_undo.act a ON a.id = i.act
                     WHERE i.side = '{side}' AND {}",
                    self.recorded.acts(undo)
                )
            };
            format!(
                "CREATE TEMP TABLE {name} ON COMMIT DROP AS SELECT row_number() OVER (ORDER BY x.row_text) AS n, x.row_text,
                   row_number() OVER (PARTITION BY x.row_text) AS twin, x.row_text::{shape} AS r
                 FROM ({} EXCEPT ALL {}) x;\nANALYZE {name};\n",
                of(side),
                of(other),
                shape = self.shape(),
            )
        };
        format!(
            "CREATE TEMP TABLE {shape} ({columns}) ON COMMIT DROP;\n{gone}{left}\
             CREATE TEMP TABLE {wanted} (n bigint PRIMARY KEY, was_text text, was {shape}, left_n bigint, stands_text text, stands {shape},
               twin bigint, part oid, place tid, conflict text, done boolean NOT NULL DEFAULT false) ON COMMIT DROP;\n",
            shape = self.shape(),
            columns = shape.join(", "),
            gone = side(&self.gone(), '-', '+'),
            left = side(&self.left(), '+', '-'),
            wanted = self.wanted(),
        )
    }

    /// Images that the types of the table do not hold exactly.
    pub fn lossy(&self) -> String {
        let text = self.text_of("(x.r)");
        format!(
            "SELECT count(*) FROM (SELECT r, row_text FROM {} UNION ALL SELECT r, row_text FROM {}) x WHERE {text} <> x.row_text",
            self.gone(),
            self.left()
        )
    }

    /// Pairs what was with what is in its place: by the key, where there is one.
    pub fn pair_by_key(&self) -> String {
        let found = match &self.key {
            Some(key) => {
                let each = key
                    .columns
                    .iter()
                    .map(|(column, operator)| format!("(l.r).{column} {operator} (g.r).{column}"));
                format!(
                    "LEFT JOIN {} l ON {}",
                    self.left(),
                    each.collect::<Vec<_>>().join(" AND ")
                )
            }
            None => format!("LEFT JOIN {} l ON false", self.left()),
        };
        format!(
            "INSERT INTO {} (n, was_text, was, left_n, stands_text, stands, twin)
             SELECT g.n, g.row_text, g.r, l.n, l.row_text, l.r, l.twin FROM {} g {found}",
            self.wanted(),
            self.gone()
        )
    }

    /// Of what was left behind, the rows that are in nobody's place.
    fn unpaired_left(&self) -> String {
        format!(
            "SELECT l.* FROM {} l WHERE NOT EXISTS (SELECT FROM {} w WHERE w.left_n = l.n)",
            self.left(),
            self.wanted()
        )
    }

    pub fn unpaired(&self) -> String {
        format!("SELECT count(*) FROM ({}) x", self.unpaired_left())
    }

    /// What updates made of images: each step leads from the row before to the row after.
    fn steps(&self, undo: &str) -> String {
        format!(
            "step AS (SELECT o.row_text AS before, w.row_text AS after FROM safeguard_undo.act a
               JOIN safeguard_undo.image o ON o.act = a.id AND o.side = '-'
               JOIN safeguard_undo.image w ON w.act = a.id AND w.side = '+' AND w.place = o.place
               WHERE a.operation = 'update' AND {})",
            self.recorded.acts(undo)
        )
    }

    /// Follows updates from what was to what is, where the key changed.
    pub fn pair_by_updates(&self, undo: &str) -> String {
        let wanted = self.wanted();
        format!(
            "WITH RECURSIVE {steps}, walk (n, row_text, twin) AS (
               SELECT w.n, w.was_text, g.twin FROM {wanted} w JOIN {gone} g ON g.n = w.n WHERE w.left_n IS NULL
               UNION SELECT walk.n, step.after, walk.twin FROM walk JOIN step ON step.before = walk.row_text),
             found AS (SELECT DISTINCT ON (l.n) l.n AS left_n, walk.n, l.row_text, l.r, l.twin FROM walk
               JOIN ({unpaired}) l ON l.row_text = walk.row_text AND l.twin = walk.twin ORDER BY l.n, walk.n),
             one AS (SELECT DISTINCT ON (n) * FROM found ORDER BY n, left_n)
             UPDATE {wanted} w SET left_n = one.left_n, stands_text = one.row_text, stands = one.r, twin = one.twin
             FROM one WHERE w.n = one.n",
            steps = self.steps(undo),
            gone = self.gone(),
            unpaired = self.unpaired_left(),
        )
    }

    /// Rows that updates left behind, and that are still in nobody's place, take any place that is left: rows are what is in
    /// them. What was inserted stays. Returns how many rows have no place.
    pub fn pair_the_rest(&self, undo: &str) -> [String; 2] {
        let wanted = self.wanted();
        let updated = format!(
            "WITH RECURSIVE {steps}, born (row_text) AS (
               SELECT i.row_text FROM safeguard_undo.act a JOIN safeguard_undo.image i ON i.act = a.id
                 WHERE a.operation = 'insert' AND {acts}
               UNION SELECT step.after FROM born JOIN step ON step.before = born.row_text),
             updated AS (SELECT l.*, row_number() OVER (ORDER BY l.n) AS rank FROM ({unpaired}) l
               WHERE NOT EXISTS (SELECT FROM born WHERE born.row_text = l.row_text))",
            steps = self.steps(undo),
            acts = self.recorded.acts(undo),
            unpaired = self.unpaired_left(),
        );
        [
            format!(
                "{updated}, free AS (SELECT w.n, row_number() OVER (ORDER BY w.n) AS rank FROM {wanted} w WHERE w.left_n IS NULL)
                 UPDATE {wanted} w SET left_n = u.n, stands_text = u.row_text, stands = u.r, twin = u.twin
                 FROM updated u JOIN free ON free.rank = u.rank WHERE w.n = free.n"
            ),
            format!("{updated} SELECT count(*) FROM updated"),
        ]
    }

    /// Finds the present row of every pair, and says where it is not what was left behind.
    pub fn present(&self) -> String {
        let (wanted, name, text) = (self.wanted(), &self.name, self.text_of("p"));
        let found = match &self.key {
            Some(key) => format!(
                "UPDATE {wanted} w SET part = p.tableoid, place = p.ctid,
                   conflict = CASE WHEN {text} <> w.stands_text THEN 'it was changed since' END
                 FROM {name} p WHERE w.left_n IS NOT NULL AND {};\n",
                key.same("p", "w.stands")
            ),
            None => format!(
                "UPDATE {wanted} w SET part = p.part, place = p.place FROM (SELECT p.tableoid AS part, p.ctid AS place, {text} AS row_text,
                   row_number() OVER (PARTITION BY {text}) AS twin FROM {name} p WHERE {text} IN (SELECT stands_text FROM {wanted})) p
                 WHERE w.left_n IS NOT NULL AND p.row_text = w.stands_text AND p.twin = w.twin;\n"
            ),
        };
        format!(
            "ANALYZE {wanted};\n{found}\
             UPDATE {wanted} w SET conflict = 'it was removed or changed since' WHERE w.left_n IS NOT NULL AND w.place IS NULL;\n"
        )
    }

    /// Rows whose place, by this key, another row has taken that does not give way.
    pub fn taken(&self, unique: &Unique) -> String {
        let is_key = self.key.as_ref().is_some_and(|key| key.columns == unique.columns);
        let why = match is_key {
            true => "its key exists again".to_owned(),
            false => format!("another row has its {}", unique.shown()),
        };
        format!(
            "UPDATE {wanted} w SET conflict = {why} FROM {name} p WHERE w.conflict IS NULL AND {same}
               AND NOT EXISTS (SELECT FROM {wanted} m WHERE m.conflict IS NULL AND m.place = p.ctid AND m.part = p.tableoid)",
            wanted = self.wanted(),
            why = crate::db::literal(&why),
            name = self.name,
            same = unique.same("p", "w.was"),
        )
    }

    /// Rows that refer to one that neither is there nor comes back.
    pub fn orphaned(&self, reference: &Reference, parent: Option<&Table>) -> String {
        let columns = &reference.columns;
        let all = |of: &dyn Fn(&(String, String, String)) -> String| {
            columns.iter().map(of).collect::<Vec<_>>().join(" AND ")
        };
        let not_null = all(&|(here, _, _)| format!("(w.was).{here} IS NOT NULL"));
        let there = all(&|(here, there, operator)| format!("p.{there} {operator} (w.was).{here}"));
        let coming = all(&|(here, there, operator)| format!("(c.was).{there} {operator} (w.was).{here}"));
        let comes = parent
            .filter(|parent| {
                let known = |name: &String| parent.columns.iter().any(|column| column.name == *name);
                columns.iter().all(|(_, there, _)| known(there))
            })
            .map(|parent| {
                format!(
                    " AND NOT EXISTS (SELECT FROM {} c WHERE c.conflict IS NULL AND {coming})",
                    parent.wanted()
                )
            });
        format!(
            "UPDATE {wanted} w SET conflict = {why} WHERE w.conflict IS NULL AND {not_null}
               AND NOT EXISTS (SELECT FROM {parent} p WHERE {there}){comes}",
            wanted = self.wanted(),
            why = crate::db::literal(&format!(
                "the row of {} that it refers to is gone",
                reference.parent_name
            )),
            parent = reference.parent_name,
            comes = comes.unwrap_or_default(),
        )
    }

    /// Table, key and reason of every conflict.
    pub fn conflicts(&self) -> String {
        let key = match &self.key {
            Some(key) => {
                let columns = key.columns.iter().map(|(name, _)| format!("(w.was).{name}"));
                format!(
                    "textin(record_out(ROW({})))",
                    columns.collect::<Vec<_>>().join(", ")
                )
            }
            None => "w.was_text".to_owned(),
        };
        format!(
            "SELECT {key}, w.conflict FROM {} w WHERE w.conflict IS NOT NULL ORDER BY w.n",
            self.wanted()
        )
    }

    /// How many come back as new rows, and how many are set back.
    pub fn counts(&self) -> String {
        format!(
            "SELECT count(*) FILTER (WHERE left_n IS NULL), count(*) FILTER (WHERE left_n IS NOT NULL) FROM {} WHERE conflict IS NULL",
            self.wanted()
        )
    }

    /// How many rows are not there as they were: missing, and there but different.
    pub fn checked(&self) -> String {
        let (wanted, text) = (self.wanted(), self.text_of("p"));
        match &self.key {
            Some(key) => {
                let (first, _) = &key.columns[0];
                format!(
                    "SELECT count(*) FILTER (WHERE p.{first} IS NULL), count(*) FILTER (WHERE p.{first} IS NOT NULL AND {text} <> w.was_text)
                     FROM {wanted} w LEFT JOIN {name} p ON {same} WHERE w.conflict IS NULL",
                    name = self.name,
                    same = key.same("p", "w.was"),
                )
            }
            None => format!(
                "SELECT coalesce(sum(greatest(w.many - coalesce(p.many, 0), 0)), 0)::bigint, 0::bigint
                 FROM (SELECT was_text, count(*) AS many FROM {wanted} WHERE conflict IS NULL GROUP BY 1) w
                 LEFT JOIN (SELECT {text} AS row_text, count(*) AS many FROM {name} p GROUP BY 1) p ON p.row_text = w.was_text",
                name = self.name
            ),
        }
    }

    /// `p` is the present row, `w` what is wanted of it.
    fn set_back_where(&self, condition: &str, returning: &str) -> Option<String> {
        let set: Vec<String> = self
            .columns
            .iter()
            .filter(|column| !column.always)
            .map(|column| format!("{0} = (w.was).{0}", column.name))
            .collect();
        let update = format!(
            "UPDATE {} p SET {} FROM {} w WHERE w.conflict IS NULL AND w.left_n IS NOT NULL AND {condition} RETURNING {returning}",
            self.name,
            set.join(", "),
            self.wanted()
        );
        (!set.is_empty()).then_some(update)
    }

    fn set_back(&self, only: &str, returning: &str) -> Option<String> {
        // Rows without a key are found by their place; nothing refers to them that could have moved them meanwhile.
        let same = match &self.key {
            Some(key) => key.same("p", "w.stands"),
            None => "p.tableoid OPERATOR(pg_catalog.=) w.part AND p.ctid OPERATOR(pg_catalog.=) w.place"
                .to_owned(),
        };
        self.set_back_where(&format!("NOT w.done AND {same}{only}"), returning)
    }

    /// Rows whose key came back by a cascade, when their parents were set back: they have it already, but not yet the rest.
    pub fn set_back_moved(&self) -> Option<String> {
        let key = self.key.as_ref()?;
        let condition = format!(
            "NOT ({unchanged}) AND {here} AND NOT pg_catalog.record_image_eq(ROW({present}), ROW({was}))",
            unchanged = key.same("(w.was)", "w.stands"),
            here = key.same("p", "w.was"),
            present = self.list("p."),
            was = self.list("(w.was)."),
        );
        self.set_back_where(&condition, "1")
    }

    /// Sets back the rows whose unique values nobody has just then: where rows passed a value on, the last goes first.
    pub fn set_back_a_round(&self) -> Option<String> {
        let free = self.uniques.iter().map(|unique| {
            format!(
                " AND NOT EXISTS (SELECT FROM {} o WHERE {} AND (o.ctid OPERATOR(pg_catalog.<>) p.ctid
                   OR o.tableoid OPERATOR(pg_catalog.<>) p.tableoid))",
                self.name,
                unique.same("o", "w.was")
            )
        });
        let update = self.set_back(&free.collect::<String>(), "w.n")?;
        Some(format!(
            "WITH done AS ({update}) UPDATE {} w SET done = true FROM done WHERE w.n OPERATOR(pg_catalog.=) done.n",
            self.wanted()
        ))
    }
}

/// One statement that gives these tables their rows back. Rows that are set back make room for those that come back.
pub fn restore(tables: &[&Table]) -> String {
    let mut parts = Vec::new();
    let mut after = Vec::new();
    for table in tables {
        if let Some(update) = table.set_back("", "1") {
            let name = identifier(&format!("set_{}", table.number));
            parts.push(format!("{name} AS ({update})"));
            after.push(format!(
                "(SELECT pg_catalog.count(*) FROM {name}) OPERATOR(pg_catalog.>=) 0"
            ));
        }
    }
    let after = after
        .iter()
        .map(|done| format!(" AND {done}"))
        .collect::<String>();
    for table in tables {
        parts.push(format!(
            "{name} AS (INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} FROM {wanted} w
               WHERE w.conflict IS NULL AND w.left_n IS NULL{after} ORDER BY w.n RETURNING 1)",
            name = identifier(&format!("new_{}", table.number)),
            table = table.name,
            columns = table.list(""),
            values = table.list("(w.was)."),
            wanted = table.wanted(),
        ));
    }
    format!("WITH {} SELECT 1", parts.join(",\n"))
}
