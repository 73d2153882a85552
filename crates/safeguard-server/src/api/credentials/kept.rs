//! What is kept of credentials: the record of each, and what proves the live ones, apart and no longer than that.

use safeguard_api::audit::Actor;
use safeguard_api::config::ProxyUser;
use safeguard_api::credential::{
    CREDENTIAL_SHORTEST, CREDENTIALS_LIVE_MAX, CredentialState, ISSUING_USER_BYTES_MAX, LiveCredential,
    is_issued_verifier, issued_login,
};
use safeguard_api::guard::Principal;
use safeguard_api::id::CredentialId;
use safeguard_api::operation::Scope;
use safeguard_api::{Credential, Environment, Name, Problem, Span, Timestamp};
use safeguard_store::{Document, StoreError, Tx};

use crate::api::{ApiError, birth};
use crate::auth::Caller;
use crate::record::{self, now};

/// What a credential was is told for so long after its end; the log has it for ever.
const KEPT_AFTER_END: Span = Span::hours(30 * 24);
/// So many old ones are looked at when a new one is issued: more than one, so that they become fewer.
const FORGOTTEN_AT_ONCE: usize = 20;

/// What is to be issued, as the configuration of the server has it.
pub(super) struct Wanted {
    pub proxy: Name,
    pub environment: Environment,
    pub user: String,
    pub principal: Principal,
    pub lasts: Span,
    pub verifier: String,
    pub born: Born,
}

/// What chance gives a new credential.
pub(super) struct Born {
    id: u32,
    login: u64,
}

impl Born {
    pub fn new() -> Result<Born, ApiError> {
        let (_, id) = birth(now())?;
        Ok(Born {
            id,
            login: getrandom::u64()?,
        })
    }
}

impl Wanted {
    pub fn check(&self, user: &ProxyUser, caller: &Caller) -> Result<(), ApiError> {
        let least = least_scope(self.principal, self.environment);
        if caller.scope < least {
            let title = format!(
                "a credential of a {} in {} needs the scope admin, and `{}` has {}",
                self.principal,
                self.environment,
                caller.actor.id,
                format!("{:?}", caller.scope).to_lowercase()
            );
            return Err(ApiError(
                Problem::new(403, "refused", title).with_hint("ask an administrator to issue it"),
            ));
        }
        let longest = user.credential_longest;
        let mut problems = Vec::new();
        if self.lasts < CREDENTIAL_SHORTEST || longest < self.lasts {
            problems.push(format!(
                "`lasts` is {} ({CREDENTIAL_SHORTEST} to {longest} are possible: `credential_longest` of `{}`)",
                self.lasts, self.user
            ));
        }
        if self.user.len() > ISSUING_USER_BYTES_MAX {
            problems.push(format!(
                "`user` has {} bytes (limit {ISSUING_USER_BYTES_MAX}, since the login has nine more)",
                self.user.len()
            ));
        }
        if !is_issued_verifier(&self.verifier) {
            // What stands there may be a password: it is not repeated.
            problems
                .push("`verifier` is not SCRAM-SHA-256 with 4096 rounds and a salt of 16 bytes".to_owned());
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(ApiError::invalid("the credential can not be issued", problems)),
        }
    }

    /// Issues it, and has the one before end after its grace.
    pub fn issue(
        self,
        tx: &mut Tx<'_>,
        at: Timestamp,
        before: Option<(Credential, Span)>,
        actor: Actor,
    ) -> Result<Credential, ApiError> {
        let held = cleaned(tx, &self.proxy, at)?;
        // One that ends at once makes room for the next.
        let freed = usize::from(before.as_ref().is_some_and(|(_, grace)| grace.ms() == 0));
        if held.len() >= CREDENTIALS_LIVE_MAX + freed {
            return Err(ApiError::refused(format!(
                "`{}` has {} live credentials (limit {CREDENTIALS_LIVE_MAX})",
                self.proxy,
                held.len()
            ))
            .hint("`safeguard credential list` shows them; revoke what nobody needs"));
        }
        let login = issued_login(&self.user, self.born.login);
        if held.iter().any(|other| other.login == login) {
            return Err(ApiError::refused(format!("there is a login `{login}` already")).hint("ask again"));
        }
        forget(tx, at)?;
        let credential = Credential {
            id: CredentialId::new(at.0.unsigned_abs(), self.born.id),
            proxy: self.proxy,
            environment: self.environment,
            user: self.user,
            principal: self.principal,
            login,
            issued_by: actor.id.clone(),
            issued_at: at,
            lasts: self.lasts,
            expires: at.plus(self.lasts),
            replaces: before.as_ref().map(|(before, _)| before.id.clone()),
            replaced_by: None,
            revoked_at: None,
            revoked_by: None,
        };
        let mut subject = vec![credential.id.to_string()];
        let mut decision = about(&credential);
        if let Some((before, grace)) = before {
            let ends = end_after(tx, before, grace, at, &credential.id)?;
            subject.push(ends.id.to_string());
            decision["replaces"] = serde_json::json!({ "credential": ends.id, "expires": ends.expires });
        }
        tx.put(&credential)?;
        tx.put(&LiveCredential {
            id: credential.id.clone(),
            proxy: credential.proxy.clone(),
            environment: credential.environment,
            user: credential.user.clone(),
            principal: credential.principal,
            login: credential.login.clone(),
            verifier: self.verifier,
            expires: credential.expires,
        })?;
        tx.append(&record::event("credential.issued", actor, subject, decision))?;
        Ok(credential)
    }
}

