//! `safeguard credential …`

use anyhow::Context;
use clap::{Args, Subcommand};
use safeguard_api::credential::{CredentialIssued, CredentialShown, CredentialSpec, RotationSpec};
use safeguard_api::id::CredentialId;
use safeguard_api::{Name, Span};
use safeguard_dataplane::pg;
use serde::Serialize;

use crate::api_client::ApiClient;
use crate::args::Globals;
use crate::failure::Failure;
use crate::output::{Output, table};

#[derive(Debug, Subcommand)]
pub enum CredentialVerb {
    /// Issue a login of a proxy that holds for minutes; its password is shown once
    #[command(
        after_help = "The password is made here, and is sent nowhere: the server gets what proves it, and hands that to
the proxy within a second. It takes a token of scope operate; of scope admin for a person's or a
migration's login in production.

Example:
  safeguard credential issue --proxy shop --user coder --for 15m"
    )]
    Issue(IssueArgs),
    /// List what was issued, the newest first: by whom, for whom, until when
    List,
    /// End a credential at once, and the sessions that it opened
    Revoke { id: CredentialId },
    /// Issue the next one in the place of a credential, which ends after a while
    #[command(after_help = "Example:
  safeguard credential rotate crd_01jb… --grace 60s")]
    Rotate(RotateArgs),
}

#[derive(Debug, Args)]
pub struct IssueArgs {
    /// The proxy that it opens
    #[arg(long)]
    pub proxy: Name,
    /// The user of the proxy whose rights it has
    #[arg(long)]
    pub user: String,
    /// From 1m to the user's `credential_longest`; unsaid: 15m, or that when it is less
    #[arg(long = "for", value_name = "TIME")]
    pub lasts: Option<Span>,
}

#[derive(Debug, Args)]
pub struct RotateArgs {
    pub id: CredentialId,
    /// Unsaid: as long as the one before was issued for
    #[arg(long = "for", value_name = "TIME")]
    pub lasts: Option<Span>,
    /// How long the one before still holds, an hour at most; 0s ends it at once
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub grace: Span,
}

pub fn credential(globals: &Globals, verb: CredentialVerb, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    match verb {
        CredentialVerb::Issue(args) => {
            let password = password()?;
            let spec = CredentialSpec {
                proxy: args.proxy,
                user: args.user,
                lasts: args.lasts,
                verifier: pg::verifier(&password),
            };
            show(client.post("/api/v1/credentials", &spec)?, password, output)
        }
        CredentialVerb::List => {
            let all: Vec<CredentialShown> = client.get("/api/v1/credentials")?;
            output.data(&all, |all| listed(all))
        }
        CredentialVerb::Revoke { id } => {
            let revoked: CredentialShown = client.act(&format!("/api/v1/credentials/{id}/revoke"))?;
            output.data(&revoked, |revoked| {
                let credential = &revoked.credential;
                format!("{} `{}` is void\n", credential.id, credential.login)
            })?;
            if let Some(next) = &revoked.credential.replaced_by {
                output.say(&format!("{next}, which was issued in its place, is not."));
            }
            Ok(())
        }
        CredentialVerb::Rotate(args) => {
            let password = password()?;
            let spec = RotationSpec {
                lasts: args.lasts,
                grace: args.grace,
                verifier: pg::verifier(&password),
            };
            let path = format!("/api/v1/credentials/{}/rotate", args.id);
            show(client.post(&path, &spec)?, password, output)?;
            output.say(&format!(
                "{} ends within {}, and its sessions with it.",
                args.id, args.grace
            ));
            Ok(())
        }
    }
}

fn password() -> Result<String, Failure> {
    Ok(pg::password().context("the kernel gives no random bytes")?)
}

/// A credential with its password, which is nowhere else.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    issued: CredentialIssued,
    password: String,
    /// Without the password: addresses are written to logs.
    url: String,
}

fn show(issued: CredentialIssued, password: String, output: &Output) -> Result<(), Failure> {
    let url = url(&issued);
    let shown = Shown {
        issued,
        password,
        url,
    };
    output.data(&shown, |shown| {
        let credential = &shown.issued.credential;
        format!(
            "login     {}\npassword  {}\nuntil     {} ({})\nuse       PGPASSWORD={} psql '{}'\n",
            credential.login, shown.password, credential.expires, credential.lasts, shown.password, shown.url
        )
    })?;
    output.say(&format!(
        "{} is shown this once; nobody else has its password. `safeguard credential revoke {}` ends it.",
        shown.issued.credential.id, shown.issued.credential.id
    ));
    Ok(())
}

fn url(issued: &CredentialIssued) -> String {
    let address = issued.address;
    // A proxy that listens everywhere is reached by a name that only its readers know.
    let place = if address.ip().is_unspecified() {
        format!("HOST:{}", address.port())
    } else {
        address.to_string()
    };
    let tls = if issued.tls { "?sslmode=require" } else { "" };
    format!(
        "postgresql://{}@{place}/{}{tls}",
        escaped(&issued.credential.login),
        escaped(&issued.database)
    )
}

/// For the parts of a URL; what RFC 3986 does not reserve stays.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(escape).collect()
}

fn listed(all: &[CredentialShown]) -> String {
    let row = |shown: &CredentialShown| {
        let credential = &shown.credential;
        let ends = credential.revoked_at.unwrap_or(credential.expires);
        vec![
            credential.id.to_string(),
            shown.state.as_str().to_owned(),
            ends.to_string(),
            credential.proxy.to_string(),
            credential.environment.to_string(),
            credential.principal.to_string(),
            credential.login.clone(),
            credential.issued_by.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let head = [
        "CREDENTIAL",
        "STATE",
        "UNTIL",
        "PROXY",
        "ENVIRONMENT",
        "PRINCIPAL",
        "LOGIN",
        "BY",
    ];
    table(&head, &rows)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safeguard_api::guard::Principal;
    use safeguard_api::{Credential, Environment, Timestamp};

    use super::*;

    fn issued(user: &str, address: &str, tls: bool) -> CredentialIssued {
        CredentialIssued {
            credential: Credential {
                id: CredentialId::new(1, 1),
                proxy: "shop".parse().unwrap(),
                environment: Environment::Production,
                user: user.to_owned(),
                principal: Principal::Agent,
                login: format!("{user}~k7f3q2ab"),
                issued_by: "kim".to_owned(),
                issued_at: Timestamp(0),
                lasts: Span::minutes(15),
                expires: Timestamp(900_000),
                replaces: None,
                replaced_by: None,
                revoked_at: None,
                revoked_by: None,
            },
            address: address.parse().unwrap(),
            database: "shop".to_owned(),
            tls,
        }
    }

    #[test]
    fn the_url_can_be_given_to_a_client_as_it_is() {
        for (user, address, tls, wanted) in [
            (
                "coder",
                "127.0.0.1:6432",
                false,
                "postgresql://coder~k7f3q2ab@127.0.0.1:6432/shop",
            ),
            (
                "kim@home:1",
                "[::1]:6432",
                false,
                "postgresql://kim%40home%3A1~k7f3q2ab@[::1]:6432/shop",
            ),
            (
                "coder",
                "0.0.0.0:6432",
                true,
                "postgresql://coder~k7f3q2ab@HOST:6432/shop?sslmode=require",
            ),
        ] {
            assert_eq!(url(&issued(user, address, tls)), wanted);
        }
    }
}
