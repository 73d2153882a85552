//! Logins that hold for minutes: which are open, and what becomes of a session when its own ends.

use std::collections::BTreeMap;
use std::future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use safeguard_api::Environment;
use safeguard_api::Name;
use safeguard_api::credential::LiveCredential;
use safeguard_api::guard::Principal;
use tokio::sync::watch;

use super::cancel::ServerKey;
use super::refusal::Refusal;
use super::scram::Verifier;
use super::session::Session;
use super::upstream::Upstream;

/// A session that is ended does not wait longer for the database to stop what it does.
const CANCEL_LONGEST: Duration = Duration::from_secs(1);

/// So that scanners of secrets find it where it does not belong.
const PASSWORD_PREFIX: &str = "sgp_";
const PASSWORD_SIGNS: usize = 36;
/// 32 signs that need no escape anywhere, so that each carries five bits.
const SIGNS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Makes a password of 180 bits of chance.
///
/// # Errors
/// When the kernel gives no random bytes.
pub fn password() -> Result<String, getrandom::Error> {
    let mut random = [0; PASSWORD_SIGNS];
    getrandom::fill(&mut random)?;
    let signs = random
        .iter()
        .map(|byte| char::from(SIGNS[usize::from(byte & 31)]));
    Ok(PASSWORD_PREFIX.chars().chain(signs).collect())
}

/// A login that is open until a moment of this machine's own clock, which nobody sets.
#[derive(Clone)]
pub struct IssuedLogin {
    credential: LiveCredential,
    verifier: Verifier,
    ends: Instant,
}

impl IssuedLogin {
    /// None where the verifier is none.
    #[must_use]
    pub fn new(credential: LiveCredential, ends: Instant) -> Option<IssuedLogin> {
        let verifier = Verifier::parse(&credential.verifier)?;
        Some(IssuedLogin {
            credential,
            verifier,
            ends,
        })
    }
}

type Logins = BTreeMap<(Name, String), Arc<IssuedLogin>>;

/// The logins that are open, for all proxies of a process. One writes, sessions watch.
pub(super) struct Issued(watch::Sender<Arc<Logins>>);

impl Issued {
    pub fn new() -> Issued {
        Issued(watch::Sender::new(Arc::default()))
    }

    /// Takes what is live of one proxy's logins in the place of what was. A login that is known ends when it was said to
    /// at first, or sooner where it was brought nearer: no clock that was set back puts its end off.
    pub fn set(&self, proxy: &Name, live: Vec<IssuedLogin>) {
        self.0.send_if_modified(|logins| {
            let of_others = logins.iter().filter(|((name, _), _)| name != proxy);
            let mut next: Logins = of_others
                .map(|(key, login)| (key.clone(), Arc::clone(login)))
                .collect();
            for login in live {
                let key = (proxy.clone(), login.credential.login.clone());
                let login = match logins.get(&key) {
                    Some(known) if known.credential == login.credential => Arc::clone(known),
                    Some(known) => Arc::new(IssuedLogin {
                        ends: known.ends.min(login.ends),
                        ..login
                    }),
                    None => Arc::new(login),
                };
                next.insert(key, login);
            }
            let is_changed = next.len() != logins.len()
                || next
                    .iter()
                    .any(|(key, login)| !logins.get(key).is_some_and(|known| Arc::ptr_eq(known, login)));
            if is_changed {
                *logins = Arc::new(next);
            }
            is_changed
        });
    }

    /// The verifier of a login that is open, and how long a session by it may last.
    pub fn find(&self, place: &Place, login: &str) -> Option<(Principal, Verifier, Tenure)> {
        let key = (place.proxy.clone(), login.to_owned());
        let found = Arc::clone(self.0.borrow().get(&key)?);
        if found.credential.environment != place.environment || found.ends <= Instant::now() {
            return None;
        }
        let tenure = Tenure {
            key,
            user: found.credential.user.clone(),
            logins: self.0.subscribe(),
        };
        Some((found.credential.principal, found.verifier.clone(), tenure))
    }
}

/// Which proxy it is, and where it stands: a credential opens no other.
pub struct Place {
    pub proxy: Name,
    pub environment: Environment,
}

/// What holds a session that was opened by an issued login, and ends it.
#[derive(Clone)]
pub struct Tenure {
    key: (Name, String),
    user: String,
    logins: watch::Receiver<Arc<Logins>>,
}

impl std::fmt::Debug for Tenure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.key.1)
    }
}

impl Tenure {
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether the login is still open.
    pub fn holds(&self) -> bool {
        let logins = self.logins.borrow();
        logins
            .get(&self.key)
            .is_some_and(|login| Instant::now() < login.ends)
    }

