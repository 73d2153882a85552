use axum::{extract::State, http::StatusCode, Json};
use serde::Deserialize;
use sqlx::PgPool;

#[derive(Deserialize)]
pub struct Wanted {
    sku: String,
    customer: i64,
    quantity: i32,
}

pub async fn reserve(State(pool): State<PgPool>, Json(wanted): Json<Wanted>) -> StatusCode {
    if wanted.quantity < 1 {
        return StatusCode::BAD_REQUEST;
    }
    match take(&pool, &wanted).await {
        Ok(true) => StatusCode::CREATED,
        Ok(false) => StatusCode::CONFLICT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn take(pool: &PgPool, wanted: &Wanted) -> sqlx::Result<bool> {
    let mut tx = pool.begin().await?;
    let taken = sqlx::query(
        "UPDATE stock SET quantity = quantity - $1 WHERE sku = $2 AND quantity >= $1",
    )
    .bind(wanted.quantity)
    .bind(&wanted.sku)
    .execute(&mut *tx)
    .await?;
    if taken.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("INSERT INTO reservations (sku, customer, quantity) VALUES ($1, $2, $3)")
        .bind(&wanted.sku)
        .bind(wanted.customer)
        .bind(wanted.quantity)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(true)
}
