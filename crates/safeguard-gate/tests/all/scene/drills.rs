//! What a case says of a rollback drill.

use super::*;

impl Scene {
    /// A drill in which all is well, or one thing that is not, said of the last.
    pub(super) fn drill(&mut self, text: &str) {
        if text.is_empty() {
            let drill = self.good_drill();
            self.add(Facts::Drill(drill));
            return;
        }
        let Facts::Drill(drill) = &mut self.last().facts else {
            panic!("a drill comes first")
        };
        let kind = |name: &str| match name {
            "SIGKILL" => FaultKind::Sigkill,
            "SIGSTOP" => FaultKind::Sigstop,
            "errors" => FaultKind::Errors,
            other => panic!("no fault `{other}`"),
        };
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["without", fault] if fault != "writes" => drill.faults.retain(|known| known.name != kind(fault)),
            [fault, "takes", span] => {
                let fault = drill
                    .faults
                    .iter_mut()
                    .find(|known| known.name == kind(fault))
                    .unwrap();
                fault.drain = span.parse().unwrap();
                (fault.detect, fault.flip, fault.verify) = Default::default();
            }
            [fault, "fails"] => {
                let fault = drill
                    .faults
                    .iter_mut()
                    .find(|known| known.name == kind(fault))
                    .unwrap();
                fault.failure = Some("the candidate still serves".to_owned());
            }
            ["of", "another", "artifact"] => drill.candidate = digest("other"),
            ["in", "another", "configuration"] => drill.configuration = digest("other"),
            ["against", "another", "live", "artifact"] => {
                drill.stable = Some(digest("other"));
                drill.serves = drill.stable.clone();
            }
            ["ends", "with", "the", "candidate", "serving"] => drill.serves = Some(drill.candidate.clone()),
            ["with", count, "concurrent", "requests"] => drill.concurrent_requests = count.parse().unwrap(),
            ["loses", count, "requests"] => drill.lost_requests = count.parse().unwrap(),
            ["loses", count, "writes"] => {
                drill.writes = Writes::Tried {
                    acknowledged: 8000,
                    lost: count.parse().unwrap(),
                    unread: 0,
                }
            }
            ["without", "writes"] => drill.writes = Writes::NotTried,
            _ => panic!("no drill `{text}`"),
        }
    }

    fn good_drill(&self) -> Drill {
        let fault = |name| Fault {
            name,
            noticed: None,
            detect: Span(700),
            flip: Span(50),
            drain: Span(900),
            verify: Span(300),
            killed_requests: 4,
            lost_requests: 0,
            failure: None,
        };
        Drill {
            candidate: self.release.artifact.clone(),
            stable: self.live.clone(),
            configuration: self.configuration.clone(),
            started_at: NOW,
            took: Span::seconds(40),
            concurrent_requests: 200,
            requests: 40_000,
            failed_requests: 12,
            lost_requests: 0,
            writes: Writes::Tried {
                acknowledged: 8000,
                lost: 0,
                unread: 0,
            },
            faults: FaultKind::ALL.map(fault).to_vec(),
            serves: self.live.clone(),
            failures: Vec::new(),
        }
    }
}
