//! Texts that differ in numbers alone, at places where no number changes what a statement does: what is known of one holds for all.

use std::hash::Hasher;
use std::ops::Range;

use pg_raw_parse::nodes::A_Expr;
use pg_raw_parse::raw::{A_Expr_Kind, BoolExprType};
use pg_raw_parse::{ConstValue, Node};

use crate::read::{STATEMENT_BYTES_MAX, read};

/// Longer runs of digits need not be an `integer`.
const DIGITS_MAX: usize = 9;

/// A text, and the places in it where any other number may stand.
///
/// Such a number is one that a column is compared with, alone or joined by `AND`, in the `WHERE` of the text's only statement. PostgreSQL's
/// lexer depends on what comes before and on the letter that follows, so a run of at most nine digits in place of another gives the same
/// tokens, and the same tree but for that number.
#[derive(Debug)]
pub struct Shape {
    text: Box<str>,
    /// In the order of the text, apart from each other.
    numbers: Box<[Range<usize>]>,
}

impl Shape {
    /// Of a text; without places where the number is any, only that text fits.
    #[must_use]
    pub fn of(sql: &str) -> Shape {
        let mut numbers = if sql.len() <= STATEMENT_BYTES_MAX {
            numbers(sql)
        } else {
            Vec::new()
        };
        if numbers.is_empty() {
            return Shape::only(sql);
        }
        numbers.sort_unstable_by_key(|place| place.start);
        numbers.dedup();
        let shape = Shape {
            text: sql.into(),
            numbers: numbers.into(),
        };
        // What was overlooked above is not to be paid for with a wrong answer.
        let facts = read(sql);
        let is_any = ["1", "7"].iter().all(|digit| read(&shape.filled(digit)) == facts);
        if is_any { shape } else { Shape::only(sql) }
    }

    /// Of a text that no other fits.
    #[must_use]
    pub fn only(sql: &str) -> Shape {
        Shape {
            text: sql.into(),
            numbers: Box::default(),
        }
    }

    /// Whether a text is this one, but for such numbers, and as long.
    #[must_use]
    pub fn fits(&self, sql: &str) -> bool {
        if sql.len() != self.text.len() {
            return false;
        }
        let (mut rest, mut seen) = (sql.as_bytes(), 0);
        for place in &self.numbers {
            let Some(left) = rest.strip_prefix(&self.text.as_bytes()[seen..place.start]) else {
                return false;
            };
            let digits = left.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=DIGITS_MAX).contains(&digits) {
                return false;
            }
            rest = &left[digits..];
            seen = place.end;
        }
        *rest == self.text.as_bytes()[seen..]
    }

    /// The text with each of its numbers made of this digit.
    fn filled(&self, digit: &str) -> String {
        let mut text = String::from(&*self.text);
        for place in &self.numbers {
            text.replace_range(place.clone(), &digit.repeat(place.len()));
        }
        text
    }
}

/// Hashes a text without its numbers, but with its length: what fits a shape has its hash.
pub fn hash_shape(sql: &str, into: &mut impl Hasher) {
    let bytes = sql.as_bytes();
    let (mut from, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_digit() && !continues(bytes, at) {
            into.write(&bytes[from..at]);
            into.write_u8(0);
            at += bytes[at..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            from = at;
        } else {
            at += 1;
        }
    }
    into.write(&bytes[from..]);
    into.write_usize(bytes.len());
}

/// Whether what stands at a place goes on with a word or number before it.
fn continues(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    before.is_some_and(|byte| is_of_word(*byte))
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.') || !byte.is_ascii()
}

fn numbers(sql: &str) -> Vec<Range<usize>> {
    let Ok(parsed) = pg_raw_parse::parse(sql) else {
        return Vec::new();
    };
    let mut statements = parsed.iter();
    let (Some(statement), None) = (statements.next(), statements.next()) else {
        return Vec::new();
    };
    let condition = match statement.stmt() {
        Node::SelectStmt(select) => select.where_clause(),
        Node::UpdateStmt(update) => update.where_clause(),
        Node::DeleteStmt(delete) => delete.where_clause(),
        _ => return Vec::new(),
    };
    let mut open = vec![condition];
    let mut places = Vec::new();
    while let Some(node) = open.pop() {
        match node {
            Node::BoolExpr(both) if both.boolop == BoolExprType::AND_EXPR => open.extend(both.args().iter()),
            Node::A_Expr(compared) if compared.kind == A_Expr_Kind::AEXPR_OP => {
                places.extend(compared_with(compared).and_then(|number| digits(sql, number)));
            }
            _ => {}
        }
    }
    places
}

/// What a column is compared with.
fn compared_with<'a>(compared: &'a A_Expr) -> Option<Node<'a>> {
    match (compared.lexpr(), compared.rexpr()) {
        (Node::ColumnRef(_), other) | (other, Node::ColumnRef(_)) => Some(other),
        _ => None,
    }
}

