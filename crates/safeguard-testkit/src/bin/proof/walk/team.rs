//! What the people around a change type and do: the agent, the pipeline, the reviewers, the users.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use safeguard_api::approval::{ApprovalStanding, Said};

use super::{Subject, Walk};
use crate::installation::Installation;
use crate::load::description::Description;
use crate::load::{Order, Place};
use crate::pipeline::{About, Reports};
use crate::workplace::{ENVIRONMENTS, PROMPTER, REVIEWERS};

const TESTERS_PER_SECOND: f64 = 10.0;
/// Staging has a steady load, since gate 5 watches there what it does to the instance.
const STAGING_PER_SECOND: f64 = 60.0;
const SEED: u64 = 11;

impl Walk<'_> {
    /// The version that users have; where it came from is no part of the proof.
    pub(super) fn release_base(&self) -> anyhow::Result<String> {
        let base = &self.place.base_commit;
        let change = self.record(base, &format!("{base}^"), &["--title", "The service as it is"])?;
        self.create(&self.subject.copies.base(), "1.0.0", &change)
    }

    /// Records the change, adds the pipeline's reports, and asks for the release.
    pub(super) fn release_change(&self, reports: &Reports) -> anyhow::Result<String> {
        let file = |name: &str| self.place.folder.join(name).display().to_string();
        let (intent, recovery) = (file("intent.md"), file("recovery.md"));
        let (head, base) = (&self.place.change_commit, &self.place.base_commit);
        let title = &self.subject.case.told.title;
        let told = [
            ["--title", title],
            ["--prompter", PROMPTER],
            ["--ai-tool", "claude-code"],
            ["--ai-tool-version", "2.1.300"],
            ["--intent", &intent],
            ["--recovery", &recovery],
        ];
        let change = self.record(head, base, told.as_flattened())?;
        self.add(reports)?;
        self.create(&self.subject.copies.changed(), "1.1.0", &change)
    }

    /// What the pipeline has written.
    pub(super) fn add(&self, reports: &Reports) -> anyhow::Result<()> {
        let (head, base) = (&self.place.change_commit, &self.place.base_commit);
        for report in &reports.reports {
            let about = match report.about {
                About::Base => base,
                About::Change => head,
            };
            let (format, file) = (report.format.to_string(), report.file.display().to_string());
            let layer = report.layer.map(|layer| layer.to_string());
            let mut words = vec!["evidence", "add", "--service", &self.subject.case.told.service];
            words.extend(["--format", &format, "--commit", about]);
            if let Some(layer) = &layer {
                words.extend(["--layer", layer]);
            }
            words.push(&file);
            self.safeguard.must(&words)?;
        }
        Ok(())
    }

    fn record(&self, head: &str, base: &str, more: &[&str]) -> anyhow::Result<String> {
        let service = &self.subject.case.told.service;
        let mut words = vec!["change", "add", "--service", service, "--head", head];
        words.extend(["--base", base]);
        words.extend(more);
        id(&self.safeguard.must(&words)?)
    }

    fn create(&self, artifact: &Path, version: &str, change: &str) -> anyhow::Result<String> {
        let artifact = artifact.to_str().context("the path is not text")?;
        let mut words = vec!["release", "create", "--service", &self.subject.case.told.service];
        words.extend(["--version", version, "--artifact", artifact, "--change", change]);
        id(&self.safeguard.must(&words)?)
    }

    /// The reviewers say yes to everything; that is the rule of the proof. A refusal is told by the gate.
    pub(super) fn approve(&self, release: &str) -> anyhow::Result<()> {
        let standing: ApprovalStanding = self.safeguard.told(&["approval", "who", release])?;
        for reviewer in &REVIEWERS {
            let said = standing
                .people
                .iter()
                .find(|person| person.person == reviewer.person)
                .with_context(|| format!("{} is no approver", reviewer.person))?;
            if said.said == Said::Approved {
                continue;
            }
            let key = self.place.key(reviewer).display().to_string();
            let words = ["approve", release, "--key", &key, "--yes"];
            if let Err(why) = self.safeguard.tried(&words)? {
                self.subject
                    .progress
                    .say(&format!("an approval is refused: {why}"));
            }
        }
        Ok(())
    }
}

/// What the load process is told: this service's users in every environment, with what the change lets them do besides.
pub(super) fn order(subject: Subject<'_>, safeguard: &Installation) -> anyhow::Result<Order> {
    let case = subject.case;
    let service = subject.corpus.service(case);
    let description = Description::load(&service, &case.folder)?;
    let mut places = BTreeMap::new();
    for environment in ENVIRONMENTS {
        let (requests_per_second, users) = match environment {
            "production" => (description.requests_per_second, description.users),
            "staging" => (STAGING_PER_SECOND, description.users_testing),
            _ => (TESTERS_PER_SECOND, description.users_testing),
        };
        let place = Place {
            address: safeguard.address(&case.told.service, environment)?,
            requests_per_second,
            users,
        };
        places.insert(environment.to_owned(), place);
    }
    Ok(Order {
        service,
        case: case.folder.clone(),
        seed: SEED,
        places,
    })
}

fn id(value: &serde_json::Value) -> anyhow::Result<String> {
    let found = value["id"].as_str().or_else(|| value["release"]["id"].as_str());
    found
        .map(str::to_owned)
        .with_context(|| format!("there is no id in {value}"))
}
