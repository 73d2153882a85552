//! What is nested too deep, too long or no JavaScript.

use insta::assert_snapshot;

use super::{outline, parse, parse_pattern};
use crate::language::Language;
use crate::tree::{DEPTH_MAX, Kind, ParseError};

/// What becomes of a text on a thread like those of a scan.
fn verdict(language: Language, text: String) -> &'static str {
    let scan = std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(move || match parse(language, &text) {
            Ok(_) => "read",
            Err(ParseError::TooDeep { .. }) => "too deep",
            Err(ParseError::Syntax { .. }) => "no syntax",
            Err(ParseError::TooLarge { .. }) => "too large",
        });
    scan.unwrap().join().unwrap()
}

#[test]
fn a_text_of_nothing_but_nesting_is_refused_before_it_is_parsed() {
    // As many as there is room for in 2 MB.
    let repeated = |unit: &str| unit.repeat((2 << 20) / unit.len());
    let units = [
        "(",
        "[",
        "{",
        "({a:",
        "a(",
        "a[",
        "`${",
        "!",
        "typeof ",
        "-+",
        "a=",
        "a=>",
        "(a)=>",
        "(a=>",
        "(a=",
        "a?",
        "a?b:",
        "a**",
        "new ",
        "if(a)",
        "if(a)b;else ",
        "a:",
        "for(;;)",
        "while(a)",
        "do ",
        "with(a)",
        "try{",
        "function f(){",
        "(function(){",
        "class A{a=",
        "(class{a(){",
        "class extends ",
        "<a>",
        "<a b={",
        "import(",
        "async(",
        "async (a=",
        "await ",
        "yield ",
        "@a(",
        "...",
    ];
    for unit in units {
        assert_eq!(
            verdict(Language::JavaScript, repeated(unit)),
            "too deep",
            "{unit}"
        );
    }
    let of_types = [
        "a<",
        "<a>",
        "<T>(a)=>",
        "<T>(a=",
        "(a:b)=>",
        "a?(b):",
        "a?(b)=>",
        "a?(b):c=>",
        "namespace a{",
        "a as ",
        "let a:(",
        "let a:A<",
        "let a:{a:",
        "let a:[",
        "let a:()=>",
        "let a:a extends b?c:",
        "let a:keyof ",
        "<A,B>(a)=>",
        "a?b<c,d>:",
    ];
    for unit in of_types {
        assert_eq!(
            verdict(Language::TypeScript, repeated(unit)),
            "too deep",
            "{unit}"
        );
        // What begins like an element may have too many readings instead.
        assert_ne!(verdict(Language::Tsx, repeated(unit)), "read", "{unit}");
    }
}

#[test]
fn no_token_hides_the_nesting_that_follows_it() {
    let before = [
        // A regex, of which a division would see a string.
        "return/'/;",
        "if(x)/'/;",
        "{}/'/;",
        "x=>{}\n/'/;",
        "else/'/;",
        "a++\n/'/;",
        "++/'/.x;",
        "await/'/;",
        "of/'/;",
        "r\\u0065turn/'/;",
        "r\\u{65}turn/'/;",
        "wh\\u0069le(x)/'/;",
        "return\u{a0}/'/;",
        "/[/]'/;",
        "/\\/'/;",
        "}/x",
        "/a/q;",
        "x;debugger\n/'/;",
        // Strings and comments that end, or do not, otherwise than they seem to.
        "'\\\n'",
        "'\\\r\n'",
        "'\u{2028}';",
        "'x\n",
        "`\\`${1}`;",
        "`\\${`;",
        "`$${1}`;",
        "`${`${'`'}`}`;",
        "<!--'\n",
        "x\n-->'\n",
        "/*'*/",
        "//'\n",
        "\\'",
        "\\u{'",
        // Numbers and members, after which a slash divides.
        "1./2;'/';",
        "a.return/2;'/';",
        "a?.if(x)/2;'/';",
        "1n/2;'/';",
        // Text between tags, in which there is no string.
        "<b>'</b>;",
        "<b>(')</b>;",
        "a\n++<b>'</b>;",
        "<a b='\n'/>;",
        "<a b=<c/>>'</a>;",
        "<a b=\"\\\">'</a>;",
        "<>'</>;",
        "< a >'</ a >;",
        "<a /*>*/ b>'</a>;",
        "<a>{/*'*/}'</a>;",
        // Brackets that do not fit.
        ")",
        "]",
        "}",
        "(]",
        "{)",
        "`${)",
        "<a></b>",
        "</a>",
    ];
    for before in before {
        for language in [Language::JavaScript, Language::Tsx] {
            let text = format!("{before}{}", "(".repeat(1_000_000));
            // What matters is that there is a verdict, and no overflow.
            assert_ne!(verdict(language, text), "read", "{before:?}");
        }
    }
    for before in [
        "<A<T>>'</A>;",
        "<A<'x'>>'</A>;",
        "<T,>(');",
        "<T extends X>(')</T>;",
        "a!/'/;",
        "x<y>/'/;",
    ] {
        let text = format!("{before}{}", "(".repeat(1_000_000));
        assert_ne!(verdict(Language::Tsx, text), "read", "{before:?}");
    }
}

