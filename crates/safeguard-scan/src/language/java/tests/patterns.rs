//! Patterns to their roots.

use crate::language::java::parse_pattern;
use crate::language::pattern::Pattern;

/// The kinds of the roots, and what they are in one line.
fn read(text: &str) -> String {
    match parse_pattern(text) {
        Ok(Pattern { tree, roots }) => roots
            .iter()
            .map(|root| crate::matching::canonical(&tree, *root))
            .collect::<Vec<_>>()
            .join("\n"),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn each_is_read_as_what_it_is() {
    let read: Vec<String> = [
        r#"$X.executeQuery($Q, ...)"#,
        r#"(Statement $S).execute($Q)"#,
        r#"$T $F(..., HttpServletRequest $R, ...) { ... }"#,
        r#"@GetMapping(...)"#,
        r#"@Foo(a = 1, ...)"#,
        r#"try { ... } catch ($E $V) { }"#,
        r#"class $C extends B { ... }"#,
        r#"new T() { ... public void f(...) { } ... }"#,
        r#"String $X = ...; ... f(<... $X ...>);"#,
        r#"$X. ... .build()"#,
        r#"static F $F = ...;"#,
        r#"(a, ...) -> $X"#,
        r#"int x = ;"#,
    ]
    .iter()
    .map(|pattern| format!("{pattern}\n    {}", read(pattern).replace('\n', "\n    ")))
    .collect();
    insta::assert_snapshot!(read.join("\n"), @r##"
    $X.executeQuery($Q, ...)
        (Call (Metavariable "X").executeQuery (Metavariable "Q") (Ellipsis))
    (Statement $S).execute($Q)
        (Call (Metavariable "S" (Metavariable "S") (Type "Statement")).execute (Metavariable "Q"))
    $T $F(..., HttpServletRequest $R, ...) { ... }
        (Function "$F" (Ellipsis (Type "...")) (Param "$R" (Type "HttpServletRequest")) (Ellipsis (Type "...")) (Type "$T") (Block (Ellipsis (Ellipsis) (Type "..."))))
    @GetMapping(...)
        (Call GetMapping (Ellipsis 0))
    @Foo(a = 1, ...)
        (Call Foo (Keyword "a" 1) (Ellipsis 0))
    try { ... } catch ($E $V) { }
        (Try (Block (Ellipsis (Ellipsis) (Type "..."))) (Catch "$V" (Metavariable "E") (Block)))
    class $C extends B { ... }
        (Class "$C" B (Block (Ellipsis (Ellipsis) (Type "..."))))
    new T() { ... public void f(...) { } ... }
        (New T (Class (Block (Ellipsis (Ellipsis) (Type "...")) (Function "f" (Ellipsis (Type "...")) (Type "void") (Block)) (Ellipsis (Ellipsis) (Type "...")))))
    String $X = ...; ... f(<... $X ...>);
        (Assign "=" (Metavariable "X") (Type "String") (Ellipsis))
        (Ellipsis (Ellipsis) (Type "..."))
        (Call f (Deep __deep__ (Metavariable "X")))
    $X. ... .build()
        (Call (Metavariable "X").....build)
    static F $F = ...;
        (Assign "=" (Metavariable "F") (Type "F") (Ellipsis))
    (a, ...) -> $X
        (Lambda (Param "a") (Ellipsis) (Metavariable "X"))
    int x = ;
        error: line 1: cannot be read: `=`
    "##);
}
