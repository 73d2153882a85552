//! Statements that a person lets run once, and what is told of decisions; the test is the control plane.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use safeguard_api::Digest;
use safeguard_api::config::Proxy;
use safeguard_api::guard::RowBudget;
use safeguard_api::statement::{Outcome, Redeemed, Redemption, StatementDecision};
use safeguard_dataplane::pg::{Answer, Desk, Question};

use super::town::Town;

const SHOP: &str = "\
CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE);
INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 50) g;
INSERT INTO orders SELECT g, 1 + g % 50 FROM generate_series(1, 150) g";
const USERS: &str = "SELECT count(*) FROM users";
const GONE: &str = "DELETE FROM users WHERE id = 7";
pub const CODE: &str = "/* safeguard.approval='sga_1' */ ";

/// The control plane: it answers every code in the same way, and notes what it was asked.
pub struct Control {
    pub desk: Arc<Desk>,
    asked: Arc<Mutex<Vec<Redemption>>>,
}

impl Control {
    pub async fn with(sql: &str, answer: impl Fn(&Redemption) -> Answer + Send + 'static) -> (Town, Control) {
        Control::with_settings(sql, answer, |_| ()).await
    }

    pub async fn with_settings(
        sql: &str,
        answer: impl Fn(&Redemption) -> Answer + Send + 'static,
        change: impl FnOnce(&mut Proxy),
    ) -> (Town, Control) {
        let (desk, questions) = Desk::new();
        let desk = Arc::new(desk);
        desk.set_recording(true);
        let asked: Arc<Mutex<Vec<Redemption>>> = Arc::default();
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || serve(&questions, &noted, answer));
        let town = Town::with_settings(sql, |settings| {
            settings.desk = Some(Arc::clone(&desk));
            change(&mut settings.proxy);
        })
        .await;
        (town, Control { desk, asked })
    }

    pub fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub fn decisions(&self) -> Vec<StatementDecision> {
        let batches = self.desk.fetch();
        batches.into_iter().flat_map(|batch| batch.decisions).collect()
    }
}

fn serve(
    questions: &Receiver<Question>,
    noted: &Mutex<Vec<Redemption>>,
    answer: impl Fn(&Redemption) -> Answer,
) {
    while let Ok(question) = questions.recv() {
        let answered = answer(&question.redemption);
        noted.lock().unwrap().push(question.redemption);
        drop(question.answer.send(answered));
    }
}

