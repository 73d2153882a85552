//! `safeguard approve …` and `safeguard approval …`

use safeguard_api::approval::{
    ApprovalRequest, ApprovalSpec, ApprovalStanding, Decision, PersonStanding, Said, Signable,
};
use safeguard_api::passkey::ApprovalLink;
use safeguard_api::{Approval, Digest, ReleaseId};

use crate::api_client::ApiClient;
use crate::args::{ApprovalVerb, ApproveArgs, Globals};
use crate::failure::Failure;
use crate::output::{BAD, CARE, GOOD, Output, table};
use crate::signing::{agreed, printable, sign};

pub fn approve(globals: &Globals, args: ApproveArgs, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    if args.passkey {
        let link: ApprovalLink = client.act(&format!("/api/v1/releases/{}/approvals/link", args.release))?;
        output.data(&link, |link| format!("{}\n", link.link))?;
        output.say(
            "It works once, within ten minutes, in a browser on the server's machine or behind `ssh -L`.",
        );
        return Ok(());
    }
    let decision = match (args.reject, args.withdraw) {
        (true, _) => Decision::Reject,
        (false, true) => Decision::Withdraw,
        (false, false) => Decision::Approve,
    };
    let spec = ApprovalSpec {
        decision,
        reason: args.reason,
        environment: args.environment,
        not_before: args.not_before,
        valid: args.valid,
    };
    let path = format!("/api/v1/releases/{}/approvals", args.release);
    let request: ApprovalRequest = client.post(&format!("{path}/request"), &spec)?;
    as_shown(&request, &args.release, decision)?;
    if !output.json {
        output.text(&printable(&request.dossier))?;
    }
    let statement = &request.statement;
    let (verb, word) = match decision {
        Decision::Approve => ("Approve", "approve"),
        Decision::Reject => ("Reject", "reject"),
        Decision::Withdraw => ("Withdraw what you said of", "withdraw"),
    };
    let question = format!(
        "{verb} {} {} for {}, until {}?",
        statement.service, statement.release, statement.environment, statement.expires
    );
    agreed(&question, word, args.yes)?;
    let signed = sign(&request.text, &args.keys)?;
    let approval: Approval = client.post(&path, &signed)?;
    output.data(&approval, |approval| format!("{}\n", approval.id))?;
    output.say(&format!(
        "Signed as {}, log entry {}",
        approval.person, approval.entry
    ));
    Ok(())
}

/// What is signed must be what was asked for and what is shown, whatever the server says.
fn as_shown(request: &ApprovalRequest, release: &ReleaseId, decision: Decision) -> Result<(), Failure> {
    let statement = &request.statement;
    let same = request.text.as_bytes() == statement.bytes()
        && statement.release == *release
        && statement.decision == decision
        && statement.dossier == Digest::of(request.dossier.as_bytes());
    if same {
        return Ok(());
    }
    Err(
        Failure::undecided("the server gave another statement to sign than was asked for")
            .hint("sign nothing, and look at the server"),
    )
}

pub fn approval(globals: &Globals, verb: ApprovalVerb, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    match verb {
        ApprovalVerb::List { release } => {
            let approvals: Vec<Approval> = client.get(&format!("/api/v1/releases/{release}/approvals"))?;
            output.data(&approvals, |approvals| listed(approvals))
        }
        ApprovalVerb::Who { release } => {
            let standing: ApprovalStanding = client.get(&format!("/api/v1/releases/{release}/approvers"))?;
            output.data(&standing, described)
        }
    }
}

fn listed(approvals: &[Approval]) -> String {
    let row = |approval: &Approval| {
        let decision = match approval.statement.decision {
            Decision::Approve => "approved",
            Decision::Reject => "rejected",
            Decision::Withdraw => "withdrew",
        };
        let holds = match &approval.void {
            Some(void) => format!("void: {}", void.reason),
            None => format!("until {}", approval.statement.expires),
        };
        vec![
            approval.id.to_string(),
            printable(&approval.person),
            decision.to_owned(),
            approval.signature.kind().to_owned(),
            approval.statement.environment.to_string(),
            approval.signed_at.to_string(),
            holds,
        ]
    };
    let rows: Vec<Vec<String>> = approvals.iter().map(row).collect();
    table(
        &["APPROVAL", "PERSON", "SAID", "WITH", "FOR", "SIGNED", "HOLDS"],
        &rows,
    )
}

fn described(standing: &ApprovalStanding) -> String {
    let mut text = format!(
        "for {}: {} of {} people, {} of {} seniors\n",
        standing.environment, standing.approved, standing.quorum, standing.seniors, standing.seniors_min
    );
    for person in &standing.people {
        text.push_str(&person_text(person));
    }
    for missing in &standing.missing {
        text.push_str(&format!("{CARE}missing{CARE:#}: {}\n", printable(missing)));
    }
    text
}

fn person_text(person: &PersonStanding) -> String {
    let (style, word) = match (person.said, person.banned.is_empty()) {
        (Said::Rejected, _) => (BAD, "rejected"),
        (Said::Approved, true) => (GOOD, "approved"),
        (Said::Nothing | Said::Approved, false) => (BAD, "may not"),
        (Said::Nothing, true) if person.not_senior.is_empty() => (GOOD, "may, as senior"),
        (Said::Nothing, true) => (GOOD, "may"),
    };
    let mut text = format!("  {style}{word:<15}{style:#}{}\n", printable(&person.person));
    for why in person.banned.iter().chain(&person.void) {
        text.push_str(&format!("                 {}\n", printable(why)));
    }
    for why in &person.not_senior {
        text.push_str(&format!("                 not senior: {}\n", printable(why)));
    }
    text
}
