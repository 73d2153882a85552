//! What a `DROP TABLE` or `TRUNCATE` would take, as the server listed and counted it, against what was approved.

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::statement::Takes;
use safeguard_guard::Taking;

use super::effect::{counted, grouped};
use super::frame::columns;

/// Up to here, or to what was approved, rows are counted; what a table has beyond is told as more.
const COUNTED_MIN: u64 = 1_000_000;
const SHOWN_MAX: usize = 5;

#[derive(Debug)]
pub struct Table {
    number: u32,
    /// As SQL writes it, with its schema.
    pub name: String,
    pub kind: char,
    is_named: bool,
    is_approved: bool,
    pub is_locked: bool,
    pub keeps: bool,
}

/// What a statement would take, as far as the server was asked.
#[derive(Debug, Default)]
pub struct Taken {
    pub tables: Vec<Table>,
    also: Vec<Also>,
    /// Relations that are locked on the way.
    parts: BTreeSet<u32>,
    pub rounds: u32,
    rows: Option<Rows>,
    /// The tables are in the trash.
    pub is_discarded: bool,
}

/// What else would go by CASCADE.
#[derive(Debug)]
struct Also {
    kind: String,
    name: String,
    /// Of a relation; 0 of anything else.
    number: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rows {
    count: u64,
    /// A table has more than was counted.
    is_more: bool,
}

impl Taken {
    /// Reads what was listed; none when it is not what was asked for.
    pub fn read(rows: &[Vec<u8>], rounds: u32) -> Option<Taken> {
        let mut taken = Taken {
            rounds,
            ..Taken::default()
        };
        for row in rows {
            let columns = texts(row)?;
            let [tag, number, name, kind, named, approved, locked, keeps] = columns.as_slice() else {
                return None;
            };
            match *tag {
                "table" => taken.tables.push(Table {
                    number: number.parse().ok()?,
                    name: (*name).to_owned(),
                    kind: kind.chars().next()?,
                    is_named: *named == "true",
                    is_approved: *approved == "true",
                    is_locked: *locked == "true",
                    keeps: *keeps == "true",
                }),
                "also" => taken.also.push(Also {
                    kind: (*kind).to_owned(),
                    name: (*name).to_owned(),
                    number: number.parse().ok()?,
                }),
                "part" => drop(taken.parts.insert(number.parse().ok()?)),
                _ => return None,
            }
        }
        Some(taken)
    }

    /// Reads how many rows the tables have.
    pub fn read_rows(&mut self, rows: &[Vec<u8>], counted_max: u64) -> Option<()> {
        let mut sum = Rows {
            count: 0,
            is_more: false,
        };
        for row in rows {
            let count: u64 = texts(row)?.first()?.parse().ok()?;
            sum.count = sum.count.saturating_add(count.min(counted_max));
            sum.is_more |= count > counted_max;
        }
        self.rows = Some(sum);
        Some(())
    }

    /// Whether rows are still to be counted.
    pub fn is_uncounted(&self) -> bool {
        self.rows.is_none() && self.with_rows().next().is_some()
    }

    /// How many rows are in what it takes.
    pub fn rows(&self) -> u64 {
        self.rows.map_or(0, |rows| rows.count)
    }

    /// The tables that the statement names, with their schemas.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.tables
            .iter()
            .filter(|table| table.is_named)
            .map(|table| table.name.as_str())
    }

