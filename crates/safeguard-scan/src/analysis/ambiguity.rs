//! Regular expressions that take exponential time in engines that backtrack.
//!
//! A pattern is read into positions (one for each character that it consumes) and what may follow each of them. It is dangerous if some position
//! can be left and come back to in two different ways over the same text, and something after it can fail to fit.

mod chars;
mod graph;
mod reader;

use chars::Chars;
use graph::Graph;
use reader::Reader;

const POSITIONS_MAX: usize = 160;
const STEPS_MAX: usize = 3_000_000;
const DEPTH_MAX: usize = 40;
/// What repeats up to this often is written out; more often counts as without a limit.
const COPIES_MAX: usize = 16;

#[derive(Debug, Clone)]
enum Node {
    Empty,
    /// No characters: a place that may fail to fit without consuming anything.
    Chars(Chars),
    Cat(Vec<Node>),
    Alt(Vec<Node>),
    Optional(Box<Node>),
    /// At least once.
    Plus(Box<Node>),
}

/// Whether some text makes the pattern take time that doubles with each character. `whole`: all of the text has to fit.
pub fn is_exponential(pattern: &str, whole: bool) -> bool {
    let chars: Vec<char> = pattern.chars().collect();
    let mut reader = Reader {
        chars: &chars,
        at: 0,
        looks: 0,
    };
    let Some(node) = reader.alternatives(0) else {
        return false;
    };
    if reader.at != chars.len() {
        return false;
    }
    let node = if whole {
        Node::Cat(vec![node, Node::Chars(Chars::default())])
    } else {
        node
    };
    let mut graph = Graph::default();
    let Some(ends) = graph.add(&node) else {
        return false;
    };
    graph.is_dangerous(&ends)
}

#[cfg(test)]
mod tests {
    use super::is_exponential;

    #[test]
    fn ways_that_double() {
        for pattern in [
            "^(a+)+$",
            "(a*)*b",
            "(a|a)*$",
            "^([a-zA-Z]+)*$",
            r"(\w+\s?)+$",
            r"^(\d+|[0-9a-f]+)*z",
            "(x+x+)+y",
            r"^(([a-z])+.)+[A-Z]([a-z])+$",
            r"(?:\s*\w+\s*)*;",
            r"^([a-z]{1,30})+$",
            "(.*)*=",
            r"^(?:[\w.]+)+@",
        ] {
            assert!(is_exponential(pattern, false), "{pattern}");
        }
    }

    #[test]
    fn ways_that_do_not() {
        for pattern in [
            "^a+$",
            r"^\w+(?:\.\w+)*@\w+$",
            "(a+)+",
            "(a|b)*c",
            r"(?:\d{3})+$",
            r"^(?:\d{1,3}\.){3}\d{1,3}$",
            r"^[a-z]+(?:-[a-z]+)*$",
            r#""(?:[^"\\]|\\.)*""#,
            "(ab|a)*c",
            r"\s+$",
            "(.*?),(.*)",
            r"^(?:(?!-->).)*$",
            r"(\w+,)*;",
        ] {
            assert!(!is_exponential(pattern, false), "{pattern}");
        }
        assert!(is_exponential("(a+)+", true));
    }
}
