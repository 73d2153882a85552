//! What a statement may cost: asked for before it runs, and refused with its figure.

use safeguard_api::config::{Mode, Quota};
use tokio_postgres::types::Type;

use super::quotas::{quotas, town};
use super::town::{Town, words};
use super::wire::{Wire, message, query, run, sync};

const BIG: &str = "CREATE TABLE big (id int PRIMARY KEY, name text); \
INSERT INTO big SELECT g, repeat('n', 100) FROM generate_series(1, 20000) g; \
CREATE TABLE ticks (a int); \
CREATE FUNCTION note() RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO ticks VALUES (1); RETURN 1; END'; \
CREATE FUNCTION tick() RETURNS int LANGUAGE plpgsql IMMUTABLE AS \
'BEGIN PERFORM note(); RETURN 1; END'; \
CREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql IMMUTABLE AS \
'BEGIN INSERT INTO ticks VALUES (1); RETURN 1; END'; CREATE TABLE tree (id int PRIMARY KEY, up int); ANALYZE";

const QUOTA: Quota = Quota {
    statements_per_second: None,
    statements_running_max: None,
    statement_longest: None,
    rows_returned_max: None,
    bytes_returned_max: None,
    idle_in_transaction_longest: None,
    transaction_longest: None,
    cost_max: Some(100),
};

async fn big() -> Town {
    let town = Town::new(BIG).await;
    town.set(quotas(QUOTA), false);
    town
}

