//! `safeguard statement …`: statements that a guard proxy refused, and that a person lets run once.

use anyhow::Context;
use clap::{Args, Subcommand};
use safeguard_api::approval::Signable;
use safeguard_api::breakglass::ReviewSpec;
use safeguard_api::guard::RowBudget;
use safeguard_api::statement::{
    BoundValue, STATEMENT_API, StatementApproval, StatementBreakglass, StatementCode, Takes, Wording,
};
use safeguard_api::{DecisionId, Span, StatementRequest};

use crate::api_client::ApiClient;
use crate::args::{Globals, KeyArgs};
use crate::exceptions::{now, people};
use crate::failure::Failure;
use crate::output::{CARE, Output, table};
use crate::signing::{agreed, printable, sign};

/// Of a text, in a list.
const SHOWN_CHARS: usize = 60;
const UNKEPT: &str = "nothing is kept of what it removes, which is gone for good once it has run: `safeguard undo install` keeps it";

#[derive(Debug, Subcommand)]
pub enum StatementVerb {
    /// List statements that were refused and may be approved, the newest first
    List,
    /// Show a statement: its text, who asked, and what it did where that was measured
    Show { decision: DecisionId },
    /// Let a refused statement run once, within the rows that you name
    #[command(
        after_help = "Prints a code, once. Whoever asked puts it in front of the very same statement, outside of a transaction:

  /* safeguard.approval='sga_…' */ DELETE FROM carts WHERE id = 7

or sets it before: SET safeguard.approval = 'sga_…'. The statement runs in a transaction of the proxy's and is committed when
it changes and deletes no more than was approved, triggers and cascades included; the code is used up either way. Whoever
asked, or has an agent ask, can not approve.

With parameters, as drivers send them, the very values are approved with it: they are shown beneath the text, and the code is
good for no others.

For `DROP TABLE` and `TRUNCATE`, --rows-deleted is how many rows may go, in all tables together: they are counted before it
runs. It takes the tables that it names, and by CASCADE other objects of the kinds that you name, and nothing else.

Examples:
  safeguard statement approve dcn_01jb… --rows-deleted 1
  safeguard statement approve dcn_01jb… --rows-deleted 5000 --table shop.old_carts --also view

In production that takes two people and a reason, as does whatever a freeze holds: the second signs what the first has signed,
gets the code, and somebody reviews it afterwards:

  safeguard statement approve dcn_01jb… --rows-deleted 5000 --reason \"the disk is full\"
  safeguard statement approve dcn_01jb… --key ~/.ssh/second
  safeguard statement review dcn_01jb… --finding \"nothing asked for it\""
    )]
    Approve(StatementApproveArgs),
    /// Record what was found out about a statement that two people let run
    Review {
        decision: DecisionId,
        #[arg(long)]
        finding: String,
    },
}

#[derive(Debug, Args)]
pub struct StatementApproveArgs {
    pub decision: DecisionId,
    /// Rows that it may delete; unsaid: what was measured
    #[arg(long, value_name = "ROWS")]
    pub rows_deleted: Option<u64>,
    /// Rows that it may add or change; unsaid: what was measured
    #[arg(long, value_name = "ROWS")]
    pub rows_changed: Option<u64>,
    /// A table that a DROP or TRUNCATE may take, with its schema; may be given again; unsaid: those of the statement, in the
    /// schema `public` where it says none
    #[arg(long = "table", value_name = "SCHEMA.TABLE")]
    pub tables: Vec<String>,
    /// A kind of other objects that may go with them by CASCADE, in PostgreSQL's words, such as "view", "table" or "table
    /// constraint"; may be given again
    #[arg(long, value_name = "KIND")]
    pub also: Vec<String>,
    /// Why, where it takes two people: `DROP TABLE` and `TRUNCATE` in production, and whatever a freeze holds
    #[arg(long)]
    pub reason: Option<String>,
    /// How long the code is good; at most 1h
    #[arg(long, value_name = "TIME", default_value = "15m")]
    pub valid: Span,
    #[command(flatten)]
    pub keys: KeyArgs,
    /// Sign without asking, as you have read the statement already
    #[arg(long)]
    pub yes: bool,
}

pub fn statement(globals: &Globals, verb: StatementVerb, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    match verb {
        StatementVerb::List => list(&client, output),
        StatementVerb::Show { decision } => output.data(&find(&client, &decision)?, shown),
        StatementVerb::Approve(args) => approve(&client, &args, output),
        StatementVerb::Review { decision, finding } => {
            let path = format!("/api/v1/statements/{decision}/review");
            let request: StatementRequest = client.post(&path, &ReviewSpec { finding })?;
            output.data(&request, |request| {
                format!("{} reviewed\n", request.decision.decision)
            })
        }
    }
}

