//! The catalog's knowledge as lines for people.

use super::{Cascade, Catalog, Found, Function, Plan, Relation};
use crate::guard::or_nothing;

/// Lines under those of the judgement, in the same columns.
pub fn shown(catalog: &Catalog) -> String {
    let relations = catalog.relations.iter().flat_map(relation);
    let functions = catalog
        .functions
        .iter()
        .map(|one| format!("function {}", function(one)));
    let lines: Vec<String> = relations.chain(functions).collect();
    let plan = match &catalog.plan {
        Plan::Expected { rows, cost } => format!("about {}, cost {cost}", counted(*rows)),
        Plan::LeftOut(why) => format!("not asked for: {why}"),
    };
    format!(
        "  catalog    {}\n  plan       {plan}\n",
        or_nothing(&lines.join("\n             "))
    )
}

fn relation(relation: &Relation) -> Vec<String> {
    let Some(found) = &relation.found else {
        return vec![format!("{}: not found", relation.named)];
    };
    let mut lines = vec![headline(found)];
    if !found.through.is_empty() {
        lines.push(format!("  leads to {}", found.through.join(", ")));
    }
    lines.extend(found.calls.iter().map(|one| format!("  calls {}", function(one))));
    for trigger in &found.triggers {
        lines.push(format!(
            "  trigger `{}` {} on {} runs {}",
            trigger.name, trigger.events, trigger.table, trigger.function
        ));
    }
    for rows in ["deleted", "set to null", "set to default"] {
        let tables: Vec<&str> = found
            .cascades
            .iter()
            .filter(|cascade| cascade.rows == rows)
            .map(|Cascade { table, .. }| table.as_str())
            .collect();
        if !tables.is_empty() {
            lines.push(format!("  rows of {} are {rows} by cascade", tables.join(", ")));
        }
    }
    lines
}

fn headline(found: &Found) -> String {
    let mut text = format!("{}: {}", found.name, found.kind);
    match found.children {
        0 => {}
        1 => text.push_str(", 1 table below it"),
        children => text.push_str(&format!(", {children} tables below it")),
    }
    if let Some(rows) = found
        .rows_about
        .filter(|_| found.kind != "view" && found.kind != "sequence")
    {
        text.push_str(&format!(", about {}", counted(rows)));
    }
    text
}

fn function(function: &Function) -> String {
    let mut text = format!(
        "{}: {}, {}",
        function.name, function.language, function.volatility
    );
    if function.security_definer {
        text.push_str(", with its owner's rights");
    }
    if function.hides_built_in {
        text.push_str(", under the name of one of PostgreSQL's own");
    }
    text
}

/// `41,234 rows`
fn counted(rows: u64) -> String {
    let digits = rows.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {}", if rows == 1 { "row" } else { "rows" })
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn figures_are_grouped() {
        let shown: Vec<String> = [0, 1, 999, 41_234, 1_000_000].map(counted).into();
        assert_eq!(
            shown,
            ["0 rows", "1 row", "999 rows", "41,234 rows", "1,000,000 rows"]
        );
    }
}
