//! Who may log in at a proxy: users with a lasting password, and logins that were issued for minutes.

use std::collections::BTreeMap;
use std::sync::Arc;

use safeguard_api::config::ProxyUser;
use safeguard_api::credential::LOGIN_SEPARATOR;
use safeguard_api::guard::Principal;

use super::ProxyError;
use super::door::InForce;
use super::issued::{Place, Tenure};
use super::scram::Verifier;

pub struct Users {
    place: Place,
    /// The verifier of each that has a lasting password.
    users: BTreeMap<String, (Principal, Option<Verifier>)>,
    in_force: Arc<InForce>,
    mock_secret: [u8; 32],
}

/// What a login is asked to prove.
pub struct Found {
    /// Whose statements it may send; none where there is no such login, and nothing proves it.
    pub principal: Option<Principal>,
    pub verifier: Verifier,
    /// What ends its sessions, where it was issued for minutes.
    pub tenure: Option<Tenure>,
}

impl Users {
    pub fn new(
        place: Place,
        users: BTreeMap<String, ProxyUser>,
        in_force: Arc<InForce>,
    ) -> Result<Users, ProxyError> {
        let mut known = BTreeMap::new();
        for (login, user) in users {
            let parsed = user.verifier.as_deref().map(|text| {
                Verifier::parse(text).ok_or_else(|| ProxyError::Verifier {
                    name: place.proxy.to_string(),
                    login: login.clone(),
                })
            });
            known.insert(login, (user.principal, parsed.transpose()?));
        }
        let mut mock_secret = [0; 32];
        getrandom::fill(&mut mock_secret).map_err(ProxyError::Random)?;
        Ok(Users {
            place,
            users: known,
            in_force,
            mock_secret,
        })
    }

    /// The login of this name; a mock, and no principal, where there is none.
    pub fn find(&self, login: &str) -> Found {
        let found = match login.contains(LOGIN_SEPARATOR) {
            true => self.issued(login),
            false => self.lasting(login),
        };
        found.unwrap_or_else(|| {
            let verifier = Verifier::mock(&self.mock_secret, login.as_bytes(), &self.like(login));
            Found {
                principal: None,
                verifier,
                tenure: None,
            }
        })
    }

    fn lasting(&self, login: &str) -> Option<Found> {
        let (principal, verifier) = self.users.get(login)?;
        Some(Found {
            principal: Some(*principal),
            verifier: verifier.clone()?,
            tenure: None,
        })
    }

    /// A credential stands for a user of this proxy, as what it was issued for.
    fn issued(&self, login: &str) -> Option<Found> {
        let (principal, verifier, tenure) = self.in_force.issued.find(&self.place, login)?;
        let (as_configured, _) = self.users.get(tenure.user())?;
        (*as_configured == principal).then_some(Found {
            principal: Some(principal),
            verifier,
            tenure: Some(tenure),
        })
    }

    /// What a mock of this name has to look like: the real ones, whose form is in their names.
    fn like(&self, login: &str) -> Verifier {
        let lasting = self
            .users
            .values()
            .find_map(|(_, verifier)| verifier.clone())
            .filter(|_| !login.contains(LOGIN_SEPARATOR));
        lasting.unwrap_or_else(Verifier::of_issued_form)
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
    use super::super::scram::Exchange;
    use super::*;

    /// With another number of rounds than issued ones have.
    const LASTING: &str = "SCRAM-SHA-256$5000:AAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn users(in_force: &Arc<InForce>) -> Users {
        let user = |principal, verifier: Option<&str>| ProxyUser {
            principal,
            verifier: verifier.map(str::to_owned),
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
    fn told(found: &Found) -> String {
        let begun = Exchange::begin(
            found.verifier.clone(),
            found.principal.is_none(),
            b"n,,n=,r=a",
            [7; 18],
        );
        let (_, said) = begun.unwrap();
        let salt = said.split(',').nth(1).unwrap().len();
        format!("{salt} {}", said.split(',').nth(2).unwrap())
    }

    #[test]
    fn an_issued_login_has_the_rights_of_its_user_and_no_other() {
        let in_force = Arc::new(InForce::new(Standing::default()));
        let users = users(&in_force);
        issue(&in_force, "coder~1", "coder", Principal::Agent);
        assert_eq!(users.find("coder~1").principal, Some(Principal::Agent));
        assert_eq!(users.find("coder~2").principal, None);
        assert_eq!(users.find("coder").principal, None, "it has no lasting password");
        // What was issued before the configuration said otherwise.
        issue(&in_force, "coder~1", "coder", Principal::Person);
        assert_eq!(users.find("coder~1").principal, None);
        issue(&in_force, "gone~1", "gone", Principal::Agent);
        assert_eq!(users.find("gone~1").principal, None);
    }

    #[test]
    fn nobody_sees_which_logins_there_are() {
        let in_force = Arc::new(InForce::new(Standing::default()));
        let users = users(&in_force);
        issue(&in_force, "coder~1", "coder", Principal::Agent);
        let issued = told(&users.find("coder~1"));
        for login in ["coder~2", "nobody~1", "kim~1", "~"] {
            assert_eq!(told(&users.find(login)), issued, "{login}");
        }
        let lasting = told(&users.find("kim"));
        assert_ne!(lasting, issued, "the two forms are told apart here");
        for login in ["coder", "nobody", ""] {
            assert_eq!(told(&users.find(login)), lasting, "{login}");
        }
    }
}
