//! Patterns of rules to outlines.

use insta::assert_snapshot;

use super::pattern;
use crate::language::Language;

#[test]
fn expressions() {
    assert_snapshot!(pattern(Language::JavaScript, "$X"), @r#"Value: Metavariable "X""#);
    assert_snapshot!(pattern(Language::JavaScript, "$F(...)"), @r#"
    Value: Call
      Callee: Metavariable "F"
      Arg: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "$A.$B($...ARGS, $C, ...)"), @r#"
    Value: Call
      Callee: Member "$B"
        Object: Metavariable "A"
      Arg: Metavariables "ARGS"
      Arg: Metavariable "C"
      Arg: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "$X. ... .exec(...)"), @r#"
    Value: Call
      Callee: Member "exec"
        Object: Member "..."
          Object: Metavariable "X"
      Arg: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "new $C(...)"), @r#"
    Value: New
      Callee: Metavariable "C"
      Arg: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, r#""...""#), @r#"Value: Str "...""#);
    assert_snapshot!(pattern(Language::JavaScript, "`...${$X}...`"), @r#"
    Value: Interp
      Ellipsis ""
      Metavariable "X"
      Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "/.../"), @r#"Value: Regex ".../""#);
    assert_snapshot!(pattern(Language::JavaScript, "<... $X + 1 ...>"), @r#"
    Value: Deep
      Callee: Name "__deep__"
      Arg: Binary "+"
        Left: Metavariable "X"
        Right: Num "1"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "$X === $X"), @r#"
    Value: Binary "==="
      Left: Metavariable "X"
      Right: Metavariable "X"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "f(...$ARGS)"), @r#"
    Value: Call
      Callee: Name "f"
      Arg: Spread "..."
        Value: Metavariable "ARGS"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "f(...args)"), @r#"
    Value: Call
      Callee: Name "f"
      Arg: Spread "..."
        Value: Name "args"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "$X = ...;"), @r#"
    Assign "="
      Target: Metavariable "X"
      Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "$X ? $Y : ..."), @r#"
    Value: Conditional
      Condition: Metavariable "X"
      Value: Metavariable "Y"
      Else: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "$O[$K]"), @r#"
    Value: Index
      Object: Metavariable "O"
      Index: Metavariable "K"
    "#);
}

#[test]
fn objects() {
    assert_snapshot!(pattern(Language::JavaScript, "{...}"), @r#"
    Value: Object
      Ellipsis ""
        Key: Ellipsis ""
        Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "{..., a: $X, ...}"), @r#"
    Value: Object
      Ellipsis ""
        Key: Ellipsis ""
        Value: Ellipsis ""
      Pair
        Key: Str "a"
        Value: Metavariable "X"
      Ellipsis ""
        Key: Ellipsis ""
        Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "{$K: $V, $...REST}"), @r#"
    Value: Object
      Pair
        Key: Metavariable "K"
        Value: Metavariable "V"
      Metavariables "REST"
        Key: Metavariables "REST"
        Value: Metavariables "REST"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "{$X}"), @r#"
    Value: Object
      Pair
        Key: Metavariable "X"
        Value: Metavariable "X"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "[..., $X, ...]"), @r#"
    Value: List
      Ellipsis ""
      Metavariable "X"
      Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "$X = {
  ...,
  verify: false,
  ...
}"), @r#"
    Assign "="
      Target: Metavariable "X"
      Value: Object
        Ellipsis ""
          Key: Ellipsis ""
          Value: Ellipsis ""
        Pair
          Key: Str "verify"
          Value: Bool "false"
        Ellipsis ""
          Key: Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "const {..., $X, ...} = $Y"), @r#"
    Assign "=" +declaration +const
      Target: Object
        Ellipsis ""
          Key: Ellipsis ""
          Value: Ellipsis ""
        Pair
          Key: Metavariable "X"
          Value: Metavariable "X"
        Ellipsis ""
          Key: Ellipsis ""
          Value: Ellipsis ""
      Value: Metavariable "Y"
    "#);
}

#[test]
fn functions() {
    assert_snapshot!(pattern(Language::JavaScript, "function $F(...) { ... }"), @r#"
    Function "$F"
      Param: Ellipsis ""
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "function (..., $X, ...) { ... return $X; ... }"), @r#"
    Value: Lambda
      Param: Ellipsis ""
      Param: Param "$X"
      Param: Ellipsis ""
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
        Return
          Value: Metavariable "X"
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "(...) => { ... }"), @r#"
    Value: Lambda
      Param: Ellipsis ""
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "async ($X) => $Y"), @r#"
    Value: Lambda +async
      Param: Param "$X"
      Body: Metavariable "Y"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "$X => ..."), @r#"
    Value: Lambda
      Param: Param "$X"
      Body: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "$M(...) { ... }"), @r#"
    Function "$M" +method
      Param: Ellipsis ""
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "class $C extends $B { ... $M(...) {...} ... }"), @r#"
    Class "$C"
      Base: Metavariable "B"
      Body: Block
        Ellipsis ""
        Function "$M" +method
          Param: Ellipsis ""
          Body: Block
            Ellipsis ""
              Value: Ellipsis ""
        Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "@$D(...) class $C { ... }"), @r#"
    Class "$C"
      Decorator: Decorator
        Value: Call
          Callee: Metavariable "D"
          Arg: Ellipsis ""
      Body: Block
        Ellipsis ""
    "#);
}

