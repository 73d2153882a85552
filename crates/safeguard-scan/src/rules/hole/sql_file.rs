//! SQL files that open a database: rights for everybody, passwords in the text, statements that are put together from values.

use safeguard_api::evidence::Severity;

use super::hard_coded_secret::is_placeholder;
use super::{hard_coded_secret, permission_too_broad, sql_injection};
use crate::analysis::place::is_local;
use crate::analysis::sql_file::{self, Statement};
use crate::analysis::sql_text::Token;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

const SQL: &[Language] = &[Language::Sql];

pub static RIGHTS: Check = Check {
    languages: SQL,
    run: rights,
    ..permission_too_broad::CHECK
};

pub static SECRET: Check = Check {
    languages: SQL,
    run: secret,
    ..hard_coded_secret::CHECK
};

pub static DYNAMIC: Check = Check {
    languages: SQL,
    run: dynamic,
    ..sql_injection::CHECK
};

pub static DEFINER: Check = Check {
    id: "definer-search-path",
    failure: "X3",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    cwe: &["CWE-426"],
    languages: SQL,
    run: definer,
};

/// Who is everybody: roles that nobody has to log in for.
const EVERYBODY: &[&str] = &["public", "anon", "anonymous", "guest"];

fn rights(source: &Source, _: &Project, reports: &mut Reports) {
    for statement in sql_file::of(source) {
        if let Some((sure, told)) = too_broad(statement) {
            if sure {
                reports.add(statement.node, told);
            } else {
                reports.note(statement.node, told);
            }
        }
    }
}

fn too_broad(statement: &Statement) -> Option<(bool, String)> {
    let end = statement.tokens.len();
    if statement.is(0, "grant") {
        let to = (1..end).rev().find(|at| statement.is(*at, "to"))?;
        let (who, _) = statement.name(to + 1).unwrap_or_default();
        let everybody = EVERYBODY.iter().any(|role| who.eq_ignore_ascii_case(role));
        let all = statement.is(1, "all");
        let writes = (1..to).any(|at| {
            matches!(
                statement.word(at).as_str(),
                "insert" | "update" | "delete" | "truncate" | "create"
            )
        });
        let on = statement.find(&["on"]);
        let is_star =
            |at: Option<usize>| at.is_some_and(|at| statement.tokens.get(at) == Some(&Token::Sign('*')));
        if everybody && (all || writes) {
            return Some((
                true,
                format!("everybody who reaches the database (`{who}`) may change it"),
            ));
        }
        if all && is_star(on.map(|at| at + 1)) && is_star(on.map(|at| at + 3)) {
            return Some((true, "this login may do everything in every database".to_owned()));
        }
        const POWERS: &[&str] = &[
            "pg_execute_server_program",
            "pg_write_server_files",
            "pg_read_server_files",
            "rds_superuser",
            "sysadmin",
            "cloudsqlsuperuser",
            "azure_pg_admin",
        ];
        if (1..to).any(|at| POWERS.contains(&statement.word(at).as_str())) {
            return Some((
                true,
                "this role reaches the machine that the database runs on, or everything in it".to_owned(),
            ));
        }
        if statement.has(&["with", "grant", "option"]) {
            return Some((false, format!("`{who}` may give these rights to anybody")));
        }
        return None;
    }
    if matches!(statement.word(0).as_str(), "create" | "alter")
        && matches!(statement.word(1).as_str(), "role" | "user")
    {
        let (who, from) = statement.name(2)?;
        let told = || format!("`{who}` may do everything, whatever else is refused to it");
        let named = has_word(&who, &["postgres", "admin", "root", "superuser", "dba"]);
        return (from..end)
            .any(|at| matches!(statement.word(at).as_str(), "superuser" | "bypassrls"))
            .then(|| (!named, told()));
    }
    if statement.altered_table().is_some() && statement.has(&["disable", "row", "level", "security"]) {
        return Some((
            true,
            "the rules that say who sees which rows no longer hold".to_owned(),
        ));
    }
    if statement.begins(&["create", "policy"]) {
        let open = |words: &[&str]| {
            statement.find(words).is_some_and(|at| {
                let inside = at + words.len();
                statement.tokens.get(inside) == Some(&Token::Sign('('))
                    && statement.is(inside + 1, "true")
                    && statement.tokens.get(inside + 2) == Some(&Token::Sign(')'))
            })
        };
        let reads_only = statement.has(&["for", "select"]);
        let for_one = statement.find(&["to"]).is_some_and(|at| {
            statement
                .name(at + 1)
                .is_some_and(|(who, _)| !EVERYBODY.contains(&who.as_str()) && who != "authenticated")
        });
        if !reads_only && !for_one && (open(&["using"]) || open(&["check"])) {
            // Who is not signed in may write a new row of some tables, and change those of others of none.
            let changes = !statement.has(&["for", "insert"]);
            let stranger = statement.find(&["to"]).is_some_and(|to| {
                (to + 1..statement.tokens.len().min(to + 6)).any(|at| statement.word(at) == "anon")
            });
            return Some((
                changes && stranger,
                "this policy lets everybody change every row".to_owned(),
            ));
        }
        return None;
    }
    let on = matches!(statement.tokens.last(), Some(Token::Number(number)) if number == "1");
    let names_shell = statement.tokens.iter().any(|token| match token {
        Token::Text(text) | Token::Word(text) => text.eq_ignore_ascii_case("xp_cmdshell"),
        _ => false,
    });
    if on && names_shell {
        return Some((
            true,
            "statements may run commands of the machine from here on".to_owned(),
        ));
    }
    None
}

