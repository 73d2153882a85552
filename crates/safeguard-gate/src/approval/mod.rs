//! Who has approved a release, who can, and why somebody can not: persons are counted, not keys, logins or addresses.

mod identity;
mod record;
mod suppression;
mod void;

use safeguard_api::approval::{ApprovalStanding, Consent, Decision, PersonStanding, Said, evidence_root};
use safeguard_api::config::{Approver, is_senior_by_role};
use safeguard_api::{Approval, Change, ChangeSpec, Digest, Passkey};

use crate::case::Case;
use crate::checklist::open_boxes;
use crate::signature::signer;
use identity::Identity;
use record::{Touched, touched};
pub use suppression::{SuppressionError, suppression_approver, taken_for};
pub use void::{Standing, approved_change, standing_of};

/// Where the release stands with its approvers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    pub standing: ApprovalStanding,
    /// People whose rejection stands, in the order of the policy.
    pub rejected: Vec<String>,
    /// What is lacking that no approver could make up for; the gate is inconclusive then.
    pub unknown: Vec<String>,
}

impl Count {
    /// Whether as many people and seniors have approved as are asked for, and nobody has rejected.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        let standing = &self.standing;
        self.unknown.is_empty()
            && self.rejected.is_empty()
            && standing.quorum <= standing.approved
            && standing.seniors_min <= standing.seniors
    }

    /// The first thing that is lacking.
    #[must_use]
    pub fn missing_in_short(&self) -> &str {
        self.standing.missing.first().map_or("", String::as_str)
    }
}

/// Counts the people who approved. `quorum` is how many are asked for.
#[must_use]
pub fn count(case: &Case<'_>, quorum: u32) -> Count {
    let mut unknown = Vec::new();
    for change in case.changes {
        if change.change.spec.ai_tool.is_some() && change.change.spec.prompter.is_none() {
            unknown.push(format!(
                "{} was written by an AI tool, and who prompted it is not said: record it with `--prompter`",
                change.change.id
            ));
        }
    }
    unknown.extend(open_boxes(case));
    let touched = match touched(case) {
        Ok(touched) => touched,
        Err(why) => {
            unknown.extend(why);
            Touched::default()
        }
    };
    let people: Vec<PersonStanding> = case
        .policy
        .approvers
        .iter()
        .map(|approver| person(case, approver, &touched))
        .collect();
    let counted: Vec<&Approver> = people
        .iter()
        .zip(&case.policy.approvers)
        .filter(|(person, _)| person.counts())
        .map(|(_, approver)| approver)
        .collect();
    let seniors: Vec<&Approver> = people
        .iter()
        .zip(&case.policy.approvers)
        .filter(|(person, _)| person.counts() && person.not_senior.is_empty())
        .map(|(_, approver)| approver)
        .collect();
    let gate = &case.policy.gates.human_approval;
    let (seniors, least_covered) = touched.least_covered(&seniors);
    let rejected: Vec<String> = people
        .iter()
        .filter(|person| person.said == Said::Rejected)
        .map(|person| person.person.clone())
        .collect();
    let approved = count_of(counted.len());
    let mut missing = unknown.clone();
    for person in &rejected {
        missing.push(format!(
            "{person} rejected it: `safeguard approve {} --withdraw`, signed by {person}, takes that back",
            case.release.id
        ));
    }
    if approved < quorum {
        missing.push(format!("{} more people must approve", quorum - approved));
    }
    if seniors < gate.seniors {
        let whose = match least_covered {
            Some((path, owners)) if !owners.is_empty() => {
                format!(" who owns `{path}` ({})", owners.join(", "))
            }
            Some(_) | None => String::new(),
        };
        missing.push(format!(
            "{} more seniors must approve, one{whose}",
            gate.seniors - seniors
        ));
    }
    let able = people.iter().filter(|person| person.banned.is_empty()).count();
    if count_of(able) < quorum {
        missing.push(format!(
            "{able} of {} approvers may approve this release, and {quorum} must: name more people in the policy",
            people.len()
        ));
    }
    Count {
        standing: ApprovalStanding {
            environment: case.environment,
            approved,
            quorum,
            seniors,
            seniors_min: gate.seniors,
            people,
            missing,
        },
        rejected,
        unknown,
    }
}

fn count_of(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}