/// Who may issue: whoever operates, but what opens production to a person or a migration is for administrators.
fn least_scope(principal: Principal, environment: Environment) -> Scope {
    let is_strong = match principal {
        Principal::Person | Principal::Migration => true,
        Principal::Agent | Principal::Service => false,
    };
    match environment {
        Environment::Production if is_strong => Scope::Admin,
        Environment::Production | Environment::Staging | Environment::Qa | Environment::Dev => Scope::Operate,
    }
}

/// What the log says: whose rights, until when; nothing that proves anything.
pub(super) fn about(credential: &Credential) -> serde_json::Value {
    serde_json::json!({
        "proxy": credential.proxy,
        "environment": credential.environment,
        "user": credential.user,
        "principal": credential.principal,
        "login": credential.login,
        "expires": credential.expires,
    })
}

pub(super) fn live_key(credential: &Credential) -> String {
    format!("{}/{}", credential.proxy, credential.id)
}

/// Those of a proxy that were live when somebody last looked.
pub(super) fn held(tx: &Tx<'_>, proxy: &Name) -> Result<Vec<LiveCredential>, StoreError> {
    tx.list_last::<LiveCredential>(&format!("{proxy}/"), CREDENTIALS_LIVE_MAX)
}

/// Removes what is over, and returns what is live.
pub(super) fn cleaned(
    tx: &mut Tx<'_>,
    proxy: &Name,
    at: Timestamp,
) -> Result<Vec<LiveCredential>, StoreError> {
    let (live, over): (Vec<_>, Vec<_>) = held(tx, proxy)?
        .into_iter()
        .partition(|credential| at < credential.expires);
    for credential in over {
        tx.remove::<LiveCredential>(&credential.key())?;
    }
    Ok(live)
}

/// Removes what ended long ago; the oldest come first.
fn forget(tx: &mut Tx<'_>, at: Timestamp) -> Result<(), StoreError> {
    for credential in tx.list::<Credential>(false, FORGOTTEN_AT_ONCE)? {
        if credential.expires.plus(KEPT_AFTER_END) < at {
            tx.remove::<Credential>(&credential.key())?;
        }
    }
    Ok(())
}

pub(super) fn live_one(tx: &Tx<'_>, id: &CredentialId, at: Timestamp) -> Result<Credential, ApiError> {
    let credential = tx
        .get::<Credential>(id.as_str())?
        .ok_or_else(|| ApiError::not_found("credential", id))?;
    match credential.state(at) {
        CredentialState::Live => Ok(credential),
        CredentialState::Expired => Err(ApiError::refused(format!(
            "{id} has expired at {}",
            credential.expires
        ))),
        CredentialState::Revoked => Err(ApiError::refused(format!("{id} was revoked already"))),
    }
}