#[test]
fn what_is_long_but_not_nested_is_read() {
    let many = |unit: &str| unit.repeat(20_000);
    for text in [
        many("a = (b) => !c;\n"),
        many("const a = b ? c : -d\n"),
        many("foo = bar()\n"),
        many("if (a) { b } else if (c) { d }\n"),
        many("a(b => c), "),
        format!("f({})", many("a => b, ")),
        format!("({{ {} }})", many("a: !b, ")),
        format!("switch (a) {{ {} }}", many("case -1: ")),
        many("class A extends B {}\n"),
        many("x = a < b / c > d;"),
        many("`${a}`;"),
        many("i++ < n;"),
        many("{}\n/a/.b;\n"),
    ] {
        let start: String = text.chars().take(20).collect();
        let text = text.trim_end_matches(", ").to_owned();
        assert_eq!(verdict(Language::JavaScript, text), "read", "{start}");
    }
    for text in [
        many("let a: Map<string, (b: T) => U>;\n"),
        many("const f = <T,>(a: T) => a\n"),
        many("interface A<T> extends B<T> { c: T\nd?: keyof T }\n"),
        many("x = a! / b;"),
    ] {
        let start: String = text.chars().take(20).collect();
        assert_eq!(verdict(Language::TypeScript, text.clone()), "read", "{start}");
        assert_eq!(verdict(Language::Tsx, text), "read", "{start}");
    }
    let elements = format!("<a>{}</a>;", many("<b c={d}>it's (e)</b>"));
    assert_eq!(verdict(Language::Tsx, elements.clone()), "read");
    assert_eq!(verdict(Language::JavaScript, elements), "read");
}

#[test]
fn a_long_chain_is_refused_like_any_other_nesting() {
    let chain = |length: usize| format!("x = a{};", " + a".repeat(length));
    // The module, the assignment and the innermost name are levels too.
    assert_eq!(verdict(Language::JavaScript, chain(DEPTH_MAX - 3)), "read");
    assert_eq!(verdict(Language::JavaScript, chain(DEPTH_MAX - 2)), "too deep");
    for unit in [" + a", ".y", "()", "[0]", " || a", ".b(c)"] {
        let text = format!("x = a{}", unit.repeat(2_000));
        assert_eq!(verdict(Language::JavaScript, text), "too deep", "{unit}");
    }
}

#[test]
fn errors_name_their_line() {
    let javascript = |text: &str| outline(Language::JavaScript, text);
    assert_snapshot!(javascript("a;\nb c;"), @"line 2: Expected a semicolon or an implicit semicolon after a statement, but found none");
    assert_snapshot!(javascript("// @flow\nlet a: ?string = 1;"), @"line 1: Flow is not supported");
    assert_snapshot!(javascript("a = 'b\n"), @"line 1: Unterminated string");
    assert_snapshot!(javascript("\\u{0"), @"line 1: invalid escape in a name");
    assert_snapshot!(outline(Language::TypeScript, "\n\nlet a: = 1"), @"line 3: Unexpected token");
    assert_snapshot!(outline(Language::TypeScript, "<a/>"), @"line 1: Expected `>` but found `/`");
}

#[test]
fn modules_scripts_and_declarations_are_told_apart() {
    for text in [
        // A module without an import.
        "await a;",
        "import.meta;",
        // A script.
        "with (a) b;",
        "return;",
        "a <!-- b\n--> c",
        "var await;",
        "yield = 1; let = 2;",
        "01; '\\1'",
        // Both are refused by nobody.
        "import a from 'a'; await a; return;",
    ] {
        assert!(parse(Language::JavaScript, text).is_ok(), "{text}");
    }
    for text in [
        "declare const a: string; export {}",
        "export default function a(): void;",
        "await a;",
    ] {
        assert!(parse(Language::TypeScript, text).is_ok(), "{text}");
    }
}

#[test]
fn comments_are_kept_with_what_delimits_them() {
    let text = "#!/bin/node\n// a\nb /* c */; <d /* e */>{/* f */}//g\n</d>;";
    let tree = parse(Language::JavaScript, text).unwrap();
    let comments: Vec<&str> = tree.comments().iter().map(|span| &text[span.clone()]).collect();
    assert_eq!(comments, ["#!/bin/node", "// a", "/* c */", "/* e */", "/* f */"]);
}

#[test]
fn spans_are_bytes_of_the_text() {
    let text = "\u{feff}'é' + ünd.ß;";
    let tree = parse(Language::JavaScript, text).unwrap();
    let member = tree.all().find(|id| tree.kind(*id) == Kind::Member).unwrap();
    assert_eq!((tree.source(member), tree.name(member)), ("ünd.ß", "ß"));
}

#[test]
fn what_is_no_pattern_is_refused() {
    for text in [
        "",
        "// only a comment",
        "a b",
        "f(",
        "} a {",
        "}; class D {",
        "<... $X",
    ] {
        assert!(parse_pattern(Language::JavaScript, text).is_err(), "{text}");
    }
    assert!(parse_pattern(Language::JavaScript, &"(".repeat(100_000)).is_err());
}