fn good_for(rows_deleted_max: u64) -> impl Fn(&Redemption) -> Answer + Send + 'static {
    move |redemption| {
        if redemption.statement != Digest::of(GONE.as_bytes()) {
            return Err("another text was approved, to the letter".to_owned());
        }
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

#[tokio::test]
async fn a_refusal_says_how_a_person_lets_it_run_and_tells_the_text_beside_the_log() {
    let (town, control) = Control::with(SHOP, good_for(4)).await;
    let refused = town.psql("agent", &format!("{GONE};")).await;
    let batch = control.desk.fetch().remove(0);
    let decision = &batch.decisions[0];
    let hint = format!(
        "or ask a person for `safeguard statement approve {}`",
        decision.decision
    );
    assert!(refused.contains(&hint), "{refused}");
    assert_eq!(batch.texts[0].text, GONE);
    assert_eq!(batch.texts[0].decision, decision.decision);
    assert_eq!(decision.outcome, Outcome::Refused);
    assert_eq!(decision.rule.as_deref(), Some("delete"));
    assert_eq!(decision.person.as_deref(), Some("Kim Doe"));
    assert!(
        !serde_json::to_string(&batch.decisions)
            .unwrap()
            .contains("id = 7")
    );
}

#[tokio::test]
async fn an_approved_statement_runs_once_and_the_next_is_refused_again() {
    let (town, control) = Control::with(SHOP, good_for(4)).await;
    let done = town
        .psql_with(
            "agent",
            &[
                "-c",
                &format!("{CODE}{GONE}"),
                "-c",
                "DELETE FROM users WHERE id = 8",
            ],
        )
        .await;
    assert!(done.starts_with("DELETE 1"), "{done}");
    assert!(done.contains("rule `delete` refuses"), "{done}");
    assert_eq!(town.psql("agent", USERS).await, "49");
    let decisions = control.decisions();
    let within = decisions
        .iter()
        .find(|one| one.outcome == Outcome::Within)
        .unwrap();
    assert_eq!(within.effect.unwrap().rows_deleted, 4);
    assert_eq!(within.approved.as_ref().unwrap().as_str(), "dcn_0123456789abcdef");
    let asked = control.asked.lock().unwrap();
    assert_eq!((asked.len(), asked[0].login.as_str()), (1, "agent"));
}

#[tokio::test]
async fn a_code_that_is_set_is_for_the_next_statement_that_needs_one() {
    let (town, control) = Control::with(SHOP, good_for(4)).await;
    let done = town
        .psql_with(
            "agent",
            &[
                "-c",
                "SET safeguard.approval = 'sga_1'",
                "-c",
                USERS,
                "-c",
                GONE,
                "-c",
                "DELETE FROM users WHERE id = 8",
            ],
        )
        .await;
    assert!(done.contains("DELETE 1"), "{done}");
    assert!(done.contains("rule `delete` refuses"), "{done}");
    assert_eq!(
        (control.asked(), town.psql("agent", USERS).await),
        (1, "49".to_owned())
    );
}

#[tokio::test]
async fn more_than_was_approved_is_rolled_back() {
    let (town, control) = Control::with(SHOP, good_for(3)).await;
    let told = town.psql("agent", &format!("{CODE}{GONE}")).await;
    assert!(
        told.contains("would delete 4 rows in 2 tables, 1 by cascade (limit 3)"),
        "{told}"
    );
    assert!(told.contains("the code is used up"), "{told}");
    assert_eq!(town.psql("agent", USERS).await, "50");
    let decisions = control.decisions();
    assert_eq!(decisions[0].outcome, Outcome::RolledBack);
    assert_eq!(decisions[0].effect.unwrap().rows_deleted, 4);
}

#[tokio::test]
async fn a_code_that_does_not_count_lets_nothing_run() {
    let (town, control) = Control::with(SHOP, good_for(4)).await;
    let told = town
        .psql("agent", &format!("{CODE}DELETE FROM users WHERE id = 8"))
        .await;
    assert!(
        told.contains("does not count: another text was approved"),
        "{told}"
    );
    assert_eq!(
        (control.asked(), town.psql("agent", USERS).await),
        (1, "50".to_owned())
    );
}

#[tokio::test]
async fn what_can_not_be_approved_asks_nobody() {
    let (town, control) = Control::with(SHOP, good_for(100)).await;
    for sql in [
        "DELETE FROM users; DELETE FROM orders",
        "COPY users TO PROGRAM 'cat'",
        "WITH gone AS (DELETE FROM users RETURNING *) SELECT pg_read_file('x') FROM gone",
        "PREPARE gone AS DELETE FROM users WHERE id = 7",
    ] {
        let told = town.psql("agent", &format!("{CODE}{sql}")).await;
        assert!(
            told.contains("this statement can not be approved"),
            "{sql}: {told}"
        );
    }
    let in_transaction = ["-c", "BEGIN", "-c", &format!("{CODE}{GONE}")];
    let told = town.psql_with("agent", &in_transaction).await;
    assert!(told.contains("this statement can not be approved"), "{told}");
    assert_eq!(
        (control.asked(), town.psql("agent", USERS).await),
        (0, "50".to_owned())
    );
}

#[tokio::test]
async fn over_the_budget_a_person_reads_what_it_really_did() {
    let (town, control) = Control::with(SHOP, good_for(0)).await;
    let sql = "DELETE FROM users WHERE id <= 40";
    let told = town.psql("person", sql).await;
    assert!(told.contains("would delete 160 rows in 2 tables"), "{told}");
    assert!(told.contains("safeguard statement approve dcn_"), "{told}");
    let batch = control.desk.fetch().remove(0);
    assert_eq!(batch.texts[0].text, sql);
    assert_eq!(batch.decisions[0].effect.unwrap().rows_deleted, 160);
}

#[tokio::test]
async fn without_a_log_agents_write_nothing_and_persons_go_on() {
    let (town, control) = Control::with(SHOP, good_for(0)).await;
    control.desk.set_recording(false);
    let sql = "INSERT INTO users VALUES (100, 'new')";
    let told = town.psql("agent", sql).await;
    assert!(told.contains("does not reach the log"), "{told}");
    assert_eq!(town.psql("agent", USERS).await, "50");
    assert_eq!(town.psql("person", sql).await, "INSERT 0 1");
    control.desk.set_recording(true);
    assert_eq!(
        town.psql("agent", "INSERT INTO users VALUES (101, 'new')").await,
        "INSERT 0 1"
    );
}

#[tokio::test]
async fn a_flood_of_refusals_is_counted_and_not_listed() {
    let (town, control) = Control::with(SHOP, good_for(0)).await;
    let many: Vec<String> = (0..300)
        .map(|at| format!("DELETE FROM users WHERE id = {at}"))
        .collect();
    let mut arguments: Vec<&str> = Vec::new();
    for sql in &many {
        arguments.extend(["-c", sql]);
    }
    town.psql_with("agent", &arguments).await;
    let batch = control.desk.fetch().remove(0);
    assert!(
        batch.texts.len() <= 16 && batch.decisions.len() < 100,
        "{}",
        batch.decisions.len()
    );
    let counted: u64 = batch.decisions.iter().map(|one| 1 + one.repeated).sum();
    assert_eq!(counted, 300);
}

#[tokio::test]
async fn without_a_server_a_code_is_no_code() {
    let town = Town::new(SHOP).await;
    let told = town.psql("agent", &format!("{CODE}{GONE}")).await;
    assert!(told.contains("runs without the server"), "{told}");
}

#[tokio::test]
async fn where_rows_must_be_kept_nothing_runs_without() {
    let (town, _control) =
        Control::with_settings(SHOP, good_for(4), |proxy| proxy.undo_required = None).await;
    let told = town.psql("agent", &format!("{CODE}{GONE}")).await;
    assert!(told.contains("this database keeps nothing"), "{told}");
    assert_eq!(town.psql("agent", USERS).await, "50");
}
