//! Statements as MySQL's client and server part and read them, said as PostgreSQL would say them.

/// What MySQL would run of a text, with the signs that PostgreSQL reads otherwise put as PostgreSQL has them: texts, names and comments end
/// where MySQL ends them, and what MySQL runs out of a comment stands in the open. Statements that only look are left out.
pub(super) fn as_postgres(text: &str) -> String {
    let statements = statements(text);
    let kept = statements.iter().filter(|statement| !looks(statement));
    kept.map(|statement| statement.trim())
        .filter(|statement| !statement.is_empty())
        .collect::<Vec<_>>()
        .join(";\n")
}

fn statements(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut found = vec![String::new()];
    let (mut at, mut within_executable) = (0, false);
    while let Some(&letter) = letters.get(at) {
        let begins = |sign: &str| {
            sign.chars()
                .enumerate()
                .all(|(place, one)| letters.get(at + place) == Some(&one))
        };
        let line = letters[at..].iter().take_while(|one| **one != '\n').count();
        let blank_behind = letters.get(at + 2).is_none_or(|one| one.is_whitespace());
        let Some(current) = found.last_mut() else { break };
        match letter {
            '\'' | '"' | '`' => {
                let (body, after) = quoted(&letters, at + 1, letter);
                let quote = if letter == '`' { '"' } else { '\'' };
                current.push(quote);
                current.push_str(&body.replace(quote, &format!("{quote}{quote}")));
                // What does not end does not parse either.
                if let Some(after) = after {
                    current.push(quote);
                    at = after;
                } else {
                    at = letters.len();
                }
            }
            '#' => at += line,
            '-' if begins("--") && blank_behind => at += line,
            // A minus of a minus, where PostgreSQL has a comment.
            '-' if begins("--") => {
                current.push_str("- ");
                at += 1;
            }
            '/' if begins("/*!") || begins("/*M!") => {
                let digits = |one: &&char| one.is_ascii_digit();
                at += if begins("/*!") { 3 } else { 4 };
                at += letters[at..].iter().take_while(digits).count();
                current.push(' ');
                within_executable = true;
            }
            '/' if begins("/*") => {
                let end = (at + 2..letters.len())
                    .find(|end| letters[*end] == '*' && letters.get(end + 1) == Some(&'/'));
                current.push_str(if end.is_some() { " " } else { "/*" });
                at = end.map_or(letters.len(), |end| end + 2);
            }
            '*' if begins("*/") && within_executable => {
                within_executable = false;
                current.push(' ');
                at += 2;
            }
            ';' => {
                found.push(String::new());
                at += 1;
            }
            '\\' if begins("\\g") || begins("\\G") => {
                found.push(String::new());
                at += 2;
            }
            // The client's own line: it needs no sign at its end.
            '\n' if first_word(current) == "use" => {
                found.push(String::new());
                at += 1;
            }
            letter => {
                current.push(letter);
                at += 1;
            }
        }
    }
    if let Some(current) = found.last_mut().filter(|_| within_executable) {
        current.push_str("/*");
    }
    found
}

/// The text up to its closing quote, and where it goes on behind it.
fn quoted(letters: &[char], from: usize, quote: char) -> (String, Option<usize>) {
    let (mut text, mut at) = (String::new(), from);
    while let Some(&letter) = letters.get(at) {
        match (letter, letters.get(at + 1)) {
            ('\\', Some(&next)) if quote != '`' => {
                text.push(next);
                at += 2;
            }
            (one, Some(next)) if one == quote && *next == quote => {
                text.push(quote);
                at += 2;
            }
            (one, _) if one == quote => return (text, Some(at + 1)),
            (one, _) => {
                text.push(one);
                at += 1;
            }
        }
    }
    (text, None)
}

fn first_word(statement: &str) -> String {
    statement.split_whitespace().next().unwrap_or("").to_lowercase()
}

/// Whether a whole statement has the form of one that only looks: plain words, and a text behind `LIKE` or in a comparison.
fn looks(statement: &str) -> bool {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let name = |word: &&str| {
        let one = |one: char| one.is_alphanumeric() || matches!(one, '_' | '.' | '$' | ',' | '"' | '@' | '*');
        !word.is_empty() && word.chars().all(one)
    };
    match first_word(statement).as_str() {
        "use" | "desc" | "describe" | "help" => words.len() <= 3 && words.iter().all(name),
        "show" => {
            let plain = |word: &&str| {
                name(word)
                    || matches!(*word, "=" | "!=" | "<>")
                    || (word.starts_with('\'') && word.ends_with('\''))
            };
            words.iter().all(plain)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mysql_runs_stands_in_the_open() {
        for (given, meant) in [
            ("use shop\ndrop table users;", "drop table users"),
            ("show tables\\G drop table users", "drop table users"),
            (
                "select 1 /*!50000 ; drop table users */",
                "select 1;\ndrop table users",
            ),
            ("/*M! drop table users */", "drop table users"),
            (r"select 'a\''; drop table x; -- '", "select 'a''';\ndrop table x"),
            ("select 1 # ';\n; drop table x # '", "select 1;\ndrop table x"),
            ("select 1 --1; drop table x", "select 1 - -1;\ndrop table x"),
            ("/* /* */ drop table x", "drop table x"),
            ("select `a` from `b`", "select \"a\" from \"b\""),
            (
                "show full tables like 'user%'; show index from t where Key_name = 'x'",
                "",
            ),
            ("describe users; use shop", ""),
        ] {
            assert_eq!(as_postgres(given), meant, "{given}");
        }
        assert!(as_postgres("/*!50000 drop table users").ends_with("/*"));
    }
}
