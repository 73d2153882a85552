//! `safeguard freeze …`

use safeguard_api::Freeze;
use safeguard_api::freeze::FreezeSpec;

use crate::api_client::ApiClient;
use crate::args::{FreezeVerb, Globals};
use crate::failure::Failure;
use crate::output::{Output, table};

pub fn freeze(globals: &Globals, verb: FreezeVerb, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    match verb {
        FreezeVerb::Open {
            reason,
            service,
            until,
        } => {
            let spec = FreezeSpec {
                service,
                reason,
                until,
            };
            let freeze: Freeze = client.post("/api/v1/freezes", &spec)?;
            output.data(&freeze, |freeze| format!("{}\n", freeze.id))?;
            output.say("Nothing moves towards production; rolling back is allowed as ever.");
            Ok(())
        }
        FreezeVerb::Close { id } => {
            let freeze: Freeze = client.act(&format!("/api/v1/freezes/{id}/close"))?;
            output.data(&freeze, |freeze| format!("{} closed\n", freeze.id))
        }
        FreezeVerb::List => {
            let freezes: Vec<Freeze> = client.get("/api/v1/freezes")?;
            output.data(&freezes, |freezes| listed(freezes))
        }
    }
}

fn listed(freezes: &[Freeze]) -> String {
    let row = |freeze: &Freeze| {
        let state = match (freeze.closed_at, freeze.until) {
            (Some(at), _) => format!("closed {at}"),
            (None, Some(until)) => format!("until {until}"),
            (None, None) => "open".to_owned(),
        };
        let service = freeze
            .service
            .as_ref()
            .map_or("all".to_owned(), ToString::to_string);
        vec![
            freeze.id.to_string(),
            service,
            state,
            freeze.opened_by.clone(),
            freeze.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = freezes.iter().map(row).collect();
    table(&["FREEZE", "SERVICE", "STATE", "BY", "REASON"], &rows)
}