fn requests(client: &ApiClient) -> Result<Vec<StatementRequest>, Failure> {
    client.get("/api/v1/statements")
}

fn find(client: &ApiClient, decision: &DecisionId) -> Result<StatementRequest, Failure> {
    let found = requests(client)?
        .into_iter()
        .find(|request| request.decision.decision == *decision);
    found.ok_or_else(|| {
        Failure::refused(format!("there is no statement to approve under `{decision}`"))
            .hint("`safeguard statement list` has them; not everything that is refused can be approved")
    })
}

fn list(client: &ApiClient, output: &Output) -> Result<(), Failure> {
    let at = now()?;
    let row = |request: &StatementRequest| {
        let text = request.text.as_deref().unwrap_or("(erased)");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        vec![
            request.decision.decision.to_string(),
            request.decision.at.to_string(),
            request.state(at).to_owned(),
            request.proxy.to_string(),
            request.decision.login.clone(),
            printable(&text.chars().take(SHOWN_CHARS).collect::<String>()),
        ]
    };
    let head = ["DECISION", "AT", "STATE", "PROXY", "LOGIN", "STATEMENT"];
    output.data(&requests(client)?, |requests| {
        table(&head, &requests.iter().map(row).collect::<Vec<_>>())
    })
}

/// A statement as its approver reads it.
fn shown(request: &StatementRequest) -> String {
    let decision = &request.decision;
    let why = match (&decision.rule, &decision.effect) {
        (_, Some(effect)) if decision.takes_tables() => format!(
            "counted: it would take {} rows; it was rolled back",
            effect.rows_deleted
        ),
        (_, Some(effect)) => format!(
            "measured: it changed {} rows and deleted {}, and was rolled back",
            effect.rows_changed, effect.rows_deleted
        ),
        (Some(rule), None) => format!("refused by rule `{rule}`; how many rows it takes was not measured"),
        (None, None) => "refused".to_owned(),
    };
    let why = match decision.frozen {
        true => format!("{why}; a freeze holds it too"),
        false => why,
    };
    let why = match decision.unkept {
        true => format!("{why}\n{UNKEPT}"),
        false => why,
    };
    let review = request
        .approved
        .as_ref()
        .and_then(|approved| approved.review.as_ref());
    let review = review.map_or_else(String::new, |review| {
        format!("\nreviewed by {} at {}: {}", review.by, review.at, review.finding)
    });
    let person = decision.person.as_ref();
    let person = person.map_or_else(String::new, |person| format!(", for {person}"));
    let text = request.text.as_deref().unwrap_or("(its text was erased)");
    let text: String = text.lines().map(|line| format!("  {line}\n")).collect();
    let values: String = request.values.iter().zip(1..).map(value_line).collect();
    let values = match values.is_empty() {
        true => values,
        false => format!("\n{values}"),
    };
    printable(&format!(
        "{} in {} by `{}` ({}{person}) at {}\n{why}{review}\n\n{text}{values}",
        request.proxy, request.environment, decision.login, decision.principal, decision.at
    ))
}

/// What a parameter was bound to: in quotes, so that no value looks like another line or like NULL.
fn value_line((value, number): (&BoundValue, usize)) -> String {
    let shown = match &value.text {
        None => "NULL".to_owned(),
        Some(text) => format!("{text:?}"),
    };
    let format = if value.binary.is_some() { ", binary" } else { "" };
    format!("  ${number} = {shown}  ({}{format})\n", value.type_name)
}

/// The tables that a `DROP TABLE` or `TRUNCATE` may take; none of any other statement.
fn takes(request: &StatementRequest, args: &StatementApproveArgs) -> Result<Option<Takes>, Failure> {
    if !request.decision.takes_tables() {
        return match args.tables.is_empty() && args.also.is_empty() {
            true => Ok(None),
            false => Err(Failure::refused(
                "`--table` and `--also` are for `DROP TABLE` and `TRUNCATE`, and this is neither",
            )),
        };
    }
    let with_schema = |name: &String| match Takes::is_qualified(name) {
        true => name.clone(),
        false => format!("public.{name}"),
    };
    let relations = match args.tables.is_empty() {
        true => request.decision.relations.iter().map(with_schema).collect(),
        false => args.tables.clone(),
    };
    Ok(Some(Takes {
        relations,
        also: args.also.clone(),
    }))
}

