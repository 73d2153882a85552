//! From facts to a decision about who asks: a pure function that is cheap enough to ask again at every execution.

use std::borrow::Cow;

use safeguard_api::Environment;
use safeguard_api::config::{GuardPolicy, GuardRule, StatementLimits};
use safeguard_api::guard::{
    Asker, GuardAnswer, GuardDecision, GuardFinding, Principal, RowBudget, StatementClass as Class,
    StatementCost,
};

use crate::facts::{Act, Facts, Run};
use crate::rules::{Rule, of_class};

/// What is answered to a text, and by which rule: what a statement has to wait for before it runs.
pub struct Verdict<'f> {
    pub answer: GuardAnswer,
    /// Whose answer it is; none for a text that does nothing.
    reason: Option<(&'static Rule, Cow<'f, Act>)>,
}

impl<'f> Verdict<'f> {
    /// The rule that decided, and about what; none where everything is allowed.
    fn strict_reason(&self) -> Option<(&'static Rule, &Act)> {
        let (rule, act) = self.reason.as_ref()?;
        (self.answer != GuardAnswer::Allow).then_some((*rule, act.as_ref()))
    }

    /// The id of the rule that decided; none where everything is allowed.
    #[must_use]
    pub fn rule(&self) -> Option<&'static str> {
        self.strict_reason().map(|(rule, _)| rule.id)
    }

    /// The words for a statement that is refused or measured.
    #[must_use]
    pub fn finding(&self, asker: Asker, policy: &GuardPolicy) -> Option<GuardFinding> {
        let (rule, act) = self.strict_reason()?;
        Some(finding(self.answer, rule, act, asker, policy))
    }

    /// What a measured statement may change.
    #[must_use]
    pub fn budget(&self, asker: Asker, policy: &GuardPolicy) -> Option<RowBudget> {
        (self.answer == GuardAnswer::Measure).then(|| budget(asker, policy))
    }

    fn hear(&mut self, act: Cow<'f, Act>, asker: Asker, policy: &GuardPolicy) {
        if !counts(&act, asker) {
            return;
        }
        let (mut answer, mut rule) = answer(act.class, asker, policy);
        // Nobody measures what a definition does once it is used: it is code that is left behind.
        if answer == GuardAnswer::Measure && act.run == Run::Later {
            let code = self::answer(Class::Code, asker, policy);
            if code.0 > answer {
                (answer, rule) = code;
            }
        }
        if self.reason.is_none() || self.answer < answer {
            self.answer = answer;
            self.reason = Some((rule, act));
        }
    }
}

/// Decides about a text by everything that it does: the strictest answer counts. Cheap enough to ask at every execution.
#[must_use]
pub fn decide<'f>(facts: &'f Facts, asker: Asker, policy: &GuardPolicy) -> Verdict<'f> {
    let mut verdict = Verdict {
        answer: GuardAnswer::Allow,
        reason: None,
    };
    for act in &facts.acts {
        verdict.hear(Cow::Borrowed(act), asker, policy);
    }
    for act in over_limits(&facts.cost, asker, &policy.limits) {
        verdict.hear(Cow::Owned(act), asker, policy);
    }
    verdict
}

/// Decides about a text of statements, and says everything that led there.
#[must_use]
pub fn judge(facts: &Facts, asker: Asker, policy: &GuardPolicy) -> GuardDecision {
    let verdict = decide(facts, asker, policy);
    let strict = verdict.strict_reason().map(|(_, act)| act.class);
    let mut classes: Vec<Class> = facts.acts.iter().map(|act| act.class).chain(strict).collect();
    classes.sort_unstable();
    classes.dedup();
    let weightiest = classes.iter().copied().max_by_key(|class| weight(*class));
    GuardDecision {
        decision: verdict.answer,
        class: strict.or(weightiest).unwrap_or(Class::Session),
        classes,
        finding: verdict.finding(asker, policy),
        budget: verdict.budget(asker, policy),
        relations: facts.relations.clone(),
        functions: facts.functions.clone(),
        cost: facts.cost,
        principal: asker.principal,
        environment: asker.environment,
        frozen: asker.frozen,
    }
}

