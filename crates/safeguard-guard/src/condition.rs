//! Whether a condition lets every row through.

use pg_raw_parse::list::NodeList;
use pg_raw_parse::nodes::{A_Expr, BoolExpr, ColumnRef, RangeVar, SelectStmt, SubLink};
use pg_raw_parse::raw::{A_Expr_Kind, BoolExprType, BoolTestType, NullTestType, SubLinkType};
use pg_raw_parse::{ConstValue, Node};

use crate::names;
use crate::tree::children;

/// Deeper conditions are taken to depend on the row; what they change is measured all the same.
const DEPTH_MAX: u32 = 64;
/// Larger conditions are taken to look at the row.
const NODES_MAX: usize = 4_096;
/// Columns that every row has a value in.
const NEVER_NULL: &[&str] = &[
    "cmax", "cmin", "ctid", "id", "pk", "tableoid", "uuid", "xmax", "xmin",
];

/// What a condition is about.
pub(crate) struct Target<'a> {
    relation: Option<&'a RangeVar>,
    /// The other relations of the statement.
    others: Option<&'a NodeList>,
    /// Or the one that is merged into it.
    source: Option<Node<'a>>,
}

impl<'a> Target<'a> {
    pub fn of(relation: Option<&'a RangeVar>, others: &'a NodeList) -> Self {
        Target {
            relation,
            others: Some(others),
            source: None,
        }
    }

    /// Of the condition that one relation is merged into another by.
    pub fn joined(relation: Option<&'a RangeVar>, source: Node<'a>) -> Self {
        Target {
            relation,
            others: None,
            source: Some(source),
        }
    }

    /// Of a condition that is about no relation more than about another.
    pub fn none() -> Self {
        Target {
            relation: None,
            others: None,
            source: None,
        }
    }

    fn others(&self) -> impl Iterator<Item = Node<'a>> {
        self.others.into_iter().flatten().chain(self.source)
    }

    /// Whether a qualifier means another copy of the same relation.
    fn is_itself_again(&self, qualifier: &str) -> bool {
        let Some(own) = self.relation else { return false };
        self.others().any(|other| match other {
            Node::RangeVar(other) => {
                other.relname() == own.relname()
                    && alias(other) == Some(qualifier)
                    && alias(own) != Some(qualifier)
            }
            _ => false,
        })
    }

    fn is_own(&self, qualifier: &str) -> bool {
        self.relation.and_then(alias) == Some(qualifier)
    }
}

fn alias(relation: &RangeVar) -> Option<&str> {
    match relation.alias() {
        Some(alias) => alias.aliasname(),
        None => relation.relname(),
    }
}

/// Returns why a condition lets every row through, or none when it may keep some back.
pub(crate) fn covers_every_row(condition: Node<'_>, target: &Target<'_>) -> Option<&'static str> {
    if matches!(condition, Node::None) {
        return Some("there is no `WHERE`");
    }
    match truth(condition, target, 0) {
        Some(true) => Some("its `WHERE` is always true"),
        Some(false) => None,
        None if !looks_at_the_row(condition, target) => Some("its `WHERE` does not look at the row"),
        None => None,
    }
}

