//! `safeguard guard …`

mod catalog;

use std::io::{BufRead, Read};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use safeguard_api::Environment;
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{Asker, GuardAnswer, GuardDecision, GuardFinding, Principal, StatementCost};
use safeguard_guard::rules::RULES;
use safeguard_guard::shell::rules::COMMAND_RULES;
use safeguard_guard::{Facts, judge, read};
use serde::Serialize;

use crate::args::Globals;
use crate::config_file;
use crate::db::connect::DatabaseArgs;
use crate::failure::Failure;
use crate::output::{BAD, CARE, GOOD, HINT, Output};

/// A longer line of the input is not read. A byte of a statement takes six at most in JSON.
const LINE_BYTES_MAX: u64 = 6 * safeguard_guard::STATEMENT_BYTES_MAX as u64 + 2;

#[derive(Debug, Subcommand)]
pub enum GuardVerb {
    /// Say what a statement would do, and what is answered to whom; asks no database without `--db`
    #[command(
        after_help = "Exit 0 when it may run (also when it is measured), 1 when it is refused.

`[guard]` of the configuration counts where the file exists; else the rules answer as their pages say.
With `-` each line of standard input is one JSON string, and each line of the output one JSON answer.
With `--db` the catalog says what the names stand for, which triggers and cascades follow, and how many rows the planner expects. The answer
stays the same; nothing is run, and what is refused is not sent.

Examples:
  safeguard guard explain \"DELETE FROM users\"
  safeguard guard explain --as person --db postgres://reader@127.0.0.1/shop \"DELETE FROM users WHERE id < 100\"
  safeguard guard explain --as migration --env staging \"ALTER TABLE users ADD COLUMN age int\"
  jq -R . statements.txt | safeguard guard explain --as service -"
    )]
    Explain(ExplainArgs),
    /// Say what is dangerous in migrations; with `--db`, rehearse them on a copy of a database
    #[command(
        after_help = "Folders are read file by file, sorted by name; NAME.down.sql and NAME_down.sql are ways down. Exit 0 when nothing of severity high
or above is found, 1 when something is, 2 when a file or the copy can not be read.

Examples:
  safeguard guard lint migrations/
  git diff --name-only --diff-filter=A main -- migrations/ | xargs safeguard guard lint --db postgres://postgres@127.0.0.1/shop_copy
  safeguard guard lint migrations/ --sarif lint.sarif"
    )]
    Lint(crate::lint::LintArgs),
    /// Print the page of a rule, or list the rules
    Rule {
        /// Such as `delete`; unsaid: list them
        id: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Who asks: agent, service, person or migration
    #[arg(long = "as", value_name = "PRINCIPAL", default_value = "agent")]
    pub principal: Principal,
    /// Where: dev, qa, staging or production
    #[arg(long = "env", value_name = "ENVIRONMENT", default_value = "production")]
    pub environment: Environment,
    /// As if a freeze held production
    #[arg(long)]
    pub freeze: bool,
    /// The database whose catalog is asked as well, with a credential that reads; the password may be in PGPASSWORD
    #[arg(long, value_name = "URL")]
    pub db: Option<String>,
    /// PEM with the authorities that may have signed the server's certificate
    #[arg(long, value_name = "FILE", requires = "db")]
    pub ca: Option<PathBuf>,
    /// The statement, or several; `-` reads JSON strings from standard input
    #[arg(value_name = "SQL", allow_hyphen_values = true)]
    pub sql: String,
}

pub fn guard(globals: &Globals, verb: GuardVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        GuardVerb::Explain(args) => explain(globals, &args, output),
        GuardVerb::Lint(args) => crate::lint::lint(&args, output),
        GuardVerb::Rule { id } => rule(id.as_deref(), output),
    }
}

fn explain(globals: &Globals, args: &ExplainArgs, output: &Output) -> Result<(), Failure> {
    let policy = policy(globals, output)?;
    let asker = Asker {
        principal: args.principal,
        environment: args.environment,
        frozen: args.freeze,
    };
    let database = args.db.clone().map(|url| DatabaseArgs {
        url,
        ca: args.ca.clone(),
    });
    if args.sql == "-" {
        return match database {
            None => explain_lines(asker, &policy, output),
            Some(_) => Err(
                Failure::undecided("a database is asked about one text, and `-` reads many")
                    .hint("give the statement itself, or leave `--db` out"),
            ),
        };
    }
    let decision = judge(&read(&args.sql), asker, &policy);
    let answer = decision.decision;
    let catalog = database
        .map(|database| catalog::ask(&database, &args.sql, &decision, asker, &policy))
        .transpose()?;
    let explanation = Explanation { decision, catalog };
    output.data(&explanation, |explanation| {
        let catalog = explanation.catalog.as_ref().map(catalog::shown);
        explained(&explanation.decision) + &catalog.unwrap_or_default()
    })?;
    told(answer)
}

