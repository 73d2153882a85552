//! `safeguard passkey …`

use safeguard_api::Passkey;
use safeguard_api::passkey::{Invitation, InvitationSpec};

use crate::api_client::ApiClient;
use crate::args::{Globals, PasskeyVerb};
use crate::failure::Failure;
use crate::output::{Output, table};
use crate::signing::printable;

pub fn passkey(globals: &Globals, verb: PasskeyVerb, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    match verb {
        PasskeyVerb::Invite { person } => {
            let invitation: Invitation =
                client.post("/api/v1/passkeys/invitations", &InvitationSpec { person })?;
            output.data(&invitation, |invitation| format!("{}\n", invitation.link))?;
            output.say(&format!(
                "It works once, until {}, and makes whoever opens it {}: give it to nobody else.",
                invitation.expires,
                printable(&invitation.person)
            ));
            Ok(())
        }
        PasskeyVerb::List => {
            let passkeys: Vec<Passkey> = client.get("/api/v1/passkeys")?;
            output.data(&passkeys, |passkeys| listed(passkeys))
        }
        PasskeyVerb::Revoke { credential } => {
            let passkey: Passkey = client.act(&format!("/api/v1/passkeys/{credential}/revoke"))?;
            output.data(&passkey, |passkey| {
                format!("the passkey of {} is void\n", printable(&passkey.person))
            })
        }
    }
}

fn listed(passkeys: &[Passkey]) -> String {
    let row = |passkey: &Passkey| {
        let state = passkey
            .revoked_at
            .map_or("valid".to_owned(), |at| format!("revoked {at}"));
        vec![
            printable(&passkey.person),
            state,
            passkey.enrolled_at.to_string(),
            passkey.credential.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = passkeys.iter().map(row).collect();
    table(&["PERSON", "STATE", "ENROLLED", "PASSKEY"], &rows)
}