/// What a condition comes to for every row alike; none when that depends on the row, or is not known.
fn truth(node: Node<'_>, target: &Target<'_>, depth: u32) -> Option<bool> {
    if depth > DEPTH_MAX {
        return None;
    }
    match node {
        Node::A_Const(value) => match value.val() {
            Some(ConstValue::Boolean(value)) => Some(value),
            Some(ConstValue::String(text)) => boolean(text),
            _ => None,
        },
        Node::TypeCast(cast) => match cast.arg() {
            Node::A_Const(value) => match value.val() {
                Some(ConstValue::Integer(number)) => Some(number != 0),
                _ => truth(cast.arg(), target, depth + 1),
            },
            arg => truth(arg, target, depth + 1),
        },
        Node::BoolExpr(expression) => combined(expression, target, depth + 1),
        Node::NullTest(test) => {
            let is_never_null = match test.arg() {
                Node::A_Const(value) => !value.isnull,
                Node::ColumnRef(column) => last(column).is_some_and(|name| NEVER_NULL.contains(&name)),
                _ => return None,
            };
            match (is_never_null, test.nulltesttype) {
                (true, NullTestType::IS_NOT_NULL) => Some(true),
                (true, _) => Some(false),
                (false, _) => None,
            }
        }
        Node::BooleanTest(test) => {
            let value = truth(test.arg(), target, depth + 1)?;
            match test.booltesttype {
                BoolTestType::IS_TRUE | BoolTestType::IS_NOT_FALSE => Some(value),
                BoolTestType::IS_FALSE | BoolTestType::IS_NOT_TRUE => Some(!value),
                BoolTestType::IS_NOT_UNKNOWN => Some(true),
                _ => Some(false),
            }
        }
        Node::A_Expr(expression) => compared(expression, target),
        Node::SubLink(link) => linked(link, link.testexpr(), target),
        _ => None,
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn combined(expression: &BoolExpr, target: &Target<'_>, depth: u32) -> Option<bool> {
    // Each part once: again and again at each level would be without end in a deep condition.
    let parts: Vec<Option<bool>> = expression
        .args()
        .iter()
        .map(|part| truth(part, target, depth))
        .collect();
    let decisive = expression.boolop != BoolExprType::AND_EXPR;
    match expression.boolop {
        BoolExprType::NOT_EXPR => parts.first().copied().flatten().map(|value| !value),
        _ if parts.contains(&Some(decisive)) => Some(decisive),
        _ if parts.iter().all(|part| *part == Some(!decisive)) => Some(!decisive),
        _ => (decisive && has_opposites(expression.args())).then_some(true),
    }
}

/// `a IS NULL OR a IS NOT NULL`, `a = 1 OR a <> 1`.
fn has_opposites(parts: &NodeList) -> bool {
    let parts: Vec<Node<'_>> = parts.iter().take(8).collect();
    let pairs = parts
        .iter()
        .enumerate()
        .flat_map(|(at, one)| parts[at + 1..].iter().map(move |two| (one, two)));
    pairs.into_iter().any(|pair| match pair {
        (Node::NullTest(one), Node::NullTest(two)) => {
            one.nulltesttype != two.nulltesttype && is_same_column(one.arg(), two.arg())
        }
        (Node::A_Expr(one), Node::A_Expr(two)) => {
            let opposite = matches!(
                (operator(one), operator(two)),
                ("=", "<>") | ("<>", "=") | ("<", ">=") | (">=", "<") | (">", "<=") | ("<=", ">")
            );
            opposite
                && is_same_column(one.lexpr(), two.lexpr())
                && constant(one.rexpr()).is_some_and(|value| constant(two.rexpr()) == Some(value))
        }
        _ => false,
    })
}

fn operator(expression: &A_Expr) -> &str {
    match names::qualified(expression.name()) {
        Some((None | Some("pg_catalog"), name)) => name,
        Some((Some(_), _)) | None => "",
    }
}

fn compared(expression: &A_Expr, target: &Target<'_>) -> Option<bool> {
    let (left, right) = (expression.lexpr(), expression.rexpr());
    let list = || match right {
        Node::NodeList(list) => list.iter().collect(),
        Node::A_ArrayExpr(array) => array.elements().iter().collect(),
        _ => Vec::new(),
    };
    match expression.kind {
        A_Expr_Kind::AEXPR_OP => operated(operator(expression), left, right, target),
        A_Expr_Kind::AEXPR_NOT_DISTINCT if is_same_column(left, right) => Some(true),
        A_Expr_Kind::AEXPR_DISTINCT if is_same_column(left, right) => Some(false),
        A_Expr_Kind::AEXPR_LIKE | A_Expr_Kind::AEXPR_ILIKE if operator(expression).starts_with('~') => {
            let everything =
                names::text(right).is_some_and(|text| !text.is_empty() && text.chars().all(|one| one == '%'));
            everything.then_some(true)
        }
        A_Expr_Kind::AEXPR_IN | A_Expr_Kind::AEXPR_OP_ANY if operator(expression) == "=" => {
            let contains = |one: Node<'_>| {
                is_same_column(left, one) || constant(left).is_some_and(|value| constant(one) == Some(value))
            };
            match right {
                Node::SubLink(link) => linked(link, left, target),
                _ => list().into_iter().any(contains).then_some(true),
            }
        }
        A_Expr_Kind::AEXPR_BETWEEN => {
            let ends = list();
            (!ends.is_empty() && ends.into_iter().all(|end| is_same_column(left, end))).then_some(true)
        }
        _ => None,
    }
}

fn operated(operator: &str, left: Node<'_>, right: Node<'_>, target: &Target<'_>) -> Option<bool> {
    if is_same_column(left, right) {
        return match operator {
            "=" | "<=" | ">=" => Some(true),
            "<>" | "<" | ">" => Some(false),
            _ => None,
        };
    }
    if operator == "=" && is_joined_to_itself(left, right, target) {
        return Some(true);
    }
    let order = match (constant(left)?, constant(right)?) {
        (Constant::Number(left), Constant::Number(right)) => left.cmp(&right),
        (Constant::Text(left), Constant::Text(right)) => left.cmp(right),
        (Constant::Truth(left), Constant::Truth(right)) => left.cmp(&right),
        _ => return None,
    };
    match operator {
        "=" => Some(order.is_eq()),
        "<>" => Some(order.is_ne()),
        "<" => Some(order.is_lt()),
        "<=" => Some(order.is_le()),
        ">" => Some(order.is_gt()),
        ">=" => Some(order.is_ge()),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Constant<'a> {
    Number(i64),
    Text(&'a str),
    Truth(bool),
}

fn constant(node: Node<'_>) -> Option<Constant<'_>> {
    number(node, 0).map(Constant::Number).or_else(|| match node {
        Node::A_Const(value) => match value.val()? {
            ConstValue::String(text) => Some(Constant::Text(text)),
            ConstValue::Boolean(value) => Some(Constant::Truth(value)),
            _ => None,
        },
        Node::TypeCast(cast) => names::text(cast.arg()).map(Constant::Text),
        _ => None,
    })
}

/// The value of whole numbers and sums of them.
fn number(node: Node<'_>, depth: u32) -> Option<i64> {
    match node {
        Node::A_Const(value) => match value.val()? {
            ConstValue::Integer(number) => Some(i64::from(number)),
            _ => None,
        },
        Node::A_Expr(sum) if depth < 8 && sum.kind == A_Expr_Kind::AEXPR_OP => {
            let right = number(sum.rexpr(), depth + 1)?;
            if matches!(sum.lexpr(), Node::None) {
                return (operator(sum) == "-").then(|| right.checked_neg()).flatten();
            }
            let left = number(sum.lexpr(), depth + 1)?;
            match operator(sum) {
                "+" => left.checked_add(right),
                "-" => left.checked_sub(right),
                "*" => left.checked_mul(right),
                _ => None,
            }
        }
        _ => None,
    }
}

fn last(column: &ColumnRef) -> Option<&str> {
    names::qualified(column.fields()).map(|(_, name)| name)
}

fn is_same_column(one: Node<'_>, two: Node<'_>) -> bool {
    match (one, two) {
        (Node::ColumnRef(one), Node::ColumnRef(two)) => {
            let (one, two) = (names::parts(one.fields()), names::parts(two.fields()));
            let qualified_alike = one.len() != two.len() || one == two;
            !one.is_empty() && one.last() == two.last() && qualified_alike
        }
        _ => false,
    }
}

/// `t.id = other.id`, where `other` is `t` again.
fn is_joined_to_itself(one: Node<'_>, two: Node<'_>, target: &Target<'_>) -> bool {
    let (Node::ColumnRef(one), Node::ColumnRef(two)) = (one, two) else {
        return false;
    };
    match (&names::parts(one.fields())[..], &names::parts(two.fields())[..]) {
        ([first, column], [second, same]) if column == same => {
            target.is_own(first) && target.is_itself_again(second)
                || target.is_own(second) && target.is_itself_again(first)
        }
        _ => false,
    }
}

/// `EXISTS (SELECT 1)`, `id IN (SELECT id FROM the_same_table)`.
fn linked(link: &SubLink, column: Node<'_>, target: &Target<'_>) -> Option<bool> {
    let Node::SelectStmt(select) = link.subselect() else {
        return None;
    };
    let asks_all = match link.sub_link_type {
        SubLinkType::EXISTS_SUBLINK => select.from_clause().is_empty() && returns_everything(select),
        SubLinkType::ANY_SUBLINK => {
            matches!(names::qualified(link.oper_name()), None | Some((None, "=")))
                && is_all_of(select, target.relation)
                && is_column_of(select, column)
        }
        // As in `id = ANY(ARRAY(…))`.
        SubLinkType::ARRAY_SUBLINK => is_all_of(select, target.relation) && is_column_of(select, column),
        _ => false,
    };
    asks_all.then_some(true)
}

/// Whether a query gives one column, of the name that another has.
fn is_column_of(select: &SelectStmt, column: Node<'_>) -> bool {
    let mut columns = select.target_list().into_iter().map(|target| target.val());
    match (columns.next(), columns.next(), column) {
        (Some(Node::ColumnRef(one)), None, Node::ColumnRef(two)) => {
            last(one).is_some() && last(one) == last(two)
        }
        _ => false,
    }
}

/// Whether a query reads all rows of one relation.
pub(crate) fn is_all_of(select: &SelectStmt, relation: Option<&RangeVar>) -> bool {
    let mut tables = select.from_clause().iter();
    let is_it = match (tables.next(), tables.next(), relation) {
        (Some(Node::RangeVar(table)), None, Some(own)) => table.relname() == own.relname(),
        _ => false,
    };
    is_it && returns_everything(select)
}

fn returns_everything(select: &SelectStmt) -> bool {
    let condition = select.where_clause();
    (matches!(condition, Node::None) || truth(condition, &Target::none(), 0) == Some(true))
        && matches!(select.having_clause(), Node::None)
        && matches!(select.limit_count(), Node::None)
        && matches!(select.limit_offset(), Node::None)
        && select.group_clause().is_empty()
        && select.larg().is_none()
}

/// Whether a condition has a column in it that may be the target's.
fn looks_at_the_row(condition: Node<'_>, target: &Target<'_>) -> bool {
    let mut open = vec![condition];
    let mut seen = 0;
    while let Some(node) = open.pop() {
        seen += 1;
        if seen > NODES_MAX {
            return true;
        }
        match node {
            Node::CurrentOfExpr(_) => return true,
            Node::ColumnRef(column) => {
                let parts = names::parts(column.fields());
                let foreign = parts.len() > 1
                    && !parts[..parts.len() - 1].iter().any(|part| target.is_own(part))
                    && target.others().any(|other| match other {
                        Node::RangeVar(other) => alias(other) == Some(parts[parts.len() - 2]),
                        _ => false,
                    });
                if !foreign {
                    return true;
                }
            }
            // What a subquery reads is not the row; its conditions may be about it.
            Node::SubLink(link) if link.sub_link_type == SubLinkType::EXISTS_SUBLINK => {
                if let Node::SelectStmt(select) = link.subselect() {
                    open.push(select.where_clause());
                    open.push(select.having_clause());
                    open.extend(
                        select
                            .from_clause()
                            .iter()
                            .filter(|item| !matches!(item, Node::RangeVar(_))),
                    );
                }
            }
            node => {
                if !children(node, &mut open) {
                    return true;
                }
            }
        }
    }
    false
}
