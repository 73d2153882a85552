//! What macros are given.

use insta::assert_snapshot;

use super::outline;

#[test]
fn formats() {
    assert_snapshot!(outline(r##"fn f() { let a = format!("a {} {b:?} {{c}} {0} {d}", x.y(), d = 1); println!("plain"); write!(w, "{}", z); }"##), @r##"
    Module
      Function "f"
        Body: Block
          Assign "=" +declaration
            Target: Name "a"
            Value: Interp
              Str "a "
              Call
                Callee: Member "y"
                  Object: Name "x"
              Str " "
              Name "b"
              Str " {c} "
              Call
                Callee: Member "y"
                  Object: Name "x"
              Str " "
              Num "1"
          ExprStmt
            Value: Call
              Callee: Name "println!"
              Arg: Str "plain"
          ExprStmt
            Value: Call
              Callee: Name "write!"
              Arg: Name "w"
              Arg: Interp
                Name "z"
    "##);
}

#[test]
fn lists_and_expressions() {
    assert_snapshot!(outline(r##"fn f() { vec![0; n]; assert_eq!(a, b, "m {}", c); sqlx::query!("select 1", id); matches!(x, A | B); }"##), @r##"
    Module
      Function "f"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Name "vec!"
              Arg: Num "0"
              Arg: Name "n"
          ExprStmt
            Value: Call
              Callee: Name "assert_eq!"
              Arg: Name "a"
              Arg: Name "b"
              Arg: Str "m {}"
              Arg: Name "c"
          ExprStmt
            Value: Call
              Callee: Member "query!"
                Object: Name "sqlx"
              Arg: Str "select 1"
              Arg: Name "id"
          ExprStmt
            Value: Call
              Callee: Name "matches!"
              Arg: Name "x"
              Arg: Binary "|"
                Left: Name "A"
                Right: Name "B"
    "##);
}

#[test]
fn what_is_no_expression() {
    assert_snapshot!(outline(r##"fn f() { tokio::select! { a = g() => { h(a); } } json!({ "a": q.n }); }"##), @r##"
    Module
      Function "f"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Member "select!"
                Object: Name "tokio"
              Arg: Block
                Name "a"
                Name "g"
                Block
                Block
                  ExprStmt
                    Value: Call
                      Callee: Name "h"
                      Arg: Name "a"
          ExprStmt
            Value: Call
              Callee: Name "json!"
              Arg: Block
                Block
                  Str "a"
                  Name "q"
                  Name "n"
    "##);
}

#[test]
fn definitions_are_left_alone() {
    assert_snapshot!(outline(r##"macro_rules! m { ($x:expr) => { $x }; }"##), @r##"
    Module
      Other
    "##);
}
