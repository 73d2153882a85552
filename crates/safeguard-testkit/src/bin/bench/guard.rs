//! How many statements the guard reads and judges on one core, and how long one takes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::ensure;
use safeguard_api::Environment;
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{Asker, GuardAnswer, Principal};
use safeguard_guard::{decide, read};

use crate::report::{Row, median};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(400);
/// The goals of a statement that nobody has asked before, and of one whose facts are kept.
const READ_MICROSECONDS_MAX: f64 = 2.0;
const JUDGE_NANOSECONDS_MAX: f64 = 150.0;

const ASKER: Asker = Asker {
    principal: Principal::Service,
    environment: Environment::Production,
    frozen: false,
};

/// What services send most: pgbench's statements, and two of an ORM.
const STATEMENTS: &[(&str, &str, GuardAnswer)] = &[
    (
        "select by key",
        "SELECT abalance FROM pgbench_accounts WHERE aid = $1",
        GuardAnswer::Allow,
    ),
    (
        "update by key",
        "UPDATE pgbench_accounts SET abalance = abalance + $1 WHERE aid = $2",
        GuardAnswer::Measure,
    ),
    (
        "select of an ORM",
        r#"SELECT "u"."id", "u"."name", count("o"."id") AS "n" FROM "users" "u" LEFT JOIN "orders" "o" ON "o"."user_id" = "u"."id"
            WHERE "u"."active" AND "u"."created_at" > now() - interval '1 day' GROUP BY 1, 2 ORDER BY "n" DESC LIMIT 20"#,
        GuardAnswer::Allow,
    ),
    ("refused", "DELETE FROM users WHERE id = $1", GuardAnswer::Deny),
];

pub fn run() -> anyhow::Result<Vec<Row>> {
    let policy = GuardPolicy::default();
    let mut rows = Vec::new();
    for (name, sql, expected) in STATEMENTS {
        let facts = read(sql);
        let found = decide(&facts, ASKER, &policy).answer;
        ensure!(found == *expected, "{name}: expected {expected}, found {found}");
        let reading = nanoseconds(|| {
            black_box(decide(&read(black_box(sql)), ASKER, &policy).answer);
        });
        let judging = nanoseconds(|| {
            black_box(decide(black_box(&facts), ASKER, &policy).answer);
        });
        rows.push(
            Row::new(format!("guard {name}: read and judged"), reading / 1_000.0, "µs")
                .at_most(READ_MICROSECONDS_MAX),
        );
        rows.push(
            Row::new(format!("guard {name}: judged again"), judging, "ns").at_most(JUDGE_NANOSECONDS_MAX),
        );
        rows.push(Row::new(
            format!("guard {name}: read and judged"),
            1e9 / reading,
            "1/s",
        ));
    }
    Ok(rows)
}

/// The median of some rounds.
fn nanoseconds(mut run: impl FnMut()) -> f64 {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let (began, mut count) = (Instant::now(), 0_u32);
        while began.elapsed() < ROUND {
            for _ in 0..64 {
                run();
            }
            count += 64;
        }
        rounds.push(began.elapsed().as_nanos() as f64 / f64::from(count));
    }
    median(&mut rounds)
}