/// Where a number stands that is written as digits and nothing else.
fn digits(sql: &str, number: Node<'_>) -> Option<Range<usize>> {
    let Node::A_Const(constant) = number else {
        return None;
    };
    let Some(ConstValue::Integer(value)) = constant.val() else {
        return None;
    };
    let start = usize::try_from(constant.location).ok()?;
    let bytes = sql.as_bytes();
    let length = bytes
        .get(start..)?
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let end = start + length;
    let stands_alone = !continues(bytes, start) && bytes.get(end).is_none_or(|byte| !is_of_word(*byte));
    let is_it = sql.get(start..end)?.parse() == Ok(value) && length <= DIGITS_MAX;
    (stands_alone && is_it).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hasher as _};

    use proptest::prelude::*;

    use super::*;

    fn hash(sql: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        hash_shape(sql, &mut hasher);
        hasher.finish()
    }

    /// The text with these digits, again and again, in place of its own.
    fn with_other_digits(sql: &str, digits: &[char]) -> String {
        let mut digits = digits.iter().cycle();
        let mut other = |char: char| match char.is_ascii_digit() {
            true => digits.next().copied().unwrap_or(char),
            false => char,
        };
        sql.chars().map(&mut other).collect()
    }

    #[test]
    fn numbers_that_columns_are_compared_with_may_be_any() {
        for (one, other) in [
            (
                "SELECT abalance FROM accounts WHERE aid = 4711;",
                "SELECT abalance FROM accounts WHERE aid = 1234;",
            ),
            (
                "select * from t where a>12 and 3 <= b and c='x'",
                "select * from t where a>345 and 0 <= b and c='x'",
            ),
            (
                "DELETE FROM t WHERE t.id=1/* 1 */",
                "DELETE FROM t WHERE t.id=9/* 1 */",
            ),
            (
                "UPDATE t SET a = 5 WHERE id = 12",
                "UPDATE t SET a = 5 WHERE id = 00",
            ),
        ] {
            let fits = Shape::of(one).fits(other);
            assert_eq!(
                (fits, hash(one) == hash(other)),
                (one.len() == other.len(), one.len() == other.len()),
                "{other}"
            );
            assert_eq!(read(one) == read(other), one.len() == other.len());
        }
    }

    #[test]
    fn numbers_that_may_mean_something_else_are_kept() {
        for (one, other) in [
            (
                "DELETE FROM t WHERE a = 1 OR a <> 2",
                "DELETE FROM t WHERE a = 2 OR a <> 2",
            ),
            (
                "DELETE FROM t WHERE a = 1 AND 1 = 2 OR true",
                "DELETE FROM t WHERE a = 1 AND 1 = 1 OR true",
            ),
            ("DELETE FROM t WHERE 1 = 2", "DELETE FROM t WHERE 1 = 1"),
            (
                "SELECT * FROM t WHERE a = 1 LIMIT 1",
                "SELECT * FROM t WHERE a = 1 LIMIT 9",
            ),
            (
                "SELECT pg_sleep(1) FROM t WHERE a = 1",
                "SELECT pg_sleep(9) FROM t WHERE a = 1",
            ),
            ("SELECT * FROM t WHERE a = '1'", "SELECT * FROM t WHERE a = '2'"),
            ("SELECT * FROM t WHERE a = 1.5", "SELECT * FROM t WHERE a = 2.5"),
            ("SELECT * FROM t WHERE a = $1", "SELECT * FROM t WHERE a = $2"),
            ("SELECT * FROM t1 WHERE a = 1", "SELECT * FROM t2 WHERE a = 1"),
            (
                "SELECT 1 FROM t WHERE a = 1; DROP TABLE t",
                "SELECT 1 FROM t WHERE a = 2; DROP TABLE t",
            ),
            (
                "SELECT * FROM t WHERE a = 123456789",
                "SELECT * FROM t WHERE a =1234567890",
            ),
            ("SELECT * FROM t WHERE a = 1  ", "SELECT * FROM t WHERE a = 1e5"),
            (
                "SELECT * FROM t WHERE a = 1  -- 1",
                "SELECT * FROM t WHERE a = 1  -- 2",
            ),
        ] {
            assert_eq!(one.len(), other.len());
            assert!(!Shape::of(one).fits(other), "{other}");
            assert!(Shape::of(one).fits(one), "{one}");
        }
    }

    const HEADS: &[&str] = &[
        "SELECT * FROM t WHERE ",
        "DELETE FROM t WHERE ",
        "UPDATE t SET a = 3 WHERE ",
    ];
    const CONDITIONS: &[&str] = &[
        "a = 1",
        "t.b<>22",
        "1 >= a",
        "2 = 2",
        "1 = 2",
        "1",
        "NOT a = 1",
        "(a = 3 OR a <> 3)",
        "a = '3'",
        "x3 = $4",
        "a = 5.5",
        "a = 6e7",
        "a = 0x8",
        "a = 8-- 9\n",
        "a = /* 1 */ 1",
        "'E\\''1' = a",
        "a = E'\\'1'",
        "\"2\" = 2",
        "a = $a$3$a$",
        "pg_sleep(4) = a",
        "a = - 5",
        "a = 5::int",
        "a + 1 = 2",
        "a IN (1, 2)",
        "a BETWEEN 1 AND 2",
        "count(1) = 1",
        "a = (SELECT 1)",
        "a = 1 OR a <> 1",
        "a[1] = 1",
    ];
    const JOINED: &[&str] = &[" AND ", "\nand ", " OR ", " AND NOT "];
    const TAILS: &[&str] = &["", ";", " LIMIT 1", "; SELECT 1", " -- 1", " RETURNING 1"];

    proptest! {
        // Most conditions keep their numbers.
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(5_000), ..ProptestConfig::default() })]
        #[test]
        fn what_fits_does_the_same(
            head in prop::sample::select(HEADS),
            conditions in prop::collection::vec((prop::sample::select(CONDITIONS), prop::sample::select(JOINED)), 1..5),
            tail in prop::sample::select(TAILS),
            digits in prop::collection::vec(prop::char::range('0', '9'), 1..8),
        ) {
            let mut one = head.to_owned();
            for (at, (condition, joined)) in conditions.iter().enumerate() {
                one += if at == 0 { "" } else { joined };
                one += condition;
            }
            one += tail;
            let other = with_other_digits(&one, &digits);
            let shape = Shape::of(&one);
            prop_assert!(shape.fits(&one));
            if shape.fits(&other) {
                prop_assert_eq!(read(&one), read(&other));
                prop_assert_eq!(hash(&one), hash(&other));
            }
        }
    }
}
