//! Statements with parameters that a person lets run once, with the values that they were bound to and with no others.

use std::sync::{Arc, Mutex};

use safeguard_api::guard::RowBudget;
use safeguard_api::statement::{BoundValue, Outcome, Redeemed, Redemption, StatementText, Wording};
use safeguard_dataplane::pg::Answer;

use super::approved::{CODE, Control};
use super::town::{Town, words};
use super::wire::{Wire, bind, bind_values, describe, execute, parse, parse_typed, query, run, sync};

const SHOP: &str = "\
CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE);
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE moods (mood mood, at timestamptz, price numeric(10, 2), tags text[]);
INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 50) g;
INSERT INTO orders SELECT g, 1 + g % 50 FROM generate_series(1, 150) g;
INSERT INTO moods VALUES ('bad', '2026-12-01 10:00:00+00', 12.50, '{a,b}')";
const USERS: &str = "SELECT count(*) FROM users";
const GONE: &str = "DELETE FROM users WHERE id = $1";
const INT4: u32 = 23;
const INT8: u32 = 20;
const TEXT: i16 = 0;
const BINARY: i16 = 1;

/// What was approved, as the person read it; the code is good once.
#[derive(Clone, Default)]
struct Approved(Arc<Mutex<Option<Wording>>>);

impl Approved {
    fn set(&self, text: &StatementText) {
        let StatementText { text, values, .. } = text.clone();
        *self.0.lock().unwrap() = Some(Wording { text, values });
    }

    fn good_for(&self, rows_deleted_max: u64) -> impl Fn(&Redemption) -> Answer + Send + 'static {
        let approved = self.clone();
        move |redemption| {
            let mut kept = approved.0.lock().unwrap();
            let is_approved = |wording: &&mut Wording| wording.digest() == redemption.statement;
            if kept.as_mut().filter(is_approved).is_none() {
                return Err("another text was approved, or other values".to_owned());
            }
            *kept = None;
            Ok(Redeemed {
                decision: "dcn_0123456789abcdef".parse().unwrap(),
                budget: RowBudget {
                    rows_changed_max: 0,
                    rows_deleted_max,
                },
                takes: None,
                entry: 7,
            })
        }
    }
}

async fn town(rows_deleted_max: u64) -> (Town, Control, Approved) {
    let approved = Approved::default();
    let (town, control) = Control::with(SHOP, approved.good_for(rows_deleted_max)).await;
    (town, control, approved)
}

fn shown(values: &[BoundValue]) -> Vec<(&str, Option<&str>, Option<&str>)> {
    let shown = values
        .iter()
        .map(|one| (one.type_name.as_str(), one.text.as_deref(), one.binary.as_deref()));
    shown.collect()
}

/// The one statement that was told with its values since the last time.
fn told(control: &Control) -> StatementText {
    let mut texts: Vec<StatementText> = control
        .desk
        .fetch()
        .into_iter()
        .flat_map(|batch| batch.texts)
        .collect();
    assert_eq!(texts.len(), 1);
    texts.remove(0)
}

