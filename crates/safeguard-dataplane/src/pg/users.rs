//! Who may log in, and what each has to prove.

use std::collections::BTreeMap;

use safeguard_api::config::ProxyUser;
use safeguard_api::guard::Principal;

use super::channel::Channel;
use super::scram::Verifier;

pub struct Users {
    known: BTreeMap<String, User>,
    /// What those that there are not are made to look like.
    like: Verifier,
    mock_secret: [u8; 32],
}

struct User {
    principal: Principal,
    /// Whose login it is, or for whom the agent works.
    person: Option<String>,
    credential: Credential,
}

enum Credential {
    Password(Verifier),
    Certificate(String),
    Both(Verifier, String),
}

/// What is asked of a client that has named itself.
pub enum Demand {
    /// Nothing more: its certificate proves who it is.
    Nothing(Principal),
    /// A password.
    Password(Principal, Verifier),
    /// A password that never passes: there is no such login, or its certificate was not shown. Which one is not told.
    InVain(Verifier),
}

/// Why a login can not be used.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error("the verifier of `{0}` is none")]
    Verifier(String),
    #[error("nothing proves the login `{0}`")]
    Unproved(String),
    #[error("the kernel gives no random bytes")]
    Random(#[source] getrandom::Error),
}

impl Users {
    pub fn new(users: BTreeMap<String, ProxyUser>) -> Result<Users, UserError> {
        let mut known = BTreeMap::new();
        let mut like = None;
        for (login, user) in users {
            let verifier = user
                .verifier
                .map(|text| Verifier::parse(&text).ok_or_else(|| UserError::Verifier(login.clone())));
            let verifier = verifier.transpose()?;
            like = like.or_else(|| verifier.clone());
            let credential = match (verifier, user.certificate_name) {
                (Some(verifier), None) => Credential::Password(verifier),
                (None, Some(name)) => Credential::Certificate(name),
                (Some(verifier), Some(name)) => Credential::Both(verifier, name),
                (None, None) => return Err(UserError::Unproved(login)),
            };
            let principal = user.principal;
            known.insert(
                login,
                User {
                    principal,
                    person: user.person,
                    credential,
                },
            );
        }
        let mut mock_secret = [0; 32];
        getrandom::fill(&mut mock_secret).map_err(UserError::Random)?;
        Ok(Users {
            known,
            like: like.unwrap_or_else(Verifier::usual),
            mock_secret,
        })
    }

    pub fn demand(&self, login: &str, channel: &Channel) -> Demand {
        let mock = || Demand::InVain(Verifier::mock(&self.mock_secret, login.as_bytes(), &self.like));
        let Some(User {
            principal,
            credential,
            ..
        }) = self.known.get(login)
        else {
            return mock();
        };
        match credential {
            Credential::Password(verifier) => Demand::Password(*principal, verifier.clone()),
            Credential::Certificate(name) if channel.is_of(name) => Demand::Nothing(*principal),
            Credential::Certificate(_) => mock(),
            Credential::Both(verifier, name) if channel.is_of(name) => {
                Demand::Password(*principal, verifier.clone())
            }
            Credential::Both(verifier, _) => Demand::InVain(verifier.clone()),
        }
    }

    /// Whose login it is, or for whom the agent works.
    pub fn person(&self, login: &str) -> Option<String> {
        self.known.get(login).and_then(|user| user.person.clone())
    }

    /// Why a login is asked in vain, for those who run the proxy.
    pub fn lacks(&self, login: &str) -> &'static str {
        if self.known.contains_key(login) {
            "it needs a certificate of its own, and none with its name was shown"
        } else {
            "there is no such login"
        }
    }
}
