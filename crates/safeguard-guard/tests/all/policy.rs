//! What a policy changes, and what it can not.

use insta::assert_snapshot;
use safeguard_api::Environment;
use safeguard_api::config::{GuardPolicy, GuardRule, StatementLimits};
use safeguard_api::guard::{Asker, GuardAnswer, GuardDecision, Principal, RowBudget, StatementClass};
use safeguard_guard::{is_approvable, judge, read};

const PRODUCTION: Asker = Asker {
    principal: Principal::Migration,
    environment: Environment::Production,
    frozen: false,
};

fn with(answer: GuardAnswer, classes: &[StatementClass]) -> GuardPolicy {
    GuardPolicy {
        rules: vec![GuardRule {
            classes: classes.to_vec(),
            principals: vec![],
            environments: vec![Environment::Production],
            answer,
        }],
        ..GuardPolicy::default()
    }
}

fn decided(sql: &str, asker: Asker, policy: &GuardPolicy) -> GuardDecision {
    judge(&read(sql), asker, policy)
}

#[test]
fn a_rule_of_the_policy_answers_where_it_fits() {
    let policy = with(GuardAnswer::Allow, &[StatementClass::Extension]);
    let sql = "CREATE EXTENSION timescaledb";
    assert_eq!(decided(sql, PRODUCTION, &policy).decision, GuardAnswer::Allow);
    let elsewhere = Asker {
        environment: Environment::Qa,
        ..PRODUCTION
    };
    assert_eq!(decided(sql, elsewhere, &policy).decision, GuardAnswer::Deny);
}

#[test]
fn a_rule_of_the_policy_may_be_stricter() {
    let policy = with(GuardAnswer::Deny, &[StatementClass::UnknownFunction]);
    assert_eq!(
        decided("SELECT f()", PRODUCTION, &policy).decision,
        GuardAnswer::Deny
    );
}

#[test]
fn no_rule_of_the_policy_lifts_a_freeze_or_lets_staging_be_written() {
    let policy = GuardPolicy {
        rules: vec![GuardRule {
            classes: StatementClass::ALL.to_vec(),
            principals: vec![],
            environments: vec![],
            answer: GuardAnswer::Allow,
        }],
        ..GuardPolicy::default()
    };
    let frozen = Asker {
        frozen: true,
        ..PRODUCTION
    };
    assert_eq!(
        decided("ALTER TABLE t ADD c int", frozen, &policy).decision,
        GuardAnswer::Deny
    );
    let staging = Asker {
        principal: Principal::Person,
        environment: Environment::Staging,
        frozen: false,
    };
    assert_eq!(
        decided("INSERT INTO t VALUES (1)", staging, &policy).decision,
        GuardAnswer::Deny
    );
    assert_eq!(
        decided("SELECT (", PRODUCTION, &policy).decision,
        GuardAnswer::Deny
    );
}

#[test]
fn in_staging_what_is_measured_may_change_nothing() {
    let staging = Asker {
        principal: Principal::Service,
        environment: Environment::Staging,
        frozen: false,
    };
    let decision = decided("SELECT f()", staging, &GuardPolicy::default());
    assert_eq!(decision.decision, GuardAnswer::Measure);
    let nothing = RowBudget {
        rows_changed_max: 0,
        rows_deleted_max: 0,
    };
    assert_eq!(decision.budget, Some(nothing));
}

#[test]
fn limits_hold_agents_and_services_and_say_the_figure() {
    let policy = GuardPolicy {
        limits: StatementLimits {
            joins_max: 1,
            ..StatementLimits::default()
        },
        ..GuardPolicy::default()
    };
    let sql = "SELECT a.id FROM a JOIN b ON a.id = b.id JOIN c ON b.id = c.id WHERE a.id = 1";
    let agent = Asker {
        principal: Principal::Agent,
        ..PRODUCTION
    };
    let finding = decided(sql, agent, &policy).finding.unwrap();
    assert_snapshot!(format!("{}\n{}\n{}\n{}", finding.sqlstate, finding.message, finding.detail, finding.hint), @r"
    54001
    rule `too-complex` refuses a statement that joins 2 times (limit 1)
    asked as agent in production: a statement without bounds takes the server from everybody else
    ask for less at a time: join on keys (or write `CROSS JOIN` where each with each is meant), add `LIMIT`; `[guard.limits]` has the limits
    ");
    assert_eq!(decided(sql, PRODUCTION, &policy).decision, GuardAnswer::Allow);
}

#[test]
fn a_person_may_let_rows_and_named_tables_go_and_nothing_else() {
    let policy = GuardPolicy::default();
    let agent = Asker {
        principal: Principal::Agent,
        ..PRODUCTION
    };
    let approvable = |sql: &str, asker: Asker| is_approvable(&read(sql), asker, &policy);
    for sql in [
        "DELETE FROM carts WHERE id = 7",
        "DROP TABLE old_carts",
        "DROP TABLE IF EXISTS a, shop.b CASCADE",
        "TRUNCATE carts, shop.lines CASCADE",
    ] {
        assert!(approvable(sql, agent), "{sql}");
        for held in [
            Asker {
                environment: Environment::Staging,
                ..agent
            },
            Asker {
                principal: Principal::Service,
                environment: Environment::Staging,
                ..agent
            },
        ] {
            assert!(!approvable(sql, held), "{sql}: {held:?}");
        }
    }
    let frozen = Asker {
        frozen: true,
        ..agent
    };
    assert!(!approvable("TRUNCATE carts", frozen) && !approvable("DROP TABLE carts", frozen));
    for sql in [
        "DROP TABLE a; DROP TABLE b",
        "DROP TABLE a; SELECT 1",
        "DROP VIEW v",
        "DROP MATERIALIZED VIEW v",
        "DROP FOREIGN TABLE f",
        "DROP SEQUENCE s",
        "DROP INDEX i CASCADE",
        "DROP SCHEMA shop CASCADE",
        "DROP DATABASE shop",
        "DROP OWNED BY app",
        "DROP TABLE pg_catalog.pg_class",
        "ALTER TABLE a DROP COLUMN b",
        "ALTER TABLE a DETACH PARTITION b",
        "TRUNCATE pg_catalog.pg_class",
        "DO $$ BEGIN TRUNCATE a; END $$",
        "PREPARE p AS DELETE FROM a",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'TRUNCATE a'",
    ] {
        assert!(!approvable(sql, agent), "{sql}");
    }
}
