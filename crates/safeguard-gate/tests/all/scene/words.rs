//! The words of the pages' cases, a function each.

use std::collections::BTreeMap;

use super::*;
use safeguard_api::approval::{Consent, Signature};
use safeguard_api::checklist::{Answer, AttestationSpec};
use safeguard_api::suppression::{SUPPRESSION_API, SilencingComment, SuppressionStatement};
use safeguard_api::waiver::{WAIVER_API, WaiverStatement};

impl Scene {
    pub(super) fn last(&mut self) -> &mut Evidence {
        self.evidence.last_mut().expect("a report comes first")
    }

    /// To the last change.
    fn attached(&mut self, kind: DocumentKind) {
        let change = self.changes.last().unwrap();
        self.documents.last_mut().unwrap().push(ChangeDocument {
            change: change.id.clone(),
            kind,
            document: digest(kind.as_str()),
            bytes: 100,
            commitment: None,
            attached_at: NOW,
            attached_by: "ann".to_owned(),
            entry: 1,
        });
    }

    /// Of the last change.
    fn removes(&mut self, path: &str) {
        self.adds(&format!("{path} "));
        let diff = self.diffs.last_mut().unwrap().as_mut().unwrap();
        diff.files.last_mut().unwrap().status = FileStatus::Removed;
    }

    /// `BOX ANSWER: REASON`, of the last change.
    fn answers(&mut self, by: &str, text: &str) {
        let (question, rest) = text.split_once(' ').unwrap();
        let (answer, reason) = rest.split_once(": ").unwrap();
        let change = self.changes.last().unwrap();
        let said = AttestationSpec {
            question: question.parse().unwrap(),
            answer: match answer {
                "yes" => Answer::Yes,
                "no" => Answer::No,
                other => panic!("{other}"),
            },
            reason: reason.to_owned(),
        };
        self.answers.retain(|known| known.said.question != said.question);
        self.answers.push(Attestation {
            change: change.id.clone(),
            head: change.spec.head.clone(),
            said,
            by: by.to_owned(),
            at: NOW,
            entry: 1,
        });
    }

