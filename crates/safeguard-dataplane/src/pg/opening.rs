//! The session behind a login: with which settings it is opened, and what it began with.

use safeguard_api::guard::{Asker, GuardAnswer, Principal};
use safeguard_guard::{TIMEOUTS, decide, read};

use super::door::Door;
use super::identity;
use super::idle::{self, Began};
use super::refusal::Refusal;
use super::startup::Startup;
use super::upstream::{Connected, UpstreamError};

/// Opens the session behind, and says what it began with. Timeouts that the client asks for are held against what the session
/// has without them, and so it is opened twice where there are any.
pub async fn open(
    door: &Door,
    principal: Principal,
    startup: &Startup,
) -> Result<(Connected, Began), Refusal> {
    let settings = settings(door, principal, startup)?;
    let is_timeout = |name: &str| TIMEOUTS.iter().any(|timeout| name.eq_ignore_ascii_case(timeout));
    let (asked, others): (Vec<_>, Vec<_>) = settings.iter().cloned().partition(|(name, _)| is_timeout(name));
    let first = connected(door, &others).await?;
    if asked.is_empty() {
        return Ok(first);
    }
    let (before, without) = first;
    drop(before);
    let standing = door.standing();
    let asker = Asker {
        principal,
        environment: door.environment,
        frozen: standing.frozen,
    };
    for (name, value) in &asked {
        let lifting = read(&setting(name, value)).lifting(&without.timeouts);
        let answer = lifting.map(|facts| decide(&facts, asker, &standing.policy).answer);
        if !door.observes && answer.is_some_and(|answer| answer != GuardAnswer::Allow) {
            return Err(not_let_through(name));
        }
    }
    connected(door, &settings).await
}

async fn connected(door: &Door, settings: &[(String, String)]) -> Result<(Connected, Began), Refusal> {
    let connecting = door.upstream.connect(settings).await;
    let mut connected = connecting.map_err(|error| unreachable(door, &error))?;
    identity::check(door, &mut *connected.stream).await?;
    let began = idle::began(&mut *connected.stream).await;
    Ok((connected, began.map_err(|error| unreachable(door, &error))?))
}

/// The settings that the client asks for, each judged as if it were set by a statement.
fn settings(door: &Door, principal: Principal, startup: &Startup) -> Result<Vec<(String, String)>, Refusal> {
    let standing = door.standing();
    let asker = Asker {
        principal,
        environment: door.environment,
        frozen: standing.frozen,
    };
    let mut settings = Vec::new();
    for (name, value) in &startup.parameters {
        let lower = name.to_ascii_lowercase();
        let is_own = ["client_encoding", "standard_conforming_strings"].contains(&lower.as_str());
        if lower == "options" {
            if !value.is_empty() && !door.observes {
                let hint = "set what is needed by `SET`, after the login";
                return Err(Refusal::new(
                    "42501",
                    "`options` of a login are not let through",
                    hint,
                ));
            }
            if !value.is_empty() {
                settings.push((name.clone(), value.clone()));
            }
            continue;
        }
        let answer = decide(&read(&setting(name, value)), asker, &standing.policy).answer;
        if answer != GuardAnswer::Allow && (is_own || !door.observes) {
            return Err(not_let_through(name));
        }
        if !is_own {
            settings.push((name.clone(), value.clone()));
        }
    }
    Ok(settings)
}

/// What sets it, as a statement.
fn setting(name: &str, value: &str) -> String {
    let quoted = |text: &str| text.replace('\'', "''");
    format!(
        "SELECT set_config('{}', '{}', false)",
        quoted(name),
        quoted(value)
    )
}

fn not_let_through(name: &str) -> Refusal {
    Refusal::new(
        "42501",
        format!("the setting `{}` is not let through as this", name.escape_debug()),
        "leave it as it is on the server",
    )
}

fn unreachable(door: &Door, error: &UpstreamError) -> Refusal {
    let source = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(proxy = %door.name, %error, source, "The database can not be used");
    let sqlstate = match error {
        UpstreamError::Refused { sqlstate, .. } => sqlstate,
        _ => "08001",
    };
    Refusal::new(
        sqlstate,
        error.to_string(),
        "`[proxies.NAME.upstream]` says which database and role these are",
    )
}
