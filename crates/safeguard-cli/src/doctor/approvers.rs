//! Whether the people who approve have something to sign with.

use std::collections::BTreeSet;

use safeguard_api::config::{Mode, Policy};
use safeguard_api::{Config, Passkey};

use super::{Check, bad, care, good};
use crate::api_client::ApiClient;
use crate::failure::Failure;

const NAME: &str = "approvers";

/// Without a server only those are told who have nothing at all: who has enrolled a passkey, the server knows.
pub(super) fn check(config: &Config, server: Option<&ApiClient>) -> Vec<Check> {
    let policy = config.policy();
    match server.map(|server| server.get::<Vec<Passkey>>("/api/v1/passkeys")) {
        None => judged(&policy, None),
        Some(Ok(passkeys)) => {
            let valid = passkeys
                .into_iter()
                .filter(|passkey| passkey.revoked_at.is_none());
            judged(&policy, Some(&valid.map(|passkey| passkey.person).collect()))
        }
        Some(Err(Failure::Refused(problem) | Failure::Undecided(problem))) => {
            let mend = "give a token that may read, with `--token-file FILE`";
            vec![care(
                NAME,
                format!("passkeys can not be listed: {}", problem.title),
                mend,
            )]
        }
        Some(Err(Failure::Told | Failure::ToldUndecided)) => Vec::new(),
    }
}

/// `enrolled` are the people who have a valid passkey, where that is known.
fn judged(policy: &Policy, enrolled: Option<&BTreeSet<String>>) -> Vec<Check> {
    let mut checks: Vec<Check> = enrolled
        .map(|enrolled| policy.unsatisfiable(enrolled))
        .unwrap_or_default()
        .into_iter()
        .map(|problem| {
            let edit = || "edit `[[approvers]]`".to_owned();
            bad(NAME, problem.message, problem.hint.unwrap_or_else(edit))
        })
        .collect();
    for approver in &policy.approvers {
        let person = &approver.person;
        match (approver.keys.is_empty(), approver.passkey, enrolled) {
            (true, true, Some(enrolled)) if !enrolled.contains(person) => checks.push(care(
                NAME,
                format!("`{person}` is to sign with a passkey, and has enrolled none"),
                format!("run `safeguard passkey invite --person \"{person}\"`, and give the link to nobody else"),
            )),
            (true, false, _) => checks.push(care(
                NAME,
                format!("`{person}` can sign with nothing"),
                "add `keys = [\"ssh-ed25519 …\"]` or `passkey = true` for the person, and run `safeguard policy apply`",
            )),
            (true | false, true | false, Some(_) | None) => {}
        }
    }
    checks.extend(enrolled.and_then(|enrolled| only_passkeys(policy, enrolled)));
    if checks.is_empty() && !policy.approvers.is_empty() {
        let people = policy.approvers.len();
        checks.push(match enrolled {
            Some(_) => good(NAME, format!("each of {people} has something to sign with")),
            None => good(NAME, format!("{people}; who has a passkey, the server knows")),
        });
    }
    checks
}

/// The page of the server signs approvals; everything else is signed in a terminal, with a key.
fn only_passkeys(policy: &Policy, enrolled: &BTreeSet<String>) -> Option<Check> {
    let asked = policy.persons_to_change(enrolled);
    let with_keys = policy
        .approvers
        .iter()
        .filter(|approver| !approver.keys.is_empty())
        .count();
    let enough = usize::try_from(asked).is_ok_and(|asked| asked <= with_keys);
    if policy.mode == Mode::Observe || enough {
        return None;
    }
    Some(bad(
        NAME,
        format!(
            "{asked} people must sign a change of the policy, and {with_keys} have an SSH key to do it with"
        ),
        "give two approvers `keys` as well: passkeys sign approvals alone",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn told(people: &str, enrolled: Option<&[&str]>) -> Vec<String> {
        let text = format!(
            "mode = \"observe\"\n{people}\n[services.shop]\ncommand = [\"shop\"]\n[services.shop.listen]\n\
             dev = \"127.0.0.1:1\"\nqa = \"127.0.0.1:2\"\nstaging = \"127.0.0.1:3\"\nproduction = \"127.0.0.1:4\"\n"
        );
        let mut policy = Config::parse(&text).unwrap().policy();
        policy.mode = Mode::Enforce;
        let enrolled = enrolled.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        judged(&policy, enrolled.as_ref())
            .into_iter()
            .map(|check| format!("{:?}: {}", check.health, check.found))
            .collect()
    }

    #[test]
    fn who_can_sign_with_nothing_is_named() {
        let kim = format!("[[approvers]]\nperson = \"Kim\"\nroles = [\"senior\"]\nkeys = [\"{KEY}\"]\n");
        let lee = "[[approvers]]\nperson = \"Lee\"\nroles = [\"senior\"]\npasskey = true\n";
        let nobody = "[[approvers]]\nperson = \"Sam\"\n";
        let all = format!("{kim}{lee}{nobody}");
        assert_eq!(told(&all, None), ["Care: `Sam` can sign with nothing"]);
        let without = told(&all, Some(&[]));
        assert!(
            without.contains(&"Care: `Lee` is to sign with a passkey, and has enrolled none".to_owned()),
            "{without:#?}"
        );
        assert!(
            without.contains(&"Care: `Sam` can sign with nothing".to_owned()),
            "{without:#?}"
        );
        assert_eq!(
            told(&kim, Some(&[])),
            ["Good: each of 1 has something to sign with"]
        );
    }

    #[test]
    fn a_policy_that_only_passkeys_could_change_is_told() {
        let lee = "[[approvers]]\nperson = \"Lee\"\nroles = [\"senior\"]\npasskey = true\n";
        let sam = "[[approvers]]\nperson = \"Sam\"\npasskey = true\n";
        let found = told(&format!("{lee}{sam}"), Some(&["Lee", "Sam"]));
        assert_eq!(
            found,
            ["Bad: 2 people must sign a change of the policy, and 0 have an SSH key to do it with"]
        );
    }
}
