//! What users saw.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// An answer with a status that the user expected.
    Expected,
    /// A complete answer, and another than the user expected.
    Unexpected(u16),
    /// No complete answer.
    Lost,
}

/// Sums since the load began.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub requests: u64,
    /// Answers of 500 and above.
    pub failed: u64,
    /// Other answers that users did not expect.
    pub unexpected: u64,
    pub lost: u64,
    /// The answers that nobody expected, by journey and status.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub surprises: BTreeMap<String, u64>,
}

impl Counts {
    pub fn count(&mut self, journey: &str, seen: Seen) {
        self.requests += 1;
        let what = match seen {
            Seen::Expected => return,
            Seen::Unexpected(status) if status >= 500 => {
                self.failed += 1;
                format!("{journey}: {status}")
            }
            Seen::Unexpected(status) => {
                self.unexpected += 1;
                format!("{journey}: {status}")
            }
            Seen::Lost => {
                self.lost += 1;
                format!("{journey}: no answer")
            }
        };
        *self.surprises.entry(what).or_default() += 1;
    }

    /// What came after `before`, an earlier sum of the same load.
    pub fn since(&self, before: &Counts) -> Counts {
        let surprises = self.surprises.iter().filter_map(|(what, times)| {
            let new = times - before.surprises.get(what).copied().unwrap_or(0);
            (0 < new).then(|| (what.clone(), new))
        });
        Counts {
            requests: self.requests - before.requests,
            failed: self.failed - before.failed,
            unexpected: self.unexpected - before.unexpected,
            lost: self.lost - before.lost,
            surprises: surprises.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_counted_once() {
        let mut counts = Counts::default();
        for seen in [
            Seen::Expected,
            Seen::Unexpected(404),
            Seen::Unexpected(503),
            Seen::Lost,
        ] {
            counts.count("buy", seen);
        }
        assert_eq!(
            (counts.requests, counts.failed, counts.unexpected, counts.lost),
            (4, 1, 1, 1)
        );
        assert_eq!(counts.surprises.len(), 3);
        let before = counts.clone();
        counts.count("buy", Seen::Unexpected(503));
        let since = counts.since(&before);
        assert_eq!((since.requests, since.failed, since.lost), (1, 1, 0));
        assert_eq!(since.surprises, BTreeMap::from([("buy: 503".to_owned(), 1)]));
    }
}
