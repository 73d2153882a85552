//! Whether somebody named in a commit is one of the approvers.
//!
//! Who can not be told from an approver is taken for that approver: a wrong ban costs another signature, a wrong
//! permission lets people approve their own work.

use std::collections::BTreeSet;

use safeguard_api::config::Approver;

/// Somebody as git or a change record names them: `Name <address>`, or one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The words of the name, in lower case.
    words: BTreeSet<String>,
    email: Option<String>,
}

impl Identity {
    pub fn read(text: &str) -> Identity {
        let text = text.trim();
        let (name, email) = match text.rsplit_once('<') {
            Some((name, rest)) => (name, Some(rest.trim_end_matches('>').trim())),
            None if text.contains('@') && !text.contains(char::is_whitespace) && !text.starts_with('@') => {
                ("", Some(text))
            }
            None => (text, None),
        };
        Identity {
            words: words(name),
            email: email.filter(|email| !email.is_empty()).map(str::to_lowercase),
        }
    }

    /// Why this may be `approver`; none when it is surely somebody else.
    pub fn likeness(&self, approver: &Approver) -> Option<&'static str> {
        let known: Vec<Identity> = std::iter::once(approver.person.as_str())
            .chain(approver.emails.iter().map(String::as_str))
            .map(Identity::read)
            .collect();
        if let Some(email) = &self.email
            && known.iter().any(|known| known.email.as_ref() == Some(email))
        {
            return Some("by address");
        }
        let logins: Vec<String> = approver
            .owner_names
            .iter()
            .filter(|name| !name.contains('/'))
            .map(|name| name.trim_start_matches('@').to_lowercase())
            .collect();
        if self.logins().any(|login| logins.contains(&login)) {
            return Some("by login");
        }
        let person = &known.first()?.words;
        if !person.is_empty() && self.words == *person {
            return Some("by name");
        }
        let part_of =
            |few: &BTreeSet<String>, many: &BTreeSet<String>| !few.is_empty() && few.is_subset(many);
        if part_of(&self.words, person) || part_of(person, &self.words) {
            return Some("by a part of the name, which can not be told apart");
        }
        let local = self.email.as_deref().map(|email| words(local_part(email)));
        if local.is_some_and(|local| local.len() > 1 && local == *person) {
            return Some("by the name in the address, which can not be told apart");
        }
        None
    }

    /// What this one may be called on a code host.
    fn logins(&self) -> impl Iterator<Item = String> {
        let own = (self.words.len() == 1)
            .then(|| self.words.iter().next().cloned())
            .flatten();
        // GitHub's and GitLab's addresses that hide the real one: `123+login@users.noreply.github.com`.
        let hidden = self.email.as_deref().and_then(|email| {
            let (local, host) = email.split_once('@')?;
            host.contains("noreply")
                .then(|| local.rsplit('+').next().unwrap_or(local).to_owned())
        });
        own.into_iter().chain(hidden)
    }
}

fn local_part(email: &str) -> &str {
    email.split('@').next().unwrap_or(email)
}

/// Letters and digits between anything else, in lower case.
fn words(name: &str) -> BTreeSet<String> {
    name.trim_start_matches('@')
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Whether one of the addresses is this author's of git's history.
pub(crate) fn committed_as(approver: &Approver, author: &str) -> bool {
    let email = Identity::read(author).email;
    email.is_some_and(|email| approver.emails.iter().any(|own| own.to_lowercase() == email))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kim() -> Approver {
        Approver {
            person: "Kim Doe".to_owned(),
            roles: Vec::new(),
            emails: vec!["Kim@Example.org".to_owned(), "kd@home.example".to_owned()],
            owner_names: vec!["@kdoe".to_owned(), "@acme/payments".to_owned()],
            keys: Vec::new(),
            passkey: false,
        }
    }

    #[test]
    fn whoever_may_be_an_approver_is_taken_for_one() {
        for (identity, wanted) in [
            ("Somebody Else <kim@example.org>", Some("by address")),
            ("KD@home.example", Some("by address")),
            ("kim doe", Some("by name")),
            ("Doe, Kim <x@y.example>", Some("by name")),
            ("KIM DOE <kim@other.example>", Some("by name")),
            ("kdoe", Some("by login")),
            ("@KDoe", Some("by login")),
            ("K <1234+kdoe@users.noreply.github.com>", Some("by login")),
            ("Kim", Some("by a part of the name, which can not be told apart")),
            (
                "Kim A. Doe <k@a.example>",
                Some("by a part of the name, which can not be told apart"),
            ),
            (
                "kim.doe@private.example",
                Some("by the name in the address, which can not be told apart"),
            ),
            ("Lee Roe <lee@example.org>", None),
            ("scribe[bot] <bot@example.org>", None),
            ("payments", None),
            ("", None),
        ] {
            assert_eq!(Identity::read(identity).likeness(&kim()), wanted, "{identity}");
        }
    }

    #[test]
    fn a_record_needs_an_address() {
        assert!(committed_as(&kim(), "K. <KIM@example.org>"));
        assert!(!committed_as(&kim(), "Kim Doe <kim@other.example>"));
        assert!(!committed_as(&kim(), "Kim Doe"));
    }
}
