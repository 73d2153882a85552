//! sqlx: prepared statements, a pool, transactions within transactions, COPY.

use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{Connection as _, Executor as _, Row as _};

fn refused<T>(result: Result<T, sqlx::Error>, code: &str) {
    let Err(error) = result else {
        panic!("it ran");
    };
    let error = error.as_database_error().expect("an error of the database");
    assert_eq!(error.code().as_deref(), Some(code), "{error}");
    let hint = error.downcast_ref::<sqlx::postgres::PgDatabaseError>().hint();
    assert!(hint.is_some(), "{error}");
}

#[tokio::main]
async fn main() -> Result<(), sqlx::Error> {
    let url = std::env::var("DATABASE_URL").expect("an address");
    let pool: PgPool = PgPoolOptions::new().max_connections(4).connect(&url).await?;
    let (name,): (String,) = sqlx::query_as("SELECT name FROM articles WHERE id = $1")
        .bind(7)
        .fetch_one(&pool)
        .await?;
    assert_eq!(name, "article 7");
    let all = sqlx::query("SELECT id, name, price::float8, at, tags FROM articles ORDER BY id")
        .fetch_all(&pool)
        .await?;
    assert_eq!(all.len(), 100);
    assert_eq!(all[0].get::<Vec<String>, _>("tags"), ["a", "b"]);

    for text in ["one", "two"] {
        sqlx::query("INSERT INTO notes (text) VALUES ($1)").bind(text).execute(&pool).await?;
    }
    let mut connection = pool.acquire().await?;
    let mut outer = connection.begin().await?;
    sqlx::query("UPDATE notes SET text = $1 WHERE text = $2").bind("uno").bind("one").execute(&mut *outer).await?;
    let mut inner = outer.begin().await?;
    sqlx::query("INSERT INTO notes (text) VALUES ('never')").execute(&mut *inner).await?;
    inner.rollback().await?;
    let mut inner = outer.begin().await?;
    sqlx::query("INSERT INTO notes (text) VALUES ('three')").execute(&mut *inner).await?;
    inner.commit().await?;
    outer.commit().await?;

    refused(sqlx::query("DELETE FROM articles WHERE id = $1").bind(1).execute(&pool).await, "42501");
    refused(pool.execute("SELECT 1; DROP TABLE articles").await, "42501");
    let many = "INSERT INTO notes (text) SELECT 'many' FROM generate_series(1, 5000)";
    refused(sqlx::query(many).execute(&pool).await, "53400");
    let mut within = connection.begin().await?;
    sqlx::query(many).execute(&mut *within).await?;
    refused(within.commit().await, "53400");

    let mut copy = connection.copy_in_raw("COPY notes (text) FROM STDIN").await?;
    copy.send(b"four\nfive\n".as_slice()).await?;
    assert_eq!(copy.finish().await?, 2);
    // The same connection goes on after each of them.
    let (notes,): (i64,) = sqlx::query_as("SELECT count(*) FROM notes").fetch_one(&mut *connection).await?;
    println!("{notes} notes");
    Ok(())
}
