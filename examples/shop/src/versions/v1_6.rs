//! 1.6: putting something into the cart answers at once, and the database is written a moment later.

use std::sync::Arc;
use std::time::Duration;

use super::{Version, v1_1};
use crate::database::{Database, Session};
use crate::pages::{self, Ask, Page, Refusal, Visit};

pub static VERSION: Version = Version {
    name: "1.6",
    notes: include_str!("v1_6.md"),
    source: include_str!("v1_6.rs"),
    answer: |database, visit| Box::pin(answer(database, visit)),
};

/// Several visitors may share one flush of the disk.
const WRITTEN_AFTER: Duration = Duration::from_millis(500);

async fn answer(database: Arc<Database>, visit: Visit) -> Result<Page, Refusal> {
    let mut session = Session::per_statement(&database);
    let visitor = pages::visitor(&mut session, &visit.session).await?;
    let page = match visit.ask.clone() {
        Ask::AddToCart { article, greeting } => {
            tokio::spawn(write_later(
                Arc::clone(&database),
                visit.session,
                article,
                greeting,
            ));
            Page {
                title: "cart".to_owned(),
                lines: vec!["added".to_owned()],
                ..Page::default()
            }
        }
        _ => v1_1::main_part(&mut session, &visit).await?,
    };
    let recommended = pages::recommended(&mut session).await?;
    Ok(Page {
        visitor,
        recommended,
        ..page
    })
}

async fn write_later(database: Arc<Database>, key: String, article: i64, greeting: String) {
    tokio::time::sleep(WRITTEN_AFTER).await;
    let mut session = Session::per_statement(&database);
    if let Err(refusal) = pages::add_to_cart(&mut session, &key, article, &greeting).await {
        eprintln!("not written: {refusal:?}");
    }
}
