//! Spans, comments, and what is refused.

use insta::assert_snapshot;

use super::outline;
use crate::language::go::{parse, parse_pattern, read};
use crate::tree::{Kind, ParseError, Tree};

const STACK_BYTES: usize = 64 << 20;

#[test]
fn spans_are_those_of_the_text() {
    let sources = |text: &str, kind: Kind| -> Vec<String> {
        let tree = parse(text).unwrap();
        let all = tree.all().filter(|id| tree.kind(*id) == kind);
        all.map(|id| tree.source(id).to_owned()).collect()
    };
    assert_eq!(sources("x := (a + (b))\n", Kind::Binary), ["a + (b)"]);
    assert_eq!(
        sources("func f(a, b int, c T) {}", Kind::Param),
        ["a, b int", "b int", "c T"]
    );
    assert_eq!(
        sources("var x = 1\nvar (\n\ty = 2\n)", Kind::Assign),
        ["var x = 1", "y = 2"]
    );
    assert_eq!(sources("i++\n", Kind::Num), ["++"]);
    assert_eq!(sources("x = a[ 1:2 ]\n", Kind::Slice), [" 1:2 "]);
    assert_eq!(sources("*T(é)\n", Kind::Call), ["T(é)"]);
    assert_eq!(
        sources("switch { case a: b()\ncase c:\n}", Kind::Block),
        ["b()", ""]
    );
    assert_eq!(sources("type T struct{ *a.B }", Kind::Type), ["*a.B"]);
}

#[test]
fn comments_with_what_delimits_them() {
    let tree = parse("// a\r\npackage p // b\nvar x struct { /* c\n*/ a int }\nvar s = `// no`\n").unwrap();
    let comments = tree.comments().iter().map(|span| &tree.text()[span.clone()]);
    assert_eq!(comments.collect::<Vec<_>>(), ["// a", "// b", "/* c\n*/"]);
}