/// What somebody's measured statements may change. Staging is for reading alone, also by way of functions.
#[must_use]
pub fn budget(asker: Asker, policy: &GuardPolicy) -> RowBudget {
    match (asker.environment, asker.principal) {
        (Environment::Staging, Principal::Agent | Principal::Service | Principal::Person) => RowBudget {
            rows_changed_max: 0,
            rows_deleted_max: 0,
        },
        (_, principal) => policy.budgets.of(principal),
    }
}

/// Whether a person may let this very text run once, measured: all that stands against it is the policy about rows, or about
/// tables that it takes by their names. What reaches beyond that, what a freeze or an environment for reading holds back, and what can not be measured, nobody lets
/// through.
#[must_use]
pub fn is_approvable(facts: &Facts, asker: Asker, policy: &GuardPolicy) -> bool {
    let for_reading = asker.environment == Environment::Staging && asker.principal != Principal::Migration;
    let is_one_statement = facts.cost.statements == 1
        && facts.steps.is_empty()
        && facts.prepares.is_empty()
        && facts.executes.is_empty()
        && !facts.holds_cursor;
    let stands_against = |act: &Act| {
        let mut denying =
            answers(act.class, asker, policy).filter(|(answer, _)| *answer == GuardAnswer::Deny);
        let is_about =
            ABOUT_ROWS.contains(&act.class) || facts.taking.is_some() && ABOUT_TABLES.contains(&act.class);
        denying.any(|(_, rule)| !is_about || rule.sqlstate != crate::rules::POLICY)
    };
    !for_reading
        && is_one_statement
        && over_limits(&facts.cost, asker, &policy.limits).next().is_none()
        && !facts
            .acts
            .iter()
            .any(|act| counts(act, asker) && stands_against(act))
}

/// Classes whose effect the counters do not show, or that a rollback does not undo.
pub const NOT_COUNTED: &[Class] = &[
    Class::Truncate,
    Class::Drop,
    Class::DropEverything,
    Class::TwoPhase,
    Class::Host,
    Class::Outward,
    Class::NamesDatabase,
    Class::Extension,
    Class::Identity,
    Class::Deferred,
    Class::BackendControl,
    Class::ServerAdmin,
    Class::CatalogWrite,
];

const ABOUT_ROWS: &[Class] = &[Class::Write, Class::BulkWrite, Class::Delete];
const ABOUT_TABLES: &[Class] = &[Class::Drop, Class::Truncate];

/// Whether somebody answers for what is asked while it is asked.
fn is_attended(principal: Principal) -> bool {
    match principal {
        Principal::Person | Principal::Migration => true,
        Principal::Agent | Principal::Service => false,
    }
}

/// What a definition does later counts as done by whoever leaves it behind, unless they may leave code behind at all; the
/// server's host and other servers are out of its reach either way.
fn counts(act: &Act, asker: Asker) -> bool {
    let reaches_out = matches!(
        act.class,
        Class::Host
            | Class::Outward
            | Class::Deferred
            | Class::ServerAdmin
            | Class::NotUnderstood
            | Class::TooComplex
    );
    match act.run {
        Run::Now => true,
        Run::Later => reaches_out || !is_attended(asker.principal),
    }
}

/// The strictest answer of all rules that speak of a class; of equally strict ones, the first.
fn answer(class: Class, asker: Asker, policy: &GuardPolicy) -> (GuardAnswer, &'static Rule) {
    let stricter = |so_far: (GuardAnswer, &'static Rule), next: (GuardAnswer, &'static Rule)| {
        if so_far.0 < next.0 { next } else { so_far }
    };
    // A class that no rule speaks of is not one to let through.
    let strictest = answers(class, asker, policy).reduce(stricter);
    strictest.unwrap_or((GuardAnswer::Deny, crate::rules::NOT_UNDERSTOOD))
}

