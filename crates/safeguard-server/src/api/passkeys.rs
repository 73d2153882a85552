//! Passkeys: an administrator invites a person by a link, the browser makes the key, and the log says whose it is.

use axum::Json;
use axum::extract::{Path, State};
use safeguard_api::audit::{Actor, Event};
use safeguard_api::passkey::{
    Enrolment, EnrolmentOptions, Invitation, InvitationSpec, PASSKEYS_MAX, Passkey,
};
use safeguard_api::{Digest, Span, Timestamp};
use safeguard_gate::signature::passkey;
use safeguard_store::{Document, Tx};
use serde::{Deserialize, Serialize};

use super::{Answer, ApiError, Body, IdPath, consents, policy};
use crate::App;
use crate::auth::{Caller, random_hex};
use crate::record::{self, now};

const INVITATION_HOLDS: Span = Span::hours(24);
/// Browsers know passkeys only by a domain, and this one always leads here.
const RP_ID: &str = "localhost";

/// A link that was given out, until somebody enrols by it. Of the link's code only the hash is kept.
#[derive(Serialize, Deserialize)]
struct Invited {
    code: Digest,
    person: String,
    invited_by: String,
    /// What the browser must sign over, in hexadecimal.
    challenge: String,
    expires: Timestamp,
    #[serde(default)]
    used: bool,
}

impl Document for Invited {
    const KIND: &'static str = "passkey-invitation";
    fn key(&self) -> String {
        self.code.to_string()
    }
}

/// Of whom a session of the browser may enrol a passkey: the invitation that it came by.
#[derive(Debug, Clone)]
pub(crate) struct Enrols(pub Digest);

pub(super) fn origin(app: &App) -> String {
    format!("http://{RP_ID}:{}", app.door.port())
}

pub(super) async fn invite(
    State(app): State<App>,
    caller: Caller,
    Body(spec): Body<InvitationSpec>,
) -> Answer<Invitation> {
    let code = random_hex()?;
    let challenge = random_hex()?;
    let link = format!("{}/enrol?code={code}", origin(&app));
    let expires = now().plus(INVITATION_HOLDS);
    let person = spec.person.trim().to_owned();
    let invited = Invited {
        code: Digest::of(code.as_bytes()),
        person: person.clone(),
        invited_by: caller.actor.id.clone(),
        challenge,
        expires,
        used: false,
    };
    let actor = caller.actor.clone();
    let answer = app
        .store
        .write(move |tx| -> Result<Invitation, ApiError> {
            consents::clock_goes_forward(tx)?;
            known_person(tx, &invited.person)?;
            let mut event = about("credential.invited", actor, None, "a passkey may be enrolled");
            event
                .commit
                .push(tx.salt_and_commit("person", invited.person.as_bytes())?);
            tx.append(&event)?;
            tx.put(&invited)?;
            Ok(Invitation {
                person,
                link,
                expires,
            })
        })
        .await?;
    answered(&app, answer, caller.actor).await
}

/// Only a person whom the policy in force lets sign with a passkey.
fn known_person(tx: &Tx<'_>, person: &str) -> Result<(), ApiError> {
    let in_force = policy::in_force(tx)?.ok_or_else(policy::none_in_force)?.policy;
    let known = in_force
        .approvers
        .iter()
        .find(|approver| approver.person == person);
    match known {
        Some(approver) if approver.passkey => Ok(()),
        Some(_) => Err(
            ApiError::refused(format!("`{person}` is to sign with keys alone"))
                .hint("set `passkey = true` for the person, and run `safeguard policy apply`"),
        ),
        None => {
            let title = format!("the policy in force names no approver `{person}`");
            let names: Vec<&str> = in_force
                .approvers
                .iter()
                .map(|approver| approver.person.as_str())
                .collect();
            Err(ApiError::refused(title).hint(format!("it names: {}", names.join(", "))))
        }
    }
}

/// Whether a link's code may be turned into a session that enrols.
pub(crate) fn invitation(tx: &Tx<'_>, code: &str) -> Result<Option<Enrols>, safeguard_store::StoreError> {
    let code = Digest::of(code.as_bytes());
    let invited = tx.get::<Invited>(code.as_str())?;
    Ok(invited
        .filter(|invited| !invited.used && now() < invited.expires)
        .map(|_| Enrols(code)))
}

fn invited(tx: &Tx<'_>, enrols: Option<&Enrols>) -> Result<Invited, ApiError> {
    let none = || {
        ApiError::refused("this session came by no invitation")
            .hint("open the link that `safeguard passkey invite` printed; it works once")
    };
    let Enrols(code) = enrols.ok_or_else(none)?;
    let invited = tx.get::<Invited>(code.as_str())?.ok_or_else(none)?;
    if invited.used || invited.expires <= now() {
        return Err(none());
    }
    Ok(invited)
}

pub(super) async fn options(State(app): State<App>, caller: Caller) -> Answer<EnrolmentOptions> {
    let invited = app
        .store
        .read(move |tx| Ok(invited(tx, caller.enrols.as_ref())))
        .await??;
    Ok(Json(EnrolmentOptions {
        rp_id: RP_ID.to_owned(),
        user: Digest::of(invited.person.as_bytes()).hex()[..32].to_owned(),
        person: invited.person,
        challenge: invited.challenge,
    }))
}

