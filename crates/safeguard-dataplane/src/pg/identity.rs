//! Which server answered: its number is asked for before the client is let in, so that a credential of one environment never
//! opens another's.

use safeguard_api::Environment;
use safeguard_api::config::{ClusterOwner, GuardPolicy};

use super::door::Door;
use super::frame::columns;
use super::refusal::Refusal;
use super::side::Stream;
use super::upstream::{self, UpstreamError};

/// Both names with their schema: no setting of the login puts others in front of them.
const QUESTION: &str = "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()";
/// SQLSTATE `sqlclient_unable_to_establish_sqlconnection`.
const NOT_ESTABLISHED: &str = "08001";

/// Refuses a server that is not the one that the environment is registered by. Nothing is asked where no environment is
/// registered. A mode that observes is no exception: a wrong server is no statement, but a fault of the configuration.
pub async fn check(door: &Door, stream: &mut dyn Stream) -> Result<(), Refusal> {
    let standing = door.standing();
    if standing.policy.system_identifiers.is_empty() {
        return Ok(());
    }
    let answer = ask(stream).await;
    let refused = match answer {
        Ok(identifier) => refusal(
            &standing.policy,
            door.environment,
            &identifier,
            door.name.as_str(),
        ),
        Err(error) => Some(untold(&error, &door.upstream.settings.user)),
    };
    match refused {
        None => Ok(()),
        Some(refusal) => {
            tracing::error!(proxy = %door.name, environment = %door.environment, why = %refusal.message, hint = %refusal.hint, "A session was refused: the server is not the right one");
            Err(refusal)
        }
    }
}

fn untold(error: &UpstreamError, role: &str) -> Refusal {
    Refusal::new(
        NOT_ESTABLISHED,
        format!("the server does not say which one it is: {error}"),
        format!("let the proxy's role ask: `GRANT EXECUTE ON FUNCTION pg_control_system() TO {role}`"),
    )
}

fn refusal(policy: &GuardPolicy, environment: Environment, identifier: &str, proxy: &str) -> Option<Refusal> {
    let (message, hint) = match policy.cluster_owner(environment, identifier) {
        ClusterOwner::Own | ClusterOwner::Unregistered => return None,
        ClusterOwner::Other(other) => (
            format!(
                "this proxy is of {environment}, and the server behind it is that of {other} ({identifier})"
            ),
            format!("name the server of {environment} in `[proxies.{proxy}.upstream]`"),
        ),
        ClusterOwner::Stranger { registered } => (
            format!(
                "{environment} is registered as server {registered}, and the one behind this proxy is {identifier}"
            ),
            format!(
                "name the right server in `[proxies.{proxy}.upstream]`; if the cluster was made anew, register its number in `[guard.system_identifiers]`"
            ),
        ),
    };
    Some(Refusal::new(NOT_ESTABLISHED, message, hint))
}

async fn ask(stream: &mut dyn Stream) -> Result<String, UpstreamError> {
    let row = upstream::ask(stream, QUESTION).await?;
    row.as_deref()
        .and_then(columns)
        .as_deref()
        .and_then(identifier)
        .ok_or(UpstreamError::Protocol("no system identifier"))
}

fn identifier(columns: &[Option<&[u8]>]) -> Option<String> {
    let &[Some(digits)] = columns else {
        return None;
    };
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.to_owned())
}
