use axum::{extract::State, http::StatusCode, Json};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

#[derive(Deserialize)]
pub struct Wanted {
    sku: String,
    customer: i64,
    quantity: i32,
}

#[derive(Serialize)]
pub struct Answer {
    reserved: bool,
    left: i32,
    reason: Option<&'static str>,
}

impl Answer {
    fn refused(left: i32, reason: &'static str) -> Self {
        Self {
            reserved: false,
            left,
            reason: Some(reason),
        }
    }
}

pub async fn reserve(
    State(pool): State<PgPool>,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Answer>), StatusCode> {
    if wanted.quantity < 1 {
        return Err(StatusCode::BAD_REQUEST);
    }
    let answer = take(&pool, &wanted)
        .await
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let status = if answer.reserved {
        StatusCode::CREATED
    } else {
        StatusCode::CONFLICT
    };
    Ok((status, Json(answer)))
}

async fn take(pool: &PgPool, wanted: &Wanted) -> sqlx::Result<Answer> {
    let stock: Option<(i32, i32)> =
        sqlx::query_as("SELECT quantity, per_customer FROM stock WHERE sku = $1")
            .bind(&wanted.sku)
            .fetch_optional(pool)
            .await?;
    let Some((quantity, per_customer)) = stock else {
        return Ok(Answer::refused(0, "unknown article"));
    };
    let (held,): (i64,) = sqlx::query_as(
        "SELECT coalesce(sum(quantity), 0) FROM reservations WHERE sku = $1 AND customer = $2",
    )
    .bind(&wanted.sku)
    .bind(wanted.customer)
    .fetch_one(pool)
    .await?;
    if held + i64::from(wanted.quantity) > i64::from(per_customer) {
        return Ok(Answer::refused(quantity, "limit per customer"));
    }
    if quantity < wanted.quantity {
        return Ok(Answer::refused(quantity, "not enough left"));
    }
    let left = quantity - wanted.quantity;
    sqlx::query("UPDATE stock SET quantity = $1 WHERE sku = $2")
        .bind(left)
        .bind(&wanted.sku)
        .execute(pool)
        .await?;
    sqlx::query("INSERT INTO reservations (sku, customer, quantity) VALUES ($1, $2, $3)")
        .bind(&wanted.sku)
        .bind(wanted.customer)
        .bind(wanted.quantity)
        .execute(pool)
        .await?;
    Ok(Answer {
        reserved: true,
        left,
        reason: None,
    })
}
