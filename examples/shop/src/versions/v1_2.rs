//! 1.2: one connection for the whole page.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{Version, v1_1};
use crate::database::{Database, Session};
use crate::pages::{self, Page, Refusal, Visit};

pub static VERSION: Version = Version {
    name: "1.2",
    notes: include_str!("v1_2.md"),
    source: include_str!("v1_2.rs"),
    answer: |database, visit| Box::pin(answer(database, visit)),
};

const CONNECTIONS_MAX: usize = 8;

/// Places in the pool of connections.
static POOL: Semaphore = Semaphore::const_new(CONNECTIONS_MAX);

async fn answer(database: Arc<Database>, visit: Visit) -> Result<Page, Refusal> {
    let Ok(_place) = POOL.try_acquire() else {
        return Err(Refusal::Busy("no database connection is free"));
    };
    let mut session = Session::holding(&database)?;
    let visitor = pages::visitor(&mut session, &visit.session).await?;
    let page = v1_1::main_part(&mut session, &visit).await?;
    let recommended = pages::recommended(&mut session).await?;
    Ok(Page {
        visitor,
        recommended,
        ..page
    })
}
