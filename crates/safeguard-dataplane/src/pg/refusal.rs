//! A refusal, as PostgreSQL words an error.

use safeguard_api::DecisionId;
use safeguard_api::guard::GuardFinding;

use super::frame::{message, text};

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub sqlstate: String,
    pub message: String,
    pub detail: String,
    pub hint: String,
}

/// SQLSTATE `feature_not_supported`.
pub const NOT_SUPPORTED: &str = "0A000";
/// SQLSTATE `configuration_limit_exceeded`.
pub const OVER_BUDGET: &str = "53400";

impl Refusal {
    /// Of a statement, by a rule.
    pub fn of(finding: &GuardFinding, decision: &DecisionId) -> Refusal {
        Refusal {
            sqlstate: finding.sqlstate.clone(),
            message: finding.message.clone(),
            detail: format!("rule `{}`, decision {decision}; {}", finding.rule, finding.detail),
            hint: format!(
                "{}; `safeguard guard rule {}` says more",
                finding.hint, finding.rule
            ),
        }
    }

    pub fn new(sqlstate: &str, message: impl Into<String>, hint: impl Into<String>) -> Refusal {
        Refusal {
            sqlstate: sqlstate.to_owned(),
            message: message.into(),
            detail: String::new(),
            hint: hint.into(),
        }
    }

    /// Says more beside what is said already.
    pub fn with_detail(mut self, more: &str) -> Refusal {
        if !self.detail.is_empty() {
            self.detail.push_str("; ");
        }
        self.detail.push_str(more);
        self
    }

    /// Writes it as the error of one statement: the session goes on.
    pub fn write(&self, out: &mut Vec<u8>) {
        write(self, b'E', "ERROR", out);
    }

    /// Writes it as what a client is told besides.
    pub fn write_notice(&self, out: &mut Vec<u8>) {
        write(self, b'N', "NOTICE", out);
    }

    /// Writes it as the last word of a session.
    pub fn write_fatal(&self, out: &mut Vec<u8>) {
        write(self, b'E', "FATAL", out);
    }
}

fn write(refusal: &Refusal, tag: u8, severity: &str, out: &mut Vec<u8>) {
    message(out, tag, |out| {
        let fields = [
            (b'S', severity),
            (b'V', severity),
            (b'C', &refusal.sqlstate),
            (b'M', &refusal.message),
            (b'D', &refusal.detail),
            (b'H', &refusal.hint),
        ];
        for (field, value) in fields {
            if !value.is_empty() {
                out.push(field);
                text(out, value.as_bytes());
            }
        }
        out.push(0);
    });
}

#[cfg(test)]
mod tests {
    use super::super::frame::{HEAD_BYTES, error_field};
    use super::*;

    #[test]
    fn a_refusal_is_an_ordinary_error() {
        let refusal = Refusal::new(NOT_SUPPORTED, "no\0t this", "do that");
        let mut out = Vec::new();
        refusal.write(&mut out);
        let body = &out[HEAD_BYTES..];
        let field = |field| error_field(body, field).and_then(|value| std::str::from_utf8(value).ok());
        assert_eq!(
            (field(b'S'), field(b'C'), field(b'M'), field(b'D'), field(b'H')),
            (Some("ERROR"), Some("0A000"), Some("no"), None, Some("do that"))
        );
    }
}
