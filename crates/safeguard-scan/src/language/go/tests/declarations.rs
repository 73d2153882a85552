//! Imports, functions, types, variables and constants.

use insta::assert_snapshot;

use super::{outline, parse};
use crate::tree::{Kind, Role};

#[test]
fn a_file_of_nothing_but_comments() {
    assert_snapshot!(outline(r#"// just a comment
"#), @"Module");
}

#[test]
fn packages_and_imports() {
    assert_snapshot!(outline(r#"package main

import "fmt"
import (
	_ "net/http/pprof"
	. "math"
	yaml "gopkg.in/yaml.v2"
	`os/exec`; "gopkg.in/check.v1"
	"github.com/redis/go-redis/v9"
)
"#), @r#"
    Module
      Other "main"
      Import "fmt"
        ImportItem
          Target: Name "fmt"
      Import "net/http/pprof"
        ImportItem
          Target: Name "_"
      Import "math"
        ImportItem "*"
      Import "gopkg.in/yaml.v2"
        ImportItem
          Target: Name "yaml"
      Import "os/exec"
        ImportItem
          Target: Name "exec"
      Import "gopkg.in/check.v1"
        ImportItem
          Target: Name "check"
      Import "github.com/redis/go-redis/v9"
        ImportItem
          Target: Name "redis"
    "#);
}

#[test]
fn functions() {
    assert_snapshot!(outline(r#"func f()
func g(a, b int, c ...string) (n int, err error) { return }"#), @r#"
    Module
      Function "f"
      Function "g"
        Param: Param "a"
          Type: Type "int"
        Param: Param "b"
          Type: Type "int"
        Param: Param "c" +rest
          Type: Type "string"
        Type: Type "(n int,err error)"
        Body: Block
          Return
    "#);
    assert_snapshot!(outline(r#"func (s *Server[T]) Close(context.Context, int) error {}
func (T) String() string { return "" }"#), @r#"
    Module
      Function "Close" +method
        Receiver: Param "s"
          Type: Type "*Server[T]"
        Param: Param
          Type: Type "context.Context"
        Param: Param
          Type: Type "int"
        Type: Type "error"
        Body: Block
      Function "String" +method
        Receiver: Param
          Type: Type "T"
        Type: Type "string"
        Body: Block
          Return
            Value: Str ""
    "#);
    assert_snapshot!(outline("func Map[K comparable, V any, P *V | ~[]K](m map[K]V) func(K) (V, bool) { return nil }"), @r#"
    Module
      Function "Map"
        Param: Param "m"
          Type: Type "map[K]V"
        Type: Type "func(K)(V,bool)"
        Body: Block
          Return
            Value: Null
    "#);
}

#[test]
fn variables_and_constants() {
    assert_snapshot!(outline(r#"var a int
var x, y = 1, f()
var e error = nil"#), @r#"
    Module
      Assign "=" +declaration
        Target: Name "a"
        Type: Type "int"
      Assign "=" +declaration
        Target: Tuple
          Name "x"
          Name "y"
        Value: Tuple
          Num "1"
          Call
            Callee: Name "f"
      Assign "=" +declaration
        Target: Name "e"
        Type: Type "error"
        Value: Null
    "#);
    assert_snapshot!(outline(r#"const Pi float64 = 3.14
const (
	A = iota << 1
	B
	C, D string = "c", "d"
)
var (
	m sync.Mutex
	n = 1
)"#), @r#"
    Module
      Assign "=" +declaration +const
        Target: Name "Pi"
        Type: Type "float64"
        Value: Num "3.14"
      Assign "=" +declaration +const
        Target: Name "A"
        Value: Binary "<<"
          Left: Name "iota"
          Right: Num "1"
      Assign "=" +declaration +const
        Target: Name "B"
      Assign "=" +declaration +const
        Target: Tuple
          Name "C"
          Name "D"
        Type: Type "string"
        Value: Tuple
          Str "c"
          Str "d"
      Assign "=" +declaration
        Target: Name "m"
        Type: Type "sync.Mutex"
      Assign "=" +declaration
        Target: Name "n"
        Value: Num "1"
    "#);
}

#[test]
fn structs() {
    assert_snapshot!(outline(r#"type T struct {
	a, b int // first
	Name string `json:"name"`
	*pkg.Base[int] "tag"
	Mutex
	f func(a int) error
	_ struct{ x, y int /* z */ }
}"#), @r#"
    Module
      Class "T"
        Body: Block
          Field "a"
            Type: Type "int"
          Field "b"
            Type: Type "int"
          Field "Name"
            Type: Type "string"
            Value: Str "json:\"name\""
          Field "Base"
            Type: Type "*pkg.Base[int]"
            Value: Str "tag"
          Field "Mutex"
            Type: Type "Mutex"
          Field "f"
            Type: Type "func(a int)error"
          Field "_"
            Type: Type "struct{x,y int}"
    "#);
}

#[test]
fn interfaces() {
    assert_snapshot!(outline(r#"type I interface {
	io.Reader
	Do(x int, _ ...string) (int, error)
	Close()
	~int | ~string
	Set[T]
}"#), @r#"
    Module
      Class "I" +type-only
        Body: Block
          Field "Reader"
            Type: Type "io.Reader"
          Function "Do" +method
            Param: Param "x"
              Type: Type "int"
            Param: Param "_" +rest
              Type: Type "string"
            Type: Type "(int,error)"
          Function "Close" +method
          Type "~int|~string"
          Field "Set"
            Type: Type "Set[T]"
    "#);
}

#[test]
fn other_types() {
    assert_snapshot!(outline(r#"type E int
type A = map[string] chan<- int
type (
	X struct{}
	Y[T any] interface{ ~[]T }
	Z[T any] = []T
	F func(int, ...string) (<-chan int, error)
	N [2*n]*pkg.T
)"#), @r#"
    Module
      Other "E"
        Type: Type "int"
      Other "A"
        Type: Type "map[string]chan<-int"
      Class "X"
        Body: Block
      Class "Y" +type-only
        Body: Block
          Type "~[]T"
      Other "Z"
        Type: Type "[]T"
      Other "F"
        Type: Type "func(int,...string)(<-chan int,error)"
      Other "N"
        Type: Type "[2*n]*pkg.T"
    "#);
}

/// The parser takes the first names of this list for types.
#[test]
fn long_lists_of_names() {
    let names: Vec<String> = (1..=12).map(|number| format!("a{number}")).collect();
    let tree = parse(&format!("func f({} T, z ...U)", names.join(", "))).unwrap();
    let all = tree.all().filter(|id| tree.kind(*id) == Kind::Param);
    let read: Vec<String> = all
        .map(|id| {
            let of = tree.child(id, Role::Type).map_or("", |of| tree.name(of));
            format!("{} {of}", tree.name(id))
        })
        .collect();
    let wanted = names.iter().map(|name| format!("{name} T"));
    assert_eq!(read, wanted.chain(["z U".to_owned()]).collect::<Vec<_>>());
}