/// Brings the end of a credential nearer, for the sake of the next one.
fn end_after(
    tx: &mut Tx<'_>,
    mut before: Credential,
    grace: Span,
    at: Timestamp,
    next: &CredentialId,
) -> Result<Credential, StoreError> {
    before.expires = before.expires.min(at.plus(grace));
    before.replaced_by = Some(next.clone());
    let key = live_key(&before);
    match tx.get::<LiveCredential>(&key)? {
        Some(mut live) if at < before.expires => {
            live.expires = before.expires;
            tx.put(&live)?;
        }
        Some(_) => {
            tx.remove::<LiveCredential>(&key)?;
        }
        None => {}
    }
    tx.put(&before)?;
    Ok(before)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safeguard_store::{Place, Settings, Store};

    use super::*;

    const VERIFIER: &str = "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const START: Timestamp = Timestamp(1_800_000_000_000);

    fn store() -> Store {
        let settings = Settings {
            place: Place::Memory,
            origin: "safeguard.test".to_owned(),
            key: [3; 32],
            checkpoint_file: None,
        };
        Store::open(settings).unwrap()
    }

    fn wanted(number: u32) -> Wanted {
        Wanted {
            proxy: "shop".parse().unwrap(),
            environment: Environment::Staging,
            user: "coder".to_owned(),
            principal: Principal::Agent,
            lasts: Span::minutes(15),
            verifier: VERIFIER.to_owned(),
            born: Born {
                id: number,
                login: u64::from(number),
            },
        }
    }

    fn issue(
        store: &Store,
        number: u32,
        at: Timestamp,
        before: Option<(Credential, Span)>,
    ) -> Result<Credential, ApiError> {
        let issue = move |tx: &mut Tx<'_>| wanted(number).issue(tx, at, before, Actor::system("test"));
        store.write_blocking(issue).unwrap()
    }

    fn live(store: &Store) -> Vec<LiveCredential> {
        store
            .read_blocking(|tx| held(tx, &"shop".parse().unwrap()))
            .unwrap()
    }

    fn told(store: &Store) -> usize {
        let all = store.read_blocking(|tx| tx.list::<Credential>(false, 5_000));
        all.unwrap().len()
    }

    #[test]
    fn there_are_so_many_live_ones_and_no_more() {
        let store = store();
        let limit = u32::try_from(CREDENTIALS_LIVE_MAX).unwrap();
        let one = issue(&store, 0, START, None).unwrap();
        let like = live(&store).remove(0);
        store
            .write_blocking(move |tx| {
                (1..limit).try_for_each(|number| {
                    tx.put(&LiveCredential {
                        id: CredentialId::new(1, number),
                        login: issued_login("coder", u64::from(number)),
                        ..like.clone()
                    })
                })
            })
            .unwrap()
            .unwrap();
        let title = |answer: Result<Credential, ApiError>| answer.unwrap_err().0.title;
        let full = "`shop` has 1000 live credentials (limit 1000)";
        assert_eq!(title(issue(&store, limit, START, None)), full);
        let later = Some((one.clone(), Span::seconds(60)));
        assert_eq!(title(issue(&store, limit, START, later)), full);
        // What ends at once makes room.
        let next = issue(&store, limit, START, Some((one.clone(), Span(0)))).unwrap();
        assert_eq!((next.replaces, live(&store).len()), (Some(one.id), 1_000));
        // So does time: nothing of what proves the others is left.
        issue(&store, limit + 1, START.plus(Span::minutes(15)), None).unwrap();
        let left = live(&store);
        assert_eq!(
            (left.len(), left.first().map(|one| one.login.as_str())),
            (1, Some("coder~9z000000"))
        );
        assert_eq!(told(&store), 3);
    }

    #[test]
    fn the_one_before_ends_after_its_grace_and_never_later_than_it_would() {
        let store = store();
        let first = issue(&store, 1, START, None).unwrap();
        let at = START.plus(Span::minutes(14));
        let second = issue(&store, 2, at, Some((first.clone(), Span::hours(1)))).unwrap();
        let ends = |id: &CredentialId| {
            let live = live(&store);
            live.iter().find(|one| one.id == *id).map(|one| one.expires)
        };
        assert_eq!(ends(&first.id), Some(first.expires));
        issue(&store, 3, at, Some((second.clone(), Span::seconds(60)))).unwrap();
        assert_eq!(ends(&second.id), Some(at.plus(Span::seconds(60))));
        let known = store.read_blocking(move |tx| tx.get::<Credential>(second.id.as_str()));
        let known = known.unwrap().unwrap();
        assert_eq!(known.state(at.plus(Span::seconds(60))), CredentialState::Expired);
        assert!(known.replaced_by.is_some());
    }

    #[test]
    fn a_login_is_given_once_and_what_ended_long_ago_is_forgotten() {
        let store = store();
        issue(&store, 1, START, None).unwrap();
        let again = issue(&store, 1, START, None).unwrap_err().0.title;
        assert_eq!(again, "there is a login `coder~10000000` already");
        let later = START.plus(Span::hours(30 * 24));
        issue(&store, 2, later, None).unwrap();
        assert_eq!(told(&store), 2);
        issue(&store, 3, later.plus(Span::minutes(16)), None).unwrap();
        assert_eq!(told(&store), 2);
    }
}
