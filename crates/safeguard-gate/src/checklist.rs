//! The boxes of the checklist that documents and people answer; what gates answer is theirs.

use safeguard_api::checklist::{Answer, Attestation, BoxState, CheckBox, Question};
use safeguard_api::diff::FileStatus;
use safeguard_api::{Change, DocumentKind};

use crate::case::{Case, ChangeCase};
use crate::documentation::{has, writes_recovery};

/// What the boxes ask, why, and what to do; its cases are their tests.
pub const CHECKLIST_PAGE: &str = include_str!("checklist.md");

const NO_TOOL: &str = "no AI tool is named";

/// The boxes of a change that no gate answers, by their parts.
#[must_use]
pub fn checklist(change: &ChangeCase<'_>) -> Vec<CheckBox> {
    vec![
        intent(change),
        prompts(change),
        credentials(change),
        freeze(change),
        deletions(change),
        flag(change),
        on_call(change),
        recovery(change),
    ]
}

/// The boxes that keep people from approving the release, a sentence each; none where the policy does not ask for them.
#[must_use]
pub fn open_boxes(case: &Case<'_>) -> Vec<String> {
    if !case.policy.gates.checklist.required {
        return Vec::new();
    }
    let mut open = Vec::new();
    for change in case.changes {
        let boxes = checklist(change).into_iter();
        let lacking = boxes.filter(|one| one.state != BoxState::Done);
        open.extend(lacking.map(|one| {
            let id = &change.change.id;
            format!("the box \"{}\" of {id} is not ticked: {}", one.text, one.why)
        }));
    }
    open
}

/// The answers that speak of the change as it is.
pub(crate) fn answers<'a>(change: &ChangeCase<'a>) -> impl Iterator<Item = &'a Attestation> {
    let known = change.change;
    let of_it = |answer: &&Attestation| answer.change == known.id && answer.head == known.spec.head;
    change.answers.iter().filter(of_it)
}

fn intent(change: &ChangeCase<'_>) -> CheckBox {
    document(change, "C1", "the intent is written", DocumentKind::Intent)
}

fn prompts(change: &ChangeCase<'_>) -> CheckBox {
    let text = "what the tool was told is kept";
    match change.change.spec.ai_tool {
        Some(_) => document(change, "C1", text, DocumentKind::Prompts),
        None => measured("C1", text, BoxState::Done, NO_TOOL),
    }
}

fn credentials(change: &ChangeCase<'_>) -> CheckBox {
    let text = "no production credentials were in reach";
    let found = match change.change.spec.ai_tool {
        Some(_) => (BoxState::Unknown, "nothing measures it; ask the prompter"),
        None => (BoxState::Done, NO_TOOL),
    };
    asked(change, "C1", text, Question::Credentials, found)
}

fn freeze(change: &ChangeCase<'_>) -> CheckBox {
    let found = if change.made_in_freeze {
        (BoxState::Open, "a freeze was open when it was recorded")
    } else {
        (BoxState::Done, "none was open when it was recorded")
    };
    asked(
        change,
        "C1",
        "it was not made in a freeze",
        Question::Freeze,
        found,
    )
}

fn deletions(change: &ChangeCase<'_>) -> CheckBox {
    let text = "nothing is deleted that was not asked";
    let Some(diff) = change.diff else {
        return measured("C2", text, BoxState::Open, "the diff is not attached");
    };
    let removed: Vec<&str> = diff
        .files
        .iter()
        .filter(|file| file.status == FileStatus::Removed)
        .map(|file| file.path.as_str())
        .collect();
    if removed.is_empty() {
        return measured("C2", text, BoxState::Done, "it removes no file");
    }
    let why = format!("compare with the intent: it removes {}", removed.join(", "));
    asked(change, "C2", text, Question::Deletions, (BoxState::Unknown, &why))
}

fn flag(change: &ChangeCase<'_>) -> CheckBox {
    let text = "it sits behind a flag with a kill switch";
    let found = match change.change.spec.ai_tool {
        Some(_) => (
            BoxState::Unknown,
            "nothing here evaluates flags; look in the diff",
        ),
        None => (BoxState::Done, NO_TOOL),
    };
    asked(change, "C4", text, Question::Flag, found)
}

fn on_call(change: &ChangeCase<'_>) -> CheckBox {
    let found = (
        BoxState::Unknown,
        "nothing here knows your rota; `notify.exec` tells owners",
    );
    asked(change, "C4", "somebody is on call", Question::OnCall, found)
}

/// Safeguard writes it wherever going back takes the change back.
fn recovery(change: &ChangeCase<'_>) -> CheckBox {
    let text = "the recovery procedure is written";
    let paths =
        |diff: &safeguard_api::diff::Diff| writes_recovery(diff.files.iter().map(|file| file.path.as_str()));
    if !has(change, DocumentKind::Recovery) && change.diff.is_some_and(|diff| !paths(diff)) {
        let why = "generated: a rollback takes the change back";
        return measured("C4", text, BoxState::Done, why);
    }
    document(change, "C4", text, DocumentKind::Recovery)
}

fn document(change: &ChangeCase<'_>, part: &str, text: &str, kind: DocumentKind) -> CheckBox {
    if has(change, kind) {
        return measured(part, text, BoxState::Done, "attached");
    }
    let id = &change.change.id;
    let why = format!("attach it: `safeguard change attach {id} {kind} FILE`");
    measured(part, text, BoxState::Open, &why)
}

/// A box that a person answers; what the person said stands before what was found.
fn asked(
    change: &ChangeCase<'_>,
    part: &str,
    text: &str,
    question: Question,
    (found, because): (BoxState, &str),
) -> CheckBox {
    let answer = answers(change).find(|answer| answer.said.question == question);
    let (state, why) = match answer {
        Some(answer) => {
            let (said, by) = (&answer.said, &answer.by);
            let state = match said.answer {
                Answer::Yes => BoxState::Done,
                Answer::No => BoxState::Open,
            };
            (state, format!("{}, says {by}: {}", said.answer, said.reason))
        }
        None if found == BoxState::Done => (found, because.to_owned()),
        None => (found, format!("{because}: {}", attest(change.change, question))),
    };
    CheckBox {
        question: Some(question),
        ..measured(part, text, state, &why)
    }
}

fn attest(change: &Change, question: Question) -> String {
    format!(
        "`safeguard change attest {} {question} --yes --reason \"…\"`",
        change.id
    )
}

fn measured(part: &str, text: &str, state: BoxState, why: &str) -> CheckBox {
    CheckBox {
        part: part.to_owned(),
        text: text.to_owned(),
        state,
        why: why.to_owned(),
        question: None,
    }
}
