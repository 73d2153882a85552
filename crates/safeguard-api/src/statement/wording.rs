//! A statement as a client sent it: its text, and what its parameters were bound to. An approval is bound to all of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::REQUEST_TEXT_BYTES_MAX;
use crate::id::Digest;

/// Of one statement; one with more can not be approved: nobody reads them.
pub const BOUND_VALUES_MAX: usize = 64;

/// What a parameter was bound to.
///
/// It names the type and has the very bytes: of the text format they are the text itself, of the binary one they stand beside
/// it. So an approval of one value is none of another that is merely written alike.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoundValue {
    /// As PostgreSQL calls it, such as `int4`; one that is not its own has its number, as in `type 16389`.
    pub type_name: String,
    /// As people read it; none is NULL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// In hexadecimal, where it came in the binary format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
}

/// A statement as it was sent. It has literals and values, and is kept out of logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    /// With its literals.
    pub text: String,
    /// Of its parameters, `$1` first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<BoundValue>,
}

impl Wording {
    /// What the log commits to, and an approval is bound to: the text, or with values the canonical JSON (RFC 8785) of both,
    /// which is no text of SQL.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self.values.is_empty() {
            true => self.text.clone().into_bytes(),
            false => crate::approval::canonical(self),
        }
    }

    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes())
    }

    /// Reads what was kept; none when it is no wording.
    #[must_use]
    pub fn read(bytes: Vec<u8>) -> Option<Wording> {
        let with_values = serde_json::from_slice::<Wording>(&bytes).ok();
        with_values
            .filter(|wording| !wording.values.is_empty())
            .or_else(|| {
                let text = String::from_utf8(bytes).ok()?;
                let values = Vec::new();
                Some(Wording { text, values })
            })
    }

    /// Whether a person can be asked to read it.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.values.len() <= BOUND_VALUES_MAX && self.bytes().len() <= REQUEST_TEXT_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(type_name: &str, text: Option<&str>, binary: Option<&str>) -> Wording {
        let value = BoundValue {
            type_name: type_name.to_owned(),
            text: text.map(str::to_owned),
            binary: binary.map(str::to_owned),
        };
        Wording {
            text: "DELETE FROM t WHERE id = $1".to_owned(),
            values: vec![value],
        }
    }

    #[test]
    fn each_difference_between_values_is_another_digest() {
        let all = [
            bound("int4", Some("7"), None),
            bound("int4", Some("8"), None),
            bound("int8", Some("7"), None),
            bound("int4", Some("7"), Some("00000007")),
            bound("int4", None, None),
            Wording {
                values: Vec::new(),
                ..bound("int4", None, None)
            },
        ];
        for (at, one) in all.iter().enumerate() {
            let same = all.iter().filter(|other| other.digest() == one.digest());
            assert_eq!(same.count(), 1, "{at}");
            assert!(Wording::read(one.bytes()).as_ref() == Some(one), "{at}");
        }
    }

    #[test]
    fn without_values_it_is_the_text_alone() {
        let text = "DELETE FROM t WHERE id = 7";
        let wording = Wording::read(text.as_bytes().to_vec());
        assert!(wording.is_some_and(|wording| wording.digest() == Digest::of(text.as_bytes())));
        assert!(Wording::read(vec![0xff]).is_none());
    }

    #[test]
    fn what_nobody_would_read_to_its_end_is_not_asked_about() {
        let long = "x".repeat(REQUEST_TEXT_BYTES_MAX);
        assert!(!bound("text", Some(&long), None).is_readable());
        let mut many = bound("int4", Some("7"), None);
        assert!(many.is_readable());
        let one = many.values.swap_remove(0);
        many.values = vec![one; BOUND_VALUES_MAX + 1];
        assert!(!many.is_readable());
    }
}
