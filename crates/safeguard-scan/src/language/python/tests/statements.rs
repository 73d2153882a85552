//! Statements to outlines.

use insta::assert_snapshot;

use super::outline;

#[test]
fn functions() {
    assert_snapshot!(outline(r#"@app.route("/x", methods=["GET"])
async def f(a, /, b: dict[str, int] = g(), *args, c=1, **kw) -> "list [int]":  # why
    await b
    yield a
"#), @r#"
    Module
      Function "f" +async +generator
        Decorator: Decorator
          Value: Call
            Callee: Member "route"
              Object: Name "app"
            Arg: Str "/x"
            Arg: Keyword "methods"
              Value: List
                Str "GET"
        Param: Param "a"
        Param: Param "b"
          Type: Type "dict[str,int]"
          Default: Call
            Callee: Name "g"
        Param: Param "args" +rest
        Param: Param "c"
          Default: Num "1"
        Param: Param "kw" +keyword-rest
        Type: Type "\"list [int]\""
        Body: Block
          ExprStmt
            Value: Await
              Value: Name "b"
          ExprStmt
            Value: Yield "yield"
              Value: Name "a"
    "#);
}

#[test]
fn methods_and_classes() {
    assert_snapshot!(outline(r#"class A(B, *bases, metaclass=M):
    x: int
    y = 1
    def m(self): pass
    @staticmethod
    def s(): return
    if X:
        @classmethod
        def c(cls):
            def inner(): pass
"#), @r#"
    Module
      Class "A"
        Base: Name "B"
        Base: Spread "*"
          Value: Name "bases"
        Base: Keyword "metaclass"
          Value: Name "M"
        Body: Block
          Assign "=" +declaration
            Target: Name "x"
            Type: Type "int"
          Assign "="
            Target: Name "y"
            Value: Num "1"
          Function "m" +method
            Param: Param "self"
            Body: Block
              Pass
          Function "s" +static
            Decorator: Decorator
              Value: Name "staticmethod"
            Body: Block
              Return
          If
            Condition: Name "X"
            Body: Block
              Function "c" +method
                Decorator: Decorator
                  Value: Name "classmethod"
                Param: Param "cls"
                Body: Block
                  Function "inner"
                    Body: Block
                      Pass
    "#);
}

#[test]
fn type_parameters() {
    assert_snapshot!(outline(r#"def f[T: bound(), *Ts = d, **P](a: T) -> T: ...
class C[T]: ...
type X[T: b()] = list[T]
"#), @r#"
    Module
      Function "f"
        Other
          Call
            Callee: Name "bound"
        Other
          Name "d"
        Other
        Param: Param "a"
          Type: Type "T"
        Type: Type "T"
        Body: Block
          ExprStmt
            Value: Other
      Class "C"
        Other
        Body: Block
          ExprStmt
            Value: Other
      Assign "=" +type-only
        Target: Name "X"
        Other
          Call
            Callee: Name "b"
        Value: Index
          Object: Name "list"
          Index: Name "T"
    "#);
}

#[test]
fn assignments() {
    assert_snapshot!(outline(r#"a = b = c, d = f()
x += 1
x //= 2
y: int = 3
z: "A | None"
(n := 5)
"#), @r#"
    Module
      Assign "="
        Target: Name "a"
        Target: Name "b"
        Target: Tuple
          Name "c"
          Name "d"
        Value: Call
          Callee: Name "f"
      Assign "+="
        Target: Name "x"
        Value: Num "1"
      Assign "//="
        Target: Name "x"
        Value: Num "2"
      Assign "="
        Target: Name "y"
        Type: Type "int"
        Value: Num "3"
      Assign "=" +declaration
        Target: Name "z"
        Type: Type "\"A | None\""
      ExprStmt
        Value: Assign ":="
          Target: Name "n"
          Value: Num "5"
    "#);
}

#[test]
fn loops() {
    assert_snapshot!(outline(r#"for i, j in xs:
    break
else:
    continue
async for x in y: pass
while not done():
    pass
else:
    pass
"#), @r#"
    Module
      ForEach "in"
        Target: Tuple
          Name "i"
          Name "j"
        Iter: Name "xs"
        Body: Block
          Break
        Else: Block
          Continue
      ForEach "in" +async
        Target: Name "x"
        Iter: Name "y"
        Body: Block
          Pass
      While
        Condition: Unary "not"
          Value: Call
            Callee: Name "done"
        Body: Block
          Pass
        Else: Block
          Pass
    "#);
}

#[test]
fn if_elif_else() {
    assert_snapshot!(outline(r#"if a:
    1
elif b:
    2
elif c:
    3
else:
    4
"#), @r#"
    Module
      If
        Condition: Name "a"
        Body: Block
          ExprStmt
            Value: Num "1"
        Else: If
          Condition: Name "b"
          Body: Block
            ExprStmt
              Value: Num "2"
          Else: If
            Condition: Name "c"
            Body: Block
              ExprStmt
                Value: Num "3"
            Else: Block
              ExprStmt
                Value: Num "4"
    "#);
}

#[test]
fn errors() {
    assert_snapshot!(outline(r#"try:
    pass
except (A, b.B) as e:
    raise C(e) from e
except D:
    raise
except:
    pass
else:
    pass
finally:
    pass
try: pass
except* E: raise x
assert a, "b"
"#), @r#"
    Module
      Try
        Body: Block
          Pass
        Handler: Catch "e"
          Type: Name "A"
          Type: Member "B"
            Object: Name "b"
          Body: Block
            Raise
              Value: Call
                Callee: Name "C"
                Arg: Name "e"
              Cause: Name "e"
        Handler: Catch
          Type: Name "D"
          Body: Block
            Raise
        Handler: Catch
          Body: Block
            Pass
        Else: Block
          Pass
        Finally: Block
          Pass
      Try
        Body: Block
          Pass
        Handler: Catch
          Type: Name "E"
          Body: Block
            Raise
              Value: Name "x"
      Assert
        Condition: Name "a"
        Value: Str "b"
    "#);
}

#[test]
fn with_and_del() {
    assert_snapshot!(outline(r#"async with a() as b, (c), d as (e, f):
    del g, h[0]
with (a as b, c): pass
"#), @r#"
    Module
      With +async
        WithItem
          Value: Call
            Callee: Name "a"
          Target: Name "b"
        WithItem
          Value: Name "c"
        WithItem
          Value: Name "d"
          Target: Tuple
            Name "e"
            Name "f"
        Body: Block
          Delete
            Target: Name "g"
            Target: Index
              Object: Name "h"
              Index: Num "0"
      With
        WithItem
          Value: Name "a"
          Target: Name "b"
        WithItem
          Value: Name "c"
        Body: Block
          Pass
    "#);
}

#[test]
fn match_statements() {
    assert_snapshot!(outline(r#"match f(x):
    case Point(x=0) | [1, *rest] if g(): pass
    case {"a": v}: pass
    case _: pass
"#), @r#"
    Module
      Switch
        Subject: Call
          Callee: Name "f"
          Arg: Name "x"
        Case
          Test: Type "Point(x=0)|[1,*rest]"
          Condition: Call
            Callee: Name "g"
          Body: Block
            Pass
        Case
          Test: Type "{\"a\":v}"
          Body: Block
            Pass
        Case
          Body: Block
            Pass
    "#);
}

#[test]
fn imports_and_scopes() {
    assert_snapshot!(outline(r#"import os.path, a.b as c
import json
from ..pkg . mod import (x as y, z)
from . import *
from . import w
def f():
    global a, b
    nonlocal c
"#), @r#"
    Module
      Import "os.path"
        ImportItem
          Target: Name "os.path"
      Import "a.b"
        ImportItem
          Target: Name "c"
      Import "json"
        ImportItem
          Target: Name "json"
      Import "..pkg.mod"
        ImportItem "x"
          Target: Name "y"
        ImportItem "z"
          Target: Name "z"
      Import "."
        ImportItem "*"
      Import "."
        ImportItem "w"
          Target: Name "w"
      Function "f"
        Body: Block
          Global "global"
            Name "a"
            Name "b"
          Global "nonlocal"
            Name "c"
    "#);
}
