//! Patterns to their roots.

use crate::language::pattern::Pattern;
use crate::language::rust::parse_pattern;

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
        r#"std::fs::read($P)"#,
        r#"format!(...)"#,
        r#"format!("...", $X)"#,
        r#"let $X = $Y.lock().unwrap(); ... $Z.await"#,
        r#"fn $F(...) -> $T { ... }"#,
        r#"async fn $F($...ARGS) { $...BODY }"#,
        r#"#[get(...)]"#,
        r#"Foo { a: $X, ... }"#,
        r#"loop { ... }"#,
        r#"if let Some($X) = $Y { ... }"#,
        r#"impl $T { ... fn f(...) { ... } ... }"#,
        r#"$X. ... .unwrap()"#,
        r#"unsafe { ... }"#,
        r#"let x = ;"#,
    ]
    .iter()
    .map(|pattern| format!("{pattern}\n    {}", read(pattern).replace('\n', "\n    ")))
    .collect();
    insta::assert_snapshot!(read.join("\n"), @r##"
    std::fs::read($P)
        (Call std.fs.read (Metavariable "P"))
    format!(...)
        (Interp (Ellipsis))
    format!("...", $X)
        (Interp (Ellipsis) (Metavariable "X") (Ellipsis))
    let $X = $Y.lock().unwrap(); ... $Z.await
        (Assign "=" (Metavariable "X") (Call (Call (Metavariable "Y").lock).unwrap))
        (Ellipsis (Ellipsis))
        (Await (Metavariable "Z"))
    fn $F(...) -> $T { ... }
        (Function "$F" (Ellipsis) (Type "$T") (Block (Ellipsis (Ellipsis))))
    async fn $F($...ARGS) { $...BODY }
        (Function "$F" (Metavariables "ARGS") (Block (Metavariables "BODY" (Metavariables "BODY"))))
    #[get(...)]
        (Call get (Ellipsis))
    Foo { a: $X, ... }
        (Composite "Foo" (Type "Foo") (Pair "a" (Metavariable "X")) (Ellipsis (Ellipsis) (Ellipsis)))
    loop { ... }
        (While true (Block (Ellipsis (Ellipsis))))
    if let Some($X) = $Y { ... }
        (If (Assign "=" (Tuple "Some" (Metavariable "X")) (Metavariable "Y")) (Block (Ellipsis (Ellipsis))))
    impl $T { ... fn f(...) { ... } ... }
        (Class "$T" (Block (Ellipsis (Ellipsis)) (Function "f" (Ellipsis) (Block (Ellipsis (Ellipsis)))) (Ellipsis (Ellipsis))))
    $X. ... .unwrap()
        (Call (Metavariable "X").....unwrap)
    unsafe { ... }
        (With "unsafe" (Block (Ellipsis (Ellipsis))))
    let x = ;
        error: line 1: cannot be read: `=`
    "##);
}
