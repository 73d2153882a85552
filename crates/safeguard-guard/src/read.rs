//! From text to facts: parse with PostgreSQL's grammar, walk the tree, note what each node does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pg_raw_parse::Node;
use pg_raw_parse::nodes::{RangeVar, RawStmt};
use safeguard_api::guard::{NamedRelation, StatementClass as Class};

use crate::facts::{Facts, Plan, Run, Taking, TransactionStep};
use crate::tree::children;
use crate::{calls, cost, names, schema, server, session, table};

/// A longer text is not read.
pub const STATEMENT_BYTES_MAX: usize = 1 << 20;
/// More statements in one text are not read.
pub const STATEMENTS_MAX: usize = 10_000;
/// A deeper tree is not read: PostgreSQL itself walks it by recursion.
pub const DEPTH_MAX: u32 = 1_000;
/// PostgreSQL's lexer looks at a run of operator signs from each of its signs anew, as in `++++…` or `/*/*/*…`: a megabyte
/// of them would take hours. This many looks take less than a tenth of a second.
const OPERATOR_STEPS_MAX: u64 = 1 << 26;
/// How often text within a statement is read as statements again.
const TEXTS_DEEP_MAX: u32 = 4;
/// Relations beyond this many are not listed; they are counted all the same.
const RELATIONS_LISTED_MAX: usize = 256;

/// Reads what a text of statements would do. What it does not understand is an act of its own, and denied to everyone.
#[must_use]
pub fn read(sql: &str) -> Facts {
    let mut facts = Facts::default();
    facts.cost.bytes = sql.len() as u64;
    // The library below checks what it casts by panics; a tree that it misjudges is one that is not understood.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut walk = Walk::new(&mut facts);
        walk.text(sql, Scope::NOW, 0);
        walk.settle();
    }));
    if outcome.is_err() {
        facts.add(Class::NotUnderstood, "can not be read", Run::Now);
    }
    facts
}

/// What holds for a part of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope {
    pub run: Run,
    /// Within an `EXPLAIN` that does not run its statement: functions may run while it plans, rows stay as they are.
    pub planned: bool,
    /// It runs now, and again whenever what it defines is refreshed.
    pub kept: bool,
}

impl Scope {
    const NOW: Scope = Scope {
        run: Run::Now,
        planned: false,
        kept: false,
    };

    pub fn later(self) -> Scope {
        Scope {
            run: Run::Later,
            ..self
        }
    }
}

struct Visit<'a> {
    node: Node<'a>,
    depth: u32,
    scope: Scope,
}

/// What is walked into below a node.
pub(crate) enum Below {
    All(Scope),
    /// The node has pushed what it wants walked.
    Pushed,
}

/// A walk over the trees of one text. It keeps its own list of what is to be seen: no tree is deep enough for a stack to
/// run over.
pub(crate) struct Walk<'a, 'f> {
    pub facts: &'f mut Facts,
    open: Vec<Visit<'a>>,
    depth: u32,
    texts_deep: u32,
    common_tables: Vec<String>,
    found: Vec<Node<'a>>,
    /// Whether anything was said of the statement.
    acted: bool,
}

impl<'a, 'f> Walk<'a, 'f> {
    fn new(facts: &'f mut Facts) -> Self {
        Walk {
            facts,
            open: Vec::new(),
            depth: 0,
            texts_deep: 0,
            common_tables: Vec::new(),
            found: Vec::new(),
            acted: false,
        }
    }

    pub fn add(&mut self, class: Class, does: impl Into<std::borrow::Cow<'static, str>>, scope: Scope) {
        self.acted = true;
        // Whatever is made is locked until its transaction ends.
        self.facts.locks += u32::from(class == Class::Temporary);
        let does = does.into();
        if scope.kept {
            self.facts.add(class, does.clone(), Run::Later);
        }
        self.facts.add(class, does, scope.run);
    }

    /// Notes what the text's own statement does to its transaction; a text within a statement can do nothing to it.
    pub fn step(&mut self, step: TransactionStep) {
        if self.texts_deep == 0 {
            self.facts.steps.push(step);
        }
    }

    /// Notes whether the text's own statement has a plan.
    fn plan(&mut self, plan: Plan) {
        if self.texts_deep == 0 {
            self.facts.plan = self.facts.plan.max(plan);
        }
    }

    /// Notes which tables the text's own statement takes.
    pub fn take(&mut self, taking: Taking) {
        if self.texts_deep == 0 {
            self.facts.taking = Some(taking);
        }
    }

    /// Has a node walked, below the one that is seen.
    pub fn push(&mut self, node: Node<'a>, scope: Scope) {
        if !matches!(node, Node::None) {
            self.open.push(Visit {
                node,
                depth: self.depth + 1,
                scope,
            });
        }
    }

