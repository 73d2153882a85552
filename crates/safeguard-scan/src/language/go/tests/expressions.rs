//! Expressions.

use insta::assert_snapshot;

use super::outline;

#[test]
fn calls() {
    assert_snapshot!(outline(r#"f()
a.b.c(1, x...)
(f)(x)
func() {}()"#), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Name "f"
      ExprStmt
        Value: Call
          Callee: Member "c"
            Object: Member "b"
              Object: Name "a"
          Arg: Num "1"
          Arg: Spread "..."
            Value: Name "x"
      ExprStmt
        Value: Call
          Callee: Name "f"
          Arg: Name "x"
      ExprStmt
        Value: Call
          Callee: Lambda
            Body: Block
    "#);
    assert_snapshot!(outline(r#"f(
	1, // one
	2,
)"#), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Name "f"
          Arg: Num "1"
          Arg: Num "2"
    "#);
}

#[test]
fn conversions() {
    assert_snapshot!(outline(r#"[]byte("x")
(*T)(p)
(*[4]byte)(p)
(<-chan int)(c)
map[string]int(m)
(func())(x)
string(b)
interface{}(x)
*(*[4]byte)(p)"#), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Type "[]byte"
          Arg: Str "x"
      ExprStmt
        Value: Call
          Callee: Unary "*"
            Value: Name "T"
          Arg: Name "p"
      ExprStmt
        Value: Call
          Callee: Type "*[4]byte"
          Arg: Name "p"
      ExprStmt
        Value: Call
          Callee: Type "<-chan int"
          Arg: Name "c"
      ExprStmt
        Value: Call
          Callee: Type "map[string]int"
          Arg: Name "m"
      ExprStmt
        Value: Call
          Callee: Type "func()"
          Arg: Name "x"
      ExprStmt
        Value: Call
          Callee: Name "string"
          Arg: Name "b"
      ExprStmt
        Value: Call
          Callee: Type "interface{}"
          Arg: Name "x"
      ExprStmt
        Value: Unary "*"
          Value: Call
            Callee: Type "*[4]byte"
            Arg: Name "p"
    "#);
}

#[test]
fn builtins_take_types() {
    assert_snapshot!(outline(r#"make([]int, n, 10)
make(chan *T)
new(pkg.T)
new(struct{ a int })"#), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Name "make"
          Arg: Type "[]int"
          Arg: Name "n"
          Arg: Num "10"
      ExprStmt
        Value: Call
          Callee: Name "make"
          Arg: Type "chan*T"
      ExprStmt
        Value: Call
          Callee: Name "new"
          Arg: Type "pkg.T"
      ExprStmt
        Value: Call
          Callee: Name "new"
          Arg: Type "struct{a int}"
    "#);
    assert_snapshot!(outline(r#"x := new(f(y)) // new(1)
y := new("new(1)")
z := &X{make(n - 1)}
w := new([]*T)"#), @r#"
    Module
      Assign ":=" +declaration
        Target: Name "x"
        Value: Call
          Callee: Name "new"
          Arg: Call
            Callee: Name "f"
            Arg: Name "y"
      Assign ":=" +declaration
        Target: Name "y"
        Value: Call
          Callee: Name "new"
          Arg: Str "new(1)"
      Assign ":=" +declaration
        Target: Name "z"
        Value: Unary "&"
          Value: Composite "X"
            Type: Type "X"
            Call
              Callee: Name "make"
              Arg: Binary "-"
                Left: Name "n"
                Right: Num "1"
      Assign ":=" +declaration
        Target: Name "w"
        Value: Call
          Callee: Name "new"
          Arg: Type "[]*T"
    "#);
}

#[test]
fn members_elements_slices() {
    assert_snapshot!(outline(r#"a.b
a[i]
a["k"][0]
a[:]
a[1:]
a[:n]
a[1:2:3]"#), @r#"
    Module
      ExprStmt
        Value: Member "b"
          Object: Name "a"
      ExprStmt
        Value: Index
          Object: Name "a"
          Index: Name "i"
      ExprStmt
        Value: Index
          Object: Index
            Object: Name "a"
            Index: Str "k"
          Index: Num "0"
      ExprStmt
        Value: Index
          Object: Name "a"
          Index: Slice
      ExprStmt
        Value: Index
          Object: Name "a"
          Index: Slice
            Lower: Num "1"
      ExprStmt
        Value: Index
          Object: Name "a"
          Index: Slice
            Upper: Name "n"
      ExprStmt
        Value: Index
          Object: Name "a"
          Index: Slice
            Lower: Num "1"
            Upper: Num "2"
            Step: Num "3"
    "#);
}

#[test]
fn assertions() {
    assert_snapshot!(outline(r#"x.(T)
x.(interface{ Close() error }).Close()"#), @r#"
    Module
      ExprStmt
        Value: Cast
          Value: Name "x"
          Type: Type "T"
      ExprStmt
        Value: Call
          Callee: Member "Close"
            Object: Cast
              Value: Name "x"
              Type: Type "interface{Close()error}"
    "#);
}

#[test]
fn operators() {
    assert_snapshot!(outline("-x + ^y&^z<<2%3"), @r#"
    Module
      ExprStmt
        Value: Binary "+"
          Left: Unary "-"
            Value: Name "x"
          Right: Binary "%"
            Left: Binary "<<"
              Left: Binary "&^"
                Left: Unary "^"
                  Value: Name "y"
                Right: Name "z"
              Right: Num "2"
            Right: Num "3"
    "#);
    assert_snapshot!(outline("a == b && c != d || e <= f"), @r#"
    Module
      ExprStmt
        Value: Binary "or"
          Left: Binary "and"
            Left: Binary "=="
              Left: Name "a"
              Right: Name "b"
            Right: Binary "!="
              Left: Name "c"
              Right: Name "d"
          Right: Binary "<="
            Left: Name "e"
            Right: Name "f"
    "#);
    assert_snapshot!(outline(r#"!a || <-ch > +1
&x
**p
*p.q
"#), @r#"
    Module
      ExprStmt
        Value: Binary "or"
          Left: Unary "not"
            Value: Name "a"
          Right: Binary ">"
            Left: Unary "<-"
              Value: Name "ch"
            Right: Unary "+"
              Value: Num "1"
      ExprStmt
        Value: Unary "&"
          Value: Name "x"
      ExprStmt
        Value: Unary "*"
          Value: Unary "*"
            Value: Name "p"
      ExprStmt
        Value: Unary "*"
          Value: Member "q"
            Object: Name "p"
    "#);
    assert_snapshot!(outline("a | b ^ c/d*e - 1>>2&3 < g != (h >= i)"), @r#"
    Module
      ExprStmt
        Value: Binary "!="
          Left: Binary "<"
            Left: Binary "-"
              Left: Binary "^"
                Left: Binary "|"
                  Left: Name "a"
                  Right: Name "b"
                Right: Binary "*"
                  Left: Binary "/"
                    Left: Name "c"
                    Right: Name "d"
                  Right: Name "e"
              Right: Binary "&"
                Left: Binary ">>"
                  Left: Num "1"
                  Right: Num "2"
                Right: Num "3"
            Right: Name "g"
          Right: Binary ">="
            Left: Name "h"
            Right: Name "i"
    "#);
}

#[test]
fn instances_and_elements() {
    assert_snapshot!(outline(r#"package p
import "pkg"
type own struct{}
func f[e any]() {
	Map[int, string](xs)
	New[own](x)
	New[e]()
	New[*pkg.T](x)
	New[[]byte](x)
	New[Other](x)
	handlers[name](w)
	handlers[r.name](w)
	handlers[*p](w)
	fs[i+1](x)
	fs["a"]()
	fs[i]()
	New[pkg.T]()
}"#), @r#"
    Module
      Other "p"
      Import "pkg"
        ImportItem
          Target: Name "pkg"
      Class "own"
        Body: Block
      Function "f"
        Body: Block
          ExprStmt
            Value: Call
              Callee: Name "Map"
              Arg: Name "xs"
          ExprStmt
            Value: Call
              Callee: Name "New"
              Arg: Name "x"
          ExprStmt
            Value: Call
              Callee: Name "New"
          ExprStmt
            Value: Call
              Callee: Name "New"
              Arg: Name "x"
          ExprStmt
            Value: Call
              Callee: Name "New"
              Arg: Name "x"
          ExprStmt
            Value: Call
              Callee: Name "New"
              Arg: Name "x"
          ExprStmt
            Value: Call
              Callee: Index
                Object: Name "handlers"
                Index: Name "name"
              Arg: Name "w"
          ExprStmt
            Value: Call
              Callee: Index
                Object: Name "handlers"
                Index: Member "name"
                  Object: Name "r"
              Arg: Name "w"
          ExprStmt
            Value: Call
              Callee: Index
                Object: Name "handlers"
                Index: Unary "*"
                  Value: Name "p"
              Arg: Name "w"
          ExprStmt
            Value: Call
              Callee: Index
                Object: Name "fs"
                Index: Binary "+"
                  Left: Name "i"
                  Right: Num "1"
              Arg: Name "x"
          ExprStmt
            Value: Call
              Callee: Index
                Object: Name "fs"
                Index: Str "a"
          ExprStmt
            Value: Call
              Callee: Index
                Object: Name "fs"
                Index: Name "i"
          ExprStmt
            Value: Call
              Callee: Name "New"
    "#);
    assert_snapshot!(outline(r#"g := f[int]
h := f[int, pkg.T]
x := a[b[c[d]]]
y := &a[b][c.d]
v := Pair[K, V]{}"#), @r#"
    Module
      Assign ":=" +declaration
        Target: Name "g"
        Value: Index
          Object: Name "f"
          Index: Name "int"
      Assign ":=" +declaration
        Target: Name "h"
        Value: Index
          Object: Name "f"
          Index: Type "int"
          Index: Type "pkg.T"
      Assign ":=" +declaration
        Target: Name "x"
        Value: Index
          Object: Name "a"
          Index: Index
            Object: Name "b"
            Index: Index
              Object: Name "c"
              Index: Name "d"
      Assign ":=" +declaration
        Target: Name "y"
        Value: Unary "&"
          Value: Index
            Object: Index
              Object: Name "a"
              Index: Name "b"
            Index: Member "d"
              Object: Name "c"
      Assign ":=" +declaration
        Target: Name "v"
        Value: Composite "Pair[K,V]"
          Type: Type "Pair[K,V]"
    "#);
}

#[test]
fn types_as_arguments() {
    assert_snapshot!(outline(r#"reflect.TypeFor[map[string][]*pkg.T]()
var x func(a, b int, c ...chan<- struct{ x int }) (<-chan [3]int, interface{ M(); ~int | E })"#), @r#"
    Module
      ExprStmt
        Value: Call
          Callee: Member "TypeFor"
            Object: Name "reflect"
      Assign "=" +declaration
        Target: Name "x"
        Type: Type "func(a,b int,c...chan<-struct{x int})(<-chan[3]int,interface{M();~int|E})"
    "#);
}