fn with_code(sql: &str) -> String {
    format!("{CODE}{sql}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_runs_what_was_approved_with_its_values_once() {
    let (town, control, approved) = town(4).await;
    let agent = town.driver("agent").await;
    let refused = agent.execute(GONE, &[&7_i32]).await.unwrap_err();
    assert!(words(&refused).contains("rule `delete` refuses"), "{refused}");
    let batch = control.desk.fetch().remove(0);
    let decision = &batch.decisions[0];
    let hint = refused.as_db_error().unwrap().hint().unwrap().to_owned();
    assert!(
        hint.contains(&format!("safeguard statement approve {}", decision.decision)),
        "{hint}"
    );
    assert!(decision.unkept);
    let [text] = batch.texts.as_slice() else {
        panic!("{} texts", batch.texts.len());
    };
    assert_eq!(text.text, GONE);
    assert_eq!(shown(&text.values), [("int4", Some("7"), Some("00000007"))]);
    approved.set(text);

    // Other values, and the code is not used up by that.
    let other = agent.execute(&with_code(GONE), &[&8_i32]).await.unwrap_err();
    assert!(words(&other).contains("does not count"), "{other}");
    assert_eq!(agent.execute(&with_code(GONE), &[&7_i32]).await.unwrap(), 1);
    assert_eq!(town.truth(USERS).await, "49");
    let again = agent.execute(&with_code(GONE), &[&7_i32]).await.unwrap_err();
    assert!(words(&again).contains("does not count"), "{again}");
    let decisions = control.decisions();
    let within = decisions.iter().find(|one| one.outcome == Outcome::Within);
    assert_eq!(within.unwrap().effect.unwrap().rows_deleted, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_was_prepared_before_runs_with_a_code_that_is_set() {
    let (town, control, approved) = town(4).await;
    let agent = town.driver("agent").await;
    let gone = agent.prepare(GONE).await.unwrap();
    agent.execute(&gone, &[&7_i32]).await.unwrap_err();
    approved.set(&told(&control));
    agent
        .batch_execute("SET safeguard.approval = 'sga_1'")
        .await
        .unwrap();
    assert_eq!(agent.execute(&gone, &[&7_i32]).await.unwrap(), 1);
    let again = agent.execute(&gone, &[&7_i32]).await.unwrap_err();
    assert!(words(&again).contains("rule `delete` refuses"), "{again}");
    assert_eq!((control.asked(), town.truth(USERS).await.as_str()), (1, "49"));
}

/// A statement of one parameter, sent at once as drivers without a cache do.
fn sent(sql: &str, number: u32, format: i16, value: Option<&[u8]>) -> Vec<u8> {
    [
        parse_typed("", sql, &[number]),
        bind_values("", "", &[format], &[value]),
        describe(b'P', ""),
        execute(""),
        sync(),
    ]
    .concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_value_type_or_format_and_null_are_other_statements() {
    let (town, control, approved) = town(4).await;
    let mut wire = Wire::through(&town, "agent").await;
    assert_eq!(
        wire.ask(&sent(GONE, INT4, BINARY, Some(&[0, 0, 0, 7]))).await,
        "1 E:42501 Z:I"
    );
    let text = told(&control);
    let code = with_code(GONE);
    for (number, format, value) in [
        (INT4, BINARY, Some(&[0, 0, 0, 8][..])),
        (INT8, BINARY, Some(&[0, 0, 0, 0, 0, 0, 0, 7])),
        (INT4, BINARY, None),
        (INT4, TEXT, Some(b"7")),
        (INT8, TEXT, Some(b"7")),
        (0, TEXT, Some(b"07")),
    ] {
        approved.set(&text);
        let heard = wire.ask(&sent(&code, number, format, value)).await;
        assert_eq!(heard, "1 E:42501 Z:I", "{number} {format} {value:?}");
    }
    assert_eq!(
        control.asked(),
        6,
        "each was asked about, and was not what was approved"
    );
    approved.set(&text);
    assert_eq!(
        wire.ask(&sent(&code, INT4, BINARY, Some(&[0, 0, 0, 7]))).await,
        "1 2 n C:DELETE 1 Z:I"
    );
    assert_eq!(town.truth(USERS).await, "49");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_runs_alone_in_its_batch() {
    let (town, control, approved) = town(100).await;
    let mut wire = Wire::through(&town, "agent").await;
    let gone = |sql: &str| {
        [
            parse_typed("g", sql, &[INT4]),
            bind_values("p", "g", &[TEXT], &[Some(b"7")]),
            execute("p"),
        ]
        .concat()
    };
    wire.ask(&[gone(GONE), sync()].concat()).await;
    let text = told(&control);
    let code = with_code(GONE);
    let add = "INSERT INTO users VALUES (100, 'new')";
    // After it: the code is used up, and nothing of the batch is committed.
    for after in [
        run(add),
        run("SELECT 1"),
        bind_values("other", "g", &[TEXT], &[Some(b"8")]),
        execute("p"),
        query(add),
    ] {
        approved.set(&text);
        let asked = control.asked();
        let mut wire = Wire::through(&town, "agent").await;
        let heard = wire.ask(&[gone(&code), after, sync()].concat()).await;
        assert!(heard.starts_with("1 2 C:DELETE 1 E:"), "{heard}");
        assert_eq!(town.truth(USERS).await, "50", "{heard}");
        assert_eq!(control.asked(), asked + 1);
    }
    // Before it, or in a transaction: the code is not used up.
    let asked = control.asked();
    for before in [run(add), run("SELECT 1"), [query("BEGIN"), sync()].concat()] {
        approved.set(&text);
        let mut wire = Wire::through(&town, "agent").await;
        wire.send(&[before, gone(&code), sync()].concat()).await;
        let heard = wire.heard(1).await.join(" ");
        let heard = match heard.ends_with("C:BEGIN Z:T") {
            true => wire.heard(2).await.join(" "),
            false => heard,
        };
        assert!(heard.contains("E:42501"), "{heard}");
        assert_eq!(town.truth(USERS).await, "50", "{heard}");
    }
    assert_eq!(control.asked(), asked);
    // Bound, and not run: nothing happens, and the portal does not outlive its batch.
    approved.set(&text);
    let mut wire = Wire::through(&town, "agent").await;
    let bound = [
        parse_typed("g", &code, &[INT4]),
        bind_values("p", "g", &[TEXT], &[Some(b"7")]),
        sync(),
        execute("p"),
        sync(),
    ];
    wire.send(&bound.concat()).await;
    assert_eq!(wire.heard(2).await.join(" "), "1 2 Z:I E:34000 Z:I");
    assert_eq!(town.truth(USERS).await, "50");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_shown_in_full_can_not_be_approved() {
    let (town, control, _approved) = town(100).await;
    let mut wire = Wire::through(&town, "agent").await;
    let long = "x".repeat(17 << 10);
    let many: Vec<String> = (1..=65).map(|at| format!("${at}")).collect();
    let many = format!("DELETE FROM users WHERE id IN ({})", many.join(", "));
    let seven: Vec<Option<&[u8]>> = vec![Some(&b"7"[..]); 65];
    let mood = "DELETE FROM moods WHERE mood = $1";
    let named = "DELETE FROM users WHERE name = $1";
    for (sql, formats, values) in [
        // In the binary format, of a type that is not PostgreSQL's own; and no int4 at all.
        (mood, &[BINARY][..], &[Some(&b"bad"[..])][..]),
        (GONE, &[BINARY], &[Some(&[0, 7][..])]),
        (named, &[TEXT], &[Some(long.as_bytes())]),
        (&many, &[TEXT], &seven),
        // Not what the statement asks for.
        (GONE, &[TEXT], &[Some(&b"7"[..]), Some(&b"8"[..])]),
        (GONE, &[2], &[Some(&b"7"[..])]),
    ] {
        for sql in [sql.to_owned(), with_code(sql)] {
            let sent = [
                parse("", &sql),
                bind_values("", "", formats, values),
                execute(""),
                sync(),
            ];
            assert_eq!(wire.ask(&sent.concat()).await, "1 E:42501 Z:I", "{sql}");
        }
    }
    // What SQL itself prepares.
    for sent in [
        run("PREPARE gone AS DELETE FROM users WHERE id = 7"),
        [parse("", GONE), bind("", ""), execute("")].concat(),
    ] {
        let heard = wire.ask(&[sent, sync()].concat()).await;
        assert!(heard.ends_with("E:42501 Z:I"), "{heard}");
    }
    let texts: usize = control.desk.fetch().iter().map(|batch| batch.texts.len()).sum();
    assert_eq!((control.asked(), texts), (0, 0));
    // The same types as text are shown.
    let sent = [
        parse("", mood),
        bind_values("", "", &[], &[Some(b"bad")]),
        execute(""),
        sync(),
    ];
    wire.ask(&sent.concat()).await;
    assert_eq!(told(&control).values[0].text.as_deref(), Some("bad"));
    assert_eq!(town.truth("SELECT count(*) FROM moods").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_all_kinds_are_shown_as_the_database_reads_them() {
    let (town, control, _approved) = town(0).await;
    let agent = town.driver("agent").await;
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_796_119_200);
    let tags = vec!["a", "b"];
    agent
        .execute(
            "DELETE FROM moods WHERE at = $1 AND tags = $2 AND price::float8 > $3 AND mood::text <> $4",
            &[&at, &tags, &1.5_f64, &None::<&str>],
        )
        .await
        .unwrap_err();
    let text = told(&control);
    let kinds: Vec<_> = text
        .values
        .iter()
        .map(|one| (one.type_name.as_str(), one.text.as_deref()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("timestamptz", Some("2026-12-01 10:00:00Z")),
            ("text[]", Some("{\"a\",\"b\"}")),
            ("float8", Some("1.5")),
            ("text", None)
        ]
    );
    // As the database itself writes what it sends in the binary format.
    let row = agent
        .query_one(
            "SELECT numeric_send(v) FROM (SELECT price * 100000.125 AS v FROM moods) s",
            &[],
        )
        .await
        .unwrap();
    let number: Vec<u8> = row.get(0);
    let mut wire = Wire::through(&town, "agent").await;
    let sent = [
        parse("", "DELETE FROM moods WHERE price = $1"),
        bind_values("", "", &[BINARY], &[Some(&number)]),
        execute(""),
        sync(),
    ];
    assert_eq!(wire.ask(&sent.concat()).await, "1 E:42501 Z:I");
    let shown = told(&control).values.remove(0).text;
    let expected = town.truth("SELECT price * 100000.125 FROM moods").await;
    assert_eq!(shown, Some(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_its_budget_a_statement_is_told_with_its_values_and_what_it_did() {
    let (town, control, approved) = town(160).await;
    let person = town.driver("person").await;
    let sql = "DELETE FROM users WHERE id <= $1";
    let over = person.execute(sql, &[&40_i32]).await.unwrap_err();
    assert_eq!(
        words(&over),
        "53400 would delete 160 rows in 2 tables, 1 by cascade (limit 100)"
    );
    let batch = control.desk.fetch().remove(0);
    assert_eq!(
        shown(&batch.texts[0].values),
        [("int4", Some("40"), Some("00000028"))]
    );
    assert_eq!(batch.decisions[0].effect.unwrap().rows_deleted, 160);
    // Two in one transaction are measured together, and neither is approved for both.
    let mut wire = Wire::through(&town, "person").await;
    let twenty = |value: &[u8]| [bind_values("", "s", &[], &[Some(value)]), execute("")].concat();
    let two = "DELETE FROM users WHERE id % 2 = $1";
    let sent = [parse("s", two), twenty(b"0"), twenty(b"1"), sync()].concat();
    assert_eq!(wire.ask(&sent).await, "1 2 C:DELETE 25 2 C:DELETE 25 E:53400 Z:I");
    assert!(control.desk.fetch().iter().all(|batch| batch.texts.is_empty()));

    approved.set(&batch.texts[0]);
    let done = person.execute(&with_code(sql), &[&40_i32]).await.unwrap();
    assert_eq!((done, town.truth(USERS).await.as_str()), (40, "10"));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_was_approved_is_rolled_back_with_parameters_too() {
    let (town, control, approved) = town(3).await;
    let agent = town.driver("agent").await;
    agent.execute(GONE, &[&7_i32]).await.unwrap_err();
    approved.set(&told(&control));
    let over = agent.execute(&with_code(GONE), &[&7_i32]).await.unwrap_err();
    assert!(words(&over).contains("would delete 4 rows in 2 tables"), "{over}");
    assert_eq!(town.truth(USERS).await, "50");
    // A value that the server does not take uses up the code, and leaves the session as it was.
    let mut wire = Wire::through(&town, "agent").await;
    wire.ask(&sent(GONE, INT4, TEXT, Some(b"seven"))).await;
    drop(control.desk.fetch());
    wire.ask(&sent(GONE, INT4, TEXT, Some(b"eight"))).await;
    approved.set(&told(&control));
    let heard = wire
        .ask(&sent(&with_code(GONE), INT4, TEXT, Some(b"eight")))
        .await;
    assert_eq!(heard, "1 E:22P02 Z:I");
    assert_eq!(wire.ask(&query(USERS)).await, "T D C:SELECT 1 Z:I");
}