fn secret(source: &Source, _: &Project, reports: &mut Reports) {
    let local = is_local(&source.path);
    for statement in sql_file::of(source) {
        let login = matches!(statement.word(0).as_str(), "create" | "alter" | "grant" | "set");
        let speaks = (0..statement.tokens.len()).find(|at| {
            let behind = |far: usize| matches!(statement.tokens.get(at + far), Some(Token::Text(_)));
            match statement.word(*at).as_str() {
                "password" => {
                    behind(1) || statement.tokens.get(at + 1) == Some(&Token::Sign('=')) && behind(2)
                }
                "by" => *at > 0 && statement.is(at - 1, "identified") && behind(1),
                _ => false,
            }
        });
        let Some(at) = speaks.filter(|_| login) else {
            continue;
        };
        let text = statement.tokens.iter().skip(at).find_map(|token| match token {
            Token::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let Some(text) = text else { continue };
        let hash = text.starts_with("SCRAM-SHA-256$")
            || text.starts_with('*')
            || text.starts_with("md5") && text.len() == 35;
        let filled = text.contains(['$', '{', '<', ':', '%']) || text.is_empty();
        if hash || filled {
            continue;
        }
        let told = "the password of a login of the database stands in the text";
        if local || is_placeholder(text) {
            reports.note(statement.node, told);
        } else {
            reports.add(statement.node, told);
        }
    }
}

/// `EXECUTE '… ' || name`: a statement that is put together from what a function is given.
fn dynamic(source: &Source, _: &Project, reports: &mut Reports) {
    for statement in sql_file::of(source) {
        let params = params(source, statement.node);
        let at = match statement.word(0).as_str() {
            "execute" | "exec" => 0,
            "return" if statement.begins(&["return", "query", "execute"]) => 2,
            "open" => match statement.find(&["for", "execute"]) {
                Some(at) => at + 1,
                None => continue,
            },
            _ => continue,
        };
        // A statement that is put together has a piece that is written out.
        let written = statement
            .tokens
            .iter()
            .skip(at)
            .any(|token| matches!(token, Token::Text(_)));
        for joined in joined(statement, at + 1) {
            let given = params.iter().any(|param| param.eq_ignore_ascii_case(&joined));
            let told = format!("`{joined}` is written into the text of a statement that is executed");
            if !written {
                continue;
            }
            if given {
                reports.add(statement.node, told);
            } else {
                reports.note(statement.node, told);
            }
            break;
        }
    }
}

/// The names that are glued to a text as they are: `'…' || name`, but not `quote_ident(name)`.
fn joined(statement: &Statement, from: usize) -> Vec<String> {
    let mut names = Vec::new();
    let sign = |at: Option<usize>, sign: char| {
        at.and_then(|at| statement.tokens.get(at)) == Some(&Token::Sign(sign))
    };
    let glue = |at: Option<usize>| sign(at, '|') || sign(at, '+');
    let until = statement.find(&["using"]).unwrap_or(statement.tokens.len());
    for at in from..until {
        let Some((name, end)) = statement.name(at) else {
            continue;
        };
        if sign(at.checked_sub(1), '.') || sign(Some(end), '(') {
            continue;
        }
        let casts = sign(Some(end), ':');
        if !casts && (glue(at.checked_sub(1)) || glue(Some(end))) {
            names.push(name);
        }
    }
    names
}

/// The parameters of the function that a statement stands in, of types that hold a text.
fn params(source: &Source, node: NodeId) -> Vec<String> {
    let tree = &source.tree;
    let Some(function) = tree
        .ancestors(node)
        .find(|around| tree.kind(*around) == Kind::Statement)
    else {
        return Vec::new();
    };
    let head = crate::analysis::sql_text::statements(tree.name(function))
        .into_iter()
        .next()
        .unwrap_or_default();
    let words: Vec<Option<String>> = head
        .iter()
        .map(|token| match token {
            Token::Word(word) => Some(word.to_ascii_lowercase()),
            _ => None,
        })
        .collect();
    const TEXTS: &[&str] = &[
        "text",
        "varchar",
        "varchar2",
        "nvarchar",
        "char",
        "character",
        "name",
        "citext",
        "json",
        "jsonb",
    ];
    words
        .windows(2)
        .filter_map(|pair| match pair {
            [Some(name), Some(ty)]
                if TEXTS.contains(&ty.as_str())
                    && !matches!(name.as_str(), "returns" | "in" | "out" | "inout" | "setof") =>
            {
                Some(name.clone())
            }
            _ => None,
        })
        .collect()
}

fn definer(source: &Source, _: &Project, reports: &mut Reports) {
    for statement in sql_file::of(source) {
        let fixed = (0..statement.tokens.len()).any(|at| statement.is(at, "search_path"));
        let makes = statement.is(0, "create")
            && (1..4).any(|at| statement.is(at, "function") || statement.is(at, "procedure"));
        if makes && statement.has(&["security", "definer"]) && !fixed {
            reports.note(
                statement.node,
                "runs with its owner's rights and finds its tables by the path of whoever calls it",
            );
        }
    }
}
