//! Patterns of rules: the roots, and what is in them.

use insta::assert_snapshot;

use crate::language::go::parse_pattern;

/// Each root's outline; the tree around them is left out.
fn pattern(text: &str) -> String {
    let pattern = match parse_pattern(text) {
        Ok(pattern) => pattern,
        Err(error) => return error.to_string(),
    };
    let outline = pattern.tree.outline();
    let lines: Vec<&str> = outline.lines().collect();
    let mut shown = String::new();
    for root in &pattern.roots {
        let depth = pattern.tree.ancestors(*root).count();
        for id in pattern.tree.subtree(*root) {
            shown.push_str(&lines[id.index()][depth * 2..]);
            shown.push('\n');
        }
    }
    shown
}

#[test]
fn metavariables_anywhere() {
    assert_snapshot!(pattern("$X"), @r#"Value: Metavariable "X""#);
    assert_snapshot!(pattern("$X, $ERR := $DB.$QUERY($A + 1, $...ARGS)"), @r#"
    Assign ":=" +declaration
      Target: Tuple
        Metavariable "X"
        Metavariable "ERR"
      Value: Call
        Callee: Member "$QUERY"
          Object: Metavariable "DB"
        Arg: Binary "+"
          Left: Metavariable "A"
          Right: Num "1"
        Arg: Metavariables "ARGS"
    "#);
    assert_snapshot!(pattern("var $X []$T = $V"), @r#"
    Assign "=" +declaration
      Target: Metavariable "X"
      Type: Type "[]$T"
      Value: Metavariable "V"
    "#);
    assert_snapshot!(pattern("$X.($T)"), @r#"
    Value: Cast
      Value: Metavariable "X"
      Type: Type "$T"
    "#);
    assert_snapshot!(pattern("$T{$K: $V, a: $W}"), @r#"
    Value: Composite "$T"
      Type: Type "$T"
      Pair
        Key: Metavariable "K"
        Value: Metavariable "V"
      Pair
        Key: Str "a"
        Value: Metavariable "W"
    "#);
    assert_snapshot!(pattern(r#"$L:
for { break $L }"#), @r#"
    Labelled "$L"
      Body: Block
        For
          Body: Block
            Break "$L"
    "#);
    assert_snapshot!(pattern(r#""$X $...Y ...""#), @r#"Value: Str "$X $...Y ...""#);
    assert_snapshot!(pattern(r#"import $M "crypto/md5""#), @r#"
    Import "crypto/md5"
      ImportItem
        Target: Metavariable "M"
    "#);
    assert_snapshot!(pattern("f[$T]($X)"), @r#"
    Value: Call
      Callee: Index
        Object: Name "f"
        Index: Metavariable "T"
      Arg: Metavariable "X"
    "#);
}

#[test]
fn ellipses_in_expressions() {
    assert_snapshot!(pattern("f(..., $X, ...)"), @r#"
    Value: Call
      Callee: Name "f"
      Arg: Ellipsis "..."
      Arg: Metavariable "X"
      Arg: Ellipsis "..."
    "#);
    assert_snapshot!(pattern(r#"f(
	...,
	$X,
)"#), @r#"
    Value: Call
      Callee: Name "f"
      Arg: Ellipsis "..."
      Arg: Metavariable "X"
    "#);
    assert_snapshot!(pattern("&tls.Config{..., A: true, ...}"), @r#"
    Value: Unary "&"
      Value: Composite "tls.Config"
        Type: Type "tls.Config"
        Ellipsis "..."
        Pair
          Key: Str "A"
          Value: Bool "true"
        Ellipsis "..."
    "#);
    assert_snapshot!(pattern("$A. ... .Exec(...)"), @r#"
    Value: Call
      Callee: Member "Exec"
        Object: Member "..."
          Object: Metavariable "A"
      Arg: Ellipsis "..."
    "#);
    assert_snapshot!(pattern("$X[...]"), @r#"
    Value: Index
      Object: Metavariable "X"
      Index: Ellipsis "..."
    "#);
    assert_snapshot!(pattern("g(args..., )"), @r#"
    Value: Call
      Callee: Name "g"
      Arg: Spread "..."
        Value: Name "args"
    "#);
    assert_snapshot!(pattern("h([...]int{...})"), @r#"
    Value: Call
      Callee: Name "h"
      Arg: Composite "[...]int"
        Type: Type "[...]int"
        Ellipsis "..."
    "#);
}

#[test]
fn ellipses_in_statements() {
    assert_snapshot!(pattern(r#"...
f()
..."#), @r#"
    Ellipsis
      Value: Ellipsis "..."
    ExprStmt
      Value: Call
        Callee: Name "f"
    Ellipsis
      Value: Ellipsis "..."
    "#);
    assert_snapshot!(pattern("if $C { ... } else { ... }"), @r#"
    If
      Condition: Metavariable "C"
      Body: Block
        Ellipsis
          Value: Ellipsis "..."
      Else: Block
        Ellipsis
          Value: Ellipsis "..."
    "#);
    assert_snapshot!(pattern("for ...; ...; ... { ... }"), @r#"
    For
      Init: Ellipsis
        Value: Ellipsis "..."
      Condition: Ellipsis "..."
      Update: Ellipsis
        Value: Ellipsis "..."
      Body: Block
        Ellipsis
          Value: Ellipsis "..."
    "#);
    assert_snapshot!(pattern("for $I, $V := range $XS { ... go func() { ... }() }"), @r#"
    ForEach "range" +declaration
      Target: Metavariable "I"
      Target: Metavariable "V"
      Iter: Metavariable "XS"
      Body: Block
        Ellipsis
          Value: Ellipsis "..."
        Go
          Value: Call
            Callee: Lambda
              Body: Block
                Ellipsis
                  Value: Ellipsis "..."
    "#);
    assert_snapshot!(pattern("switch ... := $X.(type) { case error: ... }"), @r#"
    Switch "type"
      Subject: Assign ":=" +declaration
        Target: Ellipsis "..."
        Value: Metavariable "X"
      Case
        Test: Type "error"
        Body: Block
          Ellipsis
            Value: Ellipsis "..."
    "#);
    assert_snapshot!(pattern("select { case <-$C: ... }"), @r#"
    Select
      Case
        Test: ExprStmt
          Value: Unary "<-"
            Value: Metavariable "C"
        Body: Block
          Ellipsis
            Value: Ellipsis "..."
    "#);
    assert_snapshot!(pattern("$X = ..."), @r#"
    Assign "="
      Target: Metavariable "X"
      Value: Ellipsis "..."
    "#);
    assert_snapshot!(pattern("return ..., $ERR"), @r#"
    Return
      Value: Tuple
        Ellipsis "..."
        Metavariable "ERR"
    "#);
}

#[test]
fn functions_and_types() {
    assert_snapshot!(pattern("func ($R *$T) $F($W http.ResponseWriter, ...) $RET { ... }"), @r#"
    Function "$F" +method
      Receiver: Param "$R"
        Type: Type "*$T"
      Param: Param "$W"
        Type: Type "http.ResponseWriter"
      Param: Ellipsis "..."
        Type: Ellipsis "..."
      Type: Type "$RET"
      Body: Block
        Ellipsis
          Value: Ellipsis "..."
    "#);
    assert_snapshot!(pattern("func f(..., x int, $...REST)"), @r#"
    Function "f"
      Param: Ellipsis "..."
        Type: Type "int"
      Param: Param "x"
        Type: Type "int"
      Param: Metavariables "REST"
        Type: Type "$...REST"
    "#);
    assert_snapshot!(pattern("func f($X)"), @r#"
    Function "f"
      Param: Metavariable "X"
        Type: Type "$X"
    "#);
    assert_snapshot!(pattern("func f(args ...$T) { g(args...) }"), @r#"
    Function "f"
      Param: Param "args" +rest
        Type: Type "$T"
      Body: Block
        ExprStmt
          Value: Call
            Callee: Name "g"
            Arg: Spread "..."
              Value: Name "args"
    "#);
    assert_snapshot!(pattern(r#"type $T struct {
	...
	$F string `...`
	$...MORE
}"#), @r#"
    Class "$T"
      Body: Block
        Ellipsis "..."
          Type: Ellipsis "..."
        Field "$F"
          Type: Type "string"
          Value: Str "..."
        Metavariables "MORE"
          Type: Type "$...MORE"
    "#);
    assert_snapshot!(pattern("type $I interface { $M(...); ... }"), @r#"
    Class "$I" +type-only
      Body: Block
        Function "$M" +method
          Param: Ellipsis "..."
            Type: Ellipsis "..."
        Ellipsis "..."
          Type: Ellipsis "..."
    "#);
    assert_snapshot!(pattern("func(...) { ... }"), @r#"
    Value: Lambda
      Param: Ellipsis "..."
        Type: Ellipsis "..."
      Body: Block
        Ellipsis
          Value: Ellipsis "..."
    "#);
}

#[test]
fn deep_expressions() {
    assert_snapshot!(pattern("f(<... $X ...>)"), @r#"
    Value: Call
      Callee: Name "f"
      Arg: Deep
        Callee: Name "__deep__"
        Arg: Metavariable "X"
    "#);
    assert_snapshot!(pattern("<... $X.Close() ...>"), @r#"
    Value: Deep
      Callee: Name "__deep__"
      Arg: Call
        Callee: Member "Close"
          Object: Metavariable "X"
    "#);
    assert_snapshot!(pattern("if <... $A == <... $B ...> ...> { ... }"), @r#"
    If
      Condition: Deep
        Callee: Name "__deep__"
        Arg: Binary "=="
          Left: Metavariable "A"
          Right: Deep
            Callee: Name "__deep__"
            Arg: Metavariable "B"
      Body: Block
        Ellipsis
          Value: Ellipsis "..."
    "#);
}

#[test]
fn several_statements_and_single_expressions() {
    assert_snapshot!(pattern(r#"$X := f()
...
g($X)"#), @r#"
    Assign ":=" +declaration
      Target: Metavariable "X"
      Value: Call
        Callee: Name "f"
    Ellipsis
      Value: Ellipsis "..."
    ExprStmt
      Value: Call
        Callee: Name "g"
        Arg: Metavariable "X"
    "#);
    assert_snapshot!(pattern("{ ... }"), @r#"
    Block
      Ellipsis
        Value: Ellipsis "..."
    "#);
    assert_snapshot!(pattern("map[string]$T{...}"), @r#"
    Value: Composite "map[string]$T"
      Type: Type "map[string]$T"
      Ellipsis "..."
    "#);
    assert_snapshot!(pattern("[]byte($X)"), @r#"
    Value: Call
      Callee: Type "[]byte"
      Arg: Metavariable "X"
    "#);
    assert_snapshot!(pattern("struct{ A int }{...}"), @r#"
    Value: Composite "struct{A int}"
      Type: Type "struct{A int}"
      Ellipsis "..."
    "#);
}
