//! Statements.

use insta::assert_snapshot;

use super::outline;

#[test]
fn assignments() {
    assert_snapshot!(outline(r#"a, b := f()
a, b = b, a
x &^= 2"#), @r#"
    Module
      Assign ":=" +declaration
        Target: Tuple
          Name "a"
          Name "b"
        Value: Call
          Callee: Name "f"
      Assign "="
        Target: Tuple
          Name "a"
          Name "b"
        Value: Tuple
          Name "b"
          Name "a"
      Assign "&^="
        Target: Name "x"
        Value: Num "2"
    "#);
    assert_snapshot!(outline(r#"i++
p.n--"#), @r#"
    Module
      Assign "+=" +step
        Target: Name "i"
        Value: Num "1"
      Assign "-=" +step
        Target: Member "n"
          Object: Name "p"
        Value: Num "1"
    "#);
    assert_snapshot!(outline(r#"*p = 3
m["k"], _ = v, 1"#), @r#"
    Module
      Assign "="
        Target: Unary "*"
          Value: Name "p"
        Value: Num "3"
      Assign "="
        Target: Tuple
          Index
            Object: Name "m"
            Index: Str "k"
          Name "_"
        Value: Tuple
          Name "v"
          Num "1"
    "#);
}

#[test]
fn conditions() {
    assert_snapshot!(outline("if x := f(); x > 0 && !ok { a() } else if y { } else { c() }"), @r#"
    Module
      If
        Init: Assign ":=" +declaration
          Target: Name "x"
          Value: Call
            Callee: Name "f"
        Condition: Binary "and"
          Left: Binary ">"
            Left: Name "x"
            Right: Num "0"
          Right: Unary "not"
            Value: Name "ok"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Name "a"
        Else: If
          Condition: Name "y"
          Body: Block
          Else: Block
            ExprStmt
              Value: Call
                Callee: Name "c"
    "#);
}

#[test]
fn loops_by_condition() {
    assert_snapshot!(outline(r#"for { }
for x < 3 { }
for ;; { }
for i, j := 0, 9; i < j; i++ { a() }
for ; x; { }"#), @r#"
    Module
      For
        Body: Block
      For
        Condition: Binary "<"
          Left: Name "x"
          Right: Num "3"
        Body: Block
      For
        Body: Block
      For
        Init: Assign ":=" +declaration
          Target: Tuple
            Name "i"
            Name "j"
          Value: Tuple
            Num "0"
            Num "9"
        Condition: Binary "<"
          Left: Name "i"
          Right: Name "j"
        Update: Assign "+=" +step
          Target: Name "i"
          Value: Num "1"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Name "a"
      For
        Condition: Name "x"
        Body: Block
    "#);
}

#[test]
fn loops_over_ranges() {
    assert_snapshot!(outline(r#"for k, v := range m { a() }
for i = range 10 { }
for range ch { }
for _, c.x = range f { }"#), @r#"
    Module
      ForEach "range" +declaration
        Target: Name "k"
        Target: Name "v"
        Iter: Name "m"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Name "a"
      ForEach "range"
        Target: Name "i"
        Iter: Num "10"
        Body: Block
      ForEach "range"
        Iter: Name "ch"
        Body: Block
      ForEach "range"
        Target: Name "_"
        Target: Member "x"
          Object: Name "c"
        Iter: Name "f"
        Body: Block
    "#);
}

#[test]
fn switches() {
    assert_snapshot!(outline(r#"switch x := f(); x {
case 1, 2:
	a()
	fallthrough
default:
}"#), @r#"
    Module
      Switch
        Init: Assign ":=" +declaration
          Target: Name "x"
          Value: Call
            Callee: Name "f"
        Subject: Name "x"
        Case
          Test: Num "1"
          Test: Num "2"
          Body: Block
            ExprStmt
              Value: Call
                Callee: Name "a"
            Other
        Case
          Body: Block
    "#);
    assert_snapshot!(outline(r#"switch { case x > 1: }
switch f(); { default: }"#), @r#"
    Module
      Switch
        Case
          Test: Binary ">"
            Left: Name "x"
            Right: Num "1"
          Body: Block
      Switch
        Init: ExprStmt
          Value: Call
            Callee: Name "f"
        Case
          Body: Block
    "#);
}

#[test]
fn switches_of_types() {
    assert_snapshot!(outline(r#"switch v := x.(type) { case nil: a()
case int, *pkg.T, []byte, func(): }"#), @r#"
    Module
      Switch "type"
        Subject: Assign ":=" +declaration
          Target: Name "v"
          Value: Name "x"
        Case
          Test: Type "nil"
          Body: Block
            ExprStmt
              Value: Call
                Callee: Name "a"
        Case
          Test: Type "int"
          Test: Type "*pkg.T"
          Test: Type "[]byte"
          Test: Type "func()"
          Body: Block
    "#);
    assert_snapshot!(outline("switch y := 1; z.f().(type) { default: }"), @r#"
    Module
      Switch "type"
        Init: Assign ":=" +declaration
          Target: Name "y"
          Value: Num "1"
        Subject: Call
          Callee: Member "f"
            Object: Name "z"
        Case
          Body: Block
    "#);
}

#[test]
fn selects() {
    assert_snapshot!(outline(r#"select {
case v, ok := <-ch: a()
case ch <- 1:
case <-done: return
case x[0] = <-f():
default:
}
select {}"#), @r#"
    Module
      Select
        Case
          Test: Assign ":=" +declaration
            Target: Tuple
              Name "v"
              Name "ok"
            Value: Unary "<-"
              Value: Name "ch"
          Body: Block
            ExprStmt
              Value: Call
                Callee: Name "a"
        Case
          Test: Send
            Left: Name "ch"
            Right: Num "1"
          Body: Block
        Case
          Test: ExprStmt
            Value: Unary "<-"
              Value: Name "done"
          Body: Block
            Return
        Case
          Test: Assign "="
            Target: Index
              Object: Name "x"
              Index: Num "0"
            Value: Unary "<-"
              Value: Call
                Callee: Name "f"
          Body: Block
        Case
          Body: Block
      Select
    "#);
}

#[test]
fn labels_and_jumps() {
    assert_snapshot!(outline(r#"func f() {
outer:
	for {
		break outer
		continue
		goto end
	}
	{ break }
	;
end:
}"#), @r#"
    Module
      Function "f"
        Body: Block
          Labelled "outer"
            Body: Block
              For
                Body: Block
                  Break "outer"
                  Continue
                  Other "end"
          Block
            Break
          Pass
          Labelled "end"
            Body: Block
    "#);
}

#[test]
fn go_defer_send_return() {
    assert_snapshot!(outline(r#"go f(x)
defer func() { recover() }()
ch <- <-in
return
return a
return a, b"#), @r#"
    Module
      Go
        Value: Call
          Callee: Name "f"
          Arg: Name "x"
      Defer
        Value: Call
          Callee: Lambda
            Body: Block
              ExprStmt
                Value: Call
                  Callee: Name "recover"
      Send
        Left: Name "ch"
        Right: Unary "<-"
          Value: Name "in"
      Return
      Return
        Value: Name "a"
      Return
        Value: Tuple
          Name "a"
          Name "b"
    "#);
}

#[test]
fn declarations_within_functions() {
    assert_snapshot!(outline(r#"func f() {
	var x = 1
	const c = 2
	type t struct{ a int }
	return
}"#), @r#"
    Module
      Function "f"
        Body: Block
          Assign "=" +declaration
            Target: Name "x"
            Value: Num "1"
          Assign "=" +declaration +const
            Target: Name "c"
            Value: Num "2"
          Class "t"
            Body: Block
              Field "a"
                Type: Type "int"
          Return
    "#);
}
