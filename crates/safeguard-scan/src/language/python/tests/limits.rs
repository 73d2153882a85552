//! What is nested too deep, too long or no Python.

use insta::assert_snapshot;

use super::{parse, parse_pattern};
use crate::tree::{DEPTH_MAX, Kind, ParseError};

/// What becomes of a text on a thread like those of a scan.
fn verdict(text: String) -> &'static str {
    let scan = std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(move || match parse(&text) {
            Ok(_) => "read",
            Err(ParseError::TooDeep { .. }) => "too deep",
            Err(ParseError::Syntax { .. }) => "no Python",
            Err(ParseError::TooLarge { .. }) => "too large",
        });
    scan.unwrap().join().unwrap()
}

#[test]
fn a_text_of_nothing_but_nesting_is_refused_before_it_is_parsed() {
    const COUNT: usize = 200_000;
    let nestings = [
        "(".repeat(COUNT),
        "[".repeat(COUNT),
        "{1:".repeat(COUNT),
        "f(".repeat(COUNT),
        "a[".repeat(COUNT),
        format!("{}1{}", "(".repeat(COUNT), ")".repeat(COUNT)),
        format!("x = {}1", "not ".repeat(COUNT)),
        format!("x = {}1", "-".repeat(10 * COUNT)),
        format!("x = {}1", "await ".repeat(COUNT)),
        format!("x = {}1", "lambda: ".repeat(COUNT)),
        format!("x = {}1", "1 if 1 else ".repeat(COUNT / 2)),
        format!("x = {}1", "1 ** ".repeat(COUNT)),
        format!("x = a{}", " + a".repeat(COUNT)),
        format!("x = a{}", ".y".repeat(COUNT)),
        format!("x = a{}", "()".repeat(COUNT)),
        format!("x = a{}", "[0]".repeat(COUNT)),
        format!("x = {}1{}", "(1 + ".repeat(COUNT), ")".repeat(COUNT)),
        "f\"{".repeat(COUNT),
        "f'{f\"{".repeat(COUNT),
        format!("f\"{}{}\"", "{1:".repeat(COUNT), "}".repeat(COUNT)),
        "async ".repeat(COUNT),
        format!("match x:\n case {}", "(".repeat(COUNT)),
        // Closed by what does not close them.
        "( ] ".repeat(COUNT),
        "f'{'".repeat(COUNT),
    ];
    for text in nestings {
        let start: String = text.chars().take(20).collect();
        assert_eq!(verdict(text), "too deep", "{start}");
    }
}

#[test]
fn brackets_that_are_closed_count_for_what_follows_them() {
    // Of the brackets none is deep in another, nor has any a long chain in it.
    let mut text = "a".to_owned();
    for _ in 0..1_000 {
        text = format!("({text}{})", "+a".repeat(100));
    }
    assert_eq!(verdict(text), "too deep");
}

#[test]
fn statements_within_each_other_are_refused() {
    let nested = |depth: usize| {
        let mut text: String = (0..depth)
            .map(|depth| format!("{}if x:\n", " ".repeat(depth)))
            .collect();
        text.push_str(&format!("{}pass\n", " ".repeat(depth)));
        text
    };
    // Each `if` is a node and its body another.
    assert_eq!(verdict(nested(DEPTH_MAX / 2 - 1)), "read");
    assert_eq!(verdict(nested(DEPTH_MAX / 2)), "too deep");
    assert_eq!(verdict(nested(1_500)), "too deep");
}

#[test]
fn chains_are_read_up_to_the_depth_of_the_tree() {
    let chain = |count: usize, link: &str| format!("a{}", link.repeat(count));
    for link in [" + a", " and a", ".b", "()", "[0]"] {
        assert_eq!(verdict(chain(DEPTH_MAX - 3, link)), "read", "{link}");
        assert_eq!(verdict(chain(2_000, link)), "too deep", "{link}");
    }
    let elifs = |count: usize| format!("if a: b\n{}", "elif a: b\n".repeat(count));
    assert_eq!(verdict(elifs(DEPTH_MAX - 5)), "read");
    assert_eq!(verdict(elifs(100_000)), "too deep");
}

#[test]
fn what_is_long_but_not_deep_is_read() {
    const COUNT: usize = 20_000;
    let flat = [
        format!("x = [{}]", "f(1).a + b,\n".repeat(COUNT)),
        format!("x = ({})", "'a' f'{b}'\n".repeat(COUNT)),
        format!("x = f'{}'", "{a.b()}c".repeat(COUNT)),
        format!("x = {{{}}}", "'a': -b,".repeat(COUNT)),
        format!("x = a{}", " < a".repeat(1_500)),
        "x = f(a)[0].b + 1; y = 2\n".repeat(COUNT),
        "if a:\n  if b: c()\n".repeat(COUNT),
        format!("x = {}b", "a = ".repeat(1_500)),
        format!("f({})", "**a, b=lambda: c(d),".repeat(COUNT)),
    ];
    for text in flat {
        let start: String = text.chars().take(20).collect();
        assert_eq!(verdict(text), "read", "{start}");
    }
}

#[test]
fn a_bracket_that_is_never_closed_is_named() {
    let text = format!("a = 1\nb = f(c\n{}", "d = e.f(g)\n".repeat(3_000));
    let error = parse(&text).unwrap_err();
    assert_snapshot!(error, @"line 668: a bracket that is opened before this line is never closed");
}

#[test]
fn an_error_has_its_line() {
    let texts = [
        "a = 1\n\nb = = 2\n",
        "print 'x'\n",
        "a = '\\n\n",
        "f(a=1, 2)",
        "if a:\nb",
        &format!("a = 1\n{}x = {}1\n", "b = 2\n".repeat(1_000), "-".repeat(5_000)),
        &format!("a = 1\nx = {}1\n", "-".repeat(500)),
    ];
    let errors: Vec<String> = texts.map(|text| parse(text).unwrap_err().to_string()).into();
    assert_snapshot!(errors.join("\n"), @r"
    line 3: Expected an expression
    line 1: Simple statements must be separated by newlines or semicolons
    line 1: missing closing quote in string literal
    line 1: Positional argument cannot follow keyword argument
    line 2: Expected an indented block after `if` statement
    line 1002: nested deeper than 400
    line 2: nested deeper than 400
    ");
}

#[test]
fn a_pattern_that_is_no_code_is_refused() {
    for text in [
        "f(",
        "$x",
        "a b",
        "{$X, ...: 1}",
        "def $F(",
        "$...",
        "<... $X",
        "f(...>)",
        "f'{$X'",
    ] {
        assert!(parse_pattern(text).is_err(), "{text}");
    }
    assert_eq!(
        parse_pattern("a = $X\nb = = $Y").unwrap_err(),
        parse("a = X\nb = = Y").unwrap_err()
    );
    assert!(parse_pattern(&"f'{".repeat(100_000)).is_err());
}

#[test]
fn comments_and_names_have_their_places() {
    let text = "\u{feff}# ä\nx = 'é'  # b\r\n\"# c\"\nf'{y # d\n}'\n#";
    let tree = parse(text).unwrap();
    let comments: Vec<&str> = tree.comments().iter().map(|span| &text[span.clone()]).collect();
    assert_eq!(comments, ["# ä", "# b", "# d", "#"]);
    let names: Vec<&str> = tree
        .all()
        .filter(|id| tree.kind(*id) == Kind::Name)
        .map(|id| tree.source(id))
        .collect();
    assert_eq!(names, ["x", "y"]);
}