#[test]
fn carriage_returns_are_not_of_a_raw_string() {
    assert_snapshot!(outline("x = `a\r\nb`\r\ny()\r\n"), @r#"
    Module
      Assign "="
        Target: Name "x"
        Value: Str "a\nb"
      ExprStmt
        Value: Call
          Callee: Name "y"
    "#);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    assert_snapshot!(outline("\u{feff}package p\n"), @r#"
    Module
      Other "p"
    "#);
}

#[test]
fn what_is_not_go_is_refused_with_its_line() {
    assert_snapshot!(outline("package p\n\nfunc f() {\n\tx := \n}\n"), @"line 4: `identifier` is missing");
    assert_snapshot!(outline("package p\nfunc f() {\n"), @"line 2: cannot be read: `{`");
    assert_snapshot!(outline("x = 1 +\n"), @"line 1: cannot be read: `x = 1 +`");
    assert_snapshot!(outline("x = \"a\n"), @r#"line 1: cannot be read: `x = "a`"#);
    assert_snapshot!(outline("x = `a\n"), @"line 1: cannot be read: `x = `a`");
    assert_snapshot!(outline("x = new(1, )))\n"), @"line 1: cannot be read: `x = new(1, )))`");
    assert_snapshot!(outline("package p\nf()\0g()\n"), @"line 2: a NUL byte");
}

/// Go takes these, and gofmt writes them otherwise or nobody writes them; the parser does not know them.
#[test]
fn rare_go_that_the_parser_does_not_know_is_refused() {
    for text in [
        "const ( F = 1 )\n",
        "func f() { if ; a { } }\n",
        "func f() {\nA: B:\n}\n",
        "x := interface{ M() }.M\n",
    ] {
        assert!(matches!(parse(text), Err(ParseError::Syntax { .. })), "{text}");
    }
}

#[test]
fn long_sums_are_read() {
    let text = format!("x = \"a\"{}\n", " + f(1)".repeat(2_000));
    let tree = within_stack(text).unwrap();
    let count = |kind| tree.all().filter(|id| tree.kind(*id) == kind).count();
    assert_eq!((count(Kind::Binary), count(Kind::Call)), (2_000, 2_000));
    let depth = tree.all().map(|id| tree.ancestors(id).count()).max();
    assert_eq!(depth, Some(14));
    let operands = tree
        .all()
        .filter(|id| matches!(tree.kind(*id), Kind::Str | Kind::Call));
    let starts: Vec<usize> = operands.map(|id| tree.span(id).start).collect();
    assert!(starts.is_sorted());
}

/// Other chains are as deep as they are long: `a - b - c` cannot be read in another order.
#[test]
fn other_long_chains_are_refused() {
    for (text, line) in [
        (format!("x = a{}\n", " - b".repeat(2_000)), 1),
        (format!("x = a{}\n", ".b".repeat(2_000)), 1),
        (format!("x = a{}\n", "\n.b()".repeat(2_000)), 1),
        (
            format!("func f() {{\n\tif a {{}}{}\n}}\n", " else if a {}".repeat(2_000)),
            2,
        ),
    ] {
        let refused = within_stack(text.clone());
        let start = &text[..30];
        match refused {
            Err(ParseError::TooDeep { line: at }) => assert_eq!(at, line, "{start}"),
            Err(ParseError::Syntax { .. }) if text.contains("\n.b") => {}
            other => panic!("{start}: {other:?}"),
        }
    }
}

#[test]
fn nothing_overflows_the_stack() {
    const TIMES: usize = 20_000;
    for (before, again, after, read) in [
        ("x = ", "(", "", false),
        ("x = ", "f(", "", false),
        ("x = ", "[", "", false),
        ("", "{", "", false),
        ("x = ", "T{", "", false),
        ("", "func() {", "", false),
        ("x = ", "!", "a", false),
        ("x = ", "- ", "1", false),
        ("x = ", "&", "a", false),
        ("x = ", "<-", "c", false),
        ("var x ", "*", "T", false),
        ("var x ", "[]", "T", true),
        ("var x ", "chan ", "T", true),
        ("var x ", "map[a]", "T", true),
        ("var x ", "func() ", "T", true),
        ("x = ", "a+", "a", true),
        ("x = ", "a-", "a", false),
        ("x = ", "a<", "a", false),
        ("x = ", "a+b-", "a", false),
        ("x = a", ".b", "", false),
        ("x = a", ".b()", "", false),
        ("x = a", "()", "", false),
        ("x = a", "[0]", "", false),
        ("x = a", ".(T)", "", false),
        ("x = ", "a[b]", "", false),
        ("func f() { ", "a: ", "x() }", false),
        ("func f() { ", "if a {} else ", "{} }", false),
        ("func f(", "a, ", "b int) {}", true),
        ("type T interface { ", "a | ", "b }", true),
        ("", "for range ", "a {}", false),
        ("", "= } ; ) ", "", false),
        ("", "`\"'/* ", "", false),
    ] {
        let text = format!("package p\n{before}{}{after}\n", again.repeat(TIMES));
        assert_eq!(within_stack(text).is_ok(), read, "{before}{again}…{after}");
    }
}

#[test]
fn the_parser_stops_when_its_steps_are_used_up() {
    let text = "x = 1\n".repeat(1_000);
    assert!(read(&text, 100_000).is_ok());
    let error = read(&text, 1_000).err().map(|error| error.to_string());
    assert_snapshot!(error.unwrap_or_default(), @"line 85: too many ways to read this");
}

/// Nesting as deep as the tree may be, and one deeper.
#[test]
fn brackets_are_counted_outside_of_strings() {
    let nested = |times: usize| format!("x = {}a{}\n", "(".repeat(times), ")".repeat(times));
    assert!(parse(&nested(400)).is_ok());
    assert!(matches!(
        parse(&nested(401)),
        Err(ParseError::TooDeep { line: 1 })
    ));
    let brackets = "(".repeat(1_000);
    for text in [
        format!("x = \"{brackets}\"\n"),
        format!("x = `{brackets}`\n"),
        format!("x = '(' // {brackets}\n"),
        format!("x = '\\'' /* {brackets} */\n"),
    ] {
        assert!(parse(&text).is_ok(), "{text}");
    }
}

#[test]
fn patterns_that_are_not_go_are_refused() {
    let refused = |text: &str| parse_pattern(text).map(|_| ()).unwrap_err().to_string();
    assert_snapshot!(refused(""), @"line 1: the pattern is empty");
    assert_snapshot!(refused("// nothing"), @"line 1: the pattern is empty");
    assert_snapshot!(refused("f($X"), @"line 1: cannot be read: `f($X`");
    assert_snapshot!(refused("f($x)"), @"line 1: cannot be read: `$`");
    assert_snapshot!(refused("$X..."), @"line 1: cannot be read: `$X`");
    assert_snapshot!(refused("a, b"), @"line 1: cannot be read: `a, b`");
    assert_snapshot!(refused("f(<... $X)"), @"line 1: cannot be read: `f(<...( $X)`");
}

fn within_stack(text: String) -> Result<Tree, ParseError> {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    thread.spawn(move || parse(&text)).unwrap().join().unwrap()
}