/// The answer, and what the catalog adds to it.
#[derive(Serialize)]
struct Explanation {
    #[serde(flatten)]
    decision: GuardDecision,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog: Option<catalog::Catalog>,
}

pub fn told(answer: GuardAnswer) -> Result<(), Failure> {
    match answer {
        GuardAnswer::Allow | GuardAnswer::Measure => Ok(()),
        GuardAnswer::Deny => Err(Failure::Told),
    }
}

/// The policy of the file, where there is one. A file that can not be read is not passed over.
pub fn policy(globals: &Globals, output: &Output) -> Result<GuardPolicy, Failure> {
    let found = globals.config.try_exists();
    if found.with_context(|| format!("cannot look for `{}`", globals.config.display()))? {
        Ok(config_file::load(&globals.config, output)?.0.guard)
    } else {
        Ok(GuardPolicy::default())
    }
}

fn explain_lines(asker: Asker, policy: &GuardPolicy, output: &Output) -> Result<(), Failure> {
    let mut input = std::io::stdin().lock();
    let mut strictest = GuardAnswer::Allow;
    while let Some(facts) = next_statement(&mut input)? {
        let decision = judge(&facts, asker, policy);
        strictest = strictest.max(decision.decision);
        let line = serde_json::to_string(&decision).context("cannot write JSON")?;
        output.text(&format!("{line}\n"))?;
    }
    told(strictest)
}

/// The facts of the next line; none at the end of the input. What is no JSON string is a statement that is not understood.
fn next_statement(input: &mut impl BufRead) -> Result<Option<Facts>, Failure> {
    let mut line = Vec::new();
    let mut limited = input.take(LINE_BYTES_MAX + 1);
    limited
        .read_until(b'\n', &mut line)
        .context("cannot read standard input")?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.len() as u64 > LINE_BYTES_MAX && !line.ends_with(b"\n") {
        input.skip_until(b'\n').context("cannot read standard input")?;
        return Ok(Some(Facts::not_understood("is longer than a line may be")));
    }
    Ok(Some(match serde_json::from_slice::<String>(&line) {
        Ok(sql) => read(&sql),
        Err(error) => Facts::not_understood(format!("is no JSON string: {error}")),
    }))
}

/// The answer, and the reasons or who asked where there are none.
pub fn headline(
    answer: GuardAnswer,
    finding: Option<&GuardFinding>,
    principal: Principal,
    environment: Environment,
) -> String {
    let style = match answer {
        GuardAnswer::Allow => GOOD,
        GuardAnswer::Measure => CARE,
        GuardAnswer::Deny => BAD,
    };
    let rest = match finding {
        Some(finding) => reasons(finding, answer),
        None => format!("asked as {principal} in {environment}\n"),
    };
    format!("{style}{answer}{style:#}: {rest}")
}

fn explained(decision: &GuardDecision) -> String {
    let mut text = headline(
        decision.decision,
        decision.finding.as_ref(),
        decision.principal,
        decision.environment,
    );
    let classes: Vec<&str> = decision.classes.iter().map(|class| class.as_str()).collect();
    let relations: Vec<String> = decision
        .relations
        .iter()
        .map(|relation| match relation.target {
            true => format!("{} (changed)", relation.name),
            false => relation.name.clone(),
        })
        .collect();
    text.push_str(&format!("  does       {}\n", or_nothing(&classes.join(", "))));
    text.push_str(&format!("  relations  {}\n", or_nothing(&relations.join(", "))));
    text.push_str(&format!(
        "  functions  {}\n",
        or_nothing(&decision.functions.join(", "))
    ));
    text.push_str(&format!("  cost       {}\n", cost(&decision.cost)));
    text
}

fn reasons(finding: &GuardFinding, answer: GuardAnswer) -> String {
    let code = match answer {
        GuardAnswer::Deny => format!(" (SQLSTATE {})", finding.sqlstate),
        GuardAnswer::Allow | GuardAnswer::Measure => String::new(),
    };
    format!(
        "{}{code}\n  {}\n{HINT}hint{HINT:#}: {}; `safeguard guard rule {}` says more\n",
        finding.message, finding.detail, finding.hint, finding.rule
    )
}