/// What each rule that speaks of a class answers.
fn answers(
    class: Class,
    asker: Asker,
    policy: &GuardPolicy,
) -> impl Iterator<Item = (GuardAnswer, &'static Rule)> {
    let fits = |rule: &&GuardRule| rule.fits(asker.principal, asker.environment, class);
    let by_policy = policy.rules.iter().find(fits).map(|rule| rule.answer);
    of_class(class).iter().map(move |&rule| {
        let answer = by_policy.filter(|_| rule.gives_way);
        (answer.unwrap_or_else(|| (rule.answer)(class, asker)), rule)
    })
}

fn finding(answer: GuardAnswer, rule: &Rule, act: &Act, asker: Asker, policy: &GuardPolicy) -> GuardFinding {
    let later = match act.run {
        Run::Now => "",
        Run::Later => ", whenever what it defines is used",
    };
    let frozen = if asker.frozen { ", during a freeze" } else { "" };
    let who = format!("{} in {}{frozen}", asker.principal, asker.environment);
    match answer {
        GuardAnswer::Allow | GuardAnswer::Deny => GuardFinding {
            rule: rule.id.to_owned(),
            sqlstate: rule.sqlstate.to_owned(),
            message: format!("rule `{}` refuses a statement that {}{later}", rule.id, act.does),
            detail: format!("asked as {who}: {}", rule.why),
            hint: (rule.instead)(asker).to_owned(),
        },
        GuardAnswer::Measure => {
            let budget = budget(asker, policy);
            GuardFinding {
                rule: rule.id.to_owned(),
                sqlstate: rule.sqlstate.to_owned(),
                message: format!("rule `{}` measures a statement that {}{later}", rule.id, act.does),
                detail: format!("asked as {who}: {}", rule.why),
                hint: if NOT_COUNTED.contains(&act.class) {
                    not_counted(act.class)
                } else {
                    format!(
                        "it is committed when it changes at most {} rows and deletes at most {}, triggers and cascades included",
                        budget.rows_changed_max, budget.rows_deleted_max
                    )
                },
            }
        }
    }
}

/// What to do where nothing counts what a statement takes.
fn not_counted(class: Class) -> String {
    let by_person = if ABOUT_TABLES.contains(&class) {
        "a person lets it run once, alone and outside of a transaction (`safeguard statement approve`), or "
    } else {
        ""
    };
    format!(
        "a proxy refuses what it can not count, unless {by_person}a rule in `[[guard.rules]]` allows it to whom it is for"
    )
}

/// What speaks for a text as a whole, when nothing of it is refused: the later in the list of classes the weightier, but for
/// what only concerns the session.
fn weight(class: Class) -> (bool, Class) {
    let of_session = matches!(
        class,
        Class::Session | Class::Transaction | Class::IdentityReset | Class::Read | Class::UnknownFunction
    );
    (!of_session || class == Class::UnknownFunction, class)
}

fn over_limits(cost: &StatementCost, asker: Asker, limits: &StatementLimits) -> impl Iterator<Item = Act> {
    let figures = [
        (
            cost.relations,
            limits.relations_max,
            "names relations in {} places",
        ),
        (cost.joins, limits.joins_max, "joins {} times"),
        (cost.subqueries, limits.subqueries_max, "has {} subqueries"),
        (
            cost.cartesian_products,
            limits.cartesian_products_max,
            "leaves {} of its relations unjoined",
        ),
        (cost.cross_joins, limits.cross_joins_max, "has {} cross joins"),
        (
            cost.unlimited_reads,
            limits.unlimited_reads_max,
            "returns {} whole relations without a `LIMIT`",
        ),
    ];
    let is_attended = is_attended(asker.principal);
    let over = figures
        .into_iter()
        .filter(move |(figure, limit, _)| !is_attended && figure > limit);
    over.map(|(figure, limit, does)| Act {
        class: Class::TooComplex,
        does: format!("{} (limit {limit})", does.replace("{}", &figure.to_string())).into(),
        run: Run::Now,
    })
}
