//! The people who approve: that each is told from the others, and that what is asked of them can be given.

use std::collections::{BTreeMap, BTreeSet};

use super::check::within;
use super::{ApprovalGate, Approver, Config, ConfigProblem, Mode, Policy};
use crate::gate::Gate;
use crate::policy_change::POLICY_PERSONS_MIN;
use crate::stage::Stage;
use crate::time::Span;

const APPROVERS_MAX: usize = 256;
const NAMES_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 256;
const QUORUM_MAX: u32 = 16;
const HOLDS_MAX: Span = Span::hours(24 * 90);

/// Whether a person has something to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signs {
    WithKey,
    WithPasskey,
    /// A passkey is named, and none is enrolled.
    NotYet,
    WithNothing,
}

pub(super) fn check(config: &Config, found: &mut Vec<ConfigProblem>) {
    let gate = &config.gates.human_approval;
    let at = |key: &'static str| ["gates", "human-approval", key];
    within(found, &at("quorum"), gate.quorum, 1, QUORUM_MAX);
    within(found, &at("seniors"), gate.seniors, 0, gate.quorum);
    let lengths = [
        ("valid", gate.valid),
        ("waiver_longest", gate.waiver_longest),
        ("breakglass_longest", gate.breakglass_longest),
    ];
    for (key, length) in lengths {
        within(found, &at(key), length, Span::seconds(1), HOLDS_MAX);
    }
    told_apart(&config.approvers, found);
    // Whether a passkey is enrolled is not known to a file; who applies the policy is told by the server.
    // Without a service nothing is released, and nobody is asked.
    if !config.services.is_empty() {
        found.extend(lacking(&config.policy(), |approver| {
            match (&approver.keys[..], approver.passkey) {
                ([], false) => Signs::WithNothing,
                ([], true) => Signs::WithPasskey,
                (_, _) => Signs::WithKey,
            }
        }));
    }
}

impl Policy {
    /// Returns the rules that nobody can satisfy, with who is missing. `enrolled` are the people who have a passkey.
    #[must_use]
    pub fn unsatisfiable(&self, enrolled: &BTreeSet<String>) -> Vec<ConfigProblem> {
        lacking(self, |approver| signs(approver, enrolled))
    }

    /// How many of its people must sign before another policy takes its place. A policy that only observes holds nothing,
    /// and asks for nobody.
    #[must_use]
    pub fn persons_to_change(&self, enrolled: &BTreeSet<String>) -> u32 {
        let can_sign = |approver: &&Approver| match signs(approver, enrolled) {
            Signs::WithKey | Signs::WithPasskey => true,
            Signs::NotYet | Signs::WithNothing => false,
        };
        match self.mode {
            Mode::Observe => 0,
            Mode::Enforce => {
                let able = self.approvers.iter().filter(can_sign).count();
                u32::try_from(able).unwrap_or(u32::MAX).min(POLICY_PERSONS_MIN)
            }
        }
    }

    /// Whether a release needs the approval of people to leave a stage.
    #[must_use]
    pub fn asks_for_approval(&self) -> bool {
        Stage::ALL
            .into_iter()
            .any(|stage| self.gates(stage).contains(&Gate::HumanApproval) || self.leaving(stage).0 > 0)
    }

    /// How many people must approve before `stage` is left.
    #[must_use]
    pub fn quorum(&self, stage: Stage) -> u32 {
        self.gates.human_approval.quorum.max(self.leaving(stage).0)
    }
}

fn signs(approver: &Approver, enrolled: &BTreeSet<String>) -> Signs {
    if !approver.keys.is_empty() {
        Signs::WithKey
    } else if !approver.passkey {
        Signs::WithNothing
    } else if enrolled.contains(&approver.person) {
        Signs::WithPasskey
    } else {
        Signs::NotYet
    }
}