pub fn or_nothing(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn cost(cost: &StatementCost) -> String {
    let figures = [
        (cost.statements, "statement"),
        (cost.relations, "relation"),
        (cost.joins, "join"),
        (cost.subqueries, "subquery"),
        (cost.cartesian_products, "cartesian product"),
        (cost.cross_joins, "cross join"),
        (cost.unlimited_reads, "unlimited read"),
    ];
    let shown: Vec<String> = figures
        .into_iter()
        .filter(|(figure, _)| *figure > 0)
        .map(|(figure, word)| match figure {
            1 => format!("1 {word}"),
            _ if word.ends_with('y') => format!("{figure} {}ies", word.trim_end_matches('y')),
            _ => format!("{figure} {word}s"),
        })
        .collect();
    format!("{}, depth {}", or_nothing(&shown.join(", ")), cost.depth)
}

fn rule(id: Option<&str>, output: &Output) -> Result<(), Failure> {
    let Some(id) = id else {
        let ids: Vec<&str> = pages().map(|(id, _)| id).collect();
        return output.data(&ids, |ids| format!("{}\n", ids.join("\n")));
    };
    match pages().find(|(rule, _)| *rule == id) {
        Some((_, page)) => output.data(&page, |page| (*page).to_owned()),
        None => Err(
            Failure::undecided(format!("there is no rule `{}`", id.escape_debug()))
                .hint("`safeguard guard rule` lists them"),
        ),
    }
}

/// The rules about statements, then those about commands, each with its page.
fn pages() -> impl Iterator<Item = (&'static str, &'static str)> {
    let statements = RULES.iter().map(|rule| (rule.id, rule.page));
    statements.chain(COMMAND_RULES.iter().map(|rule| (rule.id, rule.page)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(principal: Principal, sql: &str) -> String {
        let asker = Asker {
            principal,
            environment: Environment::Production,
            frozen: false,
        };
        let text = explained(&judge(&read(sql), asker, &GuardPolicy::default()));
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn a_refusal_says_what_it_would_do_which_rule_and_what_to_do_instead() {
        let sql = "WITH old AS (DELETE FROM users WHERE id = 7 RETURNING *) SELECT * FROM old";
        insta::assert_snapshot!(shown(Principal::Agent, sql), @r"
        deny: rule `delete` refuses a statement that deletes rows of `users` (SQLSTATE 42501)
          asked as agent in production: agents and AI-written services delete nothing, in any environment; persons and migrations within a budget of rows
        hint: mark the rows instead (`UPDATE … SET deleted_at = now() WHERE id = …`), or have a person or a migration delete them; `safeguard guard rule delete` says more
          does       read, delete
          relations  users (changed)
          functions  none
          cost       1 statement, 2 relations, 1 subquery, depth 8
        ");
        let sql = "SELECT * FROM users, orders LIMIT 10";
        insta::assert_snapshot!(shown(Principal::Service, sql), @r"
        deny: rule `too-complex` refuses a statement that leaves 1 of its relations unjoined (limit 0) (SQLSTATE 54001)
          asked as service in production: a statement without bounds takes the server from everybody else
        hint: ask for less at a time: join on keys (or write `CROSS JOIN` where each with each is meant), add `LIMIT`; `[guard.limits]` has the limits; `safeguard guard rule too-complex` says more
          does       read, too-complex
          relations  orders, users
          functions  none
          cost       1 statement, 2 relations, 1 join, 1 cartesian product, depth 4
        ");
    }

    #[test]
    fn what_is_measured_says_its_budget() {
        let sql = "UPDATE accounts SET balance = balance - 5 WHERE id = 7";
        insta::assert_snapshot!(shown(Principal::Service, sql), @r"
        measure: rule `write` measures a statement that changes rows of `accounts`
          asked as service in production: what triggers and cascades add to a write shows only when it runs
        hint: it is committed when it changes at most 1000 rows and deletes at most 0, triggers and cascades included; `safeguard guard rule write` says more
          does       write
          relations  accounts (changed)
          functions  none
          cost       1 statement, 1 relation, depth 5
        ");
    }

    #[test]
    fn what_is_allowed_says_what_it_reads() {
        let sql = "SELECT lower(name) FROM users u JOIN orders o ON o.user_id = u.id LIMIT 10";
        insta::assert_snapshot!(shown(Principal::Agent, sql), @r"
        allow: asked as agent in production
          does       read
          relations  orders, users
          functions  lower
          cost       1 statement, 2 relations, 1 join, depth 5
        ");
    }

    #[test]
    fn lines_are_statements_and_what_is_none_is_refused() {
        let mut input = &b"\"SELECT 1\"\nSELECT 2\n\"DELETE FROM users\""[..];
        let mut found = Vec::new();
        while let Some(facts) = next_statement(&mut input).unwrap() {
            found.push(facts.acts[0].does.to_string());
        }
        insta::assert_snapshot!(found.join("\n"), @r"
        reads
        is no JSON string: expected value at line 1 column 1
        deletes every row of `users`: there is no `WHERE`
        ");
    }
}