fn person(case: &Case<'_>, approver: &Approver, touched: &Touched) -> PersonStanding {
    let mut standing = PersonStanding {
        person: approver.person.clone(),
        said: Said::Nothing,
        banned: banned(case, approver),
        not_senior: not_senior(case, approver, touched),
        void: Vec::new(),
    };
    // What a person said last is what the person says.
    for approval in case
        .approvals
        .iter()
        .filter(|approval| approval.person == approver.person)
    {
        match (approval.statement.decision, standing_of(approval, case)) {
            (Decision::Reject, Standing::Counts | Standing::Void(_) | Standing::Waits(_)) => {
                standing.said = Said::Rejected;
            }
            (Decision::Withdraw, Standing::Counts) => {
                standing.said = Said::Nothing;
                standing.void.clear();
            }
            (Decision::Approve, Standing::Counts) => {
                standing.said = Said::Approved;
                standing.void.clear();
            }
            (Decision::Approve | Decision::Withdraw, Standing::Void(why) | Standing::Waits(why)) => {
                standing.void.push(why);
            }
            (_, Standing::Forged(why)) => standing.void.push(why),
        }
    }
    standing
}

/// Why the person may not approve: has a hand in a new change, or can not be told from somebody who has, or has no
/// part in the policy of this moment.
#[must_use]
pub fn banned(case: &Case<'_>, approver: &Approver) -> Vec<String> {
    let mut why = hands_in(approver, case.changes.iter().map(|change| change.change));
    if !case
        .in_force
        .approvers
        .iter()
        .any(|other| other.person == approver.person)
    {
        why.push("the policy in force does not name this person".to_owned());
    }
    why
}

/// Where the person is author, co-author or prompter, a sentence each.
#[must_use]
pub fn hands_in<'a>(approver: &Approver, changes: impl IntoIterator<Item = &'a Change>) -> Vec<String> {
    let mut why = Vec::new();
    for change in changes {
        for (part, identity) in parts(&change.spec) {
            if let Some(how) = Identity::read(identity).likeness(approver) {
                why.push(format!("{part} of {} ({how})", change.id));
            }
        }
    }
    why
}

fn parts(spec: &ChangeSpec) -> impl Iterator<Item = (&'static str, &str)> {
    std::iter::once(("author", spec.author.as_str()))
        .chain(
            spec.co_authors
                .iter()
                .map(|co_author| ("co-author", co_author.as_str())),
        )
        .chain(
            spec.prompter
                .iter()
                .map(|prompter| ("prompter", prompter.as_str())),
        )
}

fn not_senior(case: &Case<'_>, approver: &Approver, touched: &Touched) -> Vec<String> {
    let gate = &case.policy.gates.human_approval;
    let mut why = Vec::new();
    if !is_senior_by_role(approver, gate) {
        why.push(format!("has none of the roles {}", gate.senior_roles.join(", ")));
    }
    if !touched.has_record(approver) {
        why.push("has no commit in the touched paths".to_owned());
    }
    if !touched.owns_any(approver) {
        why.push("owns none of the touched paths".to_owned());
    }
    why
}

/// Whether somebody's rejection stands.
#[must_use]
pub fn is_rejected(case: &Case<'_>) -> bool {
    let rejects = |approval: &Approval| approval.statement.decision == Decision::Reject;
    case.approvals.iter().any(rejects) && !count(case, 0).rejected.is_empty()
}

/// The people whose signature under `bytes` holds, each once: approvers without a hand in the changes.
#[must_use]
pub fn consenting<'a>(
    bytes: &[u8],
    consents: &[Consent],
    approvers: &'a [Approver],
    passkeys: &[Passkey],
    changes: &[Change],
) -> Vec<&'a Approver> {
    let mut people: Vec<&Approver> = Vec::new();
    for consent in consents {
        let Ok(approver) = signer(&consent.signature, bytes, approvers, passkeys) else {
            continue;
        };
        let known = people.iter().any(|other| other.person == approver.person);
        if !known && hands_in(approver, changes).is_empty() {
            people.push(approver);
        }
    }
    people
}

/// The evidence that an approver looks at: what speaks of the release, and of what it is compared with.
#[must_use]
pub fn root(case: &Case<'_>) -> Digest {
    let seen = case
        .evidence
        .iter()
        .filter(|evidence| case.is_about_release(evidence) || case.is_about_baseline(evidence));
    evidence_root(seen.map(|evidence| (&evidence.id, &evidence.document)))
}

/// The approvals that are void and were not said to be so yet, with the reason.
#[must_use]
pub fn newly_void<'a>(case: &Case<'a>) -> Vec<(&'a Approval, String)> {
    let approvals = case.approvals.iter().filter(|approval| approval.void.is_none());
    approvals
        .filter(|approval| approval.statement.decision == Decision::Approve)
        .filter_map(|approval| match standing_of(approval, case) {
            Standing::Void(why) | Standing::Forged(why) => Some((approval, why)),
            Standing::Counts | Standing::Waits(_) => None,
        })
        .collect()
}
