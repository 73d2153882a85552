mod reserve;

use axum::{routing::post, Router};
use sqlx::PgPool;

#[tokio::main]
async fn main() {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL");
    let pool = PgPool::connect(&url).await.expect("database");
    let app = Router::new()
        .route("/reservations", post(reserve::reserve))
        .with_state(pool);
    let listener = tokio::net::TcpListener::bind("0.0.0.0:8080")
        .await
        .expect("port 8080");
    axum::serve(listener, app).await.expect("server");
}