/// The message without the figure of the planner, which is that of this machine's server.
fn without_figure(told: &str) -> String {
    let (before, rest) = told.split_once("cost ").expect(told);
    let (figure, rest) = rest.split_once(' ').expect(told);
    let figure: u64 = figure.replace(',', "").parse().expect(told);
    assert!((300..100_000).contains(&figure), "{told}");
    format!("{before}cost … {rest}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_costs_too_much_is_refused_with_its_figure_and_does_not_run() {
    let town = big().await;
    for (user, dear) in [
        ("agent", "SELECT * FROM big"),
        ("agent", "SELECT count(*) FROM big WHERE name LIKE '%x'"),
        ("agent", "UPDATE big SET name = 'x' WHERE name LIKE '%x%'"),
        ("person", "DELETE FROM big WHERE name LIKE '%x%'"),
        (
            "person",
            "WITH gone AS (DELETE FROM big WHERE name LIKE '%x%' RETURNING id) SELECT 1",
        ),
        ("agent", "/* a */ SELECT * FROM big;"),
        ("agent", "INSERT INTO big SELECT id + 100000, name FROM big"),
        (
            "agent",
            "SELECT * FROM big AS \"x (cost=0.00..0.00 rows=0 width=0)\n\"",
        ),
    ] {
        let client = town.driver(user).await;
        let refused = client.batch_execute(dear).await.unwrap_err();
        assert_eq!(
            without_figure(&words(&refused)),
            "53400 would cost … by the planner's estimate (limit 100)",
            "{dear}"
        );
        let refused = refused.as_db_error().unwrap();
        assert!(
            refused
                .detail()
                .unwrap()
                .starts_with("quota `cost_max`, decision ")
        );
        let refused = client.query(dear, &[]).await.unwrap_err();
        assert!(
            words(&refused).starts_with("53400 would cost "),
            "{dear}: {}",
            words(&refused)
        );
        client
            .batch_execute("SELECT * FROM big WHERE id = 7")
            .await
            .unwrap();
        assert_eq!(
            client
                .query("SELECT * FROM big WHERE id = $1", &[&7_i32])
                .await
                .unwrap()
                .len(),
            1
        );
        client.batch_execute("SELECT * FROM big LIMIT 10").await.unwrap();
    }
    assert_eq!(
        town.truth("SELECT count(*), count(*) FILTER (WHERE name LIKE 'n%') FROM big")
            .await,
        "20000|20000"
    );
    // Who has no such quota is not asked about.
    let service = town.driver("service").await;
    assert_eq!(
        service.query("SELECT * FROM big", &[]).await.unwrap().len(),
        20_000
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_have_a_say_in_the_cost() {
    let town = big().await;
    let client = town.driver("agent").await;
    let range = client
        .prepare_typed(
            "SELECT name FROM big WHERE id BETWEEN $1 AND $2",
            &[Type::INT4, Type::INT4],
        )
        .await
        .unwrap();
    assert_eq!(client.query(&range, &[&1_i32, &5_i32]).await.unwrap().len(), 5);
    let refused = client.query(&range, &[&1_i32, &15_000_i32]).await.unwrap_err();
    assert!(
        words(&refused).starts_with("53400 would cost "),
        "{}",
        words(&refused)
    );
    assert_eq!(client.query(&range, &[&7_i32, &7_i32]).await.unwrap().len(), 1);
    client
        .batch_execute("PREPARE s AS SELECT name FROM big WHERE id BETWEEN $1 AND $2")
        .await
        .unwrap();
    client.batch_execute("EXECUTE s(1, 5)").await.unwrap();
    let refused = client.batch_execute("EXECUTE s(1, 15000)").await.unwrap_err();
    assert!(
        words(&refused).starts_with("53400 would cost "),
        "{}",
        words(&refused)
    );
    // Under a name that stood for something cheap before.
    let mut wire = Wire::through(&town, "agent").await;
    let prepare = |sql: &str| message(b'P', &[b"s\0", sql.as_bytes(), b"\0\0\0"].concat());
    let bind = [
        message(b'B', b"\0s\0\0\0\0\0\0\0"),
        message(b'E', b"\0\0\0\0\0"),
        sync(),
    ]
    .concat();
    assert_eq!(wire.ask(&[prepare("SELECT 1"), sync()].concat()).await, "1 Z:I");
    assert_eq!(wire.ask(&bind).await, "2 D C:SELECT 1 Z:I");
    assert_eq!(
        wire.ask(&[prepare("SELECT * FROM big"), sync()].concat()).await,
        "E:42P05 Z:I"
    );
    assert_eq!(wire.ask(&bind).await, "2 D C:SELECT 1 Z:I");
    assert_eq!(wire.ask(&query("DEALLOCATE s")).await, "C:DEALLOCATE Z:I");
    assert_eq!(
        wire.ask(&query("PREPARE s AS SELECT * FROM big")).await,
        "C:PREPARE Z:I"
    );
    assert_eq!(wire.ask(&bind).await, "E:26000 Z:I");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_estimated_is_refused() {
    let town = big().await;
    let client = town.driver("agent").await;
    for unseen in [
        "SELECT 1; SELECT * FROM big",
        "COPY big TO STDOUT",
        "COPY (SELECT * FROM big) TO STDOUT",
        "EXPLAIN (ANALYZE) SELECT * FROM big",
    ] {
        let refused = client.batch_execute(unseen).await.unwrap_err();
        assert_eq!(
            words(&refused),
            "0A000 the cost of statements is limited, and what this one would cost can not be told before it runs",
            "{unseen}"
        );
    }
    client.batch_execute("EXPLAIN SELECT * FROM big").await.unwrap();
    client.batch_execute("SET seq_page_cost = 0").await.unwrap();
    let refused = client.batch_execute("SELECT * FROM big").await.unwrap_err();
    assert_eq!(
        words(&refused),
        "0A000 the cost of statements is limited, and the session has set what it is reckoned by: seq_page_cost"
    );
    client.batch_execute("RESET seq_page_cost").await.unwrap();
    client.batch_execute("SELECT 1").await.unwrap();
    // A plan that is longer than is read.
    let long = format!(
        "SELECT 1 FROM big WHERE id = 7 AND name <> '{}'",
        "n".repeat(600_000)
    );
    client.batch_execute(&long).await.unwrap();
    let longer = format!(
        "SELECT 1 FROM big WHERE id = 7 AND name <> '{}'",
        "\u{1}".repeat(400_000)
    );
    let refused = client.batch_execute(&longer).await.unwrap_err();
    assert!(
        words(&refused).ends_with("does not tell what this one would cost"),
        "{}",
        words(&refused)
    );
    client.batch_execute("SELECT 1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_an_error_like_any_other_and_an_error_keeps_its_place() {
    let town = big().await;
    let mut wire = Wire::through(&town, "person").await;
    let dear = run("SELECT * FROM big");
    let heard = wire
        .ask(
            &[
                run("INSERT INTO tree VALUES (1, 1)"),
                dear.clone(),
                run("SELECT 1"),
                sync(),
            ]
            .concat(),
        )
        .await;
    assert_eq!(heard, "1 2 C:INSERT 0 1 1 E:53400 Z:I");
    assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    assert_eq!(
        wire.ask(&query("INSERT INTO tree VALUES (2, 1)")).await,
        "C:INSERT 0 1 Z:T"
    );
    assert_eq!(wire.ask(&query("SELECT * FROM big")).await, "E:53400 Z:E");
    assert_eq!(wire.ask(&query("SELECT 1")).await, "E:25P02 Z:E");
    assert_eq!(wire.ask(&query("COMMIT")).await, "C:ROLLBACK Z:I");
    assert_eq!(
        wire.ask(&[run("SELECT nothing"), sync()].concat()).await,
        "E:42703 Z:I"
    );
    // Amid a batch that was not ended.
    assert_eq!(
        wire.ask(&[run("INSERT INTO tree VALUES (3, 1)"), query("SELECT 1")].concat())
            .await,
        "1 2 C:INSERT 0 1 E:0A000 Z:I"
    );
    assert_eq!(town.truth("SELECT count(*) FROM tree").await, "0");
    let client = town.driver("agent").await;
    let error = client.batch_execute("SELECT nothing").await.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(
        error.position(),
        Some(&tokio_postgres::error::ErrorPosition::Original(8))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_while_it_is_planned_is_measured() {
    let town = big().await;
    let client = town.driver("agent").await;
    let mut policy = quotas(QUOTA);
    policy.budgets.agent.rows_changed_max = 0;
    town.set(policy, false);
    let refused = client.batch_execute("SELECT tick()").await.unwrap_err();
    assert!(
        words(&refused).starts_with("53400 would change "),
        "{}",
        words(&refused)
    );
    assert_eq!(town.truth("SELECT count(*) FROM ticks").await, "0");
    // An error of planning is the statement's own.
    let error = client.batch_execute("SELECT broken()").await.unwrap_err();
    assert!(
        words(&error).starts_with("0A000 INSERT is not allowed"),
        "{}",
        words(&error)
    );
    client.batch_execute("SELECT 1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn in_observe_mode_nothing_is_refused_for_its_cost() {
    let town = Town::with_settings(BIG, |settings| settings.mode = Mode::Observe).await;
    town.set(quotas(QUOTA), false);
    let client = town.driver("agent").await;
    client.batch_execute("SELECT * FROM big").await.unwrap();
    client.batch_execute("SELECT 1; SELECT * FROM big").await.unwrap();
    assert_eq!(
        client.query("SELECT * FROM big", &[]).await.unwrap().len(),
        20_000
    );
    let error = client.batch_execute("SELECT nothing").await.unwrap_err();
    assert_eq!(
        error.as_db_error().unwrap().position(),
        Some(&tokio_postgres::error::ErrorPosition::Original(8))
    );
    drop(town);
    let unlimited = self::town(Quota {
        cost_max: None,
        ..QUOTA
    })
    .await;
    unlimited
        .driver("agent")
        .await
        .batch_execute("SELECT 1; SELECT 2")
        .await
        .unwrap();
}
