//! `DROP TABLE` and `TRUNCATE` that drivers send by the extended protocol, and what SQL's own `PREPARE` and `EXECUTE` are told.

use safeguard_api::statement::Outcome;

use super::approved::{CODE, Control};
use super::taken::{ALL, ROWS, SHOP, good_for};
use super::town::{Town, words};
use super::wire::{Wire, bind, bind_values, describe, execute, parse, query, run, sync};

async fn ask(town: &Town, sent: &[Vec<u8>]) -> String {
    let mut wire = Wire::through(town, "agent").await;
    wire.ask(&[&sent.concat()[..], &sync()].concat()).await
}

fn with_code(sql: &str) -> String {
    format!("{CODE}{sql}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_takes_the_tables_that_were_approved() {
    let (town, control) = Control::with(SHOP, good_for(&["public.orders", "public.events"], 170, &[])).await;
    for user in ["agent", "migration"] {
        let driver = town.driver(user).await;
        for sql in ["TRUNCATE orders, events", "DROP TABLE orders, events"] {
            let refused = driver.execute(sql, &[]).await.unwrap_err();
            let hint = refused.as_db_error().unwrap().hint().unwrap_or_default();
            assert!(
                hint.contains("safeguard statement approve dcn_"),
                "{user}: {sql}: {hint}"
            );
            let batch = control.desk.fetch().remove(0);
            assert_eq!(
                (batch.texts[0].text.as_str(), batch.texts[0].values.len()),
                (sql, 0)
            );
            assert!(batch.decisions[0].takes_tables(), "{:?}", batch.decisions);
        }
    }
    assert_eq!((control.asked(), town.truth(ROWS).await.as_str()), (0, ALL));
    let agent = town.driver("agent").await;
    let truncate = agent.prepare("TRUNCATE events").await.unwrap();
    agent
        .batch_execute("SET safeguard.approval = 'sga_1'")
        .await
        .unwrap();
    agent.execute(&truncate, &[]).await.unwrap();
    assert_eq!(town.truth(ROWS).await, "50|150|0");
    let again = agent.execute(&truncate, &[]).await.unwrap_err();
    assert!(words(&again).contains("rule `truncate` refuses"), "{again}");
    agent.execute(&with_code("DROP TABLE orders"), &[]).await.unwrap();
    assert_eq!(
        town.truth("SELECT to_regclass('public.orders') IS NULL").await,
        "t"
    );
    let taken: Vec<u64> = control
        .decisions()
        .iter()
        .filter(|one| one.outcome == Outcome::Within)
        .map(|one| one.effect.unwrap().rows_deleted)
        .collect();
    assert_eq!(taken, [20, 150]);
    // The session goes on as any other.
    let row = agent.query_one("SHOW lock_timeout", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_approved_stays_in_the_extended_protocol_too() {
    let (town, control) = Control::with(SHOP, good_for(&["public.orders"], 150, &[])).await;
    for (sql, sqlstate) in [
        ("TRUNCATE orders, users", "53400"),
        ("DROP TABLE users CASCADE", "53400"),
        ("DROP TABLE names", "0A000"),
        ("TRUNCATE nowhere", "42P01"),
    ] {
        let heard = ask(&town, &[run(&with_code(sql))]).await;
        assert_eq!(heard, format!("1 E:{sqlstate} Z:I"), "{sql}");
    }
    let told = control.desk.fetch().remove(0);
    let over: Vec<&str> = told.texts.iter().map(|text| text.text.as_str()).collect();
    assert_eq!(over, ["TRUNCATE orders, users", "DROP TABLE users CASCADE"]);
    // One row more than was approved.
    town.truth("INSERT INTO orders VALUES (999, 1)").await;
    assert_eq!(
        ask(&town, &[run(&with_code("TRUNCATE orders"))]).await,
        "1 E:53400 Z:I"
    );
    town.truth("DELETE FROM orders WHERE id = 999").await;
    // Who is at work on the table is not waited for for long.
    let at_work = town.driver("person").await;
    at_work.batch_execute("BEGIN; SELECT FROM orders").await.unwrap();
    assert_eq!(
        ask(&town, &[run(&with_code("DROP TABLE orders"))]).await,
        "1 E:55P03 Z:I"
    );
    at_work.batch_execute("COMMIT").await.unwrap();
    // It has no parameters, and values that it is bound to are not approved.
    let asked = control.asked();
    let bound = [
        parse("", &with_code("TRUNCATE orders")),
        bind_values("", "", &[], &[Some(b"7")]),
        execute(""),
    ];
    assert_eq!(ask(&town, &bound).await, "1 E:42501 Z:I");
    assert_eq!((control.asked(), town.truth(ROWS).await.as_str()), (asked, ALL));
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_taken_by_what_runs_alone() {
    let (town, control) = Control::with(SHOP, good_for(&["public.orders"], 150, &[])).await;
    let gone = || {
        [
            parse("g", &with_code("TRUNCATE orders")),
            bind("p", "g"),
            describe(b'P', "p"),
        ]
        .concat()
    };
    let add = "INSERT INTO users (name) VALUES ('new')";
    for after in [
        run(add),
        run("SELECT 1"),
        execute("p"),
        bind("q", "g"),
        query(add),
    ] {
        let asked = control.asked();
        let heard = ask(&town, &[gone(), execute("p"), after]).await;
        assert!(heard.starts_with("1 2 n C:TRUNCATE TABLE E:"), "{heard}");
        assert_eq!(
            (control.asked(), town.truth(ROWS).await.as_str()),
            (asked + 1, ALL),
            "{heard}"
        );
    }
    let asked = control.asked();
    for before in [run(add), run("SELECT 1")] {
        let heard = ask(&town, &[before, gone(), execute("p")]).await;
        assert!(heard.contains("E:42501"), "{heard}");
    }
    let mut wire = Wire::through(&town, "agent").await;
    assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    let heard = wire.ask(&[gone(), execute("p"), sync()].concat()).await;
    assert_eq!(heard, "1 E:42501 Z:E");
    assert_eq!((control.asked(), town.truth(ROWS).await.as_str()), (asked, ALL));
    // Bound and not run: nothing happens, and nothing is left to be run.
    let mut wire = Wire::through(&town, "agent").await;
    wire.send(&[gone(), sync(), execute("p"), sync()].concat()).await;
    assert_eq!(wire.heard(2).await.join(" "), "1 2 n Z:I E:34000 Z:I");
    assert_eq!(town.truth(ROWS).await, ALL);
    let heard = wire.ask(&[gone(), execute("p"), sync()].concat()).await;
    assert_eq!(heard, "E:42P05 Z:I", "the name is taken");
    let heard = wire.ask(&[bind("", "g"), execute(""), sync()].concat()).await;
    assert_eq!(heard, "2 C:TRUNCATE TABLE Z:I");
    assert_eq!(town.truth(ROWS).await, "50|0|20");
}

#[tokio::test]
async fn what_sql_itself_prepares_is_told_how_it_is_sent_to_be_approved() {
    let (town, control) = Control::with(SHOP, good_for(&["public.orders"], 150, &[])).await;
    let prepare = "PREPARE g (int) AS DELETE FROM users WHERE id <= $1";
    let by_itself =
        "by itself and outside of a transaction, with its values in the text or as parameters of the driver";
    for sql in [prepare.to_owned(), with_code(prepare)] {
        let told = town.psql("agent", &sql).await;
        assert!(
            told.contains(&format!("send what stands behind its `AS`, {by_itself}")),
            "{told}"
        );
    }
    let instead = format!("send the statement that `g` stands for in the place of `EXECUTE`, {by_itself}");
    // Over the budget of a person, with a code and without.
    for execute in ["EXECUTE g (49)".to_owned(), with_code("EXECUTE g (49)")] {
        let told = town.psql_with("person", &["-c", prepare, "-c", &execute]).await;
        assert!(told.contains(&instead), "{execute}: {told}");
    }
    // Prepared by the protocol, which an agent may, and run by SQL.
    let mut wire = Wire::through(&town, "agent").await;
    let heard = wire
        .ask(&[parse("g", "DELETE FROM users WHERE id <= $1"), sync()].concat())
        .await;
    assert_eq!(heard, "1 Z:I");
    wire.send(&query("EXECUTE g (49)")).await;
    let (tag, body) = wire.message().await.unwrap();
    assert_eq!(tag, b'E');
    assert!(super::wire::field(&body, b'H').contains(&instead), "{body:?}");
    // What nobody may let run is told nothing of it.
    for sql in [
        "PREPARE h AS SELECT pg_read_file('x')",
        "PREPARE h AS DELETE FROM pg_class",
    ] {
        let told = town.psql("agent", sql).await;
        assert!(!told.contains("behind its `AS`"), "{told}");
    }
    assert_eq!((control.asked(), town.truth(ROWS).await.as_str()), (0, ALL));
}
