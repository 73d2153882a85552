//! Literals.

use insta::assert_snapshot;

use super::outline;

#[test]
fn numbers() {
    assert_snapshot!(outline("x(0, 1_000, 0x1F, 0b11, 0o17, 017, 1.5e-3, .5, 1., 0x1p-2, 2i, 1.5i)"), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Name "x"
          Arg: Num "0"
          Arg: Num "1_000"
          Arg: Num "0x1F"
          Arg: Num "0b11"
          Arg: Num "0o17"
          Arg: Num "017"
          Arg: Num "1.5e-3"
          Arg: Num ".5"
          Arg: Num "1."
          Arg: Num "0x1p-2"
          Arg: Num "2i"
          Arg: Num "1.5i"
    "#);
    assert_snapshot!(outline(r#"x('a', '\'', '\x00', '\u00e9', '世', '\\', '"')"#), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Name "x"
          Arg: Num "'a'"
          Arg: Num "'\\''"
          Arg: Num "'\\x00'"
          Arg: Num "'\\u00e9'"
          Arg: Num "'世'"
          Arg: Num "'\\\\'"
          Arg: Num "'\"'"
    "#);
}

#[test]
fn constants() {
    assert_snapshot!(outline("x(true, false, nil, iota, _)"), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Name "x"
          Arg: Bool "true"
          Arg: Bool "false"
          Arg: Null
          Arg: Name "iota"
          Arg: Name "_"
    "#);
}

#[test]
fn composite_literals() {
    assert_snapshot!(outline(r#"T{A: 1, "b": c, pkg.D: d}
x = T{1, f()}
x = &pkg.T{}
x = pkg.G[int]{a, }"#), @r#"
    Module
      ExprStmt
        Value: Composite "T"
          Type: Type "T"
          Pair
            Key: Str "A"
            Value: Num "1"
          Pair
            Key: Str "b"
            Value: Name "c"
          Pair
            Key: Member "D"
              Object: Name "pkg"
            Value: Name "d"
      Assign "="
        Target: Name "x"
        Value: Composite "T"
          Type: Type "T"
          Num "1"
          Call
            Callee: Name "f"
      Assign "="
        Target: Name "x"
        Value: Unary "&"
          Value: Composite "pkg.T"
            Type: Type "pkg.T"
      Assign "="
        Target: Name "x"
        Value: Composite "pkg.G[int]"
          Type: Type "pkg.G[int]"
          Name "a"
    "#);
    assert_snapshot!(outline("x = map[K]V{k: v, {1, 2}: {X: 1}}"), @r#"
    Module
      Assign "="
        Target: Name "x"
        Value: Composite "map[K]V"
          Type: Type "map[K]V"
          Pair
            Key: Name "k"
            Value: Name "v"
          Pair
            Key: Composite
              Num "1"
              Num "2"
            Value: Composite
              Pair
                Key: Str "X"
                Value: Num "1"
    "#);
    assert_snapshot!(outline(r#"x = []*P{{X: 1}, {2, 3}}
x = [...]string{0: "a", n: "b"}
x = [2][]int{{1}, {2}}"#), @r#"
    Module
      Assign "="
        Target: Name "x"
        Value: Composite "[]*P"
          Type: Type "[]*P"
          Composite
            Pair
              Key: Str "X"
              Value: Num "1"
          Composite
            Num "2"
            Num "3"
      Assign "="
        Target: Name "x"
        Value: Composite "[...]string"
          Type: Type "[...]string"
          Pair
            Key: Num "0"
            Value: Str "a"
          Pair
            Key: Name "n"
            Value: Str "b"
      Assign "="
        Target: Name "x"
        Value: Composite "[2][]int"
          Type: Type "[2][]int"
          Composite
            Num "1"
          Composite
            Num "2"
    "#);
    assert_snapshot!(outline(r#"x = struct{ A int }{A: 1}
x = []struct{ A int }{{A: 1}}"#), @r#"
    Module
      Assign "="
        Target: Name "x"
        Value: Composite "struct{A int}"
          Type: Type "struct{A int}"
          Pair
            Key: Str "A"
            Value: Num "1"
      Assign "="
        Target: Name "x"
        Value: Composite "[]struct{A int}"
          Type: Type "[]struct{A int}"
          Composite
            Pair
              Key: Str "A"
              Value: Num "1"
    "#);
}

#[test]
fn function_literals() {
    assert_snapshot!(outline("f := func(a int, b ...string) (x int) { return func() int { return a }() }"), @r#"
    Module
      Assign ":=" +declaration
        Target: Name "f"
        Value: Lambda
          Param: Param "a"
            Type: Type "int"
          Param: Param "b" +rest
            Type: Type "string"
          Type: Type "(x int)"
          Body: Block
            Return
              Value: Call
                Callee: Lambda
                  Type: Type "int"
                  Body: Block
                    Return
                      Value: Name "a"
    "#);
}

#[test]
fn strings() {
    assert_snapshot!(outline(r#"x("a\tb\x41\u00e9\U0001F600\101\\\"\xe4\xb8\x96\a", "")"#), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Name "x"
          Arg: Str "a\tbAé😀A\\\"世\u{7}"
          Arg: Str ""
    "#);
    assert_snapshot!(outline(r#"x("\xff", "\ud800", "//", "/*")"#), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Name "x"
          Arg: Str "�"
          Arg: Str "�"
          Arg: Str "//"
          Arg: Str "/*"
    "#);
    assert_snapshot!(outline(r#"x(`raw\n
"x" // no`)"#), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Name "x"
          Arg: Str "raw\\n\n\"x\" // no"
    "#);
}