    /// A relation that was locked against everybody, and of which nothing was said.
    pub fn unlisted<'l>(&self, locked: &'l BTreeMap<u32, String>) -> Option<&'l str> {
        let unlisted = |number: &u32| !self.parts.contains(number) && !self.has(*number);
        let found = locked.iter().find(|(number, _)| unlisted(number));
        found.map(|(_, name)| name.as_str())
    }

    /// What is moved into the trash in place of being dropped: the named tables, and what goes with them by CASCADE.
    pub fn discarded(&self, taking: &Taking) -> String {
        let named = self
            .tables
            .iter()
            .filter(|table| table.is_named)
            .map(|table| table.number);
        let also = self.also.iter().map(|also| also.number);
        let also = also.filter(|number| taking.cascade && *number != 0);
        let numbers: BTreeSet<u32> = named.chain(also).collect();
        let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
        format!("ARRAY[{}]::pg_catalog.oid[]", numbers.join(", "))
    }

    fn has(&self, number: u32) -> bool {
        self.tables.iter().any(|table| table.number == number)
    }

    /// The first thing that was not approved, in one sentence.
    pub fn over(&self, taking: &Taking, takes: &Takes, rows_max: u64) -> Option<String> {
        let named = || self.tables.iter().filter(|table| table.is_named);
        if let Some(table) = named().find(|table| !table.is_approved) {
            return Some(format!(
                "would take `{}`, and what was approved is {}",
                table.name,
                takes.relations.join(", ")
            ));
        }
        let mut more: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let unapproved = self.also.iter().filter(|also| !takes.also.contains(&also.kind));
        for also in unapproved.filter(|_| taking.cascade) {
            more.entry(&also.kind).or_default().push(&also.name);
        }
        if !more.is_empty() {
            let kinds = more.iter().map(|(kind, names)| {
                let dots = if names.len() > SHOWN_MAX { ", …" } else { "" };
                let shown: Vec<&str> = names.iter().take(SHOWN_MAX).copied().collect();
                format!(
                    "{} ({}{dots})",
                    counted(names.len() as u64, kind),
                    shown.join(", ")
                )
            });
            let kinds: Vec<String> = kinds.collect();
            return Some(format!(
                "would take more by CASCADE, of kinds that were not approved: {}",
                kinds.join("; ")
            ));
        }
        let rows = self.rows?;
        (rows.count > rows_max || rows.is_more).then(|| {
            let more = if rows.is_more { "more than " } else { "" };
            format!(
                "would take {more}{} of {} (limit {})",
                counted(rows.count, "row"),
                counted(self.with_rows().count() as u64, "table"),
                grouped(rows_max)
            )
        })
    }

    pub fn with_rows(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|table| table.kind == 'r')
    }
}

fn texts(row: &[u8]) -> Option<Vec<&str>> {
    let columns = columns(row)?.into_iter();
    columns.map(|column| std::str::from_utf8(column?).ok()).collect()
}

pub fn counted_max(rows_max: u64) -> u64 {
    rows_max.max(COUNTED_MIN)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safeguard_guard::TakingVerb;

    use super::*;

    fn row(columns: &[&str]) -> Vec<u8> {
        let mut row = u16::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
        for column in columns {
            row.extend(u32::try_from(column.len()).unwrap().to_be_bytes());
            row.extend(column.as_bytes());
        }
        row
    }

    fn taken(rows: u64) -> Taken {
        let listed = [
            row(&["table", "7", "public.users", "r", "true", "true", "true", "true"]),
            row(&["also", "0", "public.names", "view", "", "", "", ""]),
            row(&["also", "0", "public.more", "view", "", "", "", ""]),
            row(&["part", "9", "", "", "", "", "", ""]),
        ];
        let mut taken = Taken::read(&listed, 1).unwrap();
        taken
            .read_rows(&[row(&[&rows.to_string()])], counted_max(50))
            .unwrap();
        taken
    }

    fn over(taken: &Taken, cascade: bool, also: &[&str]) -> Option<String> {
        let taking = Taking {
            verb: TakingVerb::DropTable,
            relations: vec![vec!["users".to_owned()]],
            cascade,
            restarts: false,
        };
        let takes = Takes {
            relations: vec!["public.users".to_owned()],
            also: also.iter().map(|&kind| kind.to_owned()).collect(),
        };
        taken.over(&taking, &takes, 50)
    }

    #[test]
    fn what_was_not_approved_is_named_with_its_figures() {
        assert_eq!(over(&taken(50), false, &[]), None);
        assert_eq!(over(&taken(50), true, &["view"]), None);
        assert_eq!(
            over(&taken(50), true, &["function"]).unwrap(),
            "would take more by CASCADE, of kinds that were not approved: 2 views (public.names, public.more)"
        );
        assert_eq!(
            over(&taken(51), false, &[]).unwrap(),
            "would take 51 rows of 1 table (limit 50)"
        );
        assert_eq!(
            over(&taken(2_000_000), false, &[]).unwrap(),
            "would take more than 1,000,000 rows of 1 table (limit 50)"
        );
    }

    #[test]
    fn what_is_locked_and_was_not_listed_is_found() {
        let locked = |number: u32| BTreeMap::from([(number, "orders".to_owned())]);
        assert_eq!(taken(1).unlisted(&locked(7)), None);
        assert_eq!(taken(1).unlisted(&locked(9)), None);
        assert_eq!(taken(1).unlisted(&locked(8)), Some("orders"));
    }
}
