//! Statements, patterns and expressions.

use insta::assert_snapshot;

use super::outline;

#[test]
fn branches() {
    assert_snapshot!(outline(r##"fn f() { if let Some(x) = a && b { return 1; } else if c { } let Some(k) = o else { return 2 }; match n { 0 | 1 => "a", 2..=5 if n > 3 => { g() } E::B { x, .. } => x, _ => h } }"##), @r##"
    Module
      Function "f"
        Body: Block
          If
            Condition: Binary "and"
              Left: Assign "=" +declaration
                Target: Tuple "Some"
                  Name "x"
                Value: Name "a"
              Right: Name "b"
            Body: Block
              Return
                Value: Num "1"
            Else: If
              Condition: Name "c"
              Body: Block
          Assign "=" +declaration
            Target: Tuple "Some"
              Name "k"
            Value: Name "o"
            Else: Block
              Return
                Value: Num "2"
          Switch
            Subject: Name "n"
            Case
              Test: Tuple "|"
                Num "0"
                Num "1"
              Body: Block
                Return
                  Value: Str "a"
            Case
              Test: Other
                Num "2"
                Num "5"
              Condition: Binary ">"
                Left: Name "n"
                Right: Num "3"
              Body: Block
                Return
                  Value: Call
                    Callee: Name "g"
            Case
              Test: Object
                Pair
                  Key: Str "x"
                  Value: Name "x"
              Body: Block
                Return
                  Value: Name "x"
            Case
              Body: Block
                Return
                  Value: Name "h"
    "##);
}

#[test]
fn loops() {
    assert_snapshot!(outline(r##"fn f() { 'a: loop { for (i, v) in xs { break 'a; } } while let Some(x) = it.next() { continue; } }"##), @r##"
    Module
      Function "f"
        Body: Block
          Labelled "a"
            Body: Block
              While
                Condition: Bool "true"
                Body: Block
                  ForEach "in" +declaration
                    Target: Tuple
                      Name "i"
                      Name "v"
                    Iter: Name "xs"
                    Body: Block
                      Break "a"
          While
            Condition: Assign "=" +declaration
              Target: Tuple "Some"
                Name "x"
              Value: Call
                Callee: Member "next"
                  Object: Name "it"
            Body: Block
              Continue
    "##);
}

#[test]
fn values() {
    assert_snapshot!(outline(r##"fn f() { let a = &mut xs[1..n]; let b = unsafe { t::<u8>(x as i32)? }; let c = async move { g().await }; let d = O { id, n: 1, ..e }; let h = |&x, y: u8| !x; x += -1; }"##), @r##"
    Module
      Function "f"
        Body: Block
          Assign "=" +declaration
            Target: Name "a"
            Value: Unary "&mut"
              Value: Index
                Object: Name "xs"
                Index: Slice
                  Lower: Num "1"
                  Upper: Name "n"
          Assign "=" +declaration
            Target: Name "b"
            Value: With "unsafe"
              Body: Block
                ExprStmt
                  Value: Unary "?"
                    Value: Call
                      Callee: Name "t"
                      Arg: Cast
                        Value: Name "x"
                        Type: Type "i32"
          Assign "=" +declaration
            Target: Name "c"
            Value: Lambda +async
              Body: Block
                Return
                  Value: Await
                    Value: Call
                      Callee: Name "g"
          Assign "=" +declaration
            Target: Name "d"
            Value: Composite "O"
              Type: Type "O"
              Pair
                Key: Str "id"
                Value: Name "id"
              Pair
                Key: Str "n"
                Value: Num "1"
              Spread ".."
                Value: Name "e"
          Assign "=" +declaration
            Target: Name "h"
            Value: Lambda
              Param: Param
                Target: Name "x"
              Param: Param "y"
                Type: Type "u8"
              Body: Unary "not"
                Value: Name "x"
          Assign "+="
            Target: Name "x"
            Value: Unary "-"
              Value: Num "1"
    "##);
}

#[test]
fn texts() {
    assert_snapshot!(outline(r##"fn f() { g(b"a", r"b", '\n', "\u{41}"); }"##), @r##"
    Module
      Function "f"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Name "g"
              Arg: Str "a" +bytes
              Arg: Str "b"
              Arg: Str "\n"
              Arg: Str "A"
    "##);
}

#[test]
fn what_can_not_be_read_is_told_with_its_line() {
    assert_snapshot!(outline(r##"fn f() {
  let = 1;
}"##), @r##"line 2: cannot be read: `=`"##);
}
