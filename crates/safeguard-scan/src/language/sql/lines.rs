//! Lines of SQL files that speak to a client or to a tool, and not to the database.

/// What a line is, if it is no SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Of the client: `\connect app`.
    Client,
    /// Ends a batch: `GO`, or `/` alone.
    Ends,
    /// `DELIMITER //`
    Delimiter(String),
    /// A comment behind which the way up stands, or the way down.
    Up,
    Down,
    /// `# …`, a comment of MySQL's.
    Comment,
}

/// Reads a line from its first character on, as it stands outside of quotes and comments.
pub fn line(text: &str) -> Option<Line> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if text.starts_with('\\') {
        return Some(Line::Client);
    }
    if lower == "/"
        || lower == "go"
        || lower
            .strip_prefix("go ")
            .is_some_and(|count| count.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Some(Line::Ends);
    }
    if let Some(delimiter) = lower.strip_prefix("delimiter ") {
        return Some(Line::Delimiter(delimiter.trim().to_owned()));
    }
    if text.starts_with('#') {
        return Some(Line::Comment);
    }
    let comment = lower.strip_prefix("--")?.trim_start_matches(['/', '@', ' ', '+']);
    // dbmate, goose, sql-migrate, node-pg-migrate, MyBatis.
    const UP: &[&str] = &["migrate:up", "goose up", "migrate up", "up migration"];
    const DOWN: &[&str] = &[
        "migrate:down",
        "goose down",
        "migrate down",
        "down migration",
        "undo",
    ];
    let begins = |marks: &[&str]| marks.iter().any(|mark| comment.starts_with(mark));
    if begins(UP) {
        Some(Line::Up)
    } else if begins(DOWN) {
        Some(Line::Down)
    } else {
        None
    }
}