/// What an approval lets its statement do, as the second half of a sentence.
fn what_it_may(statement: &StatementApproval) -> String {
    let budget = statement.budget;
    let changing = format!("changing at most {}", budget.rows_changed_max);
    match &statement.takes {
        None => format!("deleting at most {} rows and {changing}", budget.rows_deleted_max),
        Some(takes) => {
            let also = match takes.also.is_empty() {
                true => String::new(),
                false => format!(", and by CASCADE each {}", takes.also.join(", ")),
            };
            printable(&format!(
                "taking {} with at most {} rows{also}, and {changing}",
                takes.relations.join(", "),
                budget.rows_deleted_max
            ))
        }
    }
}

fn approve(client: &ApiClient, args: &StatementApproveArgs, output: &Output) -> Result<(), Failure> {
    let request = find(client, &args.decision)?;
    let Some(wording) = request.wording() else {
        return Err(Failure::refused("the text of the statement was erased"));
    };
    let half_signed = request.approved.as_ref().filter(|approved| !approved.is_signed());
    let statement = match half_signed {
        // What is signed is what is shown.
        Some(approved) if approved.statement.statement == wording.digest() => approved.statement.clone(),
        Some(_) => {
            return Err(Failure::refused(
                "another person has signed something else than this statement",
            ));
        }
        None => to_sign(&request, &wording, args)?,
    };
    output.say(&shown(&request));
    output.say(&format!(
        "{CARE}lets it run once{CARE:#}, {}, until {}",
        what_it_may(&statement),
        statement.expires
    ));
    if let Some(glass) = &statement.breakglass {
        let freeze = if glass.lifts_freeze {
            ", through a freeze"
        } else {
            ""
        };
        let signed = request
            .approved
            .as_ref()
            .map(|approved| people(approved.persons().into_iter()));
        output.say(&printable(&format!(
            "  break-glass{freeze}\n  because   {}\n  signed by {}",
            glass.reason,
            signed.unwrap_or_else(|| "nobody yet".to_owned())
        )));
    }
    agreed("Let it run?", "approve", args.yes)?;
    let bytes = String::from_utf8(statement.bytes()).context("a statement is text")?;
    let path = format!("/api/v1/statements/{}/approve", args.decision);
    let signed: StatementCode = client.post(&path, &sign(&bytes, &args.keys)?)?;
    output.data(&signed, |signed| match &signed.code {
        Some(code) => format!("{code}\n"),
        None => String::new(),
    })?;
    output.say(&match &signed.code {
        Some(_) => {
            "It is shown once. Put it in front of the very same statement: /* safeguard.approval='…' */"
                .to_owned()
        }
        None => format!(
            "Another approver must sign the same: `safeguard statement approve {}`",
            args.decision
        ),
    });
    Ok(())
}

/// What the first person signs.
fn to_sign(
    request: &StatementRequest,
    wording: &Wording,
    args: &StatementApproveArgs,
) -> Result<StatementApproval, Failure> {
    let measured = request.decision.effect;
    let deleted = args.rows_deleted.or(measured.map(|effect| effect.rows_deleted));
    let changed = args.rows_changed.or(measured.map(|effect| effect.rows_changed));
    if deleted.is_none() && changed.is_none() {
        return Err(
            Failure::refused("how many rows it takes was not measured, since it did not run")
                .hint("say what it may take, as in `--rows-deleted 1`; it is rolled back when it takes more"),
        );
    }
    if request.wants_breakglass() && args.reason.is_none() {
        return Err(Failure::refused("it takes two people and a reason to let it run")
            .hint("say why, as in `--reason \"the disk is full\"`; another approver signs after you"));
    }
    let decision = &request.decision;
    Ok(StatementApproval {
        api: STATEMENT_API.to_owned(),
        decision: decision.decision.clone(),
        proxy: request.proxy.clone(),
        environment: request.environment,
        login: decision.login.clone(),
        principal: decision.principal,
        statement: wording.digest(),
        budget: RowBudget {
            rows_deleted_max: deleted.unwrap_or(0),
            rows_changed_max: changed.unwrap_or(0),
        },
        takes: takes(request, args)?,
        unkept: decision.unkept,
        breakglass: args.reason.clone().map(|reason| StatementBreakglass {
            reason,
            lifts_freeze: decision.frozen,
        }),
        expires: now()?.plus(args.valid),
    })
}
