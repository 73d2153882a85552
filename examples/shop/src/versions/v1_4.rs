//! 1.4: each recommended article says whether it is in stock.

use std::sync::Arc;

use super::{Version, v1_1};
use crate::database::{Database, Session};
use crate::pages::{self, Page, RECOMMENDED, Refusal, Visit};

pub static VERSION: Version = Version {
    name: "1.4",
    notes: include_str!("v1_4.md"),
    source: include_str!("v1_4.rs"),
    answer: |database, visit| Box::pin(answer(database, visit)),
};

async fn answer(database: Arc<Database>, visit: Visit) -> Result<Page, Refusal> {
    let mut session = Session::per_statement(&database);
    let visitor = pages::visitor(&mut session, &visit.session).await?;
    let page = v1_1::main_part(&mut session, &visit).await?;
    let mut recommended = Vec::with_capacity(RECOMMENDED.len());
    for id in RECOMMENDED {
        recommended.push(recommended_article(&mut session, id).await?);
    }
    Ok(Page {
        visitor,
        recommended,
        ..page
    })
}

async fn recommended_article(session: &mut Session<'_>, id: i64) -> Result<String, Refusal> {
    session
        .run(move |connection| {
            let mut find =
                connection.prepare_cached("SELECT name, stars, stock FROM articles WHERE id = ?1")?;
            find.query_row([id], |row| {
                let stock = if row.get::<_, i64>(2)? > 0 {
                    "in stock"
                } else {
                    "sold out"
                };
                Ok(format!(
                    "{}, {stock}",
                    pages::stars(&row.get::<_, String>(0)?, row.get(1)?)
                ))
            })
        })
        .await
}
