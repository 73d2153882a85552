//! 1.3: greeting cards are printed as they will look.

use std::sync::Arc;

use super::{Version, v1_1};
use crate::database::{Database, Session};
use crate::pages::{self, Ask, Page, Refusal, Visit};

pub static VERSION: Version = Version {
    name: "1.3",
    notes: include_str!("v1_3.md"),
    source: include_str!("v1_3.rs"),
    answer: |database, visit| Box::pin(answer(database, visit)),
};

/// What fits on the first line of a card.
const CARD_LINE_MAX: usize = 24;

async fn answer(database: Arc<Database>, visit: Visit) -> Result<Page, Refusal> {
    let mut session = Session::per_statement(&database);
    let visitor = pages::visitor(&mut session, &visit.session).await?;
    let mut page = v1_1::main_part(&mut session, &visit).await?;
    if let Ask::AddToCart { greeting, .. } = &visit.ask {
        page.lines.extend(card(greeting));
    }
    let recommended = pages::recommended(&mut session).await?;
    Ok(Page {
        visitor,
        recommended,
        ..page
    })
}

fn card(greeting: &str) -> Vec<String> {
    if greeting.len() <= CARD_LINE_MAX {
        return vec![greeting.to_owned()];
    }
    vec![
        greeting[..CARD_LINE_MAX].to_owned(),
        greeting[CARD_LINE_MAX..].to_owned(),
    ]
}
