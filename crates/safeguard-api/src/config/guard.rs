//! What the guard lets whom do to a database.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::within;
use super::{Config, ConfigProblem, Quotas};
use crate::guard::{GuardAnswer, Principal, RowBudget, StatementClass};
use crate::stage::Environment;

const RULES_MAX: usize = 64;
const ROWS_MAX: u64 = 1 << 40;

/// How statements are judged. Unsaid, the pages of the rules say what is answered to whom.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GuardPolicy {
    /// What measured statements may change, for each principal.
    pub budgets: RowBudgets,
    /// How much a statement of an agent or a service may ask for.
    pub limits: StatementLimits,
    /// How much each login may ask for while its statements run.
    pub quotas: Quotas,
    /// Answers that differ from those of the pages; the first that fits counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<GuardRule>,
    /// Which PostgreSQL cluster is whose: the number that `pg_control_system()` gives. Proxies let nobody in to another,
    /// and `safeguard db doctor` refuses it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub system_identifiers: BTreeMap<Environment, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RowBudgets {
    pub agent: RowBudget,
    pub service: RowBudget,
    pub person: RowBudget,
    pub migration: RowBudget,
}

impl Default for RowBudgets {
    fn default() -> Self {
        let budget = |rows_changed_max, rows_deleted_max| RowBudget {
            rows_changed_max,
            rows_deleted_max,
        };
        RowBudgets {
            agent: budget(100, 0),
            service: budget(1_000, 0),
            person: budget(1_000, 100),
            migration: budget(100_000, 1_000),
        }
    }
}

impl RowBudgets {
    #[must_use]
    pub fn of(&self, principal: Principal) -> RowBudget {
        match principal {
            Principal::Agent => self.agent,
            Principal::Service => self.service,
            Principal::Person => self.person,
            Principal::Migration => self.migration,
        }
    }
}

/// What one text of statements may ask for. Persons and migrations are not held to these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StatementLimits {
    /// Places in which a relation is read or written.
    pub relations_max: u32,
    pub joins_max: u32,
    /// Subqueries and common table expressions.
    pub subqueries_max: u32,
    /// Relations in one `FROM` that no condition joins to the others.
    pub cartesian_products_max: u32,
    /// `CROSS JOIN`, written out.
    pub cross_joins_max: u32,
    /// Queries that return whole relations: no condition, no grouping, no `LIMIT`.
    pub unlimited_reads_max: u32,
}

impl Default for StatementLimits {
    fn default() -> Self {
        StatementLimits {
            relations_max: 48,
            joins_max: 24,
            subqueries_max: 48,
            cartesian_products_max: 0,
            cross_joins_max: 2,
            unlimited_reads_max: 48,
        }
    }
}

/// One answer for some principals, environments and classes of statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardRule {
    pub classes: Vec<StatementClass>,
    /// Unsaid: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub principals: Vec<Principal>,
    /// Unsaid: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<Environment>,
    pub answer: GuardAnswer,
}

/// What neither an agent nor a service is ever allowed, by any rule.
const NEVER_UNATTENDED: &[StatementClass] = &[
    StatementClass::Delete,
    StatementClass::Truncate,
    StatementClass::Drop,
    StatementClass::DropDefinition,
    StatementClass::DropEverything,
    StatementClass::Host,
    StatementClass::Outward,
];

/// What is denied because it can not be judged or measured at all, and so by no rule otherwise.
const NOT_FOR_RULES: &[StatementClass] = &[StatementClass::NotUnderstood, StatementClass::TooComplex];

impl GuardRule {
    #[must_use]
    pub fn fits(&self, principal: Principal, environment: Environment, class: StatementClass) -> bool {
        self.principals().contains(&principal)
            && self.environments().contains(&environment)
            && self.classes.contains(&class)
    }

    fn principals(&self) -> &[Principal] {
        or_all(&self.principals, Principal::ALL)
    }

    fn environments(&self) -> &[Environment] {
        or_all(&self.environments, &Environment::ALL)
    }

