//! The cases on the page of gate `human-approval`, each with real signatures.

use std::collections::BTreeMap;

use safeguard_api::approval::{
    APPROVAL_API, Approval, ApprovalStatement, Decision, NAMESPACE, Signable, Signature,
};
use safeguard_api::change::DocumentKind;
use safeguard_api::checklist::{Answer, AttestationSpec, Question};
use safeguard_api::config::{Approver, Policy};
use safeguard_api::diff::{Diff, FileDiff, FileHistory, FileStatus, History};
use safeguard_api::evidence::{About, Evidence, Facts, Tests};
use safeguard_api::lines::LineSet;
use safeguard_api::{
    ApprovalId, Attestation, Change, ChangeDocument, ChangeId, ChangeSpec, Config, Digest, Environment,
    EvidenceId, Gate, Release, ReleaseId, Span, SshKey, Timestamp,
};
use safeguard_gate::approval::{approved_change, newly_void, root};
use safeguard_gate::{Case, ChangeCase, InForce, Shown, judge};
use ssh_key::private::{Ed25519Keypair, KeypairData, PrivateKey};
use ssh_key::{HashAlg, SshSig};

const PAGE: &str = include_str!("../../src/gates/human_approval.md");
const NOW: Timestamp = Timestamp(1_800_000_000_000);
const HOUR: i64 = 3_600_000;

#[test]
fn the_cases_on_the_page() {
    let mut ran = 0;
    for block in PAGE.split("```case ").skip(1) {
        let block = block.split("```").next().unwrap();
        let (wanted, steps) = block.split_once('\n').unwrap();
        let mut story = Story::begin(steps);
        for step in steps.lines() {
            story.step(step);
        }
        let said = story.told();
        let (verdict, text) = wanted.split_once(": ").unwrap_or((wanted, ""));
        assert!(
            said.starts_with(&format!("{verdict}:")) && said.contains(text),
            "{steps}\nwanted {wanted}\nsaid   {said}"
        );
        ran += 1;
    }
    assert!(ran > 20, "{ran} cases");
}

#[test]
fn what_became_void_is_told_once_and_rejections_never_are() {
    let mut story = Story::begin("");
    for step in ["Kim approves", "Sam rejects", "evidence is added"] {
        story.step(step);
    }
    let told = story.with(|case| {
        let void = newly_void(case);
        void.into_iter()
            .map(|(approval, why)| (approval.person.clone(), why))
            .collect::<Vec<_>>()
    });
    assert_eq!(
        told,
        [("Kim Doe".to_owned(), "evidence was added since then".to_owned())]
    );
}

#[test]
fn a_path_needs_its_owner_and_a_moved_file_has_two_paths() {
    let mut story = Story::begin("");
    story.diff.as_mut().unwrap().files[0].path = "src/till.rs".to_owned();
    story.diff.as_mut().unwrap().files[0].moved_from = Some("src/pay.rs".to_owned());
    story.step("Lee approves");
    story.step("Sam approves");
    assert!(
        story.told().contains("one who owns `src/pay.rs`"),
        "{}",
        story.told()
    );
}

pub fn key(seed: u8) -> PrivateKey {
    let pair = Ed25519Keypair::from_seed(&[seed; 32]);
    PrivateKey::new(KeypairData::Ed25519(pair), "").unwrap()
}

fn public(seed: u8) -> SshKey {
    SshKey::of(key(seed).public_key().key_data()).unwrap()
}

pub fn approver(person: &str, role: &str, seeds: &[u8]) -> Approver {
    let first = person.split(' ').next().unwrap().to_lowercase();
    Approver {
        person: person.to_owned(),
        roles: vec![role.to_owned()],
        emails: vec![format!("{first}@example.org"), format!("{first}@home.example")],
        owner_names: vec![format!("@{first}")],
        keys: seeds.iter().map(|seed| public(*seed)).collect(),
        passkey: false,
    }
}

struct Story {
    release: Release,
    change: Change,
    documents: Vec<ChangeDocument>,
    diff: Option<Diff>,
    history: History,
    answers: Vec<Attestation>,
    recorded_again: Option<Change>,
    baseline: Option<Digest>,
    evidence: Vec<Evidence>,
    approvals: Vec<Approval>,
    policy: Policy,
    in_force: InForce,
    now: Timestamp,
}

