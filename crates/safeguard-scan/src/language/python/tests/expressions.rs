//! Expressions to outlines.

use insta::assert_snapshot;

use super::outline;
use crate::language::python::parse;
use crate::tree::Kind;

#[test]
fn calls() {
    assert_snapshot!(outline(r#"f(*a, x, k=1, *b, **c)(y).m(z)
"#), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Member "m"
            Object: Call
              Callee: Call
                Callee: Name "f"
                Arg: Spread "*"
                  Value: Name "a"
                Arg: Name "x"
                Arg: Keyword "k"
                  Value: Num "1"
                Arg: Spread "*"
                  Value: Name "b"
                Arg: Spread "**"
                  Value: Name "c"
              Arg: Name "y"
          Arg: Name "z"
    "#);
}

#[test]
fn operators() {
    assert_snapshot!(outline(r#"a + b * -c ** 2
not a and (b or c) and d
a < b
a not in b
a is not b < c
x if y else z
"#), @r#"
    Module
      ExprStmt
        Value: Binary "+"
          Left: Name "a"
          Right: Binary "*"
            Left: Name "b"
            Right: Unary "-"
              Value: Binary "**"
                Left: Name "c"
                Right: Num "2"
      ExprStmt
        Value: Binary "and"
          Left: Binary "and"
            Left: Unary "not"
              Value: Name "a"
            Right: Binary "or"
              Left: Name "b"
              Right: Name "c"
          Right: Name "d"
      ExprStmt
        Value: Binary "<"
          Left: Name "a"
          Right: Name "b"
      ExprStmt
        Value: Binary "not in"
          Left: Name "a"
          Right: Name "b"
      ExprStmt
        Value: Compare "is not <"
          Name "a"
          Name "b"
          Name "c"
      ExprStmt
        Value: Conditional
          Value: Name "x"
          Condition: Name "y"
          Else: Name "z"
    "#);
}

#[test]
fn an_inner_and_or_ends_with_the_brackets_in_it() {
    let tree = parse("x = (a) or (f(b)) or ((c)) # d").unwrap();
    let binary = |id: &_| tree.kind(*id) == Kind::Binary;
    let sources: Vec<&str> = tree.all().filter(binary).map(|id| tree.source(id)).collect();
    assert_eq!(sources, ["(a) or (f(b)) or ((c))", "(a) or (f(b))"]);
}

#[test]
fn collections() {
    assert_snapshot!(outline(r#"[1, *a]
(1,)
()
{1, 2}
{"a": 1, **b, c(): d}
{}
"#), @r#"
    Module
      ExprStmt
        Value: List
          Num "1"
          Spread "*"
            Value: Name "a"
      ExprStmt
        Value: Tuple
          Num "1"
      ExprStmt
        Value: Tuple
      ExprStmt
        Value: Set
          Num "1"
          Num "2"
      ExprStmt
        Value: Object
          Pair
            Key: Str "a"
            Value: Num "1"
          Spread "**"
            Value: Name "b"
          Pair
            Key: Call
              Callee: Name "c"
            Value: Name "d"
      ExprStmt
        Value: Object
    "#);
}

#[test]
fn comprehensions() {
    assert_snapshot!(outline(r#"[f(x) for x in xs if a if b for y in x]
{x async for x in xs}
{k: v for k, v in d}
sum(x for x in y)
"#), @r#"
    Module
      ExprStmt
        Value: Comprehension "list"
          Element: Call
            Callee: Name "f"
            Arg: Name "x"
          Clause
            Target: Name "x"
            Iter: Name "xs"
            Condition: Name "a"
            Condition: Name "b"
          Clause
            Target: Name "y"
            Iter: Name "x"
      ExprStmt
        Value: Comprehension "set"
          Element: Name "x"
          Clause +async
            Target: Name "x"
            Iter: Name "xs"
      ExprStmt
        Value: Comprehension "dict"
          Element: Pair
            Key: Name "k"
            Value: Name "v"
          Clause
            Target: Tuple
              Name "k"
              Name "v"
            Iter: Name "d"
      ExprStmt
        Value: Call
          Callee: Name "sum"
          Arg: Comprehension "generator"
            Element: Name "x"
            Clause
              Target: Name "x"
              Iter: Name "y"
    "#);
}

#[test]
fn indices() {
    assert_snapshot!(outline(r#"a[0]
a[1:2, ..., b]
a[::c]
a[(1, 2)]
a.b.c
"#), @r#"
    Module
      ExprStmt
        Value: Index
          Object: Name "a"
          Index: Num "0"
      ExprStmt
        Value: Index
          Object: Name "a"
          Index: Slice
            Lower: Num "1"
            Upper: Num "2"
          Index: Other
          Index: Name "b"
      ExprStmt
        Value: Index
          Object: Name "a"
          Index: Slice
            Step: Name "c"
      ExprStmt
        Value: Index
          Object: Name "a"
          Index: Tuple
            Num "1"
            Num "2"
      ExprStmt
        Value: Member "c"
          Object: Member "b"
            Object: Name "a"
    "#);
}

#[test]
fn lambdas_and_yields() {
    assert_snapshot!(outline(r#"lambda a, *b, c=1: (yield from a)
lambda: x
(yield)
"#), @r#"
    Module
      ExprStmt
        Value: Lambda +generator
          Param: Param "a"
          Param: Param "b" +rest
          Param: Param "c"
            Default: Num "1"
          Body: Yield "yield from"
            Value: Name "a"
      ExprStmt
        Value: Lambda
          Body: Name "x"
      ExprStmt
        Value: Yield "yield"
    "#);
}

#[test]
fn strings() {
    assert_snapshot!(outline(r#""a\n" 'b'
r"a\n"
b"\xff" b"a"
u""
"""x
y"""
"#), @r#"
    Module
      ExprStmt
        Value: Str "a\nb"
      ExprStmt
        Value: Str "a\\n"
      ExprStmt
        Value: Str "ÿa" +bytes
      ExprStmt
        Value: Str ""
      ExprStmt
        Value: Str "x\ny"
    "#);
}

#[test]
fn interpolated_strings() {
    assert_snapshot!(outline(r#"f"a{x}b{y!r:>{w()}}" "c" f"{{d}}"
f"{x = }"
f"plain"
f""
t"a{x}"
f"{x:>10}"
"#), @r#"
    Module
      ExprStmt
        Value: Interp
          Str "a"
          Name "x"
          Str "b"
          Name "y"
          Other
            Call
              Callee: Name "w"
          Str "c{d}"
      ExprStmt
        Value: Interp
          Str "x = "
          Name "x"
      ExprStmt
        Value: Str "plain"
      ExprStmt
        Value: Str ""
      ExprStmt
        Value: Other
          Str "a"
          Name "x"
      ExprStmt
        Value: Interp
          Name "x"
    "#);
}

#[test]
fn literals() {
    assert_snapshot!(outline(r#"1_000
0xFF
1.5e3j
True
False
None
...
"#), @r#"
    Module
      ExprStmt
        Value: Num "1_000"
      ExprStmt
        Value: Num "0xFF"
      ExprStmt
        Value: Num "1.5e3j"
      ExprStmt
        Value: Bool "true"
      ExprStmt
        Value: Bool "false"
      ExprStmt
        Value: Null
      ExprStmt
        Value: Other
    "#);
}

#[test]
fn names_are_normalised() {
    assert_snapshot!(outline(r#"ﬁx.ﬁ
"#), @r#"
    Module
      ExprStmt
        Value: Member "fi"
          Object: Name "fix"
    "#);
}