    /// Everything that it fits.
    fn cases(&self) -> impl Iterator<Item = (Principal, Environment, StatementClass)> {
        let pairs = self
            .principals()
            .iter()
            .flat_map(|&one| self.environments().iter().map(move |&place| (one, place)));
        pairs.flat_map(|(one, place)| self.classes.iter().map(move |&class| (one, place, class)))
    }
}

fn or_all<'a, T>(named: &'a [T], all: &'a [T]) -> &'a [T] {
    if named.is_empty() { all } else { named }
}

pub(super) fn check(config: &Config, found: &mut Vec<ConfigProblem>) {
    let policy = &config.guard;
    for &principal in Principal::ALL {
        let budget = policy.budgets.of(principal);
        for (key, rows) in [
            ("rows_changed_max", budget.rows_changed_max),
            ("rows_deleted_max", budget.rows_deleted_max),
        ] {
            within(
                found,
                &["guard", "budgets", principal.as_str(), key],
                rows,
                0,
                ROWS_MAX,
            );
        }
        if matches!(principal, Principal::Agent | Principal::Service) && budget.rows_deleted_max > 0 {
            let message = format!(
                "{} rows deleted (limit 0 for agents and services)",
                budget.rows_deleted_max
            );
            let path = ["guard", "budgets", principal.as_str(), "rows_deleted_max"];
            found.push(ConfigProblem::new(&path, message).with_hint("let a person or a migration delete"));
        }
    }
    check_identifiers(policy, found);
    if policy.rules.len() > RULES_MAX {
        let message = format!("{} rules (limit {RULES_MAX})", policy.rules.len());
        found.push(ConfigProblem::new(&["guard", "rules"], message));
    }
    for (at, rule) in policy.rules.iter().take(RULES_MAX).enumerate() {
        check_rule(at, rule, &policy.rules[..at], found);
    }
}

/// A number that two environments share tells them apart no more.
fn check_identifiers(policy: &GuardPolicy, found: &mut Vec<ConfigProblem>) {
    let known = &policy.system_identifiers;
    for (environment, identifier) in known {
        let path = ["guard", "system_identifiers", environment.as_str()];
        if identifier.is_empty() || !identifier.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("`{}` is no system identifier", identifier.escape_debug());
            let hint = "`SELECT system_identifier FROM pg_control_system()` gives its digits";
            found.push(ConfigProblem::new(&path, message).with_hint(hint));
        }
        let twin = known
            .iter()
            .find(|(other, same)| *other < environment && *same == identifier);
        if let Some((other, _)) = twin {
            let message = format!("{environment} and {other} have the same server");
            let hint = "give each environment a cluster of its own";
            found.push(ConfigProblem::new(&path, message).with_hint(hint));
        }
    }
}