impl Story {
    /// What a case says of the change itself holds from the beginning.
    fn begin(steps: &str) -> Story {
        let said = |word: &str| {
            steps
                .lines()
                .find_map(|step| step.strip_prefix(word))
                .map(str::to_owned)
        };
        let config: Config = toml_config();
        let policy = Policy {
            approvers: vec![
                approver("Kim Doe", "senior", &[1, 11]),
                approver("Lee Roe", "senior", &[2]),
                approver("Sam Poe", "engineer", &[3]),
                approver("Max Coe", "senior", &[4]),
            ],
            ..config.policy()
        };
        let change = Change {
            id: ChangeId::new(1, 1),
            spec: ChangeSpec {
                service: "shop".parse().unwrap(),
                title: "Charge once".to_owned(),
                repository: None,
                base: "aaaaaaa".to_owned(),
                head: "bbbbbbb".to_owned(),
                merge_tree: Some("ccccccc".to_owned()),
                author: said("author ").unwrap_or("Ann Moe <ann@example.org>".to_owned()),
                co_authors: said("co-author ").into_iter().collect(),
                prompter: said("prompter ")
                    .or(Some("Pat Zoe".to_owned()))
                    .filter(|name| name != "nobody"),
                ai_tool: Some("scribe".to_owned()),
                ai_tool_version: None,
                instead_of: None,
            },
            recorded_at: Timestamp(NOW.0 - HOUR),
            recorded_by: "ci".to_owned(),
            entry: 1,
        };
        let file = FileDiff {
            path: "src/pay.rs".to_owned(),
            moved_from: None,
            status: FileStatus::Modified,
            binary: false,
            mode: None,
            added: LineSet::default(),
            removed_lines: 0,
        };
        let authors = [
            "Kim Doe <kim@example.org>",
            "Lee Roe <lee@example.org>",
            "Sam Poe <sam@example.org>",
        ];
        let past = FileHistory {
            commits: 3,
            authors: authors.iter().map(|author| ((*author).to_owned(), 1)).collect(),
            ..FileHistory::default()
        };
        let mut story = Story {
            release: Release {
                id: ReleaseId::new(1, 1),
                service: change.spec.service.clone(),
                artifact: Digest::of(b"artifact"),
                version: "1".to_owned(),
                changes: vec![change.id.clone()],
                new_changes: vec![change.id.clone()],
                base: None,
                lane: safeguard_api::release::Lane::Standard,
                created_at: change.recorded_at,
                created_by: "ci".to_owned(),
            },
            documents: Vec::new(),
            diff: (!steps.contains("no diff")).then(|| Diff { files: vec![file] }),
            history: History {
                api: "safeguard.history/1".to_owned(),
                files: BTreeMap::from([("src/pay.rs".to_owned(), past)]),
                codeowners: Some("src/pay.rs @kim @max\n".to_owned()),
            },
            answers: Vec::new(),
            recorded_again: None,
            baseline: Some(Digest::of(b"live")),
            evidence: Vec::new(),
            approvals: Vec::new(),
            in_force: InForce {
                id: policy.id(),
                approvers: policy.approvers.clone(),
            },
            policy,
            now: NOW,
            change,
        };
        story.policy.gates.human_approval.quorum = 2;
        story.policy.gates.checklist.required = steps.contains("the checklist is required");
        story.in_force.id = story.policy.id();
        story.attach(b"to charge once");
        story.add_evidence();
        story
    }

    fn attach(&mut self, intent: &[u8]) {
        self.documents = vec![ChangeDocument {
            change: self.change.id.clone(),
            kind: DocumentKind::Intent,
            document: Digest::of(intent),
            bytes: intent.len() as u64,
            commitment: None,
            attached_at: self.now,
            attached_by: "ci".to_owned(),
            entry: 2,
        }];
    }

    fn attach_another(&mut self, kind: DocumentKind) {
        let mut another = self.documents[0].clone();
        another.kind = kind;
        self.documents.push(another);
    }

    fn answer(&mut self, question: Question, answer: Answer) {
        self.answers.retain(|known| known.said.question != question);
        let said = AttestationSpec {
            question,
            answer,
            reason: "as agreed".to_owned(),
        };
        let entry = 20 + u64::from(answer == Answer::No);
        self.answers.push(Attestation {
            change: self.change.id.clone(),
            head: self.change.spec.head.clone(),
            said,
            by: "lee".to_owned(),
            at: self.now,
            entry,
        });
    }

    fn add_evidence(&mut self) {
        let number = self.evidence.len() as u32;
        self.evidence.push(Evidence {
            id: EvidenceId::new(1, number),
            spec: serde_json::from_value(serde_json::json!({
                "service": "shop", "format": "junit", "about": About::Artifact(self.release.artifact.clone()),
            }))
            .unwrap(),
            document: Digest::of(&number.to_be_bytes()),
            bytes: 4,
            facts: Facts::Tests(Tests::default()),
            inconclusive: Vec::new(),
            added_at: self.now,
            added_by: "ci".to_owned(),
            entry: 3,
        });
    }

