//! Who may call: tokens, kept as hashes, and one browser login by a link that works once.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use base64::Engine as _;
use http::HeaderMap;
use safeguard_api::audit::{Actor, ActorKind};
use safeguard_api::operation::Scope;
use safeguard_api::status::Token;
use safeguard_api::{Digest, Problem, Span, Timestamp, TokenId};
use safeguard_store::{Store, StoreError, TokenRecord};
use subtle::ConstantTimeEq;

use crate::ServerError;
use crate::api::passkeys::Enrols;
use crate::record::{self, now};

const SESSIONS_MAX: usize = 64;
/// A link that opens an approval's page.
const LINK_HOLDS: Span = Span::minutes(10);
const SESSION_COOKIE: &str = "safeguard_session";
/// Holds what the page keeps in the storage of its origin.
const PAGE_HEADER: &str = "x-safeguard-page";
pub(crate) const TOKENS_MAX: usize = 1000;

/// Knows everyone who may come in.
pub(crate) struct Door {
    /// The hash of the login code, until it is used; the lock guards that it is used once.
    login: Mutex<Option<Digest>>,
    /// The newest last. The lock guards the limit.
    sessions: Mutex<VecDeque<Session>>,
    /// Links that become a session, each once, the newest last. The lock guards the limit, and the once.
    links: Mutex<VecDeque<Link>>,
    /// The authority that browsers' `Origin` must name.
    address: SocketAddr,
}

/// A browser that was let in; of its secrets only the hashes are kept.
///
/// A browser gives the cookie to every port of its host, and so to the apps under release. What the page itself keeps, it
/// gives to this origin alone; without it the cookie shows pages without a word in them.
struct Session {
    cookie: Digest,
    page: Digest,
    actor: String,
    enrols: Option<Enrols>,
}

struct Link {
    code: Digest,
    actor: String,
    expires: Timestamp,
}

/// What lets a browser in.
pub(crate) struct Entered {
    pub cookie: String,
    /// The address to go on to. What follows `#` is for the page's own script, and is in no request.
    pub page: String,
}

/// Who calls, and what that one may do.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub actor: Actor,
    pub scope: Scope,
    /// The invitation that the caller's browser came by.
    pub enrols: Option<Enrols>,
}

impl Door {
    /// Makes the administrator's token at the first start, and a new login link at every start.
    pub async fn open(store: &Store, state: &Path, address: SocketAddr) -> Result<Door, ServerError> {
        let token_file = state.join("admin.token");
        if !is_known(store, &token_file).await? {
            let (record, secret) = new_token("admin", Scope::Admin)?;
            write_secret(&token_file, &secret)?;
            let event = record::event(
                "credential.created",
                Actor::system("server"),
                vec![record.token.id.to_string()],
                serde_json::json!({ "name": record.token.name, "scope": record.token.scope }),
            );
            store
                .write(move |tx| -> Result<(), StoreError> {
                    tx.put(&record)?;
                    tx.append(&event)?;
                    Ok(())
                })
                .await??;
        }
        let code = random_hex()?;
        write_secret(
            &state.join("login.link"),
            &format!("http://{address}/login?code={code}\n"),
        )?;
        Ok(Door {
            login: Mutex::new(Some(Digest::of(code.as_bytes()))),
            sessions: Mutex::new(VecDeque::new()),
            links: Mutex::new(VecDeque::new()),
            address,
        })
    }

    /// Turns a login code into a session; the code is void afterwards.
    pub fn log_in(&self, code: &str) -> Result<Option<Entered>, getrandom::Error> {
        let presented = Digest::of(code.as_bytes());
        let mut login = self
            .login
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !login.as_ref().is_some_and(|wanted| same(wanted, &presented)) {
            return Ok(None);
        }
        *login = None;
        self.let_in("/", "operator", None).map(Some)
    }

    /// Makes a link's code for whoever asked; it becomes a session once, within minutes.
    pub fn link(&self, actor: &str) -> Result<String, getrandom::Error> {
        let code = random_hex()?;
        let mut links = self
            .links
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if links.len() == SESSIONS_MAX {
            links.pop_front();
        }
        links.push_back(Link {
            code: Digest::of(code.as_bytes()),
            actor: actor.to_owned(),
            expires: now().plus(LINK_HOLDS),
        });
        Ok(code)
    }