#[test]
fn statements() {
    assert_snapshot!(pattern(Language::JavaScript, "$X = f();
...
g($X);"), @r#"
    Assign "="
      Target: Metavariable "X"
      Value: Call
        Callee: Name "f"
    Ellipsis ""
      Value: Ellipsis ""
    ExprStmt
      Value: Call
        Callee: Name "g"
        Arg: Metavariable "X"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "if ($C) { ... } else { ... }"), @r#"
    If
      Condition: Metavariable "C"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
      Else: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "if ($C) $S"), @r#"
    If
      Condition: Metavariable "C"
      Body: Block
        ExprStmt
          Value: Metavariable "S"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "for (...) { ... }"), @r#"
    For
      Init: Ellipsis ""
      Condition: Ellipsis ""
      Update: Ellipsis ""
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "for (let $I = 0; ...; $I++) { ... }"), @r#"
    For
      Init: Assign "=" +declaration
        Target: Metavariable "I"
        Value: Num "0"
      Condition: Ellipsis ""
      Update: Assign "+=" +step
        Target: Metavariable "I"
        Value: Num "1"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "for (const $X of ...) { ... }"), @r#"
    ForEach "of" +declaration +const
      Target: Metavariable "X"
      Iter: Ellipsis ""
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "while (true) { ... }"), @r#"
    While
      Condition: Bool "true"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "try { ... } catch ($E) { ... }"), @r#"
    Try
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
      Handler: Catch "$E"
        Body: Block
          Ellipsis ""
            Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "return ...;"), @r#"
    Return
      Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "throw $E"), @r#"
    Raise
      Value: Metavariable "E"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "foo();"), @r#"
    Value: Call
      Callee: Name "foo"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, r#"import $X from "...""#), @r#"
    Import "..."
      ImportItem "default"
        Target: Metavariable "X"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, r#"import {..., $X, ...} from "a""#), @r#"
    Import "a"
      Ellipsis ""
        Target: Ellipsis ""
      ImportItem "$X"
        Target: Metavariable "X"
      Ellipsis ""
        Target: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, r#"import * as $X from "$M""#), @r#"
    Import "$M"
      ImportItem "*"
        Target: Metavariable "X"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "export default $X"), @r#"
    ExprStmt +exported
      Value: Metavariable "X"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "await $X"), @r#"
    Value: Await
      Value: Metavariable "X"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "yield $X"), @r#"
    Value: Yield "yield"
      Value: Metavariable "X"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "super(...)"), @r#"
    Value: Call
      Callee: Name "super"
      Arg: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "..."), @r#"
    Ellipsis ""
      Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "foo()
...
(bar)()"), @r#"
    ExprStmt
      Value: Call
        Callee: Name "foo"
    Ellipsis ""
      Value: Ellipsis ""
    ExprStmt
      Value: Call
        Callee: Name "bar"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "$L: for (;;) { ... }"), @r#"
    Labelled "$L"
      Body: Block
        For
          Body: Block
            Ellipsis ""
              Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "// a comment
foo(...)"), @r#"
    Value: Call
      Callee: Name "foo"
      Arg: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "switch ($X) { case ...: ... }"), @r#"
    Switch
      Subject: Metavariable "X"
      Case
        Test: Ellipsis ""
        Body: Block
          Ellipsis ""
            Value: Ellipsis ""
    "#);
}

#[test]
fn jsx() {
    assert_snapshot!(pattern(Language::JavaScript, "<$E ... a={$X} ... />"), @r#"
    Value: Jsx "$E"
      Ellipsis ""
      JsxAttribute "a"
        Value: Metavariable "X"
      Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, r#"<a {...$P} $K="b">...</a>"#), @r#"
    Value: Jsx "a"
      Spread "..."
        Value: Metavariable "P"
      JsxAttribute "$K"
        Value: Str "b"
      Element: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "<p>{$X}</p>"), @r#"
    Value: Jsx "p"
      Element: Metavariable "X"
    "#);
    assert_snapshot!(pattern(Language::JavaScript, "<p>$X</p>"), @r#"
    Value: Jsx "p"
      Element: Metavariable "X"
    "#);
}

#[test]
fn typescript() {
    assert_snapshot!(pattern(Language::TypeScript, "$X as $T"), @r#"
    Value: Cast
      Value: Metavariable "X"
      Type: Type "$T"
    "#);
    assert_snapshot!(pattern(Language::TypeScript, "function $F(...): $T { ... }"), @r#"
    Function "$F"
      Param: Ellipsis ""
      Type: Type "$T"
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::TypeScript, "@$D(...) $M(...) { ... }"), @r#"
    Function "$M" +method
      Decorator: Decorator
        Value: Call
          Callee: Metavariable "D"
          Arg: Ellipsis ""
      Param: Ellipsis ""
      Body: Block
        Ellipsis ""
          Value: Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::TypeScript, "<$E ... />"), @r#"
    Value: Jsx "$E"
      Ellipsis ""
    "#);
    assert_snapshot!(pattern(Language::TypeScript, "const $X: $T = ..."), @r#"
    Assign "=" +declaration +const
      Target: Metavariable "X"
      Type: Type "$T"
      Value: Ellipsis ""
    "#);
}
