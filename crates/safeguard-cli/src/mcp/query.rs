//! Runs a statement that was allowed: in a transaction that can not write, within limits of time, rows and bytes.

use futures_util::TryStreamExt as _;
use safeguard_guard::Facts;
use serde_json::{Value, json};
use tokio_postgres::SimpleQueryMessage;

use crate::db::connect::{self, DatabaseArgs, told};
use crate::failure::Failure;

const ROWS_MAX: usize = 500;
/// Of all values together.
const BYTES_MAX: usize = 256 << 10;
const BEGIN: &str = "BEGIN READ ONLY; SET LOCAL statement_timeout = '30s'; SET LOCAL lock_timeout = '2s'";

/// Rows as texts. `more` says that there were more than are shown.
pub async fn run(database: &DatabaseArgs, sql: &str, facts: &Facts) -> Result<Value, Failure> {
    if facts.cost.statements != 1 {
        let message = format!("{} statements (limit 1)", facts.cost.statements);
        return Err(Failure::refused(message).hint("ask one question at a time"));
    }
    let failed = |error: tokio_postgres::Error| Failure::refused(told(&error));
    // A connection for each question: what one leaves behind, also half read, ends with it.
    let client = connect::client(database, &database.parsed()?).await?;
    client.batch_execute(BEGIN).await.map_err(failed)?;
    let answers = client.simple_query_raw(sql).await.map_err(failed)?;
    let mut answers = std::pin::pin!(answers);
    let (mut columns, mut rows, mut bytes, mut more) = (Vec::new(), Vec::new(), 0, false);
    while let Some(answer) = answers.try_next().await.map_err(failed)? {
        match answer {
            SimpleQueryMessage::RowDescription(described) => {
                columns = described.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                let values: Vec<Option<&str>> = (0..row.len()).map(|at| row.get(at)).collect();
                bytes += values.iter().flatten().map(|value| value.len()).sum::<usize>();
                more = rows.len() == ROWS_MAX || bytes > BYTES_MAX;
                if more {
                    break;
                }
                rows.push(json!(values));
            }
            _ => {}
        }
    }
    Ok(json!({ "columns": columns, "rows": rows, "more": more }))
}