    /// Waits until it is over, and says why.
    async fn over(mut self) -> Refusal {
        loop {
            let ends = self
                .logins
                .borrow_and_update()
                .get(&self.key)
                .map(|login| login.ends);
            let Some(ends) = ends else {
                return self.ended("was revoked", "ask whoever issued it whether there is another");
            };
            let expired = tokio::time::sleep_until(ends.into());
            tokio::select! {
                () = expired => {
                    let proxy = &self.key.0;
                    let next = format!(
                        "`safeguard credential issue --proxy {proxy} --user {}` issues the next one",
                        self.user
                    );
                    return self.ended("has expired", &next);
                }
                changed = self.logins.changed() => {
                    if changed.is_err() {
                        // The proxy itself ends.
                        future::pending::<()>().await;
                    }
                }
            }
        }
    }

    fn ended(&self, how: &str, next: &str) -> Refusal {
        Refusal::new(
            "57P01",
            format!("the credential `{}` {how}", self.key.1),
            format!("{next}; what was not committed is rolled back"),
        )
    }
}

/// Waits for the end of what the session was opened by; for ever where that is a lasting password.
pub async fn over(tenure: Option<Tenure>) -> Refusal {
    match tenure {
        Some(tenure) => tenure.over().await,
        None => future::pending().await,
    }
}

impl Session {
    /// Stops what runs in the database: it would only notice that nobody waits for it when it is done.
    pub async fn cut_off(&mut self) {
        cancel(&self.door.upstream, &self.meter.server, self.door.name.as_str()).await;
    }
}

async fn cancel(upstream: &Upstream, server: &ServerKey, proxy: &str) {
    match tokio::time::timeout(CANCEL_LONGEST, upstream.cancel(server)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(proxy, %error, "A cancel did not reach the database"),
        Err(_) => tracing::warn!(proxy, "A cancel was not answered"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safeguard_api::Timestamp;
    use safeguard_api::credential::is_issued_verifier;
    use safeguard_api::id::CredentialId;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn live(login: &str, expires: i64) -> LiveCredential {
        LiveCredential {
            id: CredentialId::new(1, 1),
            proxy: "shop".parse().unwrap(),
            environment: Environment::Production,
            user: "coder".to_owned(),
            principal: Principal::Agent,
            login: login.to_owned(),
            verifier: super::super::verifier("open sesame"),
            expires: Timestamp(expires),
        }
    }

    fn place() -> Place {
        Place {
            proxy: "shop".parse().unwrap(),
            environment: Environment::Production,
        }
    }

    fn ends(issued: &Issued, login: &str) -> Option<Instant> {
        let key = ("shop".parse().unwrap(), login.to_owned());
        issued.0.borrow().get(&key).map(|login| login.ends)
    }

    #[test]
    fn what_is_made_here_is_what_may_be_issued() {
        let made = password().unwrap();
        assert_eq!(made.len(), PASSWORD_PREFIX.len() + PASSWORD_SIGNS);
        assert_ne!(made, password().unwrap());
        assert!(is_issued_verifier(&super::super::verifier(&made)));
    }

    #[test]
    fn an_end_comes_nearer_and_is_never_put_off() {
        let issued = Issued::new();
        let now = Instant::now();
        let shop: Name = "shop".parse().unwrap();
        let set = |credential: &LiveCredential, ends| {
            let login = IssuedLogin::new(credential.clone(), ends).unwrap();
            issued.set(&shop, vec![login]);
        };
        let first = live("coder~1", 7);
        set(&first, now + HOUR);
        // The server's clock was set back, so that more seems to be left.
        set(&first, now + 2 * HOUR);
        assert_eq!(ends(&issued, "coder~1"), Some(now + HOUR));
        let rotated = LiveCredential {
            expires: Timestamp(6),
            ..first
        };
        set(&rotated, now + HOUR / 2);
        assert_eq!(ends(&issued, "coder~1"), Some(now + HOUR / 2));
        set(&live("coder~1", 9), now + HOUR);
        assert_eq!(ends(&issued, "coder~1"), Some(now + HOUR / 2));
        issued.set(&shop, Vec::new());
        assert_eq!(ends(&issued, "coder~1"), None);
    }

    #[test]
    fn a_login_is_found_in_its_own_place_alone() {
        let issued = Issued::new();
        let shop: Name = "shop".parse().unwrap();
        let login = IssuedLogin::new(live("coder~1", 7), Instant::now() + HOUR).unwrap();
        issued.set(&shop, vec![login]);
        assert!(issued.find(&place(), "coder~1").is_some());
        assert!(issued.find(&place(), "coder").is_none());
        let staging = Place {
            environment: Environment::Staging,
            ..place()
        };
        assert!(issued.find(&staging, "coder~1").is_none());
        let elsewhere = Place {
            proxy: "stock".parse().unwrap(),
            ..place()
        };
        assert!(issued.find(&elsewhere, "coder~1").is_none());
        issued.set(&elsewhere.proxy, Vec::new());
        assert!(
            issued.find(&place(), "coder~1").is_some(),
            "another proxy's are its own"
        );
    }
}
