//! Who may log in, and what each has to prove: what lasts, and logins that were issued for minutes.

use std::collections::BTreeMap;
use std::sync::Arc;

use safeguard_api::config::ProxyUser;
use safeguard_api::credential::{LOGIN_SEPARATOR, user_of};
use safeguard_api::guard::Principal;

use super::channel::Channel;
use super::door::InForce;
use super::issued::{Place, Tenure};
use super::scram::Verifier;

pub struct Users {
    place: Place,
    known: BTreeMap<String, User>,
    in_force: Arc<InForce>,
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
    /// Nothing lasting: it opens by what is issued.
    Issued,
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
    /// The password that was issued for minutes, whose end is the session's.
    Issued(Principal, Verifier, Tenure),
    /// A password that never passes: there is no such login, or its certificate was not shown. Which one is not told.
    InVain(Verifier),
}

/// Why a login can not be used.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error("the verifier of `{0}` is none")]
    Verifier(String),
    #[error("the kernel gives no random bytes")]
    Random(#[source] getrandom::Error),
}

impl Users {
    pub fn new(
        place: Place,
        users: BTreeMap<String, ProxyUser>,
        in_force: Arc<InForce>,
    ) -> Result<Users, UserError> {
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
                (None, None) => Credential::Issued,
            };
            let user = User {
                principal: user.principal,
                person: user.person,
                credential,
            };
            known.insert(login, user);
        }
        let mut mock_secret = [0; 32];
        getrandom::fill(&mut mock_secret).map_err(UserError::Random)?;
        Ok(Users {
            place,
            known,
            in_force,
            like: like.unwrap_or_else(Verifier::usual),
            mock_secret,
        })
    }

    pub fn demand(&self, login: &str, channel: &Channel) -> Demand {
        let demand = match login.contains(LOGIN_SEPARATOR) {
            true => self.issued(login, channel),
            false => self.lasting(login, channel),
        };
        demand.unwrap_or_else(|| Demand::InVain(self.mock(login)))
    }

    fn lasting(&self, login: &str, channel: &Channel) -> Option<Demand> {
        let user = self.known.get(login)?;
        match &user.credential {
            Credential::Issued => None,
            Credential::Password(verifier) => Some(Demand::Password(user.principal, verifier.clone())),
            Credential::Certificate(name) => channel.is_of(name).then_some(Demand::Nothing(user.principal)),
            Credential::Both(verifier, name) if channel.is_of(name) => {
                Some(Demand::Password(user.principal, verifier.clone()))
            }
            Credential::Both(verifier, _) => Some(Demand::InVain(verifier.clone())),
        }
    }

    /// A credential stands for a user of this proxy, as what it was issued for, and shows the certificate that the user has to.
    fn issued(&self, login: &str, channel: &Channel) -> Option<Demand> {
        let (principal, verifier, tenure) = self.in_force.issued.find(&self.place, login)?;
        let user = self.known.get(tenure.user())?;
        let shows = match &user.credential {
            Credential::Issued | Credential::Password(_) => true,
            Credential::Certificate(name) | Credential::Both(_, name) => channel.is_of(name),
        };
        (shows && user.principal == principal).then_some(Demand::Issued(principal, verifier, tenure))
    }

    /// What nobody passes, in the form of the real ones, which is in their names.
    fn mock(&self, login: &str) -> Verifier {
        let issued = Verifier::usual();
        let like = match login.contains(LOGIN_SEPARATOR) {
            true => &issued,
            false => &self.like,
        };
        Verifier::mock(&self.mock_secret, login.as_bytes(), like)
    }

    /// As what a login would count.
    pub fn principal(&self, login: &str) -> Option<Principal> {
        self.known.get(user_of(login)).map(|user| user.principal)
    }

    /// Whose login it is, or for whom the agent works.
    pub fn person(&self, login: &str) -> Option<String> {
        self.known
            .get(user_of(login))
            .and_then(|user| user.person.clone())
    }

    /// Why a login is asked in vain, for those who run the proxy.
    pub fn lacks(&self, login: &str) -> &'static str {
        match self.known.get(login) {
            Some(User {
                credential: Credential::Issued,
                ..
            }) => "it opens by issued credentials alone",
            Some(_) => "it needs a certificate of its own, and none with its name was shown",
            None => "there is no such login",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::{Duration, Instant};

    use safeguard_api::credential::LiveCredential;
    use safeguard_api::id::CredentialId;
    use safeguard_api::{Environment, Span, Timestamp};

    use super::super::issued::IssuedLogin;
    use super::super::judged::Standing;
    use super::super::scram::{Binding, Exchange};
    use super::*;

    /// With another number of rounds than issued ones have.
    const LASTING: &str = "SCRAM-SHA-256$5000:AAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn users(in_force: &Arc<InForce>) -> Users {
        let user = |principal, verifier: Option<&str>| ProxyUser {
            principal,
            person: None,
            verifier: verifier.map(str::to_owned),
            certificate_name: None,
            credential_longest: Span::hours(1),
        };
        let users = [
            ("coder", user(Principal::Agent, None)),
            ("kim", user(Principal::Person, Some(LASTING))),
        ];
        let place = Place {
            proxy: "shop".parse().unwrap(),
            environment: Environment::Production,
        };
        let users = users.map(|(login, user)| (login.to_owned(), user));
        Users::new(place, users.into(), Arc::clone(in_force)).unwrap()
    }

    /// As whom a login is let in; none where in vain.
    fn principal(users: &Users, login: &str) -> Option<Principal> {
        match users.demand(login, &Channel::default()) {
            Demand::Nothing(principal) | Demand::Password(principal, _) | Demand::Issued(principal, _, _) => {
                Some(principal)
            }
            Demand::InVain(_) => None,
        }
    }

    fn issue(in_force: &InForce, login: &str, user: &str, principal: Principal) {
        let live = LiveCredential {
            id: CredentialId::new(1, 1),
            proxy: "shop".parse().unwrap(),
            environment: Environment::Production,
            user: user.to_owned(),
            principal,
            login: login.to_owned(),
            verifier: super::super::verifier("open sesame"),
            expires: Timestamp(0),
        };
        let proxy = live.proxy.clone();
        let login = IssuedLogin::new(live, Instant::now() + Duration::from_secs(60)).unwrap();
        in_force.issue(&proxy, vec![login]);
    }

    /// What the server tells of the verifier before the client has proved anything.
    fn told(users: &Users, login: &str) -> String {
        let (verifier, in_vain) = match users.demand(login, &Channel::default()) {
            Demand::Password(_, verifier) | Demand::Issued(_, verifier, _) => (verifier, false),
            Demand::InVain(verifier) => (verifier, true),
            Demand::Nothing(_) => panic!("nothing is asked"),
        };
        let begun = Exchange::begin(verifier, in_vain, Binding::Unoffered, b"n,,n=,r=a", [7; 18]);
        let (_, said) = begun.unwrap();
        let salt = said.split(',').nth(1).unwrap().len();
        format!("{salt} {}", said.split(',').nth(2).unwrap())
    }

    #[test]
    fn an_issued_login_has_the_rights_of_its_user_and_no_other() {
        let in_force = Arc::new(InForce::new(Standing::default()));
        let users = users(&in_force);
        issue(&in_force, "coder~1", "coder", Principal::Agent);
        assert_eq!(principal(&users, "coder~1"), Some(Principal::Agent));
        assert_eq!(principal(&users, "coder~2"), None);
        assert_eq!(principal(&users, "coder"), None, "it has no lasting password");
        // What was issued before the configuration said otherwise.
        issue(&in_force, "coder~1", "coder", Principal::Person);
        assert_eq!(principal(&users, "coder~1"), None);
        issue(&in_force, "gone~1", "gone", Principal::Agent);
        assert_eq!(principal(&users, "gone~1"), None);
    }

    #[test]
    fn nobody_sees_which_logins_there_are() {
        let in_force = Arc::new(InForce::new(Standing::default()));
        let users = users(&in_force);
        issue(&in_force, "coder~1", "coder", Principal::Agent);
        let issued = told(&users, "coder~1");
        for login in ["coder~2", "nobody~1", "kim~1", "~"] {
            assert_eq!(told(&users, login), issued, "{login}");
        }
        let lasting = told(&users, "kim");
        assert_ne!(lasting, issued, "the two forms are told apart here");
        for login in ["coder", "nobody", ""] {
            assert_eq!(told(&users, login), lasting, "{login}");
        }
    }
}
