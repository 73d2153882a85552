//! The HTTP side, the same in every version: reads a request, asks the version, writes the answer.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::database::{Database, Session};
use crate::pages::{Ask, Refusal, Visit};
use crate::versions::Version;

/// Runs one version on `$HOST:$PORT` with the database at `$SHOP_DATABASE`, until SIGTERM.
///
/// # Errors
/// A variable is missing or wrong, the database can not be opened, the address is taken.
pub fn run(version: &'static Version) -> anyhow::Result<()> {
    let host: IpAddr = variable("HOST")?.parse().context("HOST is not an address")?;
    let port: u16 = variable("PORT")?.parse().context("PORT is not a port")?;
    let database = PathBuf::from(variable("SHOP_DATABASE")?);
    let database =
        Database::open(&database).with_context(|| format!("cannot open `{}`", database.display()))?;

    // After a panic nobody knows what state the process is in: it ends, and is started anew.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(
        SocketAddr::new(host, port),
        Shop {
            version,
            database: Arc::new(database),
        },
    ))
}

#[derive(Clone)]
struct Shop {
    version: &'static Version,
    database: Arc<Database>,
}

fn variable(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("the environment has no `{name}`"))
}

async fn serve(address: SocketAddr, shop: Shop) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let routes = Router::new()
        .route("/healthz", get(health))
        .route("/", get(catalogue))
        .route("/product/{id}", get(product))
        .route("/cart", get(cart).post(add_to_cart))
        .route("/checkout", post(checkout))
        .route("/orders", get(orders))
        .route("/login", post(login))
        .with_state(shop);
    axum::serve(listener, routes).with_graceful_shutdown(stop).await?;
    Ok(())
}

async fn health(State(shop): State<Shop>) -> Response {
    let alive = Session::per_statement(&shop.database)
        .run(|one| one.query_row("SELECT 1", [], |_| Ok(())))
        .await;
    match alive {
        Ok(()) => "ok".into_response(),
        Err(refusal) => refuse(&refusal),
    }
}

async fn catalogue(State(shop): State<Shop>, headers: HeaderMap) -> Response {
    shop.answer(&headers, Ask::Catalogue).await
}

async fn product(State(shop): State<Shop>, headers: HeaderMap, Path(id): Path<i64>) -> Response {
    shop.answer(&headers, Ask::Product { id }).await
}

async fn cart(State(shop): State<Shop>, headers: HeaderMap) -> Response {
    shop.answer(&headers, Ask::Cart).await
}

#[derive(Deserialize)]
struct Added {
    article: i64,
    #[serde(default)]
    greeting: String,
}

async fn add_to_cart(State(shop): State<Shop>, headers: HeaderMap, Form(added): Form<Added>) -> Response {
    shop.answer(
        &headers,
        Ask::AddToCart {
            article: added.article,
            greeting: added.greeting,
        },
    )
    .await
}

async fn checkout(State(shop): State<Shop>, headers: HeaderMap) -> Response {
    shop.answer(&headers, Ask::Checkout).await
}

async fn orders(State(shop): State<Shop>, headers: HeaderMap) -> Response {
    shop.answer(&headers, Ask::Orders).await
}

#[derive(Deserialize)]
struct Login {
    name: String,
}

async fn login(State(shop): State<Shop>, headers: HeaderMap, Form(login): Form<Login>) -> Response {
    shop.answer(&headers, Ask::Login { name: login.name }).await
}

impl Shop {
    async fn answer(&self, headers: &HeaderMap, ask: Ask) -> Response {
        let visit = Visit {
            session: session(headers),
            ask,
        };
        match (self.version.answer)(Arc::clone(&self.database), visit).await {
            Ok(page) => Html(page.html(self.version.name)).into_response(),
            Err(refusal) => refuse(&refusal),
        }
    }
}

fn refuse(refusal: &Refusal) -> Response {
    let (status, text) = match refusal {
        Refusal::NotFound => (StatusCode::NOT_FOUND, "there is no such thing here".to_owned()),
        Refusal::Invalid(why) => (StatusCode::BAD_REQUEST, (*why).to_owned()),
        Refusal::Busy(why) => (StatusCode::SERVICE_UNAVAILABLE, (*why).to_owned()),
        Refusal::Database(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the database failed: {error}"),
        ),
    };
    (status, text).into_response()
}

/// The value of the cookie `session`; who has none shares one cart with all who have none.
fn session(headers: &HeaderMap) -> String {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == "session")
        .map_or_else(|| "guest".to_owned(), |(_, key)| key.chars().take(64).collect())
}