/// Names, addresses, owner names of persons and keys: each belongs to one person.
fn told_apart(approvers: &[Approver], found: &mut Vec<ConfigProblem>) {
    if approvers.len() > APPROVERS_MAX {
        let message = format!("{} approvers (limit {APPROVERS_MAX})", approvers.len());
        found.push(ConfigProblem::new(&["approvers"], message));
    }
    let mut taken: BTreeMap<String, (usize, &'static str)> = BTreeMap::new();
    for (index, approver) in approvers.iter().enumerate() {
        let at = index.to_string();
        let path = |key: &'static str| ["approvers".to_owned(), at.clone(), key.to_owned()];
        let mut problem = |key: &'static str, message: String, hint: Option<&str>| {
            let path = path(key);
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let problem = ConfigProblem::new(&path, message);
            found.push(match hint {
                Some(hint) => problem.with_hint(hint),
                None => problem,
            });
        };
        if approver.person.trim().is_empty() {
            problem("person", "the person has no name".to_owned(), None);
        }
        if approver.roles.iter().any(|role| role.trim().is_empty()) {
            problem("roles", "a role has no name".to_owned(), None);
        }
        for (key, names) in [
            ("roles", &approver.roles),
            ("emails", &approver.emails),
            ("owner_names", &approver.owner_names),
        ] {
            if names.len() > NAMES_MAX || names.iter().any(|name| name.len() > NAME_BYTES_MAX) {
                problem(
                    key,
                    format!("more than {NAMES_MAX}, or one longer than {NAME_BYTES_MAX} bytes"),
                    None,
                );
            }
        }
        if approver.keys.len() > NAMES_MAX {
            problem(
                "keys",
                format!("{} keys (limit {NAMES_MAX})", approver.keys.len()),
                None,
            );
        }
        if let Some(wrong) = approver.emails.iter().find(|email| !is_email(email)) {
            let hint = "the address alone, such as `kim@example.org`, as `git log --format=%ae` shows it";
            problem(
                "emails",
                format!("`{}` is not an address", wrong.escape_debug()),
                Some(hint),
            );
        }
        if let Some(wrong) = approver
            .owner_names
            .iter()
            .find(|name| !name.starts_with('@') || name.len() < 2)
        {
            let hint = "as CODEOWNERS writes it: `@login` or `@organisation/team`";
            problem(
                "owner_names",
                format!("`{}` does not begin with `@`", wrong.escape_debug()),
                Some(hint),
            );
        }
        let teams = |name: &&String| name.contains('/');
        let own = std::iter::once(("person", approver.person.trim().to_lowercase()))
            .chain(
                approver
                    .emails
                    .iter()
                    .map(|email| ("emails", email.to_lowercase())),
            )
            .chain(
                approver
                    .owner_names
                    .iter()
                    .filter(|name| !teams(name))
                    .map(|name| ("owner_names", name.to_lowercase())),
            )
            .chain(approver.keys.iter().map(|key| ("keys", key.to_string())));
        for (key, name) in own {
            match taken.get(&name) {
                Some((other, _)) if *other == index && key != "person" => {}
                Some(_) if key == "person" => {
                    let message = format!("`{}` is named twice, and counts once", approver.person);
                    problem(
                        key,
                        message,
                        Some("give all roles, addresses and keys in one entry"),
                    );
                }
                Some((other, _)) => {
                    let other = &approvers[*other].person;
                    let short: String = name.chars().take(60).collect();
                    let message = format!("`{short}` belongs to `{other}` already");
                    problem(
                        key,
                        message,
                        Some("one person is one entry, so that nobody counts twice"),
                    );
                }
                None => {
                    taken.insert(name, (index, key));
                }
            }
        }
    }
}

fn is_email(text: &str) -> bool {
    let graphic = text
        .chars()
        .all(|c| !c.is_whitespace() && !c.is_control() && c != '<' && c != '>');
    graphic
        && text
            .split_once('@')
            .is_some_and(|(person, host)| !person.is_empty() && !host.is_empty())
}

/// A rule that nobody can satisfy would stop a team on the day it needs to release, so it is refused when it is written.
/// In observe mode nothing waits for it.
fn lacking(policy: &Policy, signs: impl Fn(&Approver) -> Signs) -> Vec<ConfigProblem> {
    if policy.mode == Mode::Observe || !policy.asks_for_approval() {
        return Vec::new();
    }
    let gate = &policy.gates.human_approval;
    let able = |approver: &&Approver| matches!(signs(approver), Signs::WithKey | Signs::WithPasskey);
    let people = policy.approvers.iter().filter(able).count();
    let seniors = policy
        .approvers
        .iter()
        .filter(able)
        .filter(|approver| is_senior_by_role(approver, gate))
        .count();
    let mut found = Vec::new();
    for stage in Stage::ALL {
        let asked = if policy.gates(stage).contains(&Gate::HumanApproval) {
            policy.quorum(stage)
        } else {
            policy.leaving(stage).0
        };
        if usize::try_from(asked).is_ok_and(|asked| asked <= people) {
            continue;
        }
        let message = format!(
            "{asked} approvals are asked for before {stage} is left, and {people} of {} approvers can sign",
            policy.approvers.len()
        );
        found.push(ConfigProblem::new(&["approvers"], message).with_hint(how_to_sign(policy, &signs)));
        return found;
    }
    let judged = Stage::ALL
        .into_iter()
        .any(|stage| policy.gates(stage).contains(&Gate::HumanApproval));
    if judged && !usize::try_from(gate.seniors).is_ok_and(|asked| asked <= seniors) {
        let message = format!(
            "{} seniors are asked for, and {seniors} approvers with the role {} can sign",
            gate.seniors,
            gate.senior_roles.join(" or ")
        );
        let hint = format!("give somebody the role; {}", how_to_sign(policy, &signs));
        found.push(ConfigProblem::new(&["gates", "human-approval", "seniors"], message).with_hint(hint));
    }
    found
}