pub(super) async fn enrol(
    State(app): State<App>,
    caller: Caller,
    Body(enrolment): Body<Enrolment>,
) -> Answer<Passkey> {
    let origin = origin(&app);
    let (actor, enrols) = (caller.actor.clone(), caller.enrols.clone());
    let answer = app
        .store
        .write(move |tx| take_in(tx, enrols.as_ref(), &enrolment, &origin, actor))
        .await?;
    answered(&app, answer, caller.actor).await
}

async fn answered<T>(app: &App, answer: Result<T, ApiError>, actor: Actor) -> Answer<T> {
    let subject = vec!["passkey".to_owned()];
    consents::answered(app, answer, "credential.refused", actor, subject).await
}

fn take_in(
    tx: &mut Tx<'_>,
    enrols: Option<&Enrols>,
    enrolment: &Enrolment,
    origin: &str,
    actor: Actor,
) -> Result<Passkey, ApiError> {
    let at = consents::clock_goes_forward(tx)?;
    let mut invited = invited(tx, enrols)?;
    known_person(tx, &invited.person)?;
    let challenge = invited.challenge.as_bytes();
    let made = passkey::enrol(enrolment, challenge, RP_ID, origin)
        .map_err(|error| ApiError::refused(error.to_string()))?;
    if tx.get::<Passkey>(&made.credential)?.is_some() {
        return Err(ApiError::refused("this passkey is enrolled already"));
    }
    if tx.list::<Passkey>(false, PASSKEYS_MAX)?.len() >= PASSKEYS_MAX {
        return Err(ApiError::refused(format!(
            "there are {PASSKEYS_MAX} passkeys (limit {PASSKEYS_MAX})"
        )));
    }
    let mut passkey = Passkey {
        credential: made.credential,
        person: invited.person.clone(),
        public_key: made.public_key,
        rp_id: RP_ID.to_owned(),
        origin: origin.to_owned(),
        sign_count: made.sign_count,
        enrolled_at: at,
        invited_by: invited.invited_by.clone(),
        revoked_at: None,
        entry: 0,
    };
    let mut event = about(
        "credential.created",
        actor,
        Some(&passkey),
        "a passkey was enrolled",
    );
    event
        .commit
        .push(tx.salt_and_commit("person", passkey.person.as_bytes())?);
    passkey.entry = tx.append(&event)?;
    invited.used = true;
    tx.put(&invited)?;
    tx.put(&passkey)?;
    Ok(passkey)
}

pub(super) async fn list(State(app): State<App>) -> Answer<Vec<Passkey>> {
    Ok(Json(
        app.store
            .read(|tx| tx.list::<Passkey>(false, PASSKEYS_MAX))
            .await?,
    ))
}

pub(super) async fn revoke(State(app): State<App>, caller: Caller, Path(id): IdPath) -> Answer<Passkey> {
    let actor = caller.actor.clone();
    let answer = app
        .store
        .write(move |tx| -> Result<Passkey, ApiError> {
            let unknown =
                || ApiError::refused("there is no such passkey").hint("run `safeguard passkey list`");
            let mut passkey = tx.get::<Passkey>(&id)?.ok_or_else(unknown)?;
            passkey.revoked_at.get_or_insert(now());
            tx.append(&about(
                "credential.revoked",
                actor,
                Some(&passkey),
                "a passkey was revoked",
            ))?;
            tx.put(&passkey)?;
            Ok(passkey)
        })
        .await?;
    answered(&app, answer, caller.actor).await
}

fn about(kind: &str, actor: Actor, passkey: Option<&Passkey>, text: &str) -> Event {
    let subject = passkey.map_or_else(|| "passkey".to_owned(), |passkey| passkey.credential.clone());
    let key = passkey.map(|passkey| &passkey.public_key);
    record::event(
        kind,
        actor,
        vec![subject],
        serde_json::json!({ "text": text, "public_key": key }),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safeguard_store::{Place, Settings, Store};

    use super::*;

    /// Whether a link whose code is `code` still opens the page, and the session that it opened still enrols.
    async fn opens(used: bool, holds: Span) -> (bool, bool) {
        let settings = Settings {
            place: Place::Memory,
            origin: "test".to_owned(),
            key: [1; 32],
            checkpoint_file: None,
        };
        let store = Store::open(settings).unwrap();
        let invitation_made = Invited {
            code: Digest::of(b"code"),
            person: "Kim".to_owned(),
            invited_by: "admin".to_owned(),
            challenge: "00".to_owned(),
            expires: now().plus(holds),
            used,
        };
        let put =
            move |tx: &mut Tx<'_>| -> Result<(), safeguard_store::StoreError> { tx.put(&invitation_made) };
        store.write(put).await.unwrap().unwrap();
        let look = |tx: &Tx<'_>| {
            let session = Enrols(Digest::of(b"code"));
            let link = invitation(tx, "code")?.is_some();
            assert!(invitation(tx, "another")?.is_none());
            Ok((link, invited(tx, Some(&session)).is_ok()))
        };
        store.read(look).await.unwrap()
    }

    #[tokio::test]
    async fn an_invitation_that_is_used_or_over_opens_nothing() {
        assert_eq!(opens(false, INVITATION_HOLDS).await, (true, true));
        assert_eq!(opens(true, INVITATION_HOLDS).await, (false, false));
        assert_eq!(opens(false, Span(0)).await, (false, false));
    }
}
