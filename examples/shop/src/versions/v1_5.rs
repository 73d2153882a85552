//! 1.5: a login without spaces around the name.

use std::sync::Arc;

use super::{Version, v1_1};
use crate::database::{Database, Session};
use crate::pages::{self, Ask, Page, Refusal, Visit};

pub static VERSION: Version = Version {
    name: "1.5",
    notes: include_str!("v1_5.md"),
    source: include_str!("v1_5.rs"),
    answer: |database, visit| Box::pin(answer(database, visit)),
};

async fn answer(database: Arc<Database>, visit: Visit) -> Result<Page, Refusal> {
    let mut session = Session::per_statement(&database);
    let visitor = pages::visitor(&mut session, &visit.session).await?;
    let page = match &visit.ask {
        Ask::Login { name } => pages::login(&mut session, &visit.session, name.trim()).await?,
        _ => v1_1::main_part(&mut session, &visit).await?,
    };
    let recommended = pages::recommended(&mut session).await?;
    Ok(Page {
        visitor,
        recommended,
        ..page
    })
}
