//! What a visitor asks for, what the shop answers, and the parts of its pages.

use rusqlite::OptionalExtension as _;

use crate::database::Session;

pub const GREETING_CHARS_MAX: usize = 200;
const NAME_CHARS_MAX: usize = 60;

/// One request, read and checked.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Whose it is: the value of the cookie `session`.
    pub session: String,
    pub ask: Ask,
}

#[derive(Debug, Clone)]
pub enum Ask {
    Catalogue,
    Product { id: i64 },
    Cart,
    AddToCart { article: i64, greeting: String },
    Checkout,
    Orders,
    Login { name: String },
}

#[derive(Debug, Clone, Default)]
pub struct Page {
    pub title: String,
    pub visitor: String,
    pub lines: Vec<String>,
    pub recommended: Vec<String>,
}

/// Why a visitor gets no page.
#[derive(Debug)]
pub enum Refusal {
    NotFound,
    Invalid(&'static str),
    Busy(&'static str),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Refusal::Database(error)
    }
}

/// Who it is, as they signed in.
pub(crate) async fn visitor(session: &mut Session<'_>, key: &str) -> Result<String, Refusal> {
    let key = key.to_owned();
    let name = session
        .run(move |connection| {
            let mut find = connection.prepare_cached("SELECT name FROM sessions WHERE key = ?1")?;
            find.query_row([key], |row| row.get(0)).optional()
        })
        .await?;
    Ok(name.unwrap_or_else(|| "guest".to_owned()))
}

pub(crate) async fn catalogue(session: &mut Session<'_>) -> Result<Page, Refusal> {
    let lines = session
        .run(|connection| {
            let mut list = connection.prepare_cached("SELECT id, name, cents FROM articles ORDER BY id")?;
            let lines = list.query_map([], |row| {
                Ok(format!(
                    "{}. {}: {}",
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    money(row.get(2)?)
                ))
            })?;
            lines.collect()
        })
        .await?;
    Ok(Page {
        title: "catalogue".to_owned(),
        lines,
        ..Page::default()
    })
}

pub(crate) async fn product(session: &mut Session<'_>, id: i64) -> Result<Page, Refusal> {
    let found: Option<(String, i64, i64)> = session
        .run(move |connection| {
            let mut find =
                connection.prepare_cached("SELECT name, cents, stock FROM articles WHERE id = ?1")?;
            find.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()
        })
        .await?;
    let (title, cents, stock) = found.ok_or(Refusal::NotFound)?;
    Ok(Page {
        title,
        lines: vec![money(cents), format!("{stock} in stock")],
        ..Page::default()
    })
}

pub(crate) async fn cart(session: &mut Session<'_>, key: &str) -> Result<Page, Refusal> {
    let key = key.to_owned();
    let lines = session
        .run(move |connection| {
            let mut list = connection.prepare_cached(
                "SELECT count, name, greeting FROM carts JOIN articles ON article = id WHERE session = ?1",
            )?;
            let lines = list.query_map([key], |row| {
                let (count, name, greeting): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(match greeting.as_str() {
                    "" => format!("{count} × {name}"),
                    greeting => format!("{count} × {name}, with a card: {greeting}"),
                })
            })?;
            lines.collect()
        })
        .await?;
    Ok(Page {
        title: "cart".to_owned(),
        lines,
        ..Page::default()
    })
}

pub(crate) async fn add_to_cart(
    session: &mut Session<'_>,
    key: &str,
    article: i64,
    greeting: &str,
) -> Result<Page, Refusal> {
    if greeting.chars().count() > GREETING_CHARS_MAX {
        return Err(Refusal::Invalid("the greeting is too long"));
    }
    let (key, greeting) = (key.to_owned(), greeting.to_owned());
    let added = session
        .run(move |connection| {
            let mut add = connection.prepare_cached(
                "INSERT INTO carts SELECT ?1, id, 1, ?3 FROM articles WHERE id = ?2
                 ON CONFLICT DO UPDATE SET count = min(count + 1, 99), greeting = excluded.greeting",
            )?;
            add.execute((key, article, greeting))
        })
        .await?;
    if added == 0 {
        return Err(Refusal::NotFound);
    }
    Ok(Page {
        title: "cart".to_owned(),
        lines: vec!["added".to_owned()],
        ..Page::default()
    })
}

/// Turns the cart into an order, in one statement, so that it is never half done.
pub(crate) async fn checkout(session: &mut Session<'_>, key: &str) -> Result<Page, Refusal> {
    let key = key.to_owned();
    let order: Option<i64> = session
        .run(move |connection| {
            let transaction = connection.unchecked_transaction()?;
            let order = transaction
                .prepare_cached(
                    "INSERT INTO orders (session, cents, receipt)
                     SELECT session, sum(count * cents), group_concat(count || ' ' || name)
                     FROM carts JOIN articles ON article = id WHERE session = ?1 GROUP BY session
                     RETURNING id",
                )?
                .query_row([&key], |row| row.get(0))
                .optional()?;
            transaction
                .prepare_cached("DELETE FROM carts WHERE session = ?1")?
                .execute([&key])?;
            transaction.commit()?;
            Ok(order)
        })
        .await?;
    let line = match order {
        Some(id) => format!("order {id}: thank you"),
        None => "the cart is empty".to_owned(),
    };
    Ok(Page {
        title: "checkout".to_owned(),
        lines: vec![line],
        ..Page::default()
    })
}

pub(crate) async fn login(session: &mut Session<'_>, key: &str, name: &str) -> Result<Page, Refusal> {
    if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(Refusal::Invalid("a name has 1 to 60 characters"));
    }
    let (key, name) = (key.to_owned(), name.to_owned());
    let title = format!("welcome, {name}");
    session
        .run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO sessions VALUES (?1, ?2) ON CONFLICT DO UPDATE SET name = excluded.name",
                )?
                .execute((key, name))
        })
        .await?;
    Ok(Page {
        title,
        ..Page::default()
    })
}

