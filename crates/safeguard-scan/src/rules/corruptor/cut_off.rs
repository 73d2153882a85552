//! SQL that makes a column shorter by cutting off what does not fit, so that nothing fails.

use crate::analysis::sql_text::Token;

/// A column whose values are cut.
#[derive(Debug)]
pub struct Cut {
    pub column: String,
    /// Whether it is cut whatever it was before: a cast to a longer type cuts nothing.
    pub sure: bool,
}

impl Cut {
    pub fn told(&self) -> String {
        let column = &self.column;
        match self.sure {
            true => format!(
                "what is longer in `{column}` is cut off without a word, and nothing kept it or asked whether there is any"
            ),
            false => format!(
                "the cast in `USING` cuts off what is longer in `{column}`, where the plain change would fail"
            ),
        }
    }
}

const CUTTERS: &[&str] = &["left", "right", "substring", "substr", "mid"];

/// What `ALTER COLUMN … TYPE … USING left(…)` cuts, and `UPDATE … SET a = left(a, …)` of a file that then changes the column's type. `file` is all that runs with it.
pub fn cut(statement: &[Token], file: &str) -> Option<Cut> {
    let words: Vec<String> = statement
        .iter()
        .map(|token| match token {
            Token::Word(word) => word.to_ascii_lowercase(),
            _ => String::new(),
        })
        .collect();
    let found = match words.first().map(String::as_str) {
        Some("alter") => altered(statement, &words),
        Some("update") => updated(statement, &words, file),
        _ => None,
    }?;
    (!is_looked_at(&found.column, file)).then_some(found)
}

/// `ALTER [COLUMN] name [SET DATA] TYPE type USING expression`
fn altered(statement: &[Token], words: &[String]) -> Option<Cut> {
    let is = |at: usize, word: &str| words.get(at).is_some_and(|found| found == word);
    for using in (0..words.len()).filter(|at| is(*at, "using")) {
        let ty = (0..using).rev().find(|at| is(*at, "type"))?;
        let mut name = ty.checked_sub(1)?;
        while is(name, "data") || is(name, "set") {
            name = name.checked_sub(1)?;
        }
        let column = words.get(name).filter(|column| !column.is_empty())?;
        let expression = expression(statement, using + 1);
        if let Some(sure) = cuts(statement, words, expression, column) {
            return Some(Cut {
                column: column.clone(),
                sure,
            });
        }
    }
    None
}

/// Up to the comma or the end that is not within parentheses.
fn expression(statement: &[Token], from: usize) -> (usize, usize) {
    let mut depth = 0usize;
    for (at, token) in statement.iter().enumerate().skip(from) {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth = depth.saturating_sub(1),
            Token::Sign(',' | ';') if depth == 0 => return (from, at),
            _ => {}
        }
    }
    (from, statement.len())
}

/// Whether an expression cuts a column, and whether beyond doubt.
fn cuts(statement: &[Token], words: &[String], (from, to): (usize, usize), column: &str) -> Option<bool> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let opens = |at: usize| statement.get(at) == Some(&Token::Sign('('));
    let mentions = (from..to).any(|at| word(at) == column);
    if !mentions {
        return None;
    }
    let function = (from..to).any(|at| CUTTERS.contains(&word(at)) && opens(at + 1));
    if function {
        // `CASE WHEN … THEN left(…)` and `coalesce` of several columns do more than to cut.
        let plain = (from..to).all(|at| {
            let word = word(at);
            word.is_empty()
                || word == column
                || CUTTERS.contains(&word)
                || word.bytes().all(|byte| byte.is_ascii_digit())
                || matches!(
                    word,
                    "trim"
                        | "btrim"
                        | "rtrim"
                        | "ltrim"
                        | "upper"
                        | "lower"
                        | "from"
                        | "for"
                        | "text"
                        | "varchar"
                        | "char"
                        | "character"
                        | "varying"
                        | "cast"
                        | "as"
                )
        });
        return Some(plain);
    }
    // `name::varchar(20)`, `CAST(name AS char(2))`: a cast that is written cuts in silence.
    let casts = (from..to).any(|at| {
        matches!(word(at), "varchar" | "char" | "bpchar" | "varying" | "character")
            && opens(at + 1)
            && (statement.get(at.wrapping_sub(1)) == Some(&Token::Sign(':'))
                || matches!(word(at.wrapping_sub(1)), "as" | "character"))
    });
    casts.then_some(false)
}

/// `UPDATE table SET name = left(name, 20)` without more than the length in its condition, in a file that changes the column's type.
fn updated(statement: &[Token], words: &[String], file: &str) -> Option<Cut> {
    let set = words.iter().position(|word| word == "set")?;
    let column = words.get(set + 1).filter(|column| !column.is_empty())?;
    let ends = words
        .iter()
        .position(|word| word == "where")
        .unwrap_or(words.len());
    let (from, to) = expression(statement, set + 3);
    let sure = cuts(statement, words, (from, to.min(ends)), column)?;
    let lower = file.to_ascii_lowercase();
    let retyped = lower.contains("alter table")
        && lower.split("alter table").skip(1).any(|rest| {
            let rest = rest.split(';').next().unwrap_or(rest);
            rest.split(|char: char| !char.is_alphanumeric() && char != '_')
                .any(|word| word == column)
                && ["char(", "type ", "modify"]
                    .iter()
                    .any(|part| rest.contains(part))
        });
    (sure && retyped).then(|| Cut {
        column: column.clone(),
        sure: true,
    })
}

/// Whether the file asks how long the values are and stops, or keeps them as they are before.
fn is_looked_at(column: &str, file: &str) -> bool {
    let flat: String = file
        .to_ascii_lowercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace(['"', '`'], "")
        .replace("( ", "(");
    let asks = flat.match_indices("length(").any(|(at, _)| {
        let inner = flat[at + 7..].split(')').next().unwrap_or("");
        inner.rsplit(['.', '(', ' ']).any(|word| word == column)
    });
    let stops = [
        "raise exception",
        "assert ",
        "signal sqlstate",
        "throw",
        "raise ",
        "/ 0",
        "exit(",
    ]
    .iter()
    .any(|word| flat.contains(word));
    let kept = ["insert into", "create table"].iter().any(|begin| {
        flat.match_indices(begin).any(|(at, _)| {
            let rest = flat[at..].split(';').next().unwrap_or("");
            rest.contains("select")
                && (rest.contains(" * ") || rest.contains(&format!(" {column}")) || rest.contains("select *"))
        })
    });
    let copied = flat.split("update ").skip(1).any(|rest| {
        let rest = rest.split(';').next().unwrap_or("");
        rest.split_once(" set ").is_some_and(|(_, set)| {
            set.contains(&format!("= {column} ")) || set.ends_with(&format!("= {column}"))
        })
    });
    asks && stops || kept || copied
}