    /// Turns a link's code into a session on `page`; the code is void afterwards.
    pub fn follow(&self, code: &str, page: &str) -> Result<Option<Entered>, getrandom::Error> {
        let presented = Digest::of(code.as_bytes());
        let mut links = self
            .links
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(at) = links.iter().position(|link| same(&link.code, &presented)) else {
            return Ok(None);
        };
        match links.remove(at).filter(|link| now() < link.expires) {
            Some(link) => self.let_in(page, &link.actor, None).map(Some),
            None => Ok(None),
        }
    }

    /// A session that enrols a passkey by an invitation.
    pub fn enrols(&self, enrols: Enrols, page: &str) -> Result<Entered, getrandom::Error> {
        self.let_in(page, "invited", Some(enrols))
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    fn let_in(&self, page: &str, actor: &str, enrols: Option<Enrols>) -> Result<Entered, getrandom::Error> {
        let (cookie, secret) = (random_hex()?, random_hex()?);
        let mut sessions = self
            .sessions
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if sessions.len() == SESSIONS_MAX {
            sessions.pop_front();
        }
        sessions.push_back(Session {
            cookie: Digest::of(cookie.as_bytes()),
            page: Digest::of(secret.as_bytes()),
            actor: actor.to_owned(),
            enrols,
        });
        Ok(Entered {
            cookie: format!("{SESSION_COOKIE}={cookie}; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"),
            page: format!("{page}#{secret}"),
        })
    }

    /// Says who sent these headers.
    pub async fn caller(
        &self,
        store: &Store,
        headers: &HeaderMap,
        mutates: bool,
    ) -> Result<Option<Caller>, Refused> {
        if let Some(secret) = bearer(headers) {
            return token_caller(store, secret).await;
        }
        // Calendar programs know no other way. A browser sends it from any page, so it changes nothing.
        if !mutates && let Some(secret) = basic(headers) {
            return token_caller(store, &secret).await;
        }
        let presented = headers
            .get(PAGE_HEADER)
            .map(|secret| Digest::of(secret.as_bytes()));
        let Some((id, enrols)) = presented.and_then(|page| self.session(headers, Some(&page))) else {
            return Ok(None);
        };
        if mutates && !self.same_origin(headers) {
            return Err(Refused::Problem(Problem::new(
                403,
                "refused",
                "the request comes from another site",
            )));
        }
        let actor = Actor {
            kind: ActorKind::Human,
            id,
            auth: "session".to_owned(),
        };
        // Who came by an invitation enrols a key, and asks for no more.
        let scope = if enrols.is_some() {
            Scope::Read
        } else {
            Scope::Operate
        };
        Ok(Some(Caller { actor, scope, enrols }))
    }

    /// Whether the page may be shown, which asks for all that is in it as [`Door::caller`].
    pub fn has_session(&self, headers: &HeaderMap) -> bool {
        self.session(headers, None).is_some()
    }

    fn session(&self, headers: &HeaderMap, page: Option<&Digest>) -> Option<(String, Option<Enrols>)> {
        let presented = Digest::of(cookie(headers, SESSION_COOKIE)?.as_bytes());
        let sessions = self
            .sessions
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = sessions
            .iter()
            .find(|session| same(&session.cookie, &presented))?;
        if page.is_some_and(|page| !same(&found.page, page)) {
            return None;
        }
        Some((found.actor.clone(), found.enrols.clone()))
    }

    // A browser names the page's origin in every POST; a form on another site can not forge it.
    fn same_origin(&self, headers: &HeaderMap) -> bool {
        let port = self.address.port();
        let allowed = [
            format!("http://{}", self.address),
            format!("http://localhost:{port}"),
            format!("http://127.0.0.1:{port}"),
        ];
        let origin = headers
            .get(http::header::ORIGIN)
            .and_then(|origin| origin.to_str().ok());
        origin.is_some_and(|origin| allowed.iter().any(|one| one == origin))
    }
}

/// Whether the file holds the secret of a token that the store has. It does not when the server ended between writing
/// one and the other, or when the database is a new one.
async fn is_known(store: &Store, token_file: &Path) -> Result<bool, ServerError> {
    let secret = match std::fs::read(token_file) {
        Ok(secret) => secret,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => {
            return Err(ServerError::File {
                path: token_file.to_owned(),
                source,
            });
        }
    };
    let presented = Digest::of(secret.trim_ascii()).to_string();
    let tokens = store.read(|tx| tx.list::<TokenRecord>(true, TOKENS_MAX)).await?;
    Ok(tokens.iter().any(|record| record.secret_sha256 == presented))
}

/// Why nobody could be let in.
pub(crate) enum Refused {
    Problem(Problem),
    Store(StoreError),
}

async fn token_caller(store: &Store, secret: &str) -> Result<Option<Caller>, Refused> {
    let presented = Digest::of(secret.as_bytes());
    let tokens = store
        .read(move |tx| tx.list::<TokenRecord>(true, TOKENS_MAX))
        .await
        .map_err(Refused::Store)?;
    let known = |record: &&TokenRecord| {
        let wanted = record.secret_sha256.as_bytes();
        bool::from(wanted.ct_eq(presented.as_str().as_bytes()))
    };
    let Some(record) = tokens.iter().find(known) else {
        return Err(Refused::Problem(
            Problem::new(401, "refused", "the token is not known")
                .with_hint("run `safeguard token list` with the administrator's token"),
        ));
    };
    if record.token.revoked_at.is_some() {
        return Err(Refused::Problem(Problem::new(
            401,
            "refused",
            format!("token `{}` was revoked", record.token.name),
        )));
    }
    // What a token may do says what kind of actor holds it: pipelines and agents propose, people operate.
    let kind = match record.token.scope {
        Scope::Public | Scope::Read | Scope::Propose | Scope::Evidence => ActorKind::Ci,
        Scope::Operate | Scope::Admin => ActorKind::Human,
    };
    let actor = Actor {
        kind,
        id: record.token.name.clone(),
        auth: format!("token {}", record.token.id),
    };
    Ok(Some(Caller {
        actor,
        scope: record.token.scope,
        enrols: None,
    }))
}

/// Makes a token and its secret; only the secret's hash is in the record.
pub(crate) fn new_token(name: &str, scope: Scope) -> Result<(TokenRecord, String), getrandom::Error> {
    let secret = format!("sgt_{}", random_hex()?);
    let created_at = now();
    let token = Token {
        id: TokenId::new(created_at.0.unsigned_abs(), getrandom::u32()?),
        name: name.to_owned(),
        scope,
        created_at,
        revoked_at: None::<Timestamp>,
    };
    let secret_sha256 = Digest::of(secret.as_bytes()).to_string();
    Ok((TokenRecord { token, secret_sha256 }, secret))
}

/// Reads the log's signing key, or makes one that its owner alone can read.
pub(crate) fn key_file(path: &Path) -> io::Result<[u8; 32]> {
    match std::fs::read(path) {
        Ok(bytes) => bytes.try_into().map_err(|bytes: Vec<u8>| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} bytes, not the 32 of a key", bytes.len()),
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; 32];
            getrandom::fill(&mut key).map_err(io::Error::other)?;
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            file.write_all(&key)?;
            file.sync_all()?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

/// What may be known of a key: a hash under a purpose of its own.
pub(crate) fn public_part(key: &[u8; 32]) -> Vec<u8> {
    [b"safeguard log name\n".as_slice(), key].concat()
}

fn write_secret(path: &PathBuf, text: &str) -> Result<(), ServerError> {
    let write = || {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|source| ServerError::File {
        path: path.clone(),
        source,
    })
}

pub(crate) fn random_hex() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(Digest::from_bytes(bytes).hex().to_owned())
}

pub(crate) fn same(a: &Digest, b: &Digest) -> bool {
    a.as_str().as_bytes().ct_eq(b.as_str().as_bytes()).into()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(http::header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
        .map(str::trim)
}

/// The password of RFC 7617; whose it is, the token says.
fn basic(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let encoded = value.strip_prefix("Basic ")?.trim();
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safeguard_store::{Place, Settings};

    use super::*;

    fn store() -> Store {
        let settings = Settings {
            place: Place::Memory,
            origin: "test".to_owned(),
            key: [1; 32],
            checkpoint_file: None,
        };
        Store::open(settings).unwrap()
    }

    #[tokio::test]
    async fn the_administrators_token_is_made_once_for_a_store() {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("admin.token");
        let address = "127.0.0.1:7400".parse().unwrap();
        let store_now = store();
        Door::open(&store_now, state.path(), address).await.unwrap();
        let first = std::fs::read_to_string(&file).unwrap();
        Door::open(&store_now, state.path(), address).await.unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
        // The file of another database lets nobody in.
        let other = store();
        Door::open(&other, state.path(), address).await.unwrap();
        let second = std::fs::read_to_string(&file).unwrap();
        assert_ne!(second, first);
        assert!(matches!(token_caller(&other, &second).await, Ok(Some(_))));
        assert!(token_caller(&other, &first).await.is_err());
    }
}
