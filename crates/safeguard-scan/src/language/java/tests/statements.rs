//! Statements and expressions.

use insta::assert_snapshot;

use super::outline;

#[test]
fn loops() {
    assert_snapshot!(outline(r##"class A { void f() { for (String s : list) { i++; } for (int i = 0, j = 1; i < 3; i++) ; while (true) break; do { } while (a); } }"##), @r##"
    Module
      Class "A"
        Body: Block
          Function "f" +method
            Type: Type "void"
            Body: Block
              ForEach "of" +declaration
                Type: Type "String"
                Target: Name "s"
                Iter: Name "list"
                Body: Block
                  Assign "+=" +step
                    Target: Name "i"
                    Value: Num "1"
              For
                Init: Assign "=" +declaration
                  Target: Name "i"
                  Type: Type "int"
                  Value: Num "0"
                Init: Assign "=" +declaration
                  Target: Name "j"
                  Type: Type "int"
                  Value: Num "1"
                Condition: Binary "<"
                  Left: Name "i"
                  Right: Num "3"
                Update: Assign "+=" +step
                  Target: Name "i"
                  Value: Num "1"
                Body: Block
              While
                Condition: Bool "true"
                Body: Block
                  Break
              DoWhile
                Body: Block
                Condition: Name "a"
    "##);
}

#[test]
fn what_is_caught_and_closed() {
    assert_snapshot!(outline(r##"class A { void f() { try (Connection c = open(); r) { c.go(); } catch (A | B.C e) { } finally { x = 1; } } }"##), @r##"
    Module
      Class "A"
        Body: Block
          Function "f" +method
            Type: Type "void"
            Body: Block
              Try
                Body: Block
                  With
                    WithItem
                      Target: Name "c"
                      Type: Type "Connection"
                      Value: Call
                        Callee: Name "open"
                    WithItem
                      Value: Name "r"
                    Body: Block
                      ExprStmt
                        Value: Call
                          Callee: Member "go"
                            Object: Name "c"
                Handler: Catch "e"
                  Type: Name "A"
                  Type: Member "C"
                    Object: Name "B"
                  Body: Block
                Finally: Block
                  Assign "="
                    Target: Name "x"
                    Value: Num "1"
    "##);
}

#[test]
fn what_is_locked() {
    assert_snapshot!(outline(r##"class A { void f() { synchronized (this) { count += 2; } } }"##), @r##"
    Module
      Class "A"
        Body: Block
          Function "f" +method
            Type: Type "void"
            Body: Block
              With "synchronized"
                WithItem
                  Value: Name "this"
                Body: Block
                  Assign "+="
                    Target: Name "count"
                    Value: Num "2"
    "##);
}

#[test]
fn switches() {
    assert_snapshot!(outline(r##"class A { void f() { switch (q) { case "a": case "b": f(); break; default: g(); } var r = switch (k) { case 1, 2 -> "x"; case Foo f when f.x() -> { yield "z"; } default -> throw new X(); }; } }"##), @r##"
    Module
      Class "A"
        Body: Block
          Function "f" +method
            Type: Type "void"
            Body: Block
              Switch
                Subject: Name "q"
                Case
                  Test: Str "a"
                  Body: Block
                Case
                  Test: Str "b"
                  Body: Block
                    ExprStmt
                      Value: Call
                        Callee: Name "f"
                    Break
                Case
                  Body: Block
                    ExprStmt
                      Value: Call
                        Callee: Name "g"
              Assign "=" +declaration
                Target: Name "r"
                Value: Switch
                  Subject: Name "k"
                  Case
                    Test: Num "1"
                    Test: Num "2"
                    Body: Block
                      ExprStmt
                        Value: Str "x"
                  Case
                    Test: Type "Foo f"
                    Condition: Call
                      Callee: Member "x"
                        Object: Name "f"
                    Body: Block
                      ExprStmt
                        Value: Str "z"
                  Case
                    Body: Block
                      Raise
                        Value: New
                          Callee: Name "X"
    "##);
}

#[test]
fn values() {
    assert_snapshot!(outline(r##"class A { Object f = a ? (int) b : !c && d instanceof E x; String[] g = new String[]{"a", 'b'}; byte[] h = new byte[n]; Object i = x.<String>of(1).stream().map(String::trim); Runnable j = () -> run(A.class); Thread t = new Thread(new Runnable() { public void run() { go(); } }); }"##), @r##"
    Module
      Class "A"
        Body: Block
          Assign "=" +declaration
            Target: Name "f"
            Type: Type "Object"
            Value: Conditional
              Condition: Name "a"
              Value: Cast
                Value: Name "b"
                Type: Type "int"
              Else: Binary "and"
                Left: Unary "not"
                  Value: Name "c"
                Right: Binary "instanceof"
                  Left: Name "d"
                  Right: Type "E"
          Assign "=" +declaration
            Target: Name "g"
            Type: Type "String[]"
            Value: List
              Str "a"
              Num "'b'"
          Assign "=" +declaration
            Target: Name "h"
            Type: Type "byte[]"
            Value: New
              Callee: Type "byte[]"
              Arg: Name "n"
          Assign "=" +declaration
            Target: Name "i"
            Type: Type "Object"
            Value: Call
              Callee: Member "map"
                Object: Call
                  Callee: Member "stream"
                    Object: Call
                      Callee: Member "of"
                        Object: Name "x"
                      Arg: Num "1"
              Arg: Member "trim"
                Object: Name "String"
          Assign "=" +declaration
            Target: Name "j"
            Type: Type "Runnable"
            Value: Lambda
              Body: Call
                Callee: Name "run"
                Arg: Member "class"
                  Object: Name "A"
          Assign "=" +declaration
            Target: Name "t"
            Type: Type "Thread"
            Value: New
              Callee: Name "Thread"
              Arg: New
                Callee: Name "Runnable"
                Body: Class
                  Body: Block
                    Function "run" +exported +method
                      Type: Type "void"
                      Body: Block
                        ExprStmt
                          Value: Call
                            Callee: Name "go"
    "##);
}
