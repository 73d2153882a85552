//! Patterns of rules to outlines.

use insta::assert_snapshot;

use super::pattern;

#[test]
fn metavariables() {
    assert_snapshot!(pattern("$X"), @r#"Value: Metavariable "X""#);
    assert_snapshot!(pattern("$X.$Y($Z, $K=$V, *$A, **$B)"), @r#"
    Value: Call
      Callee: Member "$Y"
        Object: Metavariable "X"
      Arg: Metavariable "Z"
      Arg: Keyword "$K"
        Value: Metavariable "V"
      Arg: Spread "*"
        Value: Metavariable "A"
      Arg: Spread "**"
        Value: Metavariable "B"
    "#);
    assert_snapshot!(pattern("$X = $Y"), @r#"
    Assign "="
      Target: Metavariable "X"
      Value: Metavariable "Y"
    "#);
    assert_snapshot!(pattern("$X[$I]"), @r#"
    Value: Index
      Object: Metavariable "X"
      Index: Metavariable "I"
    "#);
    assert_snapshot!(pattern("import $M"), @r#"
    Import "$M"
      ImportItem
        Target: Metavariable "M"
    "#);
    assert_snapshot!(pattern("import $M.sub as $N"), @r#"
    Import "$M.sub"
      ImportItem
        Target: Metavariable "N"
    "#);
    assert_snapshot!(pattern("from $M import $N"), @r#"
    Import "$M"
      ImportItem "$N"
        Target: Metavariable "N"
    "#);
    assert_snapshot!(pattern("global $G"), @r#"
    Global "global"
      Metavariable "G"
    "#);
}

#[test]
fn ellipses_in_lists() {
    assert_snapshot!(pattern("f(..., a=1, ...)"), @r#"
    Value: Call
      Callee: Name "f"
      Arg: Ellipsis ""
      Arg: Keyword "a"
        Value: Num "1"
      Arg: Ellipsis ""
    "#);
    assert_snapshot!(pattern("f($...ARGS, **kw, ...)"), @r#"
    Value: Call
      Callee: Name "f"
      Arg: Metavariables "ARGS"
      Arg: Spread "**"
        Value: Name "kw"
      Arg: Ellipsis ""
    "#);
    assert_snapshot!(pattern("[..., 1]"), @r#"
    Value: List
      Ellipsis ""
      Num "1"
    "#);
    assert_snapshot!(pattern("(..., $X)"), @r#"
    Value: Tuple
      Ellipsis ""
      Metavariable "X"
    "#);
    assert_snapshot!(pattern("{..., 1}"), @r#"
    Value: Set
      Ellipsis ""
      Num "1"
    "#);
    assert_snapshot!(pattern(r#"{..., "a": $X, ...}"#), @r#"
    Value: Object
      Ellipsis ""
        Value: Ellipsis ""
      Pair
        Key: Str "a"
        Value: Metavariable "X"
      Ellipsis ""
        Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("{...}"), @r#"
    Value: Object
      Ellipsis ""
        Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("{**$X, ...}"), @r#"
    Value: Object
      Spread "**"
        Value: Metavariable "X"
      Ellipsis ""
        Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(r#"{$...KVS, "a": {...}}"#), @r#"
    Value: Object
      Metavariables "KVS"
        Value: Metavariables "KVS"
      Pair
        Key: Str "a"
        Value: Object
          Ellipsis ""
            Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("from m import ..."), @r#"
    Import "m"
      Ellipsis ""
        Target: Ellipsis ""
    "#);
}

#[test]
fn method_chains() {
    assert_snapshot!(pattern("a. ... .b()"), @r#"
    Value: Call
      Callee: Member "b"
        Object: Member "..."
          Object: Name "a"
    "#);
    assert_snapshot!(pattern("$X. ... .$Y"), @r#"
    Value: Member "$Y"
      Object: Member "..."
        Object: Metavariable "X"
    "#);
}

#[test]
fn deep() {
    assert_snapshot!(pattern("f(<... $X ...>)"), @r#"
    Value: Call
      Callee: Name "f"
      Arg: Deep
        Callee: Name "__deep__"
        Arg: Metavariable "X"
    "#);
    assert_snapshot!(pattern("if <... a == 1 ...>: ..."), @r#"
    If
      Condition: Deep
        Callee: Name "__deep__"
        Arg: Binary "=="
          Left: Name "a"
          Right: Num "1"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
}

#[test]
fn functions_and_classes() {
    assert_snapshot!(pattern("def $F(...): ..."), @r#"
    Function "$F"
      Param: Ellipsis ""
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(r#"def f($A, ..., $B: $T = $D, *$R, ...) -> $Q:
  ...
  return $X
  ..."#), @r#"
    Function "f"
      Param: Param "$A"
      Param: Ellipsis ""
      Param: Param "$B"
        Type: Type "$T"
        Default: Metavariable "D"
      Param: Param "$R" +rest
      Param: Ellipsis ""
      Type: Type "$Q"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
        Return
          Value: Metavariable "X"
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(r#"@$D(...)
def $F($...P):
  ..."#), @r#"
    Function "$F"
      Decorator: Decorator
        Value: Call
          Callee: Metavariable "D"
          Arg: Ellipsis ""
      Param: Metavariables "P"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("class $C(..., $B, metaclass=$M): ..."), @r#"
    Class "$C"
      Base: Ellipsis ""
      Base: Metavariable "B"
      Base: Keyword "metaclass"
        Value: Metavariable "M"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("lambda ...: $X"), @r#"
    Value: Lambda
      Param: Ellipsis ""
      Body: Metavariable "X"
    "#);
    assert_snapshot!(pattern("async def $F(**kw, ...): $S"), @r#"
    Function "$F" +async
      Param: Param "kw" +keyword-rest
      Param: Ellipsis ""
      Body: Block
        ExprStmt
          Value: Metavariable "S"
    "#);
}

#[test]
fn statements() {
    assert_snapshot!(pattern("..."), @r#"
    Ellipsis ""
      Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("$X = ..."), @r#"
    Assign "="
      Target: Metavariable "X"
      Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(r#"...
$X()
..."#), @r#"
    Ellipsis ""
      Value: Ellipsis ""
    ExprStmt
      Value: Call
        Callee: Metavariable "X"
    Ellipsis ""
      Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("$...STMTS"), @r#"
    Metavariables "STMTS"
      Value: Metavariables "STMTS"
    "#);
    assert_snapshot!(pattern("with $X as $Y: ..."), @r#"
    With
      WithItem
        Value: Metavariable "X"
        Target: Metavariable "Y"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("with ..., $X: ..."), @r#"
    With
      Ellipsis ""
        Value: Ellipsis ""
      WithItem
        Value: Metavariable "X"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(r#"try: ...
except $E as $V: ..."#), @r#"
    Try
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
      Handler: Catch "$V"
        Type: Metavariable "E"
        Body: Block
          Ellipsis ""
            Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("for $X in ...: ..."), @r#"
    ForEach "in"
      Target: Metavariable "X"
      Iter: Ellipsis ""
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("return ..."), @r#"
    Return
      Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(r#"if $X:
  ...
else:
  ..."#), @r#"
    If
      Condition: Metavariable "X"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
      Else: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(r#"match $X:
  case $Y: ..."#), @r#"
    Switch
      Subject: Metavariable "X"
      Case
        Test: Type "$Y"
        Body: Block
          Ellipsis ""
            Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("raise $E(...) from $C"), @r#"
    Raise
      Value: Call
        Callee: Metavariable "E"
        Arg: Ellipsis ""
      Cause: Metavariable "C"
    "#);
}

#[test]
fn strings_and_comments_stay() {
    assert_snapshot!(pattern(r#""...""#), @r#"Value: Str "...""#);
    assert_snapshot!(pattern(r#""$X""#), @r#"Value: Str "$X""#);
    assert_snapshot!(pattern(r#"f('a$X', """...""")  # $X ..."#), @r#"
    Value: Call
      Callee: Name "f"
      Arg: Str "a$X"
      Arg: Str "..."
    "#);
    assert_snapshot!(pattern(r#"f"...{$X}...""#), @r#"
    Value: Interp
      Ellipsis ""
      Metavariable "X"
      Ellipsis ""
    "#);
    assert_snapshot!(pattern(r#"f"...""#), @r#"
    Value: Interp
      Ellipsis ""
    "#);
    assert_snapshot!(pattern(r#"f"a""#), @r#"Value: Str "a""#);
    assert_snapshot!(pattern(r#"rb"\x$X""#), @r#"Value: Str "\\x$X" +bytes"#);
    assert_snapshot!(pattern(r#"f"{$A!r:{$B}}{{$C}}""#), @r#"
    Value: Interp
      Metavariable "A"
      Other
        Metavariable "B"
      Str "{$C}"
    "#);
    assert_snapshot!(pattern(r#""\"$X" + $X"#), @r#"
    Value: Binary "+"
      Left: Str "\"$X"
      Right: Metavariable "X"
    "#);
}

#[test]
fn other_shapes() {
    assert_snapshot!(pattern(r#"  $X.a()
  .b()"#), @r#"
    Value: Call
      Callee: Member "b"
        Object: Call
          Callee: Member "a"
            Object: Metavariable "X"
    "#);
    assert_snapshot!(pattern(r#"    foo($X)
    bar($X)"#), @r#"
    ExprStmt
      Value: Call
        Callee: Name "foo"
        Arg: Metavariable "X"
    ExprStmt
      Value: Call
        Callee: Name "bar"
        Arg: Metavariable "X"
    "#);
    assert_snapshot!(pattern("def $F(...):"), @r#"
    Function "$F"
      Param: Ellipsis ""
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("if $X:"), @r#"
    If
      Condition: Metavariable "X"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern("$X := f()"), @r#"
    Value: Assign ":="
      Target: Metavariable "X"
      Value: Call
        Callee: Name "f"
    "#);
    assert_snapshot!(pattern(r#"@$D
class $C:"#), @r#"
    Class "$C"
      Decorator: Decorator
        Value: Metavariable "D"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
}