    pub(super) fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("adds ") {
            self.adds(rest);
        } else if let Some(rest) = line.strip_prefix("another change adds ") {
            self.change();
            self.adds(rest);
        } else if let Some(path) = line.strip_prefix("removes ") {
            self.removes(path);
        } else if let Some((by, rest)) = line.split_once(" answers ") {
            self.answers(by, rest);
        } else if let Some(tool) = line.strip_prefix("written by ") {
            self.changes.last_mut().unwrap().spec.ai_tool = Some(tool.to_owned());
        } else if line == "made in a freeze" {
            self.made_in_freeze = true;
        } else if line == "the change is at another head" {
            self.changes.last_mut().unwrap().spec.head = commit("another head");
        } else if line == "no diff" {
            *self.diffs.last_mut().unwrap() = None;
        } else if line == "history" {
            *self.histories.last_mut().unwrap() = Some(History::default());
        } else if let Some(kind) = line.strip_prefix("attached ") {
            self.attached(kind.parse().unwrap());
        } else if line == "nothing is live" {
            self.live = None;
        } else if let Some(rest) = line.strip_prefix("settings: ") {
            self.settings.push_str(rest);
            self.settings.push('\n');
        } else if let Some(gate) = line.strip_prefix("meant for ") {
            let gate = Gate::ALL
                .into_iter()
                .find(|known| known.as_str() == gate)
                .unwrap();
            self.last().spec.gate = Some(gate);
        } else if line == "of another commit" {
            self.last().spec.about = About::Commit(commit("elsewhere"));
        } else if let Some(days) = line.strip_suffix(" days old") {
            self.last().spec.produced_at = Some(Timestamp(NOW.0 - days.parse::<i64>().unwrap() * 86_400_000));
        } else if let Some(why) = line.strip_prefix("inconclusive: ") {
            self.last().inconclusive.push(why.to_owned());
        } else if let Some(rest) = line.strip_prefix("waiver of ") {
            self.waiver(rest);
        } else if let Some((tool, rest)) = line.split_once(" reports ") {
            self.finding(tool, rest);
        } else if let Some(rest) = line.strip_prefix("components ") {
            self.components(rest);
        } else if let Some(rest) = line.strip_prefix("vulnerability ") {
            self.vulnerability(rest);
        } else if let Some(rest) = line.strip_prefix("live load ") {
            self.load(rest, true);
        } else if let Some(rest) = line.strip_prefix("load ") {
            self.load(rest, false);
        } else if let Some(rest) = line.strip_prefix("live resources ") {
            self.resources(rest);
            self.last().spec.about = About::Artifact(digest("live"));
        } else if let Some(rest) = line.strip_prefix("resources ") {
            self.resources(rest);
        } else if let Some(minutes) = line
            .strip_prefix("ran ")
            .and_then(|rest| rest.strip_suffix(" minutes ago"))
        {
            let minutes: i64 = minutes.parse().unwrap();
            self.last().added_at = Timestamp(NOW.0 - minutes * 60_000);
        } else if let Some(rest) = line.strip_prefix("check ") {
            self.check(rest);
        } else if let Some(rest) = line.strip_prefix("migration ") {
            self.migration(rest);
        } else if let Some(rest) = line.strip_prefix("drill") {
            self.drill(rest.trim());
        } else if let Some(rest) = line.strip_prefix("tests ") {
            self.tests(rest);
        } else if let Some(rest) = line.strip_prefix("covers ") {
            self.covers(rest);
        } else if let Some(requests) = line.strip_prefix("production requests ") {
            self.shown.production_requests = requests.parse().unwrap();
        } else {
            panic!("no case says `{line}`");
        }
    }

    /// `WHAT for GATE by N people[, expired]`, where WHAT is a fingerprint or `everything`.
    fn waiver(&mut self, text: &str) {
        let (what, rest) = text.split_once(" for ").unwrap();
        let (gate, rest) = rest.split_once(" by ").unwrap();
        let people: usize = rest.split(' ').next().unwrap().parse().unwrap();
        let expires = if text.ends_with("expired") {
            NOW.0 - 1
        } else {
            NOW.0 + 3_600_000
        };
        let id = WaiverId::new(self.waivers.len() as u64 + 1, 1);
        let gate = Gate::ALL
            .into_iter()
            .find(|known| known.as_str() == gate)
            .unwrap();
        let unverified = Signature::Ssh {
            signature: String::new(),
        };
        let consents = ["Kim", "Lee", "Sam"][..people].iter().map(|&person| Consent {
            person: person.to_owned(),
            signature: unverified.clone(),
            signed_at: NOW,
            entry: 1,
        });
        self.waivers.push(Waiver {
            statement: WaiverStatement {
                api: WAIVER_API.to_owned(),
                waiver: id.clone(),
                service: self.release.service.clone(),
                release: self.release.id.clone(),
                digest: self.release.artifact.clone(),
                gate,
                findings: if what == "everything" {
                    Vec::new()
                } else {
                    vec![what.to_owned()]
                },
                reason: "the customer waits".to_owned(),
                expires: Timestamp(expires),
            },
            id,
            requested_by: "ci".to_owned(),
            requested_at: NOW,
            consents: consents.collect(),
            revoked_at: None,
            revoked_by: None,
            entry: 1,
        });
    }

    /// `nothing`, or `SEVERITY RULE at PLACE[ WORD…]`; a second line of a tool goes to its report.
    fn finding(&mut self, tool: &str, text: &str) {
        let (tool, later) = match tool.strip_prefix("later ") {
            Some(tool) => (tool, true),
            None => (tool, false),
        };
        let known = self.evidence.iter().rposition(|evidence| match &evidence.facts {
            Facts::Findings(findings) => findings.tools.iter().any(|known| known.name == tool),
            _ => false,
        });
        let at = match known.filter(|_| !later) {
            Some(at) => at,
            None => {
                let name = tool.to_owned();
                self.add(Facts::Findings(Findings {
                    tools: vec![Tool { name, version: None }],
                    ..Findings::default()
                }));
                self.evidence.len() - 1
            }
        };
        let Facts::Findings(findings) = &mut self.evidence[at].facts else {
            unreachable!()
        };
        if let Some(dropped) = text.strip_suffix(" results too many") {
            findings.dropped = dropped.parse().unwrap();
        } else if text != "nothing" {
            findings.findings.push(finding(tool, text));
        }
    }

    /// `TOOL N[ not scanned]`
    fn components(&mut self, text: &str) {
        let scanned = !text.ends_with(" not scanned");
        let mut words = text.split(' ');
        let tool = words.next().unwrap().to_owned();
        self.add(Facts::Components(Components {
            components: words.next().unwrap().parse().unwrap(),
            tools: vec![Tool {
                name: tool,
                version: None,
            }],
            scanned,
            vulnerabilities: Vec::new(),
        }));
    }

    /// `SEVERITY ID in PLACE[ excused]`
    fn vulnerability(&mut self, text: &str) {
        let words: Vec<&str> = text.split(' ').collect();
        let Facts::Components(components) = &mut self.last().facts else {
            panic!("components come first")
        };
        components.vulnerabilities.push(Vulnerability {
            severity: severity(words[0]),
            id: words[1].to_owned(),
            affects: vec![words[3].to_owned()],
            excused: words.get(4) == Some(&"excused"),
        });
        components.vulnerabilities.sort();
    }

    /// `SERIES REQUESTS FAILED[ p50 MS][ p95 MS][ p99 MS]`
    fn load(&mut self, text: &str, live: bool) {
        let words: Vec<&str> = text.split(' ').collect();
        let value = |name: &str| {
            let at = words.iter().position(|word| *word == name)?;
            Some(words[at + 1].parse().unwrap())
        };
        let series = LoadSeries {
            requests: words[1].parse().unwrap(),
            failed: words[2].parse().unwrap(),
            requests_per_second: None,
            p50_ms: value("p50"),
            p95_ms: value("p95"),
            p99_ms: value("p99"),
        };
        let about = match live {
            true => About::Artifact(digest("live")),
            false => About::Artifact(self.release.artifact.clone()),
        };
        let known = self
            .evidence
            .last_mut()
            .filter(|evidence| evidence.spec.about == about);
        let name = words[0].to_owned();
        match known.map(|evidence| &mut evidence.facts) {
            Some(Facts::Load(load)) => drop(load.series.insert(name, series)),
            _ => {
                self.add(Facts::Load(Load {
                    series: BTreeMap::from([(name, series)]),
                }))
                .spec
                .about = about
            }
        }
    }

    /// `watched SPAN[ memory MIB][ processor PERCENT][ growth PERCENT]`
    fn resources(&mut self, text: &str) {
        let words: Vec<&str> = text.split(' ').collect();
        let value = |name: &str| -> Option<f64> {
            let at = words.iter().position(|word| *word == name)?;
            Some(words[at + 1].parse().unwrap())
        };
        self.add(Facts::Resources(Resources {
            watched: words[1].parse().unwrap(),
            samples: 100,
            memory_bytes_max: value("memory").map(|mebibytes| mebibytes as u64 * (1 << 20)),
            cpu_percent_max: value("processor"),
            memory_growth_percent: value("growth"),
        }));
    }

    fn invariants(&mut self) -> &mut Invariants {
        let known = matches!(
            self.evidence.last().map(|evidence| &evidence.facts),
            Some(Facts::Invariants(_))
        );
        if !known {
            self.add(Facts::Invariants(Invariants::default()));
        }
        match &mut self.last().facts {
            Facts::Invariants(invariants) => invariants,
            _ => unreachable!(),
        }
    }

    /// `NAME: N of M rows are wrong`
    fn check(&mut self, text: &str) {
        let (name, rest) = text.split_once(": ").unwrap();
        let words: Vec<&str> = rest.split(' ').collect();
        self.invariants().checks.push(InvariantCheck {
            name: name.to_owned(),
            violations: words[0].parse().unwrap(),
            checked: words[2].parse().unwrap(),
        });
    }

    /// `NAME: N rows become M[, I intended][, not reversed]`
    fn migration(&mut self, text: &str) {
        let (name, rest) = text.split_once(": ").unwrap();
        let words: Vec<&str> = rest.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        let intended = words.iter().position(|word| *word == "intended");
        self.invariants().migrations.push(MigrationRehearsal {
            name: name.to_owned(),
            rows_before: words[0].parse().unwrap(),
            rows_after: words[3].parse().unwrap(),
            rows_removed_intended: intended.map_or(0, |at| words[at - 1].parse().unwrap()),
            reversed: !rest.ends_with("not reversed"),
        });
    }

    /// `LAYER EXECUTED[ FAILED failed]`
    fn tests(&mut self, text: &str) {
        let words: Vec<&str> = text.split(' ').collect();
        let layer: Layer = words[0].parse().unwrap();
        let executed = words[1].parse().unwrap();
        let failed: u64 = words.get(2).map_or(0, |failed| failed.parse().unwrap());
        self.add(Facts::Tests(Tests {
            executed,
            failed,
            skipped: 0,
            layers: BTreeMap::from([(layer, executed)]),
            failures: if failed > 0 {
                vec!["pays twice".to_owned()]
            } else {
                Vec::new()
            },
        }))
        .spec
        .layer = Some(layer);
    }

    /// `PATH LINES missed LINES`
    fn covers(&mut self, text: &str) {
        let (path, rest) = text.split_once(' ').unwrap();
        let (covered, missed) = rest.split_once("missed").unwrap_or((rest, ""));
        let lines = LineCoverage {
            covered: covered.trim().parse().unwrap(),
            missed: missed.trim().parse().unwrap(),
        };
        self.add(Facts::Coverage(Coverage {
            files: BTreeMap::from([(path.to_owned(), lines)]),
        }));
    }
}

