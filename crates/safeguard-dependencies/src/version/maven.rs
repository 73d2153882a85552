//! Maven's versions, by the rules of its reference ("Version Order Specification").

use std::cmp::Ordering;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    /// What stands before it: a hyphen begins a part of lower rank than a dot.
    hyphen: bool,
    part: Part,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Without leading zeros, so that longer is larger.
    Number(String),
    Word(String),
}

const RELEASE: u8 = 6;

/// The known qualifiers rise in this order; others come after them, by their letters.
fn rank(word: &str) -> u8 {
    match word {
        "alpha" => 1,
        "beta" => 2,
        "milestone" => 3,
        "rc" | "cr" => 4,
        "snapshot" => 5,
        "" | "ga" | "final" | "release" => RELEASE,
        "sp" => 7,
        _ => 8,
    }
}

impl Version {
    pub fn read(text: &str) -> Version {
        let text = text.to_lowercase();
        let mut tokens: Vec<Token> = Vec::new();
        let mut hyphen = false;
        let mut current = String::new();
        let mut push = |current: &mut String, hyphen: bool, digit_follows: bool| {
            let text = std::mem::take(current);
            let part = if text.is_empty() {
                Part::Number(String::new())
            } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
                Part::Number(text.trim_start_matches('0').to_owned())
            } else {
                // `a1` is alpha 1, `a` alone is not.
                Part::Word(match (text.as_str(), digit_follows) {
                    ("a", true) => "alpha".to_owned(),
                    ("b", true) => "beta".to_owned(),
                    ("m", true) => "milestone".to_owned(),
                    _ => text,
                })
            };
            tokens.push(Token { hyphen, part });
        };
        for char in text.chars() {
            let digit = char.is_ascii_digit();
            if matches!(char, '.' | '-' | '_') {
                push(&mut current, hyphen, false);
                hyphen = char == '-';
                continue;
            }
            let was_digit = current.ends_with(|last: char| last.is_ascii_digit());
            // Where digits meet letters a hyphen is understood.
            if !current.is_empty() && digit != was_digit {
                push(&mut current, hyphen, digit);
                hyphen = true;
            }
            current.push(char);
        }
        push(&mut current, hyphen, false);
        Version(trimmed(tokens))
    }
}

/// Without what says nothing at the end of each part: `1.0.0-foo.0` is `1-foo`.
fn trimmed(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept: Vec<Token> = Vec::new();
    for token in tokens {
        if token.hyphen {
            while kept.last().is_some_and(is_null) {
                kept.pop();
            }
        }
        kept.push(token);
    }
    while kept.last().is_some_and(is_null) {
        kept.pop();
    }
    kept
}

fn is_null(token: &Token) -> bool {
    match &token.part {
        Part::Number(number) => number.is_empty(),
        Part::Word(word) => rank(word) == RELEASE,
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        let longest = self.0.len().max(other.0.len());
        for at in 0..longest {
            let (left, right) = (self.0.get(at), other.0.get(at));
            let order = match (left, right) {
                (Some(left), Some(right)) => compare(left, right),
                (Some(left), None) => compare(left, &padding(left)),
                (None, Some(right)) => compare(&padding(right), right),
                (None, None) => Ordering::Equal,
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }
}

/// What a shorter version has where the other goes on.
fn padding(other: &Token) -> Token {
    Token {
        hyphen: other.hyphen,
        part: match other.part {
            Part::Number(_) => Part::Number(String::new()),
            Part::Word(_) => Part::Word(String::new()),
        },
    }
}

/// Words come before hyphened numbers, and those before dotted ones.
fn compare(left: &Token, right: &Token) -> Ordering {
    match (&left.part, &right.part) {
        (Part::Number(one), Part::Number(two)) if left.hyphen == right.hyphen => {
            one.len().cmp(&two.len()).then_with(|| one.cmp(two))
        }
        (Part::Number(_), Part::Number(_)) => right.hyphen.cmp(&left.hyphen),
        (Part::Number(_), Part::Word(_)) => Ordering::Greater,
        (Part::Word(_), Part::Number(_)) => Ordering::Less,
        (Part::Word(one), Part::Word(two)) => {
            let known = rank(one).cmp(&rank(two));
            let by_letters = if rank(one) == 8 {
                one.cmp(two)
            } else {
                Ordering::Equal
            };
            known
                .then(by_letters)
                .then(right.hyphen.cmp(&left.hyphen).reverse())
        }
    }
}
