//! 1.1: the newest orders first, and at most twenty of them.

use std::sync::Arc;

use super::{Version, v1_0};
use crate::database::{Database, Session};
use crate::pages::{self, Ask, Page, Refusal, Visit};

pub static VERSION: Version = Version {
    name: "1.1",
    notes: include_str!("v1_1.md"),
    source: include_str!("v1_1.rs"),
    answer: |database, visit| Box::pin(answer(database, visit)),
};

const ORDERS_SHOWN_MAX: u32 = 20;

async fn answer(database: Arc<Database>, visit: Visit) -> Result<Page, Refusal> {
    let mut session = Session::per_statement(&database);
    let visitor = pages::visitor(&mut session, &visit.session).await?;
    let page = main_part(&mut session, &visit).await?;
    let recommended = pages::recommended(&mut session).await?;
    Ok(Page {
        visitor,
        recommended,
        ..page
    })
}

pub(super) async fn main_part(session: &mut Session<'_>, visit: &Visit) -> Result<Page, Refusal> {
    match visit.ask {
        Ask::Orders => newest_orders(session, &visit.session).await,
        _ => v1_0::main_part(session, visit).await,
    }
}

async fn newest_orders(session: &mut Session<'_>, key: &str) -> Result<Page, Refusal> {
    let key = key.to_owned();
    let lines = session
        .run(move |connection| {
            let mut list = connection.prepare_cached(
                "SELECT id, cents, receipt FROM orders WHERE session = ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let lines = list.query_map((key, ORDERS_SHOWN_MAX), |row| {
                let (id, cents, receipt): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(format!("order {id}: {receipt}, {}", pages::money(cents)))
            })?;
            lines.collect()
        })
        .await?;
    Ok(Page {
        title: "your newest orders".to_owned(),
        lines,
        ..Page::default()
    })
}