/// The articles shown beside every page.
pub(crate) const RECOMMENDED: [i64; 4] = [1, 3, 7, 11];

/// The recommended articles with their stars, in one statement.
pub(crate) async fn recommended(session: &mut Session<'_>) -> Result<Vec<String>, Refusal> {
    session
        .run(|connection| {
            let mut list =
                connection.prepare_cached("SELECT name, stars FROM articles WHERE id IN (?1, ?2, ?3, ?4)")?;
            let lines = list.query_map(RECOMMENDED, |row| {
                Ok(stars(&row.get::<_, String>(0)?, row.get(1)?))
            })?;
            lines.collect()
        })
        .await
}

pub(crate) fn stars(name: &str, stars: f64) -> String {
    format!("{name} ({stars:.1} of 5)")
}

pub(crate) fn money(cents: i64) -> String {
    format!("{}.{:02} €", cents / 100, cents % 100)
}

impl Page {
    /// The page as HTML; whatever people wrote is escaped.
    #[must_use]
    pub fn html(&self, version: &str) -> String {
        let mut html = String::with_capacity(1024);
        html.push_str("<!doctype html><meta charset=utf-8><title>shop</title>");
        html.push_str("<p><a href=/>catalogue</a> <a href=/cart>cart</a> <a href=/orders>orders</a></p>");
        let (title, visitor) = (escape(&self.title), escape(&self.visitor));
        html.push_str(&format!("<h1>{title}</h1><p>{visitor}</p>"));
        for (heading, lines) in [("", &self.lines), ("recommended", &self.recommended)] {
            html.push_str(&format!("<h2>{heading}</h2><ul>"));
            for line in lines {
                html.push_str(&format!("<li>{}</li>", escape(line)));
            }
            html.push_str("</ul>");
        }
        html.push_str(&format!("<footer>shop {version}</footer>"));
        html
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            other => escaped.push(other),
        }
    }
    escaped
}