    /// Reads a text as statements; that of a function's body or argument counts as part of the statement.
    pub fn text(&mut self, sql: &str, scope: Scope, texts_deep: u32) {
        if texts_deep > TEXTS_DEEP_MAX {
            self.add(Class::NotUnderstood, "hides SQL in texts within texts", scope);
            return;
        }
        if sql.len() > STATEMENT_BYTES_MAX {
            let does = format!("is {} bytes long (limit {STATEMENT_BYTES_MAX})", sql.len());
            self.add(Class::TooComplex, does, scope);
            return;
        }
        if operator_steps(sql) > OPERATOR_STEPS_MAX {
            self.add(
                Class::TooComplex,
                "has signs in a row beyond what an operator or a comment has",
                scope,
            );
            return;
        }
        let parsed = match pg_raw_parse::parse(sql) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.add(Class::NotUnderstood, not_parsed(&error), scope);
                return;
            }
        };
        if parsed.len() > STATEMENTS_MAX {
            let does = format!(
                "is {} statements in one text (limit {STATEMENTS_MAX})",
                parsed.len()
            );
            self.add(Class::TooComplex, does, scope);
            return;
        }
        for statement in &**parsed {
            // A walk of its own: what it borrows from the tree ends with the tree.
            let mut walk = Walk::new(self.facts);
            walk.texts_deep = texts_deep;
            walk.statement(statement, scope);
            self.common_tables.append(&mut walk.common_tables);
        }
    }

    /// Reads a text that stands within a statement. Whether a plan alone would run it is not for us to know.
    pub fn inner_text(&mut self, sql: &str, scope: Scope) {
        let deeper = self.texts_deep + 1;
        let scope = Scope {
            planned: false,
            ..scope
        };
        self.text(sql, scope, deeper);
    }

    fn statement(&mut self, statement: &'a RawStmt, scope: Scope) {
        self.facts.cost.statements = self.facts.cost.statements.saturating_add(1);
        self.plan(session::plan(statement.stmt()));
        self.push(statement.stmt(), scope);
        while let Some(visit) = self.open.pop() {
            self.facts.cost.depth = self.facts.cost.depth.max(visit.depth);
            if visit.depth > DEPTH_MAX {
                let does = format!("is nested deeper than {DEPTH_MAX} levels");
                self.add(Class::TooComplex, does, scope);
                self.open.clear();
                return;
            }
            self.depth = visit.depth;
            match self.see(visit.node, visit.scope) {
                Below::Pushed => {}
                Below::All(scope) => self.descend(visit.node, scope),
            }
        }
        // Silence is not consent: each kind of statement says what it does.
        if !self.acted {
            self.add(Class::NotUnderstood, "is of a kind that is not known here", scope);
        }
    }

    pub fn descend(&mut self, node: Node<'a>, scope: Scope) {
        let mut found = std::mem::take(&mut self.found);
        if !children(node, &mut found) {
            self.add(Class::NotUnderstood, "has a part that is not known here", scope);
        }
        for node in found.drain(..) {
            self.push(node, scope);
        }
        self.found = found;
    }

    fn see(&mut self, node: Node<'a>, scope: Scope) -> Below {
        let seen = table::see(self, node, scope)
            .or_else(|| session::see(self, node, scope))
            .or_else(|| schema::see(self, node, scope))
            .or_else(|| server::see(self, node, scope))
            .or_else(|| calls::see(self, node, scope));
        match (seen, node) {
            (Some(below), _) => below,
            (None, Node::RangeVar(range)) => {
                self.relation(range, false, scope);
                Below::All(scope)
            }
            (None, Node::CommonTableExpr(table)) => {
                self.facts.cost.subqueries += 1;
                self.common_tables.extend(table.ctename().map(str::to_owned));
                Below::All(scope)
            }
            (None, node) => {
                cost::count(&mut self.facts.cost, node);
                Below::All(scope)
            }
        }
    }

    /// Notes that a relation is named.
    pub fn relation(&mut self, range: &RangeVar, target: bool, scope: Scope) {
        let parts = names::relation_parts(range);
        if !target {
            self.facts.cost.relations = self.facts.cost.relations.saturating_add(1);
            server::secret(self, &parts, scope);
            if let Some(database) = range.catalogname() {
                let does = format!("names the database `{}`", names::written(&[database]));
                self.add(Class::NamesDatabase, does, scope);
            }
        }
        self.named(&parts, target);
    }

    /// Lists a relation.
    pub fn named(&mut self, parts: &[&str], target: bool) {
        let name = names::written(parts);
        let relations = &mut self.facts.relations;
        if let Some(known) = relations.iter_mut().find(|one| one.name == name) {
            known.target |= target;
        } else if relations.len() < RELATIONS_LISTED_MAX {
            relations.push(NamedRelation { name, target });
        }
    }

    /// Puts the lists in order, and takes common table expressions out of the relations.
    fn settle(&mut self) {
        let common: Vec<String> = self
            .common_tables
            .iter()
            .map(|name| names::written(&[name]))
            .collect();
        self.facts
            .relations
            .retain(|relation| relation.target || !common.contains(&relation.name));
        self.facts.relations.sort();
        self.facts.functions.sort();
        self.facts.functions.dedup();
        if self.facts.plan == Plan::One && self.facts.cost.statements > 1 {
            self.facts.plan = Plan::Unseen;
        }
    }
}

/// How many looks the lexer may take at operator signs.
fn operator_steps(sql: &str) -> u64 {
    let (mut steps, mut run) = (0, 0_u64);
    for byte in sql.bytes() {
        // Each byte of each text is looked up: searching the signs for it took as long as parsing.
        if IS_OPERATOR[usize::from(byte)] {
            run += 1;
        } else if run > 0 {
            steps += run.pow(2);
            run = 0;
        }
    }
    steps + run.pow(2)
}

/// Whether an operator may have a byte in it.
const IS_OPERATOR: [bool; 256] = {
    let mut is_operator = [false; 256];
    let mut rest: &[u8] = b"~!@#^&|`?+-*/%<>=";
    while let [sign, after @ ..] = rest {
        is_operator[*sign as usize] = true;
        rest = after;
    }
    is_operator
};

fn not_parsed(error: &pg_raw_parse::Error) -> String {
    match error {
        pg_raw_parse::Error::Parse(error) => format!("PostgreSQL's grammar does not know: {error}"),
        pg_raw_parse::Error::PgError(error) => format!("PostgreSQL's parser refuses: {error}"),
        pg_raw_parse::Error::StatementContainedNul(_) => "has a zero byte in it".to_owned(),
    }
}