fn check_rule(at: usize, rule: &GuardRule, before: &[GuardRule], found: &mut Vec<ConfigProblem>) {
    let number = at.to_string();
    let path = |key: &'static str| {
        [
            "guard".to_owned(),
            "rules".to_owned(),
            number.clone(),
            key.to_owned(),
        ]
    };
    let mut problem = |key: &'static str, message: String, hint: &str| {
        let path = path(key);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        found.push(ConfigProblem::new(&path, message).with_hint(hint));
    };
    if rule.classes.is_empty() {
        problem(
            "classes",
            "a rule without a class fits nothing".to_owned(),
            "name at least one class",
        );
        return;
    }
    for class in rule.classes.iter().filter(|class| NOT_FOR_RULES.contains(class)) {
        problem(
            "classes",
            format!("`{class}` is denied whatever a rule says"),
            "leave it out; `[guard.limits]` has the limits",
        );
    }
    let unattended = rule
        .principals()
        .iter()
        .any(|principal| matches!(principal, Principal::Agent | Principal::Service));
    if unattended && rule.answer != GuardAnswer::Deny {
        for class in rule
            .classes
            .iter()
            .filter(|class| NEVER_UNATTENDED.contains(class))
        {
            problem(
                "answer",
                format!("`{class}` is never `{}` for an agent or a service", rule.answer),
                "set `principals` to person, migration or both",
            );
        }
    }
    if rule.cases().all(|(principal, environment, class)| {
        before
            .iter()
            .any(|earlier| earlier.fits(principal, environment, class))
    }) {
        problem(
            "classes",
            "it can never count: earlier rules fit everything that it fits".to_owned(),
            "remove it, or put it first",
        );
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn problems(text: &str) -> String {
        let service = "[services.shop]\ncommand = [\"x\"]\n[services.shop.listen]\ndev = \"127.0.0.1:1\"\nqa = \"127.0.0.1:2\"\n\
            staging = \"127.0.0.1:3\"\nproduction = \"127.0.0.1:4\"\n";
        match Config::parse(&format!("mode = \"observe\"\n{text}\n{service}")) {
            Ok(_) => "none".to_owned(),
            Err(problems) => problems.iter().map(|problem| format!("{problem}\n")).collect(),
        }
    }

    #[test]
    fn each_environment_has_a_server_of_its_own() {
        assert_snapshot!(problems("[guard.system_identifiers]\nqa = \"71\"\nstaging = \"72\"\nproduction = \"72\""), @"5:14: `guard.system_identifiers.production`: production and staging have the same server (give each environment a cluster of its own)");
        assert_snapshot!(problems("[guard.system_identifiers]\nproduction = \"7x\""), @"3:14: `guard.system_identifiers.production`: `7x` is no system identifier (`SELECT system_identifier FROM pg_control_system()` gives its digits)");
        assert_snapshot!(problems("[guard.system_identifiers]\nqa = \"71\"\nproduction = \"72\""), @"none");
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        let texts = [
            "[guard.budgets]\nperson = { rows_changed_max = 5000, rows_deleted_max = 50 }\n[guard.limits]\njoins_max = 8",
            "[[guard.rules]]\nclasses = [\"extension\"]\nprincipals = [\"migration\"]\nanswer = \"allow\"",
            "[guard.limits]\njoin_max = 8",
            "[[guard.rules]]\nclasses = [\"drops\"]\nanswer = \"allow\"",
            "[[guard.rules]]\nclasses = []\nanswer = \"deny\"",
            "[[guard.rules]]\nclasses = [\"delete\"]\nanswer = \"measure\"",
            "[[guard.rules]]\nclasses = [\"not-understood\"]\nprincipals = [\"person\"]\nanswer = \"allow\"",
            "[[guard.rules]]\nclasses = [\"write\"]\nanswer = \"deny\"\n[[guard.rules]]\nclasses = [\"write\"]\nprincipals = [\"agent\"]\nanswer = \"allow\"",
            "[guard.budgets]\nagent = { rows_changed_max = 1, rows_deleted_max = 1 }",
        ];
        let told: Vec<String> = texts.iter().map(|text| problems(text)).collect();
        assert_snapshot!(told.join("--\n"), @r"
        none--
        none--
        3:1: `guard.limits.join_max`: there is no key `join_max` here (did you mean `joins_max`?)
        --
        3:12: `guard.rules[0].classes[0]`: `drops` is not a value of `classes` (did you mean `drop`?)
        --
        3:11: `guard.rules[0].classes`: a rule without a class fits nothing (name at least one class)
        --
        4:10: `guard.rules[0].answer`: `delete` is never `measure` for an agent or a service (set `principals` to person, migration or both)
        --
        3:11: `guard.rules[0].classes`: `not-understood` is denied whatever a rule says (leave it out; `[guard.limits]` has the limits)
        --
        6:11: `guard.rules[1].classes`: it can never count: earlier rules fit everything that it fits (remove it, or put it first)
        --
        3:52: `guard.budgets.agent.rows_deleted_max`: 1 rows deleted (limit 0 for agents and services) (let a person or a migration delete)
        ");
    }
}
