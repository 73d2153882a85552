//! Imports, classes, methods and fields.

use insta::assert_snapshot;

use super::outline;

#[test]
fn imports() {
    assert_snapshot!(outline(r##"import java.util.*;
import java.io.File;
import static java.util.Objects.requireNonNull;"##), @r##"
    Module
      Import "java.util"
        ImportItem "*"
      Import "java.io"
        ImportItem "File"
          Target: Name "File"
      Import "java.util.Objects"
        ImportItem "requireNonNull"
          Target: Name "requireNonNull"
    "##);
}

#[test]
fn a_class() {
    assert_snapshot!(outline(r##"@Entity @Table(name = "a", x = {"b"}) public class A<T> extends B<T> implements C, D.E<String> {
  private static final String SQL = "a\u0041\101", OTHER = """
      x
        y""";
  private volatile Map<String, List<Integer>> m = new HashMap<>();
}"##), @r##"
    Module
      Class "A" +exported
        Decorator: Decorator
          Value: Name "Entity"
        Decorator: Decorator
          Value: Call
            Callee: Name "Table"
            Arg: Keyword "name"
              Value: Str "a"
            Arg: Keyword "x"
              Value: List
                Str "b"
        Base: Name "B"
        Base: Name "C"
        Base: Member "E"
          Object: Name "D"
        Body: Block
          Assign "=" +declaration +const +static
            Target: Name "SQL"
            Type: Type "String"
            Value: Str "aAA"
          Assign "=" +declaration +const +static
            Target: Name "OTHER"
            Type: Type "String"
            Value: Str "x\n  y"
          Assign "=" +declaration
            Decorator: Decorator
              Value: Name "volatile"
            Target: Name "m"
            Type: Type "Map<String,List<Integer>>"
            Value: New
              Callee: Name "HashMap"
    "##);
}

#[test]
fn methods() {
    assert_snapshot!(outline(r##"class A {
  A() { super(); }
  @Get("/y") public synchronized String get(@Q("q") final String q, int... rest) throws E { return q; }
  abstract void none();
}"##), @r##"
    Module
      Class "A"
        Body: Block
          Function "A" +method
            Body: Block
              ExprStmt
                Value: Call
                  Callee: Name "super"
          Function "get" +exported +method
            Decorator: Decorator
              Value: Call
                Callee: Name "Get"
                Arg: Str "/y"
            Decorator: Decorator
              Value: Name "synchronized"
            Param: Param "q" +const
              Decorator: Decorator
                Value: Call
                  Callee: Name "Q"
                  Arg: Str "q"
              Type: Type "String"
            Param: Param "rest" +rest
              Type: Type "int"
            Type: Type "String"
            Body: Block
              Return
                Value: Name "q"
          Function "none" +method
            Type: Type "void"
    "##);
}

#[test]
fn enumerations_and_records() {
    assert_snapshot!(outline(r##"enum E { X(1), Y { void f() {} }; int v; }
record R(String name, int age) { R { check(name); } }"##), @r##"
    Module
      Class "E"
        Body: Block
          Field "X" +const +static
            Value: Other
              Num "1"
          Field "Y" +const +static
            Value: Other
              Body: Class
                Body: Block
                  Function "f" +method
                    Type: Type "void"
                    Body: Block
          Assign "=" +declaration
            Target: Name "v"
            Type: Type "int"
      Class "R"
        Param: Param "name"
          Type: Type "String"
        Param: Param "age"
          Type: Type "int"
        Body: Block
          Function "R" +method
            Body: Block
              ExprStmt
                Value: Call
                  Callee: Name "check"
                  Arg: Name "name"
    "##);
}

#[test]
fn what_can_not_be_read_is_told_with_its_line() {
    assert_snapshot!(outline(r##"class A {
  void f() { int x = ; }
}"##), @r##"line 2: cannot be read: `=`"##);
    assert_snapshot!(outline(r##"class A { String s = "".trim(); }"##), @r##"
    Module
      Class "A"
        Body: Block
          Assign "=" +declaration
            Target: Name "s"
            Type: Type "String"
            Value: Call
              Callee: Member "trim"
                Object: Str ""
    "##);
}
