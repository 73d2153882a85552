//! 1.0: the first version.

use std::sync::Arc;

use super::Version;
use crate::database::{Database, Session};
use crate::pages::{self, Ask, Page, Refusal, Visit};

pub static VERSION: Version = Version {
    name: "1.0",
    notes: include_str!("v1_0.md"),
    source: include_str!("v1_0.rs"),
    answer: |database, visit| Box::pin(answer(database, visit)),
};

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
    match &visit.ask {
        Ask::Catalogue => pages::catalogue(session).await,
        Ask::Product { id } => pages::product(session, *id).await,
        Ask::Cart => pages::cart(session, &visit.session).await,
        Ask::AddToCart { article, greeting } => {
            pages::add_to_cart(session, &visit.session, *article, greeting).await
        }
        Ask::Checkout => pages::checkout(session, &visit.session).await,
        Ask::Orders => orders(session, &visit.session).await,
        Ask::Login { name } => pages::login(session, &visit.session, name).await,
    }
}

async fn orders(session: &mut Session<'_>, key: &str) -> Result<Page, Refusal> {
    let key = key.to_owned();
    let lines = session
        .run(move |connection| {
            let mut list = connection
                .prepare_cached("SELECT id, cents, receipt FROM orders WHERE session = ?1 ORDER BY id")?;
            let lines = list.query_map([key], |row| {
                let (id, cents, receipt): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(format!("order {id}: {receipt}, {}", pages::money(cents)))
            })?;
            lines.collect()
        })
        .await?;
    Ok(Page {
        title: "orders".to_owned(),
        lines,
        ..Page::default()
    })
}