    fn step(&mut self, step: &str) {
        let again = |change: &Change, tree: &str| {
            let mut again = change.clone();
            again.id = ChangeId::new(2, 2);
            again.spec.base = "ddddddd".to_owned();
            again.spec.merge_tree = Some(tree.to_owned());
            Some(again)
        };
        match step {
            "" | "no diff" | "the checklist is required" => {}
            "the prompts are attached" => self.attach_another(DocumentKind::Prompts),
            "the boxes are answered" => {
                for question in Question::ALL {
                    self.answer(question, Answer::Yes);
                }
            }
            "nobody is on call" => self.answer(Question::OnCall, Answer::No),
            "the branch is pushed anew" => {
                self.recorded_again = again(&self.change, "ccccccc").map(|mut pushed| {
                    pushed.spec.head = "9999999".to_owned();
                    pushed
                });
            }
            "the row of the change is altered" => self.change.spec.head = "9999999".to_owned(),
            _ if ["author ", "co-author ", "prompter "]
                .iter()
                .any(|part| step.starts_with(part)) => {}
            "evidence is added" => self.add_evidence(),
            "the base moves" => self.recorded_again = again(&self.change, "eeeeeee"),
            "the base moves and merges to the same tree" => {
                self.recorded_again = again(&self.change, "ccccccc")
            }
            "another artifact is live" => self.baseline = Some(Digest::of(b"newer")),
            "the policy is changed" => self.in_force.id = Digest::of(b"another policy"),
            "the intent is attached anew" => self.attach(b"to charge twice"),
            "the approvals expire" => self.now = Timestamp(NOW.0 + 73 * HOUR),
            "the clock is set back" => self.now = Timestamp(NOW.0 - HOUR),
            "the key of Sam is taken out of the policy in force" => self.in_force.approvers[2].keys.clear(),
            "the row of Sam is altered" => {
                self.approvals[1].statement.expires = Timestamp(NOW.0 + 999 * HOUR)
            }
            "the row of Kim is copied for Sam" => {
                let mut copied = self.approvals[0].clone();
                copied.person = "Sam Poe".to_owned();
                self.approvals.push(copied);
            }
            _ => {
                let (name, how) = step.split_once(' ').unwrap();
                self.sign(name, how);
            }
        }
    }

    fn sign(&mut self, name: &str, how: &str) {
        let place = ["Kim", "Lee", "Sam", "Max"]
            .iter()
            .position(|one| *one == name)
            .unwrap();
        let seed = if how.contains("another key") {
            11
        } else {
            place as u8 + 1
        };
        let mut statement = self.with(|case| ApprovalStatement {
            api: APPROVAL_API.to_owned(),
            decision: match how.split(' ').next() {
                Some("approves") => Decision::Approve,
                Some("rejects") => Decision::Reject,
                Some("withdraws") => Decision::Withdraw,
                _ => panic!("{how}"),
            },
            reason: None,
            service: case.release.service.clone(),
            release: case.release.id.clone(),
            digest: case.release.artifact.clone(),
            changes: case.changes.iter().map(approved_change).collect(),
            replaces: case.baseline.cloned(),
            environment: case.environment,
            evidence_root: root(case),
            policy: case.policy.id(),
            policy_in_force: case.in_force.id.clone(),
            dossier: Digest::of(b"dossier"),
            not_before: case.now,
            expires: Timestamp(case.now.0 + 72 * HOUR),
            nonce: format!("{seed}"),
        });
        match how.split_once(' ').map_or("", |(_, rest)| rest) {
            "" | "with another key" => {}
            "for staging" => statement.environment = Environment::Staging,
            "for tomorrow" => statement.not_before = Timestamp(NOW.0 + 24 * HOUR),
            "another release" => statement.release = ReleaseId::new(9, 9),
            other => panic!("{other}"),
        }
        let signed = SshSig::sign(&key(seed), NAMESPACE, HashAlg::Sha512, &statement.bytes()).unwrap();
        self.approvals.push(Approval {
            id: ApprovalId::new(1, self.approvals.len() as u32),
            person: self.policy.approvers[place].person.clone(),
            signature: Signature::Ssh {
                signature: signed.to_string(),
            },
            signed_at: self.now,
            void: None,
            entry: 9,
            statement,
        });
    }

    fn with<T>(&self, look: impl FnOnce(&Case<'_>) -> T) -> T {
        let changes = [ChangeCase {
            change: &self.change,
            diff: self.diff.as_ref(),
            history: Some(&self.history),
            documents: &self.documents,
            answers: &self.answers,
            made_in_freeze: false,
            recorded_again: self.recorded_again.as_ref(),
        }];
        look(&Case {
            release: &self.release,
            changes: &changes,
            baseline: self.baseline.as_ref(),
            evidence: &self.evidence,
            waivers: &[],
            approvals: &self.approvals,
            passkeys: &[],
            environment: Environment::Production,
            limits: &toml_config().services.values().next().unwrap().limits,
            configuration: &Digest::of(b""),
            policy: &self.policy,
            in_force: &self.in_force,
            shown: Shown::default(),
            now: self.now,
        })
    }

    fn told(&self) -> String {
        let report = self.with(|case| judge(case, &[Gate::HumanApproval]));
        let said = &report.verdicts[0];
        format!("{}: {}\n{}", said.verdict, said.reason, said.missing.join("\n"))
    }
}

fn toml_config() -> Config {
    serde_json::from_value(serde_json::json!({
        "services": { "shop": { "command": ["shop"], "listen": {} } },
        "gates": { "human-approval": { "valid": Span::hours(72) } },
    }))
    .unwrap()
}