fn severity(word: &str) -> Severity {
    match word {
        "note" => Severity::Note,
        "low" => Severity::Low,
        "medium" => Severity::Medium,
        "high" => Severity::High,
        "critical" => Severity::Critical,
        other => panic!("no severity `{other}`"),
    }
}

/// The fingerprint of a finding in a case is its rule's name.
fn finding(tool: &str, text: &str) -> Finding {
    let words: Vec<&str> = text.split(' ').collect();
    let (path, lines) = match words[3] {
        "nowhere" => (None, None),
        place => match place.split_once(':') {
            Some((path, lines)) => (Some(path.to_owned()), Some(lines)),
            None => (Some(place.to_owned()), None),
        },
    };
    let line = |at: usize| {
        lines
            .and_then(|lines| lines.split('-').nth(at))
            .map(|line| line.parse().unwrap())
    };
    let mut finding = Finding {
        severity: severity(words[0]),
        rule: words[1].to_owned(),
        path,
        line: line(0),
        end_line: line(1),
        steps: Vec::new(),
        message: "bad".to_owned(),
        security: false,
        state: FindingState::Unsaid,
        comment: None,
        fingerprint: words[1].to_owned(),
        tool: tool.to_owned(),
    };
    let mut rest = words[4..].iter();
    while let Some(word) = rest.next() {
        match *word {
            "security" => finding.security = true,
            "new" => finding.state = FindingState::New,
            "unchanged" => finding.state = FindingState::Unchanged,
            "absent" => finding.state = FindingState::Absent,
            "suppressed" => finding.state = FindingState::Suppressed,
            "asks" => {
                finding.state = FindingState::New;
                finding.comment = Some(SilencingComment {
                    statement: SuppressionStatement {
                        api: SUPPRESSION_API.to_owned(),
                        finding: "0123456789abcdef".to_owned(),
                        rule: finding.rule.clone(),
                        reason: "the table is a test's own".to_owned(),
                        owner: "ann".to_owned(),
                        until: "2027-06-30".to_owned(),
                    },
                    approval: None,
                });
            }
            "silenced" => finding.state = FindingState::Silenced,
            "through" => {
                let (path, line) = rest.next().unwrap().split_once(':').unwrap();
                finding.steps.push(Spot {
                    path: path.to_owned(),
                    line: line.parse().unwrap(),
                });
            }
            other => panic!("no finding is `{other}`"),
        }
    }
    finding
}
