//! Statements of dialects that PostgreSQL's grammar does not have, where they read and do nothing else.

/// Takes out statements of another dialect that only look.
pub(super) fn without_looks(sql: &str, verbs: &[&str]) -> String {
    let looks = |statement: &&str| {
        let verb = statement.split_whitespace().next().unwrap_or("").to_lowercase();
        let alone = !statement.trim().contains('\n');
        verbs.contains(&verb.as_str()) && alone && !statement.contains(['=', '(', '\'', '"'])
            || verb == "pragma" && !statement.contains('=') && !statement.contains('\'')
    };
    let kept: Vec<&str> = sql.split(';').filter(|statement| !looks(statement)).collect();
    // A text within quotes that was cut apart does not parse, and is refused.
    kept.join(";")
}

/// Whether a text that PostgreSQL's grammar does not know reads and does nothing else: each statement begins with a word that reads, and no word
/// anywhere in it, texts in quotes included, may write or reach the host.
pub(super) fn only_reads(sql: &str) -> bool {
    const READS: &[&str] = &[
        "select",
        "with",
        "from",
        "describe",
        "desc",
        "show",
        "summarize",
        "explain",
        "values",
    ];
    const REACHES: &[&str] = &[
        "alter",
        "analyze",
        "attach",
        "begin",
        "benchmark",
        "call",
        "commit",
        "copy",
        "create",
        "delete",
        "detach",
        "do",
        "drop",
        "dump",
        "edit",
        "exec",
        "execute",
        "export",
        "getenv",
        "grant",
        "handler",
        "import",
        "insert",
        "install",
        "into",
        "kill",
        "load",
        "load_extension",
        "load_file",
        "lock",
        "merge",
        "openquery",
        "openrowset",
        "optimize",
        "outfile",
        "readfile",
        "rename",
        "replace",
        "reset",
        "revoke",
        "set",
        "shell",
        "sleep",
        "system",
        "truncate",
        "update",
        "upsert",
        "url",
        "use",
        "vacuum",
        "writefile",
    ];
    let mut statements = sql.split(';').filter(|one| !one.trim().is_empty());
    statements.all(|statement| {
        let words = statement.split(|one: char| !one.is_alphanumeric() && one != '_');
        let mut words = words.filter(|word| !word.is_empty()).map(str::to_lowercase);
        words.next().is_some_and(|first| READS.contains(&first.as_str()))
            && !words.any(|word| {
                REACHES.contains(&word.as_str()) || word.starts_with("xp_") || word.starts_with("pg_")
            })
    })
}