/// Whether the person has one of the roles that seniors have.
#[must_use]
pub fn is_senior_by_role(approver: &Approver, gate: &ApprovalGate) -> bool {
    let senior = |role: &String| {
        gate.senior_roles
            .iter()
            .any(|wanted| wanted.eq_ignore_ascii_case(role))
    };
    approver.roles.iter().any(senior)
}

/// Who lacks what, and the command for it.
fn how_to_sign(policy: &Policy, signs: &impl Fn(&Approver) -> Signs) -> String {
    let names = |wanted: Signs| -> Vec<String> {
        let lacking = policy
            .approvers
            .iter()
            .filter(|approver| signs(approver) == wanted);
        lacking.map(|approver| format!("`{}`", approver.person)).collect()
    };
    let (nothing, not_yet) = (names(Signs::WithNothing), names(Signs::NotYet));
    let mut ways = Vec::new();
    if !nothing.is_empty() {
        ways.push(format!(
            "add `keys = [\"ssh-ed25519 …\"]` or `passkey = true` for {}",
            nothing.join(", ")
        ));
    }
    if !not_yet.is_empty() {
        ways.push(format!(
            "run `safeguard passkey invite --person NAME` for {}, and apply the policy when the passkey is enrolled",
            not_yet.join(", ")
        ));
    }
    if ways.is_empty() {
        ways.push(
            "add `[[approvers]]` with `person`, `roles`, `emails` and `keys`, ask for fewer, or leave `human-approval` out of `gates`"
                .to_owned(),
        );
    }
    ways.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn config(more: &str) -> Config {
        let listen = "dev = \"127.0.0.1:1\"\nqa = \"127.0.0.1:2\"\nstaging = \"127.0.0.1:3\"\nproduction = \"127.0.0.1:4\"";
        let text =
            format!("{more}\n[services.shop]\ncommand = [\"shop\"]\n[services.shop.listen]\n{listen}\n");
        toml::from_str(&text).unwrap()
    }

    fn problems(more: &str) -> Vec<String> {
        let told = |problem: ConfigProblem| format!("{}: {}", problem.path.join("."), problem.message);
        config(more).problems().into_iter().map(told).collect()
    }

    #[test]
    fn a_rule_that_nobody_can_satisfy_is_refused() {
        let kim = "[[approvers]]\nperson = \"Kim\"\nroles = [\"senior\"]\n";
        let with_key = format!("{kim}keys = [\"{KEY}\"]\n");
        assert_eq!(
            problems(""),
            ["approvers: 1 approvals are asked for before staging is left, and 0 of 0 approvers can sign"]
        );
        assert_eq!(problems("mode = \"observe\"\n"), Vec::<String>::new());
        assert_eq!(problems(kim).len(), 1);
        assert_eq!(problems(&with_key), Vec::<String>::new());
        assert_eq!(problems(&format!("{kim}passkey = true\n")), Vec::<String>::new());
        let junior = with_key.replace("senior", "engineer");
        assert_eq!(
            problems(&junior),
            [
                "gates.human-approval.seniors: 1 seniors are asked for, and 0 approvers with the role senior can sign"
            ]
        );
        let two = format!("[gates.human-approval]\nquorum = 2\n{with_key}");
        assert_eq!(
            problems(&two),
            ["approvers: 2 approvals are asked for before staging is left, and 1 of 1 approvers can sign"]
        );
    }

    #[test]
    fn a_passkey_counts_when_it_is_enrolled() {
        let policy =
            config("[[approvers]]\nperson = \"Kim\"\nroles = [\"senior\"]\npasskey = true\n").policy();
        let lacking = policy.unsatisfiable(&BTreeSet::new());
        assert_eq!(lacking.len(), 1);
        let hint = lacking[0].hint.as_ref().unwrap();
        assert!(
            hint.contains("safeguard passkey invite --person NAME` for `Kim`"),
            "{hint}"
        );
        assert_eq!(policy.unsatisfiable(&BTreeSet::from(["Kim".to_owned()])), []);
    }

    #[test]
    fn nobody_is_two_people() {
        let one = format!(
            "[[approvers]]\nperson = \"Kim\"\nroles = [\"senior\"]\nemails = [\"k@a.example\"]\nkeys = [\"{KEY}\"]\n"
        );
        for (again, said) in [
            (one.clone(), "`Kim` is named twice"),
            (
                format!("[[approvers]]\nperson = \"Lee\"\nkeys = [\"{KEY} lee\"]\n"),
                "belongs to `Kim` already",
            ),
            (
                "[[approvers]]\nperson = \"Lee\"\nemails = [\"K@A.example\"]\n".to_owned(),
                "`k@a.example` belongs to `Kim` already",
            ),
            (
                "[[approvers]]\nperson = \"Lee\"\nemails = [\"Lee <l@a.example>\"]\n".to_owned(),
                "is not an address",
            ),
        ] {
            let found = problems(&format!("{one}{again}"));
            assert!(found.iter().any(|problem| problem.contains(said)), "{found:?}");
        }
    }
}
