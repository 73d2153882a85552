//! Whether what a person signed still speaks of the release as it is.

use safeguard_api::approval::{ApprovedChange, Decision, Signable};
use safeguard_api::{Approval, Passkey};

use super::root;
use crate::case::{Case, ChangeCase};
use crate::checklist::answers;
use crate::signature::signer;

/// What a signed statement is worth at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Counts,
    /// For another environment, or not yet.
    Waits(String),
    /// Something that it spoke of is not so any more; it stays void.
    Void(String),
    /// Nobody who may sign has signed these bytes.
    Forged(String),
}

/// Judges one signed statement. The signature is verified again: what is kept could have been changed.
#[must_use]
pub fn standing_of(approval: &Approval, case: &Case<'_>) -> Standing {
    let statement = &approval.statement;
    if statement.release != case.release.id {
        return Standing::Forged(format!("it speaks of {}", statement.release));
    }
    if let Some(void) = &approval.void {
        return Standing::Void(void.reason.clone());
    }
    let of_release = (&case.policy.approvers, "the policy of the release");
    let in_force = (&case.in_force.approvers, "the policy in force");
    // A rejection stands whatever has changed since, the signer's keys among it; only the signer takes it back.
    let (whose, passkeys) = match statement.decision {
        Decision::Reject => (&[of_release][..], never_revoked(case.passkeys)),
        Decision::Approve | Decision::Withdraw => (&[of_release, in_force][..], case.passkeys.to_vec()),
    };
    // A key counts when the policy of the release and the policy in force both give it to this person.
    for (approvers, whose) in whose {
        match signer(&approval.signature, &statement.bytes(), approvers, &passkeys) {
            Ok(approver) if approver.person == approval.person => {}
            Ok(other) => return Standing::Forged(format!("by {whose} the key is one of {}", other.person)),
            Err(error) => return Standing::Forged(format!("by {whose}: {error}")),
        }
    }
    if statement.decision != Decision::Approve {
        return Standing::Counts;
    }
    if let Some(why) = changed(approval, case) {
        return Standing::Void(why);
    }
    if statement.environment != case.environment {
        return Standing::Waits(format!(
            "it is for {}, and this is {}",
            statement.environment, case.environment
        ));
    }
    if case.now < statement.not_before {
        return Standing::Waits(format!("it holds from {}", statement.not_before));
    }
    Standing::Counts
}

fn never_revoked(passkeys: &[Passkey]) -> Vec<Passkey> {
    let mut passkeys = passkeys.to_vec();
    for passkey in &mut passkeys {
        passkey.revoked_at = None;
    }
    passkeys
}

/// What is not as it was when the person signed.
fn changed(approval: &Approval, case: &Case<'_>) -> Option<String> {
    let statement = &approval.statement;
    if statement.expires <= case.now {
        return Some(format!("it expired at {}", statement.expires));
    }
    if case.now < approval.signed_at {
        return Some(format!(
            "it was signed at {}, after what the clock says",
            approval.signed_at
        ));
    }
    if statement.digest != case.release.artifact || statement.service != case.release.service {
        return Some(format!("it was for artifact {}", statement.digest.short()));
    }
    if statement.replaces.as_ref() != case.baseline {
        return Some("another artifact is live since then".to_owned());
    }
    if statement.policy_in_force != case.in_force.id {
        return Some("the policy was changed since then".to_owned());
    }
    // A release keeps the policy that it entered under; only its terms may grow.
    if statement.policy != case.policy.id() {
        return Some("its risk asks for more than it did then".to_owned());
    }
    let now: Vec<ApprovedChange> = case.changes.iter().map(approved_change).collect();
    if now.len() != statement.changes.len() {
        return Some("the release carries other changes".to_owned());
    }
    for (change, (then, now)) in case.changes.iter().zip(statement.changes.iter().zip(&now)) {
        let id = &change.change.id;
        if (&then.change, &then.base, &then.head, &then.merge_tree)
            != (&now.change, &now.base, &now.head, &now.merge_tree)
        {
            return Some(format!("{id} is at other commits"));
        }
        if then.documents != now.documents {
            return Some(format!("a document of {id} was attached since then"));
        }
        if then.answers != now.answers {
            return Some(format!("a box of the checklist of {id} was answered since then"));
        }
        match change.recorded_again {
            Some(again) if again.spec.head != change.change.spec.head => {
                return Some(format!(
                    "{id} is at other commits: {} took its place, at {}",
                    again.id, again.spec.head
                ));
            }
            Some(again) if merges_otherwise(change, again) => {
                return Some(format!(
                    "the base of {id} moved: {} merges to another tree",
                    again.id
                ));
            }
            Some(_) | None => {}
        }
    }
    (statement.evidence_root != root(case)).then(|| "evidence was added since then".to_owned())
}

/// Whether the same head, recorded again, gives another tree. Where a tree is not known, another base is enough.
fn merges_otherwise(change: &ChangeCase<'_>, again: &safeguard_api::Change) -> bool {
    match (&change.change.spec.merge_tree, &again.spec.merge_tree) {
        (Some(before), Some(after)) => before != after,
        (None, _) | (_, None) => change.change.spec.base != again.spec.base,
    }
}

/// A change as a statement names it.
#[must_use]
pub fn approved_change(change: &ChangeCase<'_>) -> ApprovedChange {
    let spec = &change.change.spec;
    ApprovedChange {
        change: change.change.id.clone(),
        base: spec.base.clone(),
        head: spec.head.clone(),
        merge_tree: spec.merge_tree.clone(),
        documents: change
            .documents
            .iter()
            .map(|one| {
                (
                    one.kind,
                    one.commitment.clone().unwrap_or_else(|| one.document.to_string()),
                )
            })
            .collect(),
        answers: answers(change)
            .map(|answer| (answer.said.question, answer.entry))
            .collect(),
    }
}
